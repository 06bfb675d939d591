import type { Request, RequestHandler, Response } from 'express';
import type { ReactElement } from 'react';
import { z } from 'zod';
import type { Made } from '../../consent/dossier.ts';
import type { Database } from '../../platform/database.ts';
import { isText } from '../../platform/text.ts';
import { Problem } from '../../web/problems.ts';
import type { Act } from '../api.ts';
import type { Frame } from './pages/layout.tsx';

/** What the pages behind the door work with. */
export interface Desk {
  database: Database;
  act: Act;
  /** What a dossier that is made now says of who made it. */
  dossierMade: () => Made;
  demandSession: RequestHandler;
  /** What stands before every change. */
  acting: readonly RequestHandler[];
  /** Reads a form into the body. */
  form: readonly RequestHandler[];
  show: Show;
}

/** Sends a page of the dashboard to whoever is signed in. */
export type Show = (
  req: Request,
  res: Response,
  page: (frame: Frame) => ReactElement,
  status?: number,
) => void;

/** What a field of a form may hold before it is looked at. */
export const word = z.string().max(8_000).refine(isText);

/** @throws Problem 422 when a form is not one of ours */
export function readForm<Shape extends z.ZodType>(shape: Shape, body: unknown): z.output<Shape> {
  const read = shape.safeParse(body ?? {});
  if (read.success) return read.data;
  const errors = read.error.issues.map(({ path, message }) => ({ field: path.join('.') || 'form', message }));
  throw new Problem(422, 'Unprocessable Content', 'The form is not filled in as it should be.', errors);
}
