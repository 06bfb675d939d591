import { PgBoss, type Queue as QueueOptions } from 'pg-boss';
import { z } from 'zod';
import type { Engine, Sql } from './database.ts';
import type { Log } from './log.ts';
import { inSpan, nowhere, originOf, traceparent } from './tracing.ts';

export interface Queue {
  /** Adds jobs within the transaction; they exist once it commits. `startAfter`: seconds from now. */
  add(tx: Sql, name: string, jobs: readonly { data: object; startAfter: number }[]): Promise<void>;
  /** Has the jobs of a queue that wait to be tried again be so at once. */
  hurry(tx: Sql, name: string): Promise<void>;
  /**
   * Works off the jobs of a queue, several at a time. A job whose handler throws is tried again as the
   * queue's options say; one whose process died, once its heartbeat is missed.
   */
  work(name: string, handle: (data: unknown) => Promise<void>): Promise<void>;
  /**
   * Adds a job at every time that the cron expression names (UTC), once for all processes.
   * @param key tells the schedules of a queue apart; the same again replaces the one before
   */
  schedule(name: string, key: string, cron: string, data: object): Promise<void>;
  /** Finishes what is in flight. */
  stop(): Promise<void>;
}

/**
 * pg-boss on the same database. Every process that only adds jobs starts it as well; only `worker`
 * processes maintain it, and take away schedules of queues that are not among these.
 */
export async function openQueue(
  engine: Engine,
  queues: Record<string, Omit<QueueOptions, 'name'>>,
  { worker, log }: { worker: boolean; log: Log },
): Promise<Queue> {
  const boss = new PgBoss({
    ...engine.queue,
    schema: 'jobs',
    useListenNotify: true,
    supervise: worker,
    schedule: worker,
    // A killed worker's jobs are tried again once their heartbeat is missed, which is looked at this often.
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
    registerInstance: false,
    reindex: false,
  });
  boss.on('error', (error) => log.error({ err: error }, 'the job queue reports an error'));
  boss.on('warning', ({ message }) => log.warn({ detail: message }, 'the job queue reports a warning'));
  await boss.start();
  for (const [name, options] of Object.entries(queues)) {
    await boss.createQueue(name, { ...options, notify: true });
    // One that an earlier version made is as that version wanted it.
    const { policy: _, ...changeable } = options;
    await boss.updateQueue(name, { ...changeable, notify: true });
  }
  if (worker) await dropOldSchedules(boss, Object.keys(queues));

  return {
    add: async (tx, name, jobs) => {
      const db = {
        executeSql: async (text: string, values?: unknown[]) => ({
          // Without the database's code: for some, pg-boss looks the queue up on a connection of its own, which
          // an embedded database has none of while the transaction is open.
          rows: await tx.query(text, values).catch((cause: Error) => {
            throw new Error(`jobs could not be added: ${cause.message}`, { cause });
          }),
        }),
      };
      const origin = traceparent();
      await boss.insert(
        name,
        jobs.map((job) => ({ ...job, data: { ...job.data, ...origin } })),
        { db },
      );
    },
    hurry: async (tx, name) => {
      await tx.query(`UPDATE jobs.job SET start_after = now() WHERE name = $1 AND state = 'retry'`, [name]);
    },
    work: async (name, handle) => {
      const options = {
        batchSize: 20,
        perJobResults: true,
        burstWhenBatchFull: true,
        notifyPollingIntervalSeconds: 5,
      } as const;
      await boss.work(name, options, (jobs) =>
        Promise.all(
          jobs.map(async ({ id, data: carried }) => {
            const { traceparent, ...data } = carrier.parse(carried);
            return inSpan(`process ${name}`, aboutJob(name, id, traceparent), () =>
              handle(data).catch((error: unknown) => {
                log.warn({ err: error, queue: name, job: id }, 'a job failed and will be tried again');
                throw error;
              }),
            ).then(
              () => ({ id, status: 'completed' as const }),
              () => ({ id, status: 'failed' as const }),
            );
          }),
        ),
      );
    },
    schedule: (name, key, cron, data) => boss.schedule(name, cron, data, { tz: 'UTC', key }),
    stop: () => boss.stop({ graceful: true, timeout: 10_000 }),
  };
}

/**
 * Takes away what an earlier version scheduled for queues that are no more: nobody would do those jobs. The queues
 * themselves stay, as a process of that version may still be at work in them.
 */
async function dropOldSchedules(boss: PgBoss, queues: readonly string[]): Promise<void> {
  for (const { name, key } of await boss.getSchedules())
    if (!queues.includes(name)) await boss.unschedule(name, key);
}

/** What a job carries: its own data, and the trace in which it was added. */
const carrier = z.looseObject({ traceparent: z.string().optional() });

/** A trace of its own, linked with where the job was added: it may be tried for days. */
const aboutJob = (queue: string, id: string, traceparent: string | undefined) =>
  ({
    kind: 'consumer',
    parent: nowhere,
    links: [originOf(traceparent)],
    attributes: {
      'messaging.system': 'pg-boss',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': queue,
      'messaging.message.id': id,
    },
  }) as const;
