import { periodOf, type Schedule } from '../platform/schedule.ts';

/** How the runs of something went. */
export interface Runs {
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
  beganAt: null,
  endedAt: null,
  succeededAt: null,
  outcome: null,
  failure: null,
};

/** What is done every minute is not overdue while a process starts. */
const grace = 15 * 60_000;

/** Whether it has not gone well for twice as long as it should take from one run to the next. */
export const isOverdue = (at: Schedule, wellAt: Date | null, now: Date): boolean =>
  wellAt !== null && now.getTime() - wellAt.getTime() > Math.max(2 * periodOf(at), grace);
