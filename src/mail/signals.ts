import type { Sql } from '../platform/database.ts';

/** How mail stands; nothing personal. */
export interface MailSignals {
  /** Mails that are due and did not leave. */
  owed: number;
  /** For how long the first of them has been due; 0 when none is. */
  oldestSeconds: number;
}

/** Reads it by an index that holds the owed ones alone. */
export async function readMailSignals(sql: Sql, now: Date): Promise<MailSignals> {
  const [row] = await sql.query<MailSignals>(
    `SELECT count(*)::int AS owed,
            coalesce(extract(epoch FROM $1::timestamptz - min(due_at)), 0)::float8 AS "oldestSeconds"
       FROM mails WHERE accepted_at IS NULL AND abandoned IS NULL AND due_at <= $1::timestamptz`,
    [now.toISOString()],
  );
  return row ?? { owed: 0, oldestSeconds: 0 };
}
