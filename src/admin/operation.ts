import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import type { AdminKey } from '../access/keys.ts';
import type { AdminScope } from '../generated/prisma/enums.ts';
import { readJson } from '../web/bodies.ts';
import { demandScope, holderOf } from '../web/keys.ts';
import { asProblem, onlyVerbs, Problem } from '../web/problems.ts';
import type { Audit, Target } from './audit.ts';
import type { Repeats } from './repeats.ts';

// One operation of the admin API: what it takes and answers is said once, in zod, and validates, answers and is
// described from there.

type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What is said of an operation, for the router and for its description. */
export interface Described {
  /** Such as `lists.create`: its name in the audit log and in the description. */
  id: string;
  verb: Verb;
  /** As Express writes it, such as `/lists/:slug`. */
  path: string;
  /** What a key must be for. All but `read` are audited, and may be repeated under an `Idempotency-Key`. */
  scope: AdminScope;
  summary: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** What of the body and the answer says, beside the path, what it is done to, for the audit log. Nothing personal. */
  target?: readonly string[];
  /** Bytes, where a body may be larger than those of forms. */
  largestBody?: number;
  answer: {
    status?: number;
    description: string;
    /** Absent where the handler writes another type than JSON, one of `types`. */
    shape?: z.ZodType;
    types?: readonly string[];
    /** The answer holds what must not be stored, so that a repeat is told that it was done, and no more. */
    once?: boolean;
  };
  /** What it may refuse with beside 401, 403 and 422. */
  problems?: Record<number, string>;
}

type Parsed<D, Part extends string> =
  D extends Record<Part, infer Shape extends z.ZodType> ? z.output<Shape> : undefined;
/** JSON as it is before it is written: a time may still be a Date. */
type Sent<T> = T extends string
  ? T | Date
  : T extends readonly (infer Item)[]
    ? readonly Sent<Item>[]
    : T extends object
      ? { [Key in keyof T]: Sent<T[Key]> }
      : T;
type Answer<D extends Described> = D['answer'] extends { shape: infer Shape extends z.ZodType }
  ? Sent<z.output<Shape>>
  : undefined;

/** What a handler is given: parsed, and no more than was described. */
export interface Asked<D> {
  params: Parsed<D, 'params'>;
  query: Parsed<D, 'query'>;
  body: Parsed<D, 'body'>;
  key: AdminKey;
  req: Request;
  res: Response;
}

/** What is asked for, before it is parsed. */
interface Given {
  key: AdminKey;
  params: unknown;
  query: unknown;
  body: unknown;
  req: Request;
  res: Response;
}

/** What is asked for, as the audit log tells it, and what does it. */
interface Prepared {
  target: Target;
  handle: () => Promise<unknown>;
}

export interface Operation {
  described: Described;
  /** Parses what is asked for. @throws Problem 404 or 422 */
  prepare: (given: Given) => Prepared;
}

/** Joins what is said of an operation and what does it. */
export function operation<const D extends Described>(
  described: D,
  handle: (asked: Asked<D>) => Promise<Answer<D>>,
): Operation {
  return {
    described,
    prepare: ({ params, query, body, ...given }) => {
      const path = parsePath(described, params);
      const sent = parse(described.body, body);
      // Parsed by the very shapes that its types come from.
      const asked = { ...given, params: path, query: parse(described.query, query), body: sent } as Asked<D>;
      const pathFields = Object.keys(described.params?.shape ?? {});
      const target = { ...told(pathFields, path), ...told(described.target, sent) };
      return { target, handle: () => handle(asked) };
    },
  };
}

/** Puts operations on a router: each path with its verbs, and 405 for the others. */
export function routerOf(
  operations: readonly Operation[],
  parts: { audit: Audit; repeats: Repeats },
): Router {
  const router = Router();
  for (const [path, same] of Map.groupBy(operations, ({ described }) => described.path)) {
    const route = router.route(path);
    for (const operation of same) {
      const { verb, body, largestBody } = operation.described;
      const reading = body === undefined ? [] : [readJson(largestBody)];
      route[verb](...reading, answerWith(operation, parts));
    }
    route.all(onlyVerbs(...same.map(({ described }) => described.verb.toUpperCase())));
  }
  return router;
}

function answerWith(
  { described, prepare }: Operation,
  { audit, repeats }: { audit: Audit; repeats: Repeats },
): RequestHandler {
  const { scope, answer } = described;
  const { status = 200, shape, once = false } = answer;
  return async (req, res) => {
    const key = holderOf(req, scope);
    const { params, query, body } = req;
    const { target, handle } = prepare({ key, params, query, body, req, res });
    const act = async () => {
      const value = await handle();
      return shape?.parse(JSON.parse(JSON.stringify(value)));
    };
    if (scope === 'read') return send(res, status, written(await act()));

    const answered = await repeats.once({ req, key, once, status }, async () =>
      written(await audited(audit, described, key, { target, handle: act })),
    );
    send(res, status, answered);
  };
}

/** Makes a change that is entered in the audit log before, with how it ended and what came of it. */
async function audited(
  audit: Audit,
  { id, answer, target: fields }: Described,
  key: AdminKey,
  { target, handle }: Prepared,
): Promise<unknown> {
  const entry = await audit.enter({ key: key.name, operation: id, target });
  try {
    const done = await handle();
    await audit.close(entry, answer.status ?? 200, { ...told(fields, done), ...target });
    return done;
  } catch (error) {
    await audit.close(entry, asProblem(error).status, target);
    throw error;
  }
}

/** These fields of a body or an answer, as texts; what is not wished is not told. */
function told(fields: readonly string[] = [], of: unknown): Target {
  const all = z.record(z.string(), z.unknown()).catch({}).parse(of);
  const named = Object.entries(all).filter(
    ([name, value]) => fields.includes(name) && value != null && value !== false,
  );
  return Object.fromEntries(named.map(([name, value]) => [name, String(value)]));
}

/** Does an operation for somebody who asks for it in another way than through the API: the same checks, the same log. */
export async function perform(
  { described, prepare }: Operation,
  { params = {}, body, ...by }: Pick<Given, 'key' | 'req' | 'res'> & { params?: object; body?: unknown },
  audit: Audit,
): Promise<void> {
  demandScope(by.key, described.scope);
  await audited(audit, described, by.key, prepare({ ...by, params, query: {}, body }));
}

const written = (answer: unknown): string | null => (answer === undefined ? null : JSON.stringify(answer));

function send(res: Response, status: number, json: string | null): void {
  if (json !== null) res.status(status).type('application/json').send(json);
}

/** A path that cannot be one of anything is one of nothing. */
function parsePath({ params, problems }: Described, path: unknown): unknown {
  const read = params?.safeParse(path);
  if (read !== undefined && !read.success)
    throw new Problem(404, 'Not Found', problems?.[404] ?? 'There is nothing at this address.');
  return read?.data;
}

/** @throws Problem 422 that names every field that does not fit */
function parse(shape: z.ZodType | undefined, given: unknown): unknown {
  if (shape === undefined) return undefined;
  const read = shape.safeParse(given);
  if (read.success) return read.data;
  const errors = read.error.issues.map(({ path, message }) => ({ field: path.join('.') || 'body', message }));
  const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  throw new Problem(422, 'Unprocessable Content', `${detail}.`, errors);
}
