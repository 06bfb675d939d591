import type { Database } from './database.ts';

/** Whether the database answers, and takes what is written. */
export type Standing = 'ok' | 'full' | 'out of reach';

/** Asks the database itself. One that answers and cannot say whether it is full is taken for good. */
export async function standingOf(database: Pick<Database, 'query' | 'room'>): Promise<Standing> {
  try {
    await database.query('SELECT 1');
  } catch {
    return 'out of reach';
  }
  const room = await database.room().catch(() => null);
  return room?.full ? 'full' : 'ok';
}
