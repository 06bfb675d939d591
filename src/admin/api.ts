import { Router } from 'express';
import type { Database } from '../platform/database.ts';
import { demandKey } from '../web/keys.ts';
import { notFound } from '../web/problems.ts';
import { consentRoutes } from './consent.ts';
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
    consentRoutes(database),
    mailchimpRoutes({ database, operations }),
    notFound,
  );
  return router;
}
