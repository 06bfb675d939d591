import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

/** Longer than a sign-up takes, whatever is known of the address. */
export const beat = 50;

/**
 * Does something whose duration would tell a secret, and comes back at a full beat after its start, be it
 * done or failed: a sign-up has to be committed before it is answered (I3), and how long that takes depends
 * on who is subscribed already (I9, A-04).
 * @param ms between two beats; 0 comes back at once
 */
export async function steadily<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    if (ms > 0) await until(start + Math.ceil((performance.now() - start) / ms) * ms);
  }
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
