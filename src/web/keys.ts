import { timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { sha256 } from '../consent/ledger.ts';
import type { Guard } from '../guard/guard.ts';
import { Problem, sendProblem } from './problems.ts';
import { countWrong } from './wrong-links.ts';

/** Compares secrets by their digests, which are equally long whatever was sent. */
export function isSame(given: string, secret: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(secret)));
}

/** Lets pass who sends the key as `Authorization: Bearer KEY`; null lets nobody. Wrong ones are limited. */
export function demandKey(adminApiKey: string | null, guard: Guard): RequestHandler {
  return async (req, res, next) => {
    const [, key] = /^Bearer ([!-~]+)$/i.exec(req.get('authorization') ?? '') ?? [];
    if (adminApiKey !== null && key !== undefined && isSame(key, adminApiKey)) {
      next();
      return;
    }
    if (key !== undefined) await countWrong(guard, req, res);
    res.set('WWW-Authenticate', 'Bearer');
    const detail =
      adminApiKey === null
        ? 'This is closed: ADMIN_API_KEY is not set.'
        : 'Send a valid key as Authorization: Bearer KEY.';
    sendProblem(res, new Problem(401, 'Unauthorized', detail));
  };
}
