import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import type { MailchimpError } from '../api/error.ts';

/**
 * How the lane stands in this process, kept in the database as well, since the process that is asked may be another.
 * There the last word counts: what a process told that is gone, or that has no more to send, is over once a call of
 * any other succeeds.
 */
export interface Standing {
  /** Why nobody can be sent: the key, the account or the audience is at fault. */
  stopped(): string | null;
  /** Whether an operator had paused it when that was last looked at. */
  paused(): boolean;
  /** Looks whether it is paused, and what other processes told. */
  look(): Promise<void>;
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
  /** What the database says. */
  let told: { stopped: string | null; trouble: string | null } = { stopped, trouble: null };
  let writing: Promise<unknown> = Promise.resolve();

  function write(of: Partial<typeof told>): void {
    told = { ...told, ...of };
    const now = new Date();
    const data = {
      ...of,
      ...(of.stopped !== undefined && { stoppedAt: of.stopped && now }),
      ...(of.trouble !== undefined && { troubleAt: of.trouble && now }),
    };
    writing = writing
      .then(() => database.prisma.audienceLane.update({ where: { id: 1 }, data }))
      .catch((error: unknown) => log.warn({ err: error }, 'how the lane stands could not be written down'));
  }
  write(told);

  return {
    stopped: () => stopped,
    paused: () => paused,
    async look() {
      await writing;
      const [lane] = await database.query<{
        stopped: string | null;
        trouble: string | null;
        paused: boolean;
      }>('SELECT stopped, trouble, paused_at IS NOT NULL AS paused FROM audience_lane');
      if (lane === undefined) throw new Error('the row of the lane is missing');
      told = { stopped: lane.stopped, trouble: lane.trouble };
      if (lane.paused !== paused)
        log.warn(lane.paused ? 'the lane to Mailchimp is paused' : 'the lane to Mailchimp goes on');
      paused = lane.paused;
    },
    setTrouble(reason) {
      const isOver = reason === null && told.stopped !== null && stopped === null;
      if (isOver) write({ stopped, trouble: reason });
      else if (told.trouble !== reason) write({ trouble: reason });
    },
    stop({ message, requestId }) {
      if (stopped !== message) log.error({ reason: message, requestId }, 'Mailchimp is not usable');
      stopped = message;
      if (told.stopped !== message) write({ stopped });
    },
    recover() {
      stopped = null;
      log.info('Mailchimp is usable again');
      write({ stopped, trouble: null });
    },
    written: async () => {
      await writing;
    },
  };
}
