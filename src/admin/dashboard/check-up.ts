import type { Finding } from '../../platform/finding.ts';

/** What the doctor found, and when. */
export interface CheckUp {
  at: Date;
  findings: Finding[];
}

const freshMs = 60_000;
const patienceMs = 1_500;

/**
 * Asks the doctor once a minute at most, however many look, as it asks others in turn. Whoever comes waits a moment
 * for news, and gets the last findings when it takes longer.
 * @returns what gives the newest findings; null: none yet
 */
export function openCheckUp(
  doctor: () => Promise<Finding[]>,
  now: () => Date,
): () => Promise<CheckUp | null> {
  let last: CheckUp | null = null;
  let running: Promise<void> | null = null;

  async function look(): Promise<void> {
    try {
      const findings = await doctor();
      last = { at: now(), findings };
    } finally {
      running = null;
    }
  }

  return async () => {
    if (last === null || now().getTime() - last.at.getTime() >= freshMs) {
      running ??= look();
      const { promise: patience, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, patienceMs);
      await Promise.race([running.catch(() => undefined), patience]);
      clearTimeout(timer);
    }
    return last;
  };
}
