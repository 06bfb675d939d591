import type { Sql } from './database.ts';

/**
 * Deletes the rows of a table whose time in `column` is before then.
 * @param but a condition in SQL for those that stay all the same
 * @returns how many
 */
export async function forget(
  sql: Sql,
  table: string,
  column: string,
  before: Date,
  but = 'false',
): Promise<number> {
  const [gone] = await sql.query<{ rows: number }>(
    `WITH gone AS (DELETE FROM ${table} WHERE ${column} < $1::timestamptz AND NOT (${but}) RETURNING 1)
     SELECT count(*)::int AS rows FROM gone`,
    [before.toISOString()],
  );
  return gone?.rows ?? 0;
}
