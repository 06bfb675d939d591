import type { Queue } from '../platform/queue.ts';
import { cronOf } from '../platform/schedule.ts';
import { duties } from './duties.ts';
import type { Parts } from './duty.ts';
import { type Other, scheduledOf } from './others.ts';
import { enterDuties, readDuties, runDuty } from './runs.ts';
import { neverRan, type Scheduled } from './scheduled.ts';

/** All that is done by itself, for whoever looks at it or wants some of it done now. */
export interface Duties {
  list(): Promise<Scheduled[]>;
  /**
   * Has a worker do it as soon as it can. While it is under way, that run does; one that waits to be tried again is
   * so at once.
   * @returns when it was asked for; null: there is no such duty
   */
  run(name: string): Promise<Date | null>;
}

const queueOf = (name: string) => `duty-${name}`;

/**
 * A queue for each duty, so that none waits for another: at most one job of each is under way or waits, whatever
 * number of processes there are.
 */
export const dutyQueues = Object.fromEntries(
  duties.map(({ name }) => [
    queueOf(name),
    {
      policy: 'exclusive',
      retryLimit: 3,
      retryDelay: 60,
      retryBackoff: true,
      expireInSeconds: 12 * 3600,
      heartbeatSeconds: 30,
      deleteAfterSeconds: 86_400,
    } as const,
  ]),
);

/** What processes that do no duties offer of them, too. */
export function openDuties(
  queue: Queue,
  { database, now, others }: Pick<Parts, 'database' | 'now'> & { others: readonly Other[] },
): Duties {
  return {
    list: async () => {
      const [states, more] = await Promise.all([
        readDuties(database, duties, now()),
        Promise.all(others.map((other) => scheduledOf(other, now()))),
      ]);
      const own = states.map(({ duty: { name, what, at }, run, nextAt, isOverdue }) => {
        const { since, beganAt, endedAt, succeededAt, outcome, failure } = run ?? neverRan;
        return { name, what, at, nextAt, isOverdue, since, beganAt, endedAt, succeededAt, outcome, failure };
      });
      return [...own, ...more];
    },
    run: async (name) => {
      const other = others.find((one) => one.name === name);
      if (other !== undefined) return other.ask();
      if (!duties.some((duty) => duty.name === name)) return null;
      const askedAt = now();
      await database.transaction(async (tx) => {
        await queue.add(tx, queueOf(name), [{ data: {}, startAfter: 0 }]);
        await queue.hurry(tx, queueOf(name));
      });
      return askedAt;
    },
  };
}

/** Schedules the duties, and does them when they are due. @returns what breaks off those that are under way */
export async function startDuties(queue: Queue, parts: Parts): Promise<() => void> {
  const stopping = new AbortController();
  await enterDuties(parts.database, duties, parts.now());
  for (const duty of duties) {
    await queue.work(queueOf(duty.name), () => runDuty(duty, parts, stopping.signal));
    await queue.schedule(queueOf(duty.name), duty.name, cronOf(duty.at), {});
  }
  return () => stopping.abort(new Error('the process stops'));
}
