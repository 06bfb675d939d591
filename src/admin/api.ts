import { Router } from 'express';
import type { Guard } from '../guard/guard.ts';
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
  guard,
  operations,
}: {
  database: Database;
  adminApiKey: string | null;
  guard: Guard;
  operations: Operations;
}): Router {
  const router = Router();
  router.use(
    demandKey(adminApiKey, guard),
    listRoutes(database),
    consentRoutes(database),
    mailchimpRoutes({ database, operations }),
    notFound,
  );
  return router;
}
