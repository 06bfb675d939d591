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
  parts: { database: Database; subscribing: Pick<Subscribing, 'preview' | 'run'>; log: Log },
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

async function leaveAgain({ subscribing }: Parts, { erased: _, ...said }: Logged): Promise<boolean> {
  const command = { type: 'left_since_backup' as const, ...said };
  const { isOpen } = await subscribing.preview(command);
  if (isOpen) await subscribing.run(command);
  return isOpen;
}
