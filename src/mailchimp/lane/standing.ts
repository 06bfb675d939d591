import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { MailchimpError } from '../api/error.ts';
import { isPaused } from './pause.ts';

/** How the lane stands, kept in the database as well, since the process that is asked may be another. */
export interface Standing {
  /** Why nobody can be sent: the key, the account or the audience is at fault. */
  stopped(): string | null;
  /** Whether an operator had paused it when that was last looked at. */
  paused(): boolean;
  lookForPause(): Promise<void>;
  /** @param reason why the last call failed for reasons that are nobody's own; null once one succeeds */
  setTrouble(reason: string | null): void;
  stop(fault: MailchimpError): void;
  /** What stopped it is over. */
  recover(): void;
  /** Resolves once the database knows. */
  written(): Promise<void>;
}

export function createStanding(database: Database, log: Log): Standing {
  let stopped: string | null = null;
  let paused = false;
  let trouble: string | null = null;
  let writing: Promise<unknown> = Promise.resolve();

  function write(): void {
    const now = new Date();
    const data = { stopped, stoppedAt: stopped && now, trouble, troubleAt: trouble && now };
    writing = writing
      .then(() => database.prisma.audienceLane.update({ where: { id: 1 }, data }))
      .catch((error: unknown) => log.warn({ err: error }, 'how the lane stands could not be written down'));
  }
  write();

  return {
    stopped: () => stopped,
    paused: () => paused,
    async lookForPause() {
      const before = paused;
      paused = await isPaused(database);
      if (paused !== before)
        log.warn(paused ? 'the lane to Mailchimp is paused' : 'the lane to Mailchimp goes on');
    },
    setTrouble(reason) {
      if (trouble === reason) return;
      trouble = reason;
      write();
    },
    stop({ message, requestId }) {
      if (stopped === message) return;
      stopped = message;
      log.error({ reason: message, requestId }, 'Mailchimp is not usable');
      write();
    },
    recover() {
      stopped = null;
      trouble = null;
      log.info('Mailchimp is usable again');
      write();
    },
    written: async () => {
      await writing;
    },
  };
}
