import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import type { Request, RequestHandler } from 'express';
import type { AccountState } from './account.ts';
import type { ApiRequest, Fault, Faults } from './faults.ts';
import { notFound, Problem, problemBody } from './problem.ts';
import type { Counter } from './traffic.ts';

const maxSimultaneous = 10;

/** A request and what became of it; `status` is null when the answer never left. */
export interface Exchange {
  method: string;
  path: string;
  query: Record<string, string>;
  requestBody: unknown;
  status: number | null;
  responseBody: unknown;
  /** The answer is that of a fault, not of the API. */
  injected: boolean;
}

export interface Call {
  params: Partial<Record<'list' | 'category' | 'interest' | 'webhook' | 'member' | 'campaign', string>>;
  query: Record<string, string>;
  body: unknown;
}

/** What a route does with a call: the body of a 200, or null for 204. Throws `Problem`. */
export type Work = (call: Call) => unknown;

/** Makes the one way in and out of every route: limit, faults, key, work, latency, answer, observer. */
export type Door = (route: string, work: Work) => RequestHandler;

/** How a group of routes is laid: reading leaves the account as it is, writing is told to the store. */
export interface Routes {
  read(path: string, work: Work): void;
  write(method: 'post' | 'put' | 'patch' | 'delete', path: string, work: Work): void;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  /** As it is sent, and as observers see it. */
  text: string;
  body: unknown;
  injected: boolean;
}

export function createDoor(options: {
  apiKey: string;
  state: AccountState;
  faults: Faults;
  counter: Counter;
  /** How long an answer takes at least, from the request's arrival. */
  latencyMs: () => number;
  observed: (exchange: Exchange) => void;
}): Door {
  const { apiKey, state, faults, counter, latencyMs, observed } = options;

  return (route, work) => async (request, response) => {
    const arrivedAt = performance.now();
    const free = counter.enter() <= maxSimultaneous;
    response.once('close', counter.leave);
    const query = Object.fromEntries(new URL(request.url, 'http://sandbox').searchParams);
    const parsed = parseJson(await text(request));
    const { method } = request;
    const path = decodeURIComponent(request.path);
    const report = (answer: Pick<Answer, 'body' | 'injected'> & { status: number | null }) => {
      counter.count({ method, route, status: answer.status });
      observed({
        method,
        path,
        query,
        requestBody: parsed.body,
        status: answer.status,
        responseBody: answer.body,
        injected: answer.injected,
      });
    };
    /** @returns whether the line is torn, so that nothing more is to be done */
    const meet = async (fault: Fault | null, when: 'before' | 'after'): Promise<boolean> => {
      if (fault === null || fault.does === 'answer' || fault.when !== when) return false;
      if (fault.does === 'hold') {
        await fault.until();
        return false;
      }
      report({ status: null, body: undefined, injected: true });
      request.socket.resetAndDestroy();
      return true;
    };
    const perform = () => {
      if (!free) {
        throw new Problem(
          429,
          'Too Many Requests',
          `You have exceeded the limit of ${maxSimultaneous} simultaneous connections.`,
        );
      }
      demandKey(request, apiKey);
      if (parsed.failed) {
        throw new Problem(400, 'JSON Parse Exception', 'We encountered an unspecified JSON parsing error.');
      }
      const params: Call['params'] = stringsOf(request.params);
      if (params.list !== undefined && params.list !== state.audience.id) throw notFound();
      return work({ params, query, body: parsed.body });
    };

    const apiRequest: ApiRequest = { method, path, query, body: parsed.body };
    const fault = faults.take(apiRequest);
    if (await meet(fault, 'before')) return;
    const answer = fault?.does === 'answer' ? injectedAnswer(fault) : await answerOf(perform);
    if (await meet(fault, 'after')) return;
    await pauseUntil(arrivedAt + latencyMs());
    report(answer);
    response.status(answer.status).set(answer.headers).end(answer.text);
  };
}

const injectedAnswer = ({ status, headers, body }: Fault & { does: 'answer' }): Answer => ({
  status,
  headers,
  text: body,
  body,
  injected: true,
});

async function answerOf(perform: () => unknown): Promise<Answer> {
  const requestId = randomUUID();
  const { status, body } = await outcomeOf(perform, requestId);
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  return {
    status,
    headers: {
      'X-Request-Id': requestId,
      ...(body !== null && { 'Content-Type': `${type}; charset=utf-8` }),
    },
    text: body === null ? '' : JSON.stringify(body),
    body,
    injected: false,
  };
}

async function outcomeOf(
  perform: () => unknown,
  requestId: string,
): Promise<{ status: number; body: unknown }> {
  try {
    const body = await perform();
    return { status: body === null ? 204 : 200, body };
  } catch (error) {
    const problem =
      error instanceof Problem
        ? error
        : new Problem(500, 'InternalServerError', 'An unexpected internal error has occurred.');
    return { status: problem.status, body: problemBody(problem, requestId) };
  }
}

async function pauseUntil(time: number): Promise<void> {
  const left = time - performance.now();
  if (left > 0) await pause(left);
}

function demandKey(request: Request, apiKey: string): void {
  const [scheme, value = ''] = (request.get('authorization') ?? '').split(' ');
  const given =
    scheme === 'Bearer'
      ? value
      : Buffer.from(value, 'base64')
          .toString()
          .replace(/^[^:]*:/, '');
  if (given !== apiKey) {
    throw new Problem(
      401,
      'API Key Invalid',
      "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
    );
  }
}

function parseJson(text: string): { body: unknown; failed: boolean } {
  if (text === '') return { body: undefined, failed: false };
  try {
    return { body: JSON.parse(text), failed: false };
  } catch {
    return { body: text, failed: true };
  }
}

const stringsOf = (params: Record<string, string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
