import { Router } from 'express';
import type { AdminKeys } from '../access/keys.ts';
import type { Made } from '../consent/dossier.ts';
import type { Duties } from '../duties/open.ts';
import type { Guard } from '../guard/guard.ts';
import type { Campaigns } from '../mailchimp/campaigns/campaigns.ts';
import type { Database } from '../platform/database.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';
import { demandKey } from '../web/keys.ts';
import { notFound } from '../web/problems.ts';
import { openAudit } from './audit.ts';
import { campaignOperations } from './campaigns.ts';
import { consentOperations } from './consent.ts';
import { dutyOperations } from './duties.ts';
import { importOperations } from './imports.ts';
import { keyOperations } from './keys.ts';
import { listOperations } from './lists.ts';
import { mailchimpOperations, type Operations } from './mailchimp.ts';
import { type Described, perform, routerOf } from './operation.ts';
import { openRepeats } from './repeats.ts';
import { statsOperations } from './stats.ts';
import { subscriberOperations } from './subscribers.ts';

/** Does one of the operations for somebody who asks for it at the dashboard. @throws what the API would refuse with */
export type Act = (id: string, asked: Parameters<typeof perform>[1]) => Promise<void>;

/**
 * What stands under `/admin/api`, for editors and operators, by bearer key.
 * @returns its routes, what is said of each, and what does one of them
 */
export function adminApi({
  database,
  subscribing,
  keys,
  guard,
  operations,
  duties,
  campaigns,
  dossierMade,
  archives,
  now,
}: {
  database: Database;
  subscribing: Subscribing;
  keys: AdminKeys;
  guard: Guard;
  operations: Operations;
  duties: Duties;
  campaigns: Campaigns;
  /** What a dossier that is made now says of who made it. */
  dossierMade: () => Made;
  /** Whether Mailchimp archives who is erased, and does not delete them for good. */
  archives: boolean;
  now: () => Date;
}): { router: Router; described: Described[]; act: Act } {
  const audit = openAudit({ database, now });
  const all = [
    ...listOperations(database, now),
    ...consentOperations(database),
    ...subscriberOperations({ database, subscribing, dossierMade, archives }),
    ...importOperations({ database, subscribing, now }),
    ...statsOperations(database, now),
    ...keyOperations(keys, audit),
    ...mailchimpOperations({ database, operations, now }),
    ...dutyOperations(duties),
    ...campaignOperations(campaigns),
  ];
  const router = Router();
  router.use(
    demandKey(keys, guard),
    routerOf(all, { audit, repeats: openRepeats({ database, now }) }),
    notFound,
  );
  const act: Act = async (id, asked) => {
    const operation = all.find(({ described }) => described.id === id);
    if (operation === undefined) throw new Error(`there is no operation ${id}`);
    await perform(operation, asked, audit);
  };
  return { router, described: all.map(({ described }) => described), act };
}
