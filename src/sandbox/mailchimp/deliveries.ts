import { createHmac } from 'node:crypto';
import type { Webhook } from './state.ts';

const timeoutMs = 10_000;
const minute = 60_000;
/** Six more attempts over 75 minutes. */
export const mailchimpsRetryGaps = [2, 3, 5, 10, 20, 35].map((minutes) => minutes * minute);

/** The calls of webhooks on their way: one after the other, in the order of the events. */
export interface Deliveries {
  /** Resolves when nothing is under way. What is held, or waits for its next attempt, does not count. */
  idle(): Promise<void>;
  /** Keeps back what is fired from now on. */
  hold(): void;
  /** Delivers what was held, in whichever order, the whole of it `times` times; ends the hold. */
  release(options?: { order?: 'fired' | 'reversed'; times?: number }): void;
  /** Makes the next attempts of what failed due at once. */
  hurry(): void;
  counts(): { delivered: number; failed: number; abandoned: number; waiting: number; held: number };
}

interface Delivery {
  webhook: Webhook;
  body: string;
  attempts: number;
}

/**
 * `retryGapsMs` are the waits after a failed attempt; when they are used up, the call is abandoned.
 * `changed` is told when an answer of 410 disabled a webhook.
 */
export function createDeliveries(options: {
  retryGapsMs: readonly number[];
  now: () => Date;
  changed: () => void;
}): Deliveries & {
  add(webhook: Webhook, body: string): void;
  /** Drops the calls of a webhook that was removed. */
  drop(webhook: Webhook): void;
  /** Gives up whatever is not delivered. */
  close(): void;
} {
  const { retryGapsMs, now, changed } = options;
  const closing = new AbortController();
  const totals = { delivered: 0, failed: 0, abandoned: 0 };
  const waiting = new Map<Delivery, NodeJS.Timeout>();
  let queue: Delivery[] = [];
  let held: Delivery[] | null = null;
  let running: Promise<void> | null = null;

  function send(deliveries: Delivery[]): void {
    if (closing.signal.aborted || deliveries.length === 0) return;
    queue.push(...deliveries);
    running ??= run();
  }

  async function run(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await attempt(next);
    running = null;
  }

  async function attempt(delivery: Delivery): Promise<void> {
    const { webhook, body } = delivery;
    if (webhook.disabled) return;
    delivery.attempts += 1;
    const status = await call(webhook, body);
    if (status !== null && status >= 200 && status < 300) {
      totals.delivered += 1;
      return;
    }
    totals.failed += 1;
    if (status === 410) {
      webhook.disabled = true;
      changed();
    } else retryLater(delivery);
  }

  function retryLater(delivery: Delivery): void {
    const gap = retryGapsMs[delivery.attempts - 1];
    if (gap === undefined) totals.abandoned += 1;
    else if (!closing.signal.aborted) waiting.set(delivery, setTimeout(() => retry(delivery), gap).unref());
  }

  function retry(delivery: Delivery): void {
    clearTimeout(waiting.get(delivery));
    waiting.delete(delivery);
    send([delivery]);
  }

  /** The status of the answer; null without one. */
  async function call({ url, signing_secret }: Webhook, body: string): Promise<number | null> {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          'User-Agent': 'MailChimp',
          ...(signing_secret !== null && { 'X-Mailchimp-Signature': sign(body, signing_secret, now()) }),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), closing.signal]),
      });
      await answer.body?.cancel();
      return answer.status;
    } catch {
      return null;
    }
  }

  return {
    add(webhook, body) {
      const delivery = { webhook, body, attempts: 0 };
      if (held === null) send([delivery]);
      else held.push(delivery);
    },
    drop(webhook) {
      const kept = (delivery: Delivery) => delivery.webhook !== webhook;
      queue = queue.filter(kept);
      held = held?.filter(kept) ?? null;
      for (const [delivery, timer] of waiting) {
        if (kept(delivery)) continue;
        clearTimeout(timer);
        waiting.delete(delivery);
      }
    },
    async idle() {
      while (running !== null) await running;
    },
    hold() {
      held ??= [];
    },
    release({ order = 'fired', times = 1 } = {}) {
      const released = order === 'fired' ? (held ?? []) : (held ?? []).toReversed();
      held = null;
      // Each has attempts of its own.
      for (let n = 0; n < times; n += 1) send(released.map((delivery) => ({ ...delivery })));
    },
    hurry() {
      for (const delivery of [...waiting.keys()]) retry(delivery);
    },
    counts: () => ({ ...totals, waiting: waiting.size, held: held?.length ?? 0 }),
    close() {
      closing.abort();
      queue = [];
      for (const timer of waiting.values()) clearTimeout(timer);
      waiting.clear();
    },
  };
}

/** `X-Mailchimp-Signature`: HMAC-SHA256 over "time.body", the time in whole seconds. */
function sign(body: string, secret: string, now: Date): string {
  const time = Math.floor(now.getTime() / 1000);
  const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
  return `t=${time},v1=${signature}`;
}
