import { periodOf, type Schedule } from '../platform/schedule.ts';

/** How the runs of something went. */
export interface Runs {
  /** When it could first have run: it is expected to from then on. Null where no worker knows of it yet. */
  since: Date | null;
  beganAt: Date | null;
  /** Null while it is under way. */
  endedAt: Date | null;
  /** When a run last went well, and what it came to. */
  succeededAt: Date | null;
  outcome: string | null;
  /** Why the last run did not go well. */
  failure: string | null;
}

/** Something that is done by itself, as whoever looks after Footnote sees it. */
export interface Scheduled extends Runs {
  name: string;
  /** What it does, in a line for the operator. */
  what: string;
  at: Schedule;
  nextAt: Date;
  isOverdue: boolean;
}

export const neverRan: Runs = {
  since: null,
  beganAt: null,
  endedAt: null,
  succeededAt: null,
  outcome: null,
  failure: null,
};

/** What is done every minute is not overdue while a process starts. */
const grace = 15 * 60_000;

/** Whether it has not gone well for twice as long as it should take from one run to the next. */
export function isOverdue(
  at: Schedule,
  { since, succeededAt }: Pick<Runs, 'since' | 'succeededAt'>,
  now: Date,
): boolean {
  const from = succeededAt ?? since;
  return from !== null && now.getTime() - from.getTime() > Math.max(2 * periodOf(at), grace);
}
