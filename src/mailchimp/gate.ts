import { setTimeout as pause } from 'node:timers/promises';
import type { Places } from '../platform/database.ts';
import { MailchimpError } from './error.ts';

/** What every call to Mailchimp passes: it lets only so many through at a time. */
export interface Gate {
  /** Makes the call once there is a place for it. @throws what the call throws */
  run<T>(call: () => Promise<T>): Promise<T>;
  /** Calls of this process under way. */
  inFlight(): number;
  /** Lets nobody in any more: who waits is refused with `GateClosed`. */
  close(): Promise<void>;
}

/** The process stops; the call was not made. */
export class GateClosed extends Error {
  override readonly name = 'GateClosed';
}

const usualPace = {
  /** How often to look for a place that another process gave back. */
  look: 50,
  /** The rest of this process after Mailchimp said "too many", doubled while it says so again. */
  rest: 2_000,
  longestRest: 60_000,
};

/**
 * Mailchimp allows ten calls at a time for all keys and processes together, and says neither how many are
 * under way nor when to come back. So the places are shared through the database, and after a "too many" this
 * process rests, then goes on with half as many; every answer after that lets it grow again by a little.
 * @param limit the number of places
 */
export function openGate(places: Places, limit: number, pace = usualPace): Gate {
  const closing = new AbortController();
  const closed = () => closing.signal.aborted;
  const waiting: { enter: () => void; refuse: (error: GateClosed) => void }[] = [];
  let inFlight = 0;
  let allowed = limit;
  let rest = pace.rest;
  let restUntil = 0;
  let admitting = false;

  const sleep = (ms: number) => pause(ms, undefined, { signal: closing.signal }).catch(() => {});

  /** Lets in who waits, first come first served, for as long as there are places. */
  async function admit(): Promise<void> {
    if (admitting) return;
    admitting = true;
    while (waiting.length > 0 && inFlight < Math.max(1, Math.floor(allowed))) {
      const resting = restUntil - Date.now();
      if (resting > 0 && !closed()) await sleep(resting);
      else if (closed()) waiting.shift()?.refuse(new GateClosed());
      else waiting.shift()?.enter();
    }
    admitting = false;
  }

  async function place(): Promise<() => Promise<void>> {
    for (;;) {
      const giveBack = await places.take();
      if (giveBack !== null) return giveBack;
      if (closed()) throw new GateClosed();
      await sleep(pace.look * (0.5 + Math.random()));
    }
  }

  function learn(error: unknown): void {
    if (error instanceof MailchimpError && error.throttles) {
      // Calls that were under way together are refused together, and that is one lesson.
      if (Date.now() < restUntil) return;
      allowed = Math.max(1, allowed / 2);
      restUntil = Date.now() + rest;
      rest = Math.min(rest * 2, pace.longestRest);
      return;
    }
    allowed = Math.min(limit, allowed + 1 / limit);
    rest = pace.rest;
  }

  return {
    inFlight: () => inFlight,
    close: async () => {
      closing.abort();
      await admit();
      await places.close();
    },
    run: async (call) => {
      await new Promise<void>((resolve, reject) => {
        const enter = () => {
          inFlight += 1;
          resolve();
        };
        waiting.push({ enter, refuse: reject });
        void admit();
      });
      try {
        const giveBack = await place();
        try {
          const result = await call();
          learn(null);
          return result;
        } catch (error) {
          learn(error);
          throw error;
        } finally {
          await giveBack();
        }
      } finally {
        inFlight -= 1;
        void admit();
      }
    },
  };
}
