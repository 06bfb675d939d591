import cors from 'cors';
import { Router } from 'express';
import { notFound, onlyVerbs } from './problems.ts';
import type { Web } from './web.ts';

/**
 * `GET /nonce` for scripts that draw a form: `{nonce, challenge}`, to be asked for when a reader begins to
 * fill it in, and sent along; `challenge` is null unless ALTCHA is on. `GET /altcha` is the challenge alone,
 * as ALTCHA's own widget fetches it.
 */
export function proofRoutes({ guard, allowedOrigins }: Web): Router {
  const router = Router();
  const crossOrigin = cors({ origin: [...allowedOrigins], methods: ['GET'], maxAge: 600 });

  router
    .route('/nonce')
    .all(crossOrigin)
    .get(async (_req, res) => void res.json(await guard.proof()))
    .all(onlyVerbs('GET'));

  router
    .route('/altcha')
    .all(crossOrigin)
    .get(async (req, res, next) => {
      const { challenge } = await guard.proof();
      if (challenge === null) notFound(req, res, next);
      else res.json(challenge);
    })
    .all(onlyVerbs('GET'));

  return router;
}
