import { setTimeout as pause } from 'node:timers/promises';

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
  | { does: 'hold'; when: 'before' | 'after'; until: Promise<unknown> };

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
  /** The firewall's 403 page. */
  blocked: (): Fault => html(403, 'Access Denied'),
  /** A server error of the status, told in HTML. */
  htmlError: (status: 500 | 502 | 503 | 504): Fault => html(status, 'Something went wrong'),
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
    headers: { 'Content-Type': 'application/problem+json; charset=utf-8' },
    body: JSON.stringify({ type: 'about:blank', title, status, detail, instance: '' }),
  }),
  /** The connection is torn before the work, or after it: then only the answer is lost. */
  reset: (when: 'before' | 'after'): Fault => ({ does: 'reset', when }),
  /** Waits for an event of the test before the work, or between work and answer. */
  held: (until: Promise<unknown>, when: 'before' | 'after' = 'before'): Fault => ({
    does: 'hold',
    when,
    until,
  }),
  slow: (milliseconds: number): Fault => ({ does: 'hold', when: 'before', until: pause(milliseconds) }),
  silent: (): Fault => ({ does: 'hold', when: 'before', until: new Promise(() => {}) }),
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
