import type { Request, Response } from 'express';
import type { ReactElement } from 'react';
import type { Guard } from '../guard/guard.ts';
import { Problem } from './problems.ts';
import type { ShowPage } from './reader.ts';
import { senderOf } from './sender.ts';

/** Refuses whoever has had their share of an hour. @throws Problem 429, always */
export function refuseForNow(res: Response, seconds: number): never {
  res.set('Retry-After', String(seconds));
  throw new Problem(
    429,
    'Too Many Requests',
    `A lot came from your network. Try again in ${seconds} seconds.`,
  );
}

/**
 * Counts a link, key or secret that is wrong, so that nobody tries many. One that is right is never
 * limited, whatever else came from the same network. @throws Problem 429 when it is one too many
 */
export async function countWrong(guard: Guard, req: Request, res: Response): Promise<void> {
  const sender = senderOf(req);
  const seconds = sender === null ? 0 : await guard.countWrong(sender);
  if (seconds > 0) refuseForNow(res, seconds);
}

/** Answers with the page for a link that we do not know. @throws Problem 429 when it is one too many */
export type ShowUnknown = (req: Request, res: Response, page: ReactElement) => Promise<void>;

export const unknownLinks =
  (guard: Guard, showPage: ShowPage): ShowUnknown =>
  async (req, res, page) => {
    await countWrong(guard, req, res);
    showPage(req, res, page, { status: 404 });
  };
