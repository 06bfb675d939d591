import type { Sql } from './database.ts';

/** Seconds by which the clocks of this machine and of the database are surely apart; 0 while they may agree. */
export async function clockSkew(sql: Sql, now: () => Date): Promise<number> {
  const asked = now().getTime();
  const [row] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const answered = now().getTime();
  const told = row?.now.getTime() ?? asked;
  return Math.max(asked - told, told - answered, 0) / 1000;
}
