import { z } from 'zod';
import type { Sql } from '../platform/database.ts';
import type { RefusalKind } from './lane/refusals.ts';
import type { Report } from './reconcile.ts';

/** What a reconciliation counted. */
export type Counts = Omit<Report, 'examples'>;

const counts: z.ZodType<Counts> = z.object({
  members: z.number(),
  strangers: z.number(),
  // Reports of before did not tell.
  lost: z.number().default(0),
  inSync: z.number(),
  due: z.number(),
  missing: z.number(),
  extra: z.number(),
  conflicting: z.number(),
  refused: z.record(z.string(), z.number()),
});

/** What a stored report says, in two numbers; null when it is none. */
export function differences(report: unknown): { members: number; differ: number } | null {
  const read = counts.safeParse(report).data;
  if (read === undefined) return null;
  const { members, missing, extra, conflicting } = read;
  return { members, differ: missing + extra + conflicting };
}

/** So many contacts are counted and no more, so that looking takes as long during an outage as at other times. */
export const mostCounted = 10_000;

/** A number of counted contacts in words: one more than are counted stands for any more. */
export const toldCount = (contacts: number): string =>
  contacts > mostCounted ? `more than ${mostCounted.toLocaleString('en')}` : contacts.toLocaleString('en');

/** How equal Mailchimp is, in numbers; nothing personal. */
export interface Signals {
  /** Why nobody is sent to Mailchimp at present, and since when. */
  stopped: string | null;
  stoppedAt: Date | null;
  /** Whose key paused the lane, and when; null while it is not paused. */
  pausedBy: string | null;
  pausedAt: Date | null;
  /** Why the last call failed for reasons that are nobody's own. */
  trouble: string | null;
  troubleAt: Date | null;
  /**
   * Contacts that are not equal and will be tried; parked ones are among the refused alone. `mostCounted + 1` stands
   * for more.
   */
  due: number;
  /**
   * How long the first of the people who left has been waiting for Mailchimp to know; null when nobody is. While
   * there are more than `mostCounted`, the first of those whose turn comes first.
   */
  oldestOptOutSeconds: number | null;
  /** Contacts by why they are not equal, of `mostCounted + 1` at most. */
  refused: Partial<Record<RefusalKind, number>>;
  lastWebhook: Date | null;
  /** The last comparison that ended, well or not. */
  lastReconciliation: {
    kind: string;
    dryRun: boolean;
    finishedAt: Date | null;
    failure: string | null;
  } | null;
  /** When the last full one that ended well did, and what it found; while there is none, the last one. */
  reconciledAt: Date | null;
  drift: Counts | null;
}

/**
 * Reads the signals in one statement that touches, by index, what is due or refused and no more. The planner takes
 * nearly everybody for due, so it is each ORDER that leads it to the index.
 */
export async function readSignals(sql: Sql): Promise<Signals> {
  const [row] = await sql.query<
    Omit<Signals, 'drift' | 'lastReconciliation'> & {
      last: { kind: string; dryRun: boolean; finishedAt: string | null; failure: string | null } | null;
      report: unknown;
    }
  >(
    `SELECT lane.stopped, lane.stopped_at AS "stoppedAt", lane.paused_by AS "pausedBy",
            lane.paused_at AS "pausedAt", lane.trouble, lane.trouble_at AS "troubleAt",
            (SELECT count(*)::int
               FROM (SELECT FROM audience_contacts WHERE wanted <> acknowledged AND due_at IS NOT NULL
                      ORDER BY opt_out DESC, due_at LIMIT ${mostCounted + 1}) due) AS "due",
            (SELECT extract(epoch FROM greatest(now(), min(ended.at)) - min(ended.at))::float8
               FROM (SELECT subscriber_id FROM audience_contacts WHERE opt_out AND wanted <> acknowledged
                      ORDER BY opt_out DESC, due_at LIMIT ${mostCounted}) contact
              CROSS JOIN LATERAL (
                    SELECT max(changed_at) AS at FROM subscriptions
                     WHERE subscriber_id = contact.subscriber_id AND state = 'unsubscribed') ended
            ) AS "oldestOptOutSeconds",
            (SELECT coalesce(jsonb_object_agg(kind, contacts), '{}')
               FROM (SELECT kind, count(*) AS contacts
                       FROM (SELECT refusal->>'kind' AS kind FROM audience_contacts WHERE refusal IS NOT NULL
                              ORDER BY subscriber_id LIMIT ${mostCounted + 1}) counted GROUP BY kind) refused) AS "refused",
            (SELECT max(received_at) FROM webhook_deliveries) AS "lastWebhook",
            (SELECT jsonb_build_object('kind', kind, 'dryRun', dry_run, 'finishedAt', finished_at, 'failure', failure)
               FROM reconciliations WHERE finished_at IS NOT NULL OR failure IS NOT NULL
              ORDER BY requested_at DESC LIMIT 1) AS "last",
            sound.finished_at AS "reconciledAt", sound.report
       FROM audience_lane lane
       LEFT JOIN LATERAL (
            SELECT finished_at, report FROM reconciliations WHERE finished_at IS NOT NULL AND failure IS NULL
             ORDER BY kind = 'full' DESC, requested_at DESC LIMIT 1) sound ON true`,
  );
  if (row === undefined) throw new Error('the row of the lane is missing');
  const { last, report, ...signals } = row;
  return {
    ...signals,
    lastReconciliation: last && {
      ...last,
      finishedAt: last.finishedAt === null ? null : new Date(last.finishedAt),
    },
    drift: counts.safeParse(report).data ?? null,
  };
}

/** Somebody whom Mailchimp does not hold as we want it, for the operator: `detail` may hold the address. */
export interface RefusedContact {
  email: string;
  reason: RefusalKind;
  title: string | null;
  detail: string;
  attempts: number;
  since: Date;
  /** Null: parked, until something new is wanted or an operator retries. */
  nextAttempt: Date | null;
}

/** The refused contacts, the longest refused first: read by an index in that order, as many may be refused. */
export function refusedContacts(sql: Sql, { limit }: { limit: number }): Promise<RefusedContact[]> {
  return sql.query<RefusedContact>(
    `SELECT person.email, contact.refusal->>'kind' AS "reason", contact.refusal->>'title' AS "title",
            contact.refusal->>'detail' AS "detail", contact.attempts,
            (contact.refusal->>'since')::timestamptz AS "since", contact.due_at AS "nextAttempt"
       FROM audience_contacts contact
       JOIN subscribers person ON person.id = contact.subscriber_id
      WHERE contact.refusal IS NOT NULL
      ORDER BY contact.refusal->>'since', contact.subscriber_id
      LIMIT $1`,
    [limit],
  );
}
