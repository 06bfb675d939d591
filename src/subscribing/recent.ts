import type { Sql } from '../platform/database.ts';

/** What the latest sign-ups tell, a bounded number of them, however many there are. */
export interface RecentSignUps {
  signUps: number;
  confirmed: number;
  /** Half of those who confirmed did so within this time; null while nobody has. */
  medianSeconds: number | null;
}

const mostSampled = 1_000;

/** The latest sign-ups, as `sample`, for the beginning of a statement: their ids are in the order of time. */
export const withSample = `WITH sample AS (
  SELECT subscriber_id, seq, created_at, confirmed_at FROM sign_up_requests ORDER BY id DESC LIMIT ${mostSampled})`;

export async function recentSignUps(sql: Sql): Promise<RecentSignUps> {
  const [figures] = await sql.query<RecentSignUps>(
    `${withSample} SELECT count(*)::int AS "signUps", count(confirmed_at)::int AS confirmed,
            (percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM confirmed_at - created_at)))::float8
              AS "medianSeconds"
       FROM sample`,
  );
  if (figures === undefined) throw new Error('an aggregate has one row');
  return figures;
}
