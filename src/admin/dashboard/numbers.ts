import type { TotalKind } from '../../generated/prisma/enums.ts';
import type { Sql } from '../../platform/database.ts';
import { type RecentSignUps, recentSignUps, withSample } from '../../subscribing/recent.ts';
import { type DayTotal, totalsSince } from '../../subscribing/totals.ts';

/** What happened on each day of a span, in the order of its days. */
export interface Series {
  requested: number[];
  confirmed: number[];
  /** Opt-outs by the person or for them; those that a file brought were theirs elsewhere. */
  left: number[];
  imported: number[];
  /** By how many subscriptions became more or fewer. */
  gained: number[];
}

export interface History {
  /** Such as `2026-11-25`, the last one being today, in UTC. */
  days: string[];
  /** Of a list; 0: of all, each sign-up once. */
  of(listId: number): Series;
}

const kinds: Record<Exclude<keyof Series, 'gained'>, readonly TotalKind[]> = {
  requested: ['requested'],
  confirmed: ['confirmed'],
  left: ['unsubscribed_reader', 'unsubscribed_mailchimp', 'unsubscribed_admin'],
  imported: ['imported'],
};

const dayMs = 24 * 60 * 60_000;

/** Reads what happened in the last days, from totals alone. */
export async function readHistory(
  sql: Sql,
  { days: count, now }: { days: number; now: Date },
): Promise<History> {
  const days = Array.from({ length: count }, (_, index) =>
    new Date(now.getTime() - (count - 1 - index) * dayMs).toISOString().slice(0, 10),
  );
  const all = await totalsSince(sql, days[0] ?? '');
  const byList = Map.groupBy(all, ({ listId }) => listId);
  return {
    days,
    of(listId) {
      const totals = byList.get(listId) ?? [];
      const series = (kind: keyof typeof kinds) => perDay(days, totals, kinds[kind]);
      return {
        requested: series('requested'),
        confirmed: series('confirmed'),
        left: series('left'),
        imported: series('imported'),
        // These are kept by list alone, as somebody on two lists is one subscriber of each.
        gained: perDay(days, listId === 0 ? all : totals, ['subscribers']),
      };
    },
  };
}

function perDay(days: readonly string[], totals: readonly DayTotal[], kinds: readonly TotalKind[]): number[] {
  const counts = new Map<string, number>();
  for (const { day, kind, count } of totals) {
    if (kinds.includes(kind)) counts.set(day, (counts.get(day) ?? 0) + count);
  }
  return days.map((day) => counts.get(day) ?? 0);
}

/** How many there were at the end of each day. @param now how many there are at the end of the last one */
export function levels(now: number, gained: readonly number[]): number[] {
  let level = now;
  return gained
    .toReversed()
    .map((gain) => {
      const atEnd = level;
      level -= gain;
      return atEnd;
    })
    .reverse();
}

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** What the latest sign-ups tell. */
export interface Sample extends RecentSignUps {
  /** The pages that most came from, without what follows a `?`, which may name a reader. */
  sources: { page: string | null; signUps: number; confirmed: number }[];
}

export async function readSample(sql: Sql): Promise<Sample> {
  const [figures, sources] = await Promise.all([
    recentSignUps(sql),
    sql.query<Sample['sources'][number]>(
      `${withSample} SELECT regexp_replace(evidence.page, '[?#].*$', '') AS page, count(*)::int AS "signUps",
              count(sample.confirmed_at)::int AS confirmed
         FROM sample LEFT JOIN consent_evidence evidence USING (subscriber_id, seq)
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 8`,
    ),
  ]);
  return { ...figures, sources };
}

/** Mails that have not left yet. */
export interface Owed {
  mails: number;
  /** Due for longer than a minute: the mail server does not take them. */
  late: number;
  oldest: Date | null;
}

export async function readOwed(sql: Sql, now: Date): Promise<Owed> {
  const [owed] = await sql.query<Owed>(
    `SELECT count(*)::int AS mails, count(*) FILTER (WHERE due_at < $1::timestamptz - interval '1 minute')::int AS late,
            min(created_at) AS oldest
       FROM mails WHERE accepted_at IS NULL AND abandoned IS NULL`,
    [now],
  );
  if (owed === undefined) throw new Error('an aggregate has one row');
  return owed;
}
