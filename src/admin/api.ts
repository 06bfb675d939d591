import { createHash, timingSafeEqual } from 'node:crypto';
import { type RequestHandler, Router } from 'express';
import type { Database } from '../platform/database.ts';
import { notFound, Problem, sendProblem } from '../web/problems.ts';
import { listRoutes } from './lists.ts';
import { mailchimpRoutes, type Operations } from './mailchimp.ts';

/** `/admin/api`: for editors and operators, by bearer key. Answers JSON alone. */
export function adminApi({
  database,
  adminApiKey,
  operations,
}: {
  database: Database;
  adminApiKey: string | null;
  operations: Operations;
}): Router {
  const router = Router();
  router.use(
    demandKey(adminApiKey),
    listRoutes(database),
    mailchimpRoutes({ database, operations }),
    notFound,
  );
  return router;
}

/** compares digests, which are equally long whatever was sent. */
function demandKey(adminApiKey: string | null): RequestHandler {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return (req, res, next) => {
    const [, key] = /^Bearer ([!-~]+)$/i.exec(req.get('authorization') ?? '') ?? [];
    if (adminApiKey !== null && key !== undefined && timingSafeEqual(digest(key), digest(adminApiKey))) {
      next();
      return;
    }
    res.set('WWW-Authenticate', 'Bearer');
    const detail =
      adminApiKey === null
        ? 'The admin API is closed: ADMIN_API_KEY is not set.'
        : 'Send a valid key as Authorization: Bearer KEY.';
    sendProblem(res, new Problem(401, 'Unauthorized', detail));
  };
}
