import { createHmac } from 'node:crypto';
import { type Pour, pour, tolerance } from '../platform/buckets.ts';
import type { Sql } from '../platform/database.ts';

/** Mails an hour that strangers may cause, to all addresses together (A-01). */
export interface Ceilings {
  /** To the addresses of one domain. */
  perDomain: number;
  total: number;
}

export const hour = 60 * 60_000;

/** How long a mail may wait under a ceiling. What would have to wait longer is not sent at all. */
export const longestWait = 24 * hour;

/**
 * Gives mails their places under the ceilings. Up to a ceiling they go at once; those above it wait their
 * turn, at the pace that it allows, so that a flood is stretched and nobody's confirmation is lost (I3).
 * @param abuseKeys the folded addresses that mails go to
 * @param secret keys the names of the buckets
 * @returns for each, when its mail may go at the earliest: now unless a ceiling is reached, null when it
 * would have to wait too long
 */
export async function placesUnder(
  sql: Sql,
  ceilings: Ceilings,
  abuseKeys: readonly string[],
  secret: string,
  now: Date,
): Promise<(Date | null)[]> {
  const shares = abuseKeys.map((abuseKey) => [
    { bucket: totalBucket, amount: hour / ceilings.total },
    { bucket: domainBucket(abuseKey, secret), amount: hour / ceilings.perDomain },
  ]);
  const levels = await pour(sql, shares.flat(), full, now);
  const refused: Pour[] = [];
  const places = shares.map((both) => {
    const wait = Math.max(0, ...both.map(({ bucket, amount }) => levelIn(levels, bucket) + amount - hour));
    if (wait > longestWait) {
      refused.push(...both.map(({ bucket, amount }) => ({ bucket, amount: -amount })));
      return null;
    }
    for (const { bucket, amount } of both) levels.set(bucket, levelIn(levels, bucket) + amount);
    return new Date(now.getTime() + (wait < tolerance ? 0 : wait));
  });
  // What is not sent takes no place from others; given back in full, however full the bucket was.
  await pour(sql, refused, Number.MAX_SAFE_INTEGER / 1e6, now);
  return places;
}

const levelIn = (levels: ReadonlyMap<string, number>, bucket: string) => levels.get(bucket) ?? 0;

const full = hour + longestWait;

/** Counts the mails to everybody: for the operator, who is told when it is full. */
export const totalBucket = 'mails';

const domainBucket = (abuseKey: string, secret: string) =>
  `mails ${createHmac('sha256', secret)
    .update(`ceiling ${abuseKey.slice(abuseKey.lastIndexOf('@') + 1)}`)
    .digest('hex')
    .slice(0, 32)}`;
