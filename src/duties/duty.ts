import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import type { Settings } from '../settings.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';

/** What is done by itself at its time, once for all processes, and may be done again at any time. */
export interface Duty {
  name: string;
  /** A minute of every hour, or of one hour of every day, in UTC. */
  at: { minute: number; hour: number | null };
  /** What it does, in a line for the operator. */
  what: string;
  /** Does it. @returns what it came to, in a few words that name nobody */
  run(work: Work): Promise<string>;
}

/** What all duties work with. */
export interface Parts {
  database: Database;
  subscribing: Pick<Subscribing, 'runAll'>;
  retention: Settings['retention'];
  now: () => Date;
  log: Log;
}

/** What one run works with. */
export interface Work extends Parts {
  /** Told when the process stops: looked at between two steps. */
  signal: AbortSignal;
  /** Where a run before broke off; null: at the beginning. */
  cursor: unknown;
  /** Keeps where to go on, should this run break off. Holds nothing personal. */
  keep(cursor: object): Promise<void>;
  /** Keeps what others have to know of what was found. Holds nothing personal. */
  tell(report: object): Promise<void>;
}

/** Such as `1,234 people`. */
export const counted = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
