import express from 'express';
import type { z } from 'zod';
import { Problem } from '../web/problems.ts';

/** Reads a JSON body into `req.body`, which stays undefined when none is sent. */
export const jsonBody = express.json({ limit: '8kb' });

/** @throws Problem 422 that names every field that does not fit */
export function parse<T>(shape: z.ZodType<T>, body: unknown): T {
  const read = shape.safeParse(body);
  if (read.success) return read.data;
  const errors = read.error.issues.map(({ path, message }) => ({ field: path.join('.') || 'body', message }));
  const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  throw new Problem(422, 'Unprocessable Content', `${detail}.`, errors);
}
