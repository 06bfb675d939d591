import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { problemBody } from './problem.ts';

/** A request as far as faults and observers care. */
export interface ApiRequest {
  method: string;
  /** Without the leading `/3.0`, e.g. `/lists/1a2b/members/9f…`. */
  path: string;
  query: unknown;
  body: unknown;
}

/** Something that goes wrong with a request: another answer instead of the work, a torn line, a wait. */
export type Fault =
  | { does: 'answer'; status: number; headers: Record<string, string>; body: string }
  | { does: 'reset'; when: 'before' | 'after' }
  | { does: 'hold'; when: 'before' | 'after'; until: () => Promise<unknown> };

const html = (status: number, text: string): Fault => ({
  does: 'answer',
  status,
  headers: { 'Content-Type': 'text/html; charset=utf-8' },
  body: `<html><head><title>${text}</title></head><body><h1>${text}</h1></body></html>`,
});

/** The faults that are known of the real API. */
export const fault = {
  /** 429 without a body. */
  throttled: (): Fault => ({ does: 'answer', status: 429, headers: {}, body: '' }),
  /** 429 in the API's words. */
  throttledWithBody: (): Fault =>
    fault.problem(429, 'Too Many Requests', 'You have exceeded the limit of 10 simultaneous connections.'),
  /** The firewall's 403 page. */
  blocked: (): Fault => html(403, 'Access Denied'),
  /** A server error of the status, told in HTML. */
  htmlError: (status: 500 | 502 | 503 | 504): Fault => html(status, 'Something went wrong'),
  /** The firewall's 503, in plain words. */
  firewallText: (): Fault => ({
    does: 'answer',
    status: 503,
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    body: 'Request Blocked. We had to block your request because of something that looked suspicious. Reference Number: 0.0',
  }),
  /** An HTML page with status 200. */
  htmlPage: (): Fault => html(200, 'Down for maintenance'),
  /** 200 and nothing more. */
  emptyPage: (): Fault => ({ does: 'answer', status: 200, headers: {}, body: '' }),
  redirect: (status: 301 | 302 | 303 | 307 | 308, location: string): Fault => ({
    does: 'answer',
    status,
    headers: { Location: location },
    body: '',
  }),
  /** A problem of the API's own, e.g. 403 `User Disabled`. */
  problem: (status: number, title: string, detail: string): Fault => ({
    does: 'answer',
    status,
    headers: { 'Content-Type': 'application/problem+json; charset=utf-8', 'X-Request-Id': randomUUID() },
    body: JSON.stringify(problemBody({ status, title, detail }, '')),
  }),
  /** The connection is torn before the work, or after it: then only the answer is lost. */
  reset: (when: 'before' | 'after'): Fault => ({ does: 'reset', when }),
  /** Waits for an event of the test before the work, or between work and answer. */
  held: (until: Promise<unknown>, when: 'before' | 'after' = 'before'): Fault => ({
    does: 'hold',
    when,
    until: () => until,
  }),
  /** Each request waits so long before the work. */
  slow: (milliseconds: number): Fault => ({ does: 'hold', when: 'before', until: () => pause(milliseconds) }),
  /** The request is never answered. */
  silent: (): Fault => ({ does: 'hold', when: 'before', until: () => new Promise(() => {}) }),
};

export interface Faults {
  /**
   * Lets the next `times` requests (that match) meet the fault. `struck` resolves when the first does.
   * Faults are met in the order of injection.
   */
  inject(
    fault: Fault,
    options?: { times?: number; matching?: (request: ApiRequest) => boolean },
  ): { struck: Promise<void> };
  clear(): void;
  /** For the router: the fault that this request meets. */
  take(request: ApiRequest): Fault | null;
}

export function createFaults(): Faults {
  let waiting: {
    fault: Fault;
    left: number;
    matching: (request: ApiRequest) => boolean;
    strike: () => void;
  }[] = [];
  return {
    inject(injected, { times = 1, matching = () => true } = {}) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ fault: injected, left: times, matching, strike: resolve });
      return { struck: promise };
    },
    clear() {
      waiting = [];
    },
    take(request) {
      const next = waiting.find((candidate) => candidate.matching(request));
      if (next === undefined) return null;
      next.left -= 1;
      if (next.left === 0) waiting = waiting.filter((candidate) => candidate !== next);
      next.strike();
      return next.fault;
    },
  };
}
