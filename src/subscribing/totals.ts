import type { TotalKind } from '../generated/prisma/enums.ts';
import type { Sql } from '../platform/database.ts';

// Totals that the database keeps as things happen, so that looking at them takes as long with ten million people
// as with ten. Triggers add to `total_changes`; what is folded stands in `daily_totals`.

/** Both as they stand in this statement: a fold moves rows from the one to the other at once. */
const totals = `(SELECT kind, list_id, day, count FROM daily_totals
                  UNION ALL SELECT kind, list_id, day, count FROM total_changes)`;

/** How many people are on a list, for a statement that knows it as `list`. */
export const subscribersOfList = `(SELECT coalesce(sum(count), 0)::int FROM ${totals} total
              WHERE total.kind = 'subscribers' AND total.list_id = list.id)`;

/** Adds up what was counted since the last time. May run anywhere, at any time, also twice at once. */
export async function foldTotals(sql: Sql): Promise<void> {
  await sql.query(
    `WITH counted AS (DELETE FROM total_changes RETURNING kind, list_id, day, count)
     INSERT INTO daily_totals AS total (kind, list_id, day, count)
     SELECT kind, list_id, day, sum(count) FROM counted GROUP BY kind, list_id, day ORDER BY kind, list_id, day
     ON CONFLICT (kind, list_id, day) DO UPDATE SET count = total.count + excluded.count`,
  );
}

/** What happened on one day. */
export interface DayTotal {
  /** 0: once an entry of the ledger, whatever lists it names. */
  listId: number;
  /** Such as `2026-11-25`, in UTC. */
  day: string;
  kind: TotalKind;
  count: number;
}

/** What happened on each day from `since`, a day such as `2026-11-25`, on each list and in all. */
export function totalsSince(sql: Sql, since: string): Promise<DayTotal[]> {
  return sql.query<DayTotal>(
    `SELECT list_id AS "listId", day::text, kind::text, sum(count)::int AS count
       FROM ${totals} total WHERE day >= $1::date
      GROUP BY list_id, day, kind ORDER BY day`,
    [since],
  );
}
