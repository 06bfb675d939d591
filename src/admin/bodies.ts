import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { isText, readBody } from '../web/bodies.ts';
import { Problem } from '../web/problems.ts';

const skipNothing: RequestHandler = (req, _res, next) => {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers;
  if (Number(length) === 0 && coding === undefined) next('router');
  else next();
};

/**
 * Reads a JSON body into `req.body`, which stays undefined when none is sent. Another type is a 415, so that
 * what an operator asks for is not taken for nothing asked.
 */
export const jsonBody = Router().use(skipNothing, readBody('application/json'));

/** A text of an editor's. */
export const text = z.string('must be text').refine(isText, 'must hold no characters that are no text');

/** @throws Problem 422 that names every field that does not fit */
export function parse<T>(shape: z.ZodType<T>, body: unknown): T {
  const read = shape.safeParse(body);
  if (read.success) return read.data;
  const errors = read.error.issues.map(({ path, message }) => ({ field: path.join('.') || 'body', message }));
  const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  throw new Problem(422, 'Unprocessable Content', `${detail}.`, errors);
}
