import { reconcileQueue, requestReconciliation } from '../mailchimp/reconcile.ts';
import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { openQueue } from '../platform/queue.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';
import type { Logged } from './gone.ts';

/** What was done about a database that is older than what it is the record of. */
export interface Restored {
  left: number;
  erased: number;
}

/**
 * Sees to it that nobody comes back with a backup (I2, R-11). Who left or was erased by the log of the time since does
 * so again. Then the whole audience is to be compared: who is off there by a change that is later than our consent
 * ends here. Until that is done the lane raises nobody: it reads each contact first, or what changed in the audience.
 */
export async function afterRestore(
  parts: { database: Database; subscribing: Pick<Subscribing, 'run'>; log: Log },
  gone: AsyncIterable<Logged>,
): Promise<Restored> {
  const { database, log } = parts;
  const queue = await openQueue(database, { reconcile: reconcileQueue }, { worker: false, log });
  try {
    const counts = { left: 0, erased: 0 };
    for await (const one of gone) {
      const done = one.erased ? await eraseAgain(parts, one) : await leaveAgain(parts, one);
      if (done) counts[one.erased ? 'erased' : 'left'] += 1;
    }
    if (counts.erased > 0) await database.shred?.();
    await database.transaction(async (tx) => {
      const id = await requestReconciliation(tx, { kind: 'full', dryRun: false });
      await queue.add(tx, 'reconcile', [{ data: { id }, startAfter: 0 }]);
    });
    return counts;
  } finally {
    await queue.stop();
  }
}

type Parts = Parameters<typeof afterRestore>[0];

async function eraseAgain({ database, subscribing }: Parts, { subscriberId }: Logged): Promise<boolean> {
  const isThere = await database.prisma.subscriber.count({
    where: { id: subscriberId, ledgerSalt: { not: null } },
  });
  if (isThere > 0) await subscribing.run({ type: 'erase_person', subscriberId, channel: 'admin' });
  return isThere > 0;
}

/** A consent that is newer than what the log tells of stays (I2). */
async function leaveAgain(
  { database, subscribing }: Parts,
  { subscriberId, lists, at }: Logged,
): Promise<boolean> {
  const rows = await database.query<{ listId: number; consentSeq: number }>(
    `SELECT subscription.list_id AS "listId", subscription.consent_seq AS "consentSeq"
       FROM subscriptions subscription
       JOIN consent_events consent
         ON consent.subscriber_id = subscription.subscriber_id AND consent.seq = subscription.consent_seq
      WHERE subscription.subscriber_id = $1::uuid AND subscription.list_id = ANY ($2::int[])
        AND subscription.state = 'subscribed' AND consent.at <= $3::timestamptz`,
    [subscriberId, lists, at.toISOString()],
  );
  if (rows.length > 0) await subscribing.run({ type: 'left_since_backup', subscriberId, endings: rows });
  return rows.length > 0;
}
