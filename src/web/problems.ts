import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { createElement } from 'react';
import { z } from 'zod';
import type { Log } from '../platform/log.ts';
import type { Links } from '../subscribing/links.ts';
import { requestIdOf } from './observe.ts';
import { ErrorPage } from './pages/error.tsx';
import type { FieldError } from './pages/fields.tsx';
import type { ShowPage } from './reader.ts';

/** A request that is answered with an error that the sender can mend. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly errors: FieldError[];

  constructor(status: number, title: string, detail: string, errors: FieldError[] = []) {
    super(detail);
    this.status = status;
    this.title = title;
    this.errors = errors;
  }
}

/** Answers `application/problem+json` (RFC 9457). */
export function sendProblem(res: Response, { status, title, message, errors }: Problem): void {
  res
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status, detail: message, errors }));
}

/** Refuses the verbs that a route does not have. */
export const onlyVerbs =
  (...verbs: string[]): RequestHandler =>
  (req, res) => {
    res.set('Allow', verbs.flatMap((verb) => (verb === 'GET' ? ['GET', 'HEAD'] : verb)).join(', '));
    throw new Problem(
      405,
      'Method Not Allowed',
      `${req.method} is not possible here, only ${verbs.join(' and ')}.`,
    );
  };

export const notFound: RequestHandler = () => {
  throw new Problem(404, 'Not Found', 'There is nothing at this address.');
};

/** What is sent is larger than the route takes. */
export const tooLarge = new Problem(413, 'Content Too Large', 'The request is too large.');

// What Express's body parsers call their refusals.
const refusals: Record<string, Problem> = {
  'entity.too.large': tooLarge,
  'parameters.too.many': new Problem(
    413,
    'Content Too Large',
    'The form has too many fields: 100 are the most.',
  ),
  'entity.parse.failed': new Problem(400, 'Bad Request', 'The body is not valid JSON.'),
  'encoding.unsupported': new Problem(415, 'Unsupported Media Type', 'Send the body uncompressed.'),
  'request.size.invalid': new Problem(
    400,
    'Bad Request',
    'The body is not as long as its Content-Length says.',
  ),
  'request.aborted': new Problem(400, 'Bad Request', 'The request broke off.'),
};

const parserError = z.object({ type: z.string() });
const httpError = z.object({ status: z.number().int().min(400).max(499) });

/**
 * The one place that turns errors into answers; nothing of the inside is told. Readers get a page in
 * their language, programs the problem in English.
 */
export function answerErrors(showPage: ShowPage, links: Links, log: Log): ErrorRequestHandler {
  // Express knows by the number of parameters that this is for errors.
  return (error: unknown, req, res, _next) => {
    if (res.headersSent) {
      // Express would print it, with whatever it holds. Who went away before the end is no failure of ours.
      if (!isOfReader(error)) log.error(failureOf(error, req, res), 'an answer broke off');
      res.destroy();
      return;
    }
    const problem = asProblem(error);
    if (problem.status >= 500) logFailure(log, error, req, res);
    // Whatever the route would have let others keep.
    res.set('Cache-Control', 'no-store');
    if (req.accepts(['json', 'html']) === 'html') {
      const { status } = problem;
      showPage(req, res, createElement(ErrorPage, { status, signUpUrl: links.signUp() }), { status });
    } else {
      sendProblem(res, problem);
    }
  };
}

/** Notes a request that failed by a fault of ours, with the id that its sender was told. */
export const logFailure = (log: Log, error: unknown, req: Request, res: Response): void =>
  log.error(failureOf(error, req, res), 'a request failed');

const failureOf = (error: unknown, req: Request, res: Response) => ({
  err: error,
  request: requestIdOf(res),
  route: req.route?.path,
  method: req.method,
});

/** Whether the connection was closed from over there while an answer was written. */
const isOfReader = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';

/** What a request is answered with that ended in this error: nothing of the inside is told. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const refusal = refusals[parserError.safeParse(error).data?.type ?? ''];
  if (refusal !== undefined) return refusal;
  const status = httpError.safeParse(error).data?.status;
  if (status !== undefined) return new Problem(status, 'Bad Request', 'The request could not be read.');
  return new Problem(
    500,
    'Internal Server Error',
    'Something went wrong on our side. Please try again in a moment.',
  );
}
