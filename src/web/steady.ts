import { EventEmitter, once } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

/** Answers about addresses, which tell nothing of them by when they are given (I9, A-04). */
export interface Beat {
  /**
   * Does something whose duration would tell a secret, and comes back at a full beat after its start, be it
   * done or failed: a sign-up has to be committed before it is answered (I3), and how long that takes depends
   * on who is subscribed already.
   * @param answer given, or hung up on, once it is finished
   */
  steadily<T>(answer: Writable, work: () => Promise<T>): Promise<T>;
  /**
   * Resolves once no such answer is still to be given, or after a second of one that is taken slowly: what a
   * stranger's sign-up has done after its commit would otherwise hold up the answer, which a subscriber's has not.
   */
  quiet(): Promise<void>;
}

/** Longer than a sign-up takes, whatever is known of the address, and the mail of another that is sent meanwhile. */
export const beatMs = 100;

/** @param ms between two beats; 0: no waiting */
export function openBeat(ms = beatMs): Beat {
  const answers = new EventEmitter().setMaxListeners(0);
  let owed = 0;

  return {
    async steadily(answer, work) {
      owed += 1;
      const given = () => {
        owed -= 1;
        if (owed === 0) answers.emit('given');
      };
      finished(answer).then(given, given);
      const start = performance.now();
      try {
        return await work();
      } finally {
        if (ms > 0) await until(start + Math.ceil((performance.now() - start) / ms) * ms);
      }
    },
    async quiet() {
      if (owed > 0) await once(answers, 'given', { signal: AbortSignal.timeout(1000) }).catch(() => {});
    },
  };
}

/** More than a timer is ever early, in milliseconds. */
const roughly = 2;

/**
 * Timers count whole milliseconds from when the loop last looked at the clock, which tells a spy who asks a
 * thousand times what part of one the work took. So the last bit is waited for by looking.
 */
async function until(due: number): Promise<void> {
  const ahead = due - performance.now() - roughly;
  if (ahead > 0) await pause(ahead);
  while (performance.now() < due) await nextTurn();
}
