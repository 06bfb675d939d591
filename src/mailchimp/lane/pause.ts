import type { Sql } from '../../platform/database.ts';

// An operator can stop the lane and let it go on. It stands in the database, so it holds for every process, those
// that start later too.

/** Whose key paused the lane, and when. */
export interface Pause {
  by: string;
  at: Date;
}

/** What a pause means, for whoever has to know while it lasts. */
export const pauseMeans =
  'Nobody is sent to Mailchimp, opt-outs neither: they are honoured here, but Mailchimp does not know of them and ' +
  'may go on mailing these people.';

/** Pauses the lane; one that is paused stays so since then. @returns the pause that holds */
export async function pauseLane(sql: Sql, { by, at }: Pause): Promise<Pause> {
  const [pause] = await sql.query<Pause>(
    `UPDATE audience_lane
        SET paused_by = coalesce(paused_by, $1), paused_at = coalesce(paused_at, $2::timestamptz)
     RETURNING paused_by AS by, paused_at AS at`,
    [by, at.toISOString()],
  );
  if (pause === undefined) throw new Error('the row of the lane is missing');
  return pause;
}

/** Lets the lane go on. @returns whether it was paused */
export async function resumeLane(sql: Sql): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE audience_lane SET paused_by = NULL, paused_at = NULL WHERE paused_at IS NOT NULL RETURNING id`,
  );
  return rows.length > 0;
}
