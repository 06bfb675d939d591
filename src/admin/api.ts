import { Router } from 'express';
import type { AdminKeys } from '../access/keys.ts';
import type { Made } from '../consent/dossier.ts';
import type { Guard } from '../guard/guard.ts';
import type { Campaigns } from '../mailchimp/campaigns/campaigns.ts';
import type { Database } from '../platform/database.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';
import { demandKey } from '../web/keys.ts';
import { notFound } from '../web/problems.ts';
import { openAudit } from './audit.ts';
import { campaignOperations } from './campaigns.ts';
import { consentOperations } from './consent.ts';
import { importOperations } from './imports.ts';
import { keyOperations } from './keys.ts';
import { listOperations } from './lists.ts';
import { mailchimpOperations, type Operations } from './mailchimp.ts';
import { type Described, routerOf } from './operation.ts';
import { openRepeats } from './repeats.ts';
import { subscriberOperations } from './subscribers.ts';

/**
 * What stands under `/admin/api`, for editors and operators, by bearer key.
 * @returns its routes, and what is said of each
 */
export function adminApi({
  database,
  subscribing,
  keys,
  guard,
  operations,
  campaigns,
  dossierMade,
  now,
}: {
  database: Database;
  subscribing: Subscribing;
  keys: AdminKeys;
  guard: Guard;
  operations: Operations;
  campaigns: Campaigns;
  /** What a dossier that is made now says of who made it. */
  dossierMade: () => Made;
  now: () => Date;
}): { router: Router; described: Described[] } {
  const audit = openAudit({ database, now });
  const all = [
    ...listOperations(database, now),
    ...consentOperations(database),
    ...subscriberOperations({ database, subscribing, dossierMade }),
    ...importOperations({ database, subscribing, now }),
    ...keyOperations(keys, audit),
    ...mailchimpOperations({ database, operations }),
    ...campaignOperations(campaigns),
  ];
  const router = Router();
  router.use(
    demandKey(keys, guard),
    routerOf(all, { audit, repeats: openRepeats({ database, now }) }),
    notFound,
  );
  return { router, described: all.map(({ described }) => described) };
}
