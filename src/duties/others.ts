import type { ReconciliationKind } from '../mailchimp/reconcile.ts';
import { differences } from '../mailchimp/signals.ts';
import type { Database, Sql } from '../platform/database.ts';
import type { Queue } from '../platform/queue.ts';
import { nextAt, type Schedule } from '../platform/schedule.ts';
import { counted } from './duty.ts';
import { isOverdue, neverRan, type Runs, type Scheduled } from './scheduled.ts';

// What is done by itself beside the duties: of other parts, on queues of theirs, which keep how it went elsewhere.

export interface Other {
  name: string;
  what: string;
  at: Schedule;
  runs(): Promise<Runs>;
  /** Has a worker do it as soon as it can, once for all who ask meanwhile. @returns when it was asked for, by the clock that its runs are told by */
  ask(): Promise<Date>;
}

/** When the audience is compared as a whole: in the small hours, off the full hour that everybody uses. */
export const nightly: Schedule = { hour: 3, minute: 17 };
export const everyMinute: Schedule = { every: 1 };

export function otherDuties({
  database,
  queue,
  reconcileMinutes,
  requestReconciliation,
}: {
  database: Database;
  queue: Queue;
  reconcileMinutes: number;
  requestReconciliation: (wish: { kind: ReconciliationKind; dryRun: false }) => Promise<string>;
}): Other[] {
  const comparison = (kind: ReconciliationKind): Pick<Other, 'runs' | 'ask'> => ({
    runs: () => comparisonRuns(database, kind),
    async ask() {
      const askedAt = new Date();
      // Who asks at the same time asks for the same one.
      await database.exclusively(`asking for ${kind} comparison`, async () => {
        if (await isAskedFor(database, kind)) await queue.hurry(database, 'reconcile');
        else await requestReconciliation({ kind, dryRun: false });
      });
      return askedAt;
    },
  });
  return [
    {
      name: 'reconcile-changes',
      what: 'Reads what changed in the Mailchimp audience lately, and has the lane look at what differs',
      at: { every: reconcileMinutes },
      ...comparison('incremental'),
    },
    {
      name: 'reconcile-all',
      what: 'Compares the whole Mailchimp audience with the database, and has the lane look at what differs',
      at: nightly,
      ...comparison('full'),
    },
    {
      name: 'fold-totals',
      what: 'Adds up what was counted since the last time, which keeps the numbers of the dashboard quick',
      at: everyMinute,
      runs: () => foldRuns(database),
      ask: () =>
        database.transaction(async (tx) => {
          await queue.add(tx, 'totals', [{ data: {}, startAfter: 0 }]);
          const [row] = await tx.query<{ now: Date }>('SELECT now() AS now');
          return row?.now ?? new Date();
        }),
    },
  ];
}

export async function scheduledOf(other: Other, now: Date): Promise<Scheduled> {
  const { name, what, at } = other;
  const runs = await other.runs();
  return {
    name,
    what,
    at,
    ...runs,
    nextAt: nextAt(at, now),
    isOverdue: isOverdue(at, runs, now),
  };
}

/** Whether one that repairs is under way or has its job waiting: asked for by somebody, or by the clock. */
async function isAskedFor(sql: Sql, kind: ReconciliationKind): Promise<boolean> {
  const rows = await sql.query(
    `SELECT FROM jobs.job job LEFT JOIN reconciliations asked ON asked.id::text = job.data->>'id'
      WHERE job.name = 'reconcile' AND job.state IN ('created', 'retry', 'active')
        AND coalesce(asked.kind, job.data->>'kind') = $1 AND asked.dry_run IS NOT TRUE
      LIMIT 1`,
    [kind],
  );
  return rows.length > 0;
}

/** When a worker first scheduled what runs on a queue, under a key: pg-boss keeps it however often that is repeated. */
async function scheduledSince(sql: Sql, queue: string, key: string): Promise<Date | null> {
  const [row] = await sql.query<{ since: Date }>(
    'SELECT created_on AS since FROM jobs.schedule WHERE name = $1 AND key = $2',
    [queue, key],
  );
  return row?.since ?? null;
}

async function comparisonRuns(sql: Sql, kind: ReconciliationKind): Promise<Runs> {
  const since = await scheduledSince(sql, 'reconcile', kind);
  const [row] = await sql.query<Omit<Runs, 'since' | 'outcome'> & { report: unknown }>(
    `SELECT last.started_at AS "beganAt", last.failure, well.finished_at AS "succeededAt", well.report,
            coalesce(last.finished_at, CASE WHEN last.failure IS NOT NULL THEN last.started_at END) AS "endedAt"
       FROM (SELECT * FROM reconciliations WHERE kind = $1 AND NOT dry_run AND started_at IS NOT NULL
              ORDER BY requested_at DESC LIMIT 1) last
       LEFT JOIN LATERAL (
            SELECT finished_at, report FROM reconciliations
             WHERE kind = $1 AND NOT dry_run AND finished_at IS NOT NULL AND failure IS NULL
             ORDER BY requested_at DESC LIMIT 1) well ON true`,
    [kind],
  );
  if (row === undefined) return { ...neverRan, since };
  const { report, ...runs } = row;
  const found = differences(report);
  const outcome = found && `${counted(found.members, 'member', 'members')} read, ${found.differ} differed`;
  return { ...runs, since, outcome };
}

/** pg-boss keeps its jobs for a week. */
async function foldRuns(sql: Sql): Promise<Runs> {
  const since = await scheduledSince(sql, 'totals', 'fold');
  const [row] = await sql.query<Omit<Runs, 'since' | 'outcome' | 'failure'> & { failed: boolean }>(
    `SELECT last.started_on AS "beganAt", last.completed_on AS "endedAt", last.state = 'failed' AS failed,
            (SELECT max(completed_on) FROM jobs.job WHERE name = 'totals' AND state = 'completed') AS "succeededAt"
       FROM jobs.job last WHERE name = 'totals' AND started_on IS NOT NULL
      ORDER BY created_on DESC LIMIT 1`,
  );
  if (row === undefined) return { ...neverRan, since };
  const { failed, ...runs } = row;
  return { ...runs, since, outcome: null, failure: failed ? 'the log of the worker says why' : null };
}
