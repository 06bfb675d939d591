import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

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
    const passed = performance.now() - start;
    if (ms > 0) await pause(Math.ceil(passed / ms) * ms - passed);
  }
}
