import { setTimeout as pause } from 'node:timers/promises';
import type { Places } from '../../platform/database.ts';
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
  /** How long a place goes from call to call here before other processes may have it. */
  hold: 1_000,
  /** The rest of this process after Mailchimp said "too many", doubled while it says so again. */
  rest: 2_000,
  longestRest: 60_000,
};

interface Place {
  takenAt: number;
  giveBack: () => Promise<void>;
}

/**
 * Mailchimp allows ten calls at a time for all keys and processes together, and says neither how many are
 * under way nor when to come back. So the places are shared through the database, and after a "too many" this
 * process rests, then goes on with half as many; every answer after that lets it grow again by a little.
 * @param limit the number of places
 */
export function openGate(places: Places, limit: number, pace = usualPace): Gate {
  const closing = new AbortController();
  const closed = () => closing.signal.aborted;
  const waiting: { enter: (place: Place) => void; refuse: (error: unknown) => void }[] = [];
  let inFlight = 0;
  let allowed = limit;
  let rest = pace.rest;
  let restUntil = 0;
  let admitting = false;

  const sleep = (ms: number) => pause(ms, undefined, { signal: closing.signal }).catch(() => {});
  const hasRoom = () => inFlight < Math.max(1, Math.floor(allowed));
  const isOpen = () => !closed() && Date.now() >= restUntil && hasRoom();

  /** Lets in who waits, first come first served, as places can be had. */
  async function admit(): Promise<void> {
    if (admitting) return;
    admitting = true;
    while (waiting.length > 0 && (hasRoom() || closed())) {
      const resting = restUntil - Date.now();
      if (closed()) waiting.shift()?.refuse(new GateClosed());
      else if (resting > 0) await sleep(resting);
      else await admitOne();
    }
    admitting = false;
  }

  async function admitOne(): Promise<void> {
    try {
      const giveBack = await places.take();
      if (giveBack !== null) letIn({ takenAt: Date.now(), giveBack });
      else await sleep(pace.look * (0.5 + Math.random()));
    } catch (error) {
      waiting.shift()?.refuse(closed() ? new GateClosed() : error);
    }
  }

  function letIn(place: Place): void {
    const next = waiting.shift();
    if (next === undefined) return void place.giveBack();
    inFlight += 1;
    next.enter(place);
  }

  /** Hands the place to the next one here, or back. */
  async function leave(place: Place): Promise<void> {
    inFlight -= 1;
    if (waiting.length > 0 && isOpen() && Date.now() - place.takenAt < pace.hold) return letIn(place);
    await place.giveBack();
    void admit();
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
      const place = await new Promise<Place>((enter, refuse) => {
        waiting.push({ enter, refuse });
        void admit();
      });
      try {
        const result = await call();
        learn(null);
        return result;
      } catch (error) {
        learn(error);
        throw error;
      } finally {
        await leave(place);
      }
    },
  };
}
