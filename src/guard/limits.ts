import { createHmac } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { type Pour, pour, tolerance } from '../platform/buckets.ts';
import type { Database } from '../platform/database.ts';
import { gather } from '../platform/gather.ts';

/** Sign-ups an hour. */
export interface SignUpLimits {
  /** Of one IPv4 address, or one IPv6 network of 64 bits, which is what a household has. */
  perIp: number;
  /** Of the networks around: 24 bits of IPv4, 48 of IPv6, which is what a provider gives a customer at most. */
  perPrefix: number;
}

/** What one client did that is limited. */
export interface Attempt {
  kind: 'sign_up' | 'wrong_link';
  /** A valid IP address. */
  ip: string;
  /** How many attempts it counts for. */
  weight: number;
}

export interface Limits {
  /**
   * Counts an attempt. Each process counts into the same buckets, so it does not matter which of them a
   * client meets (A-23). @returns seconds until such an attempt would be let through; 0 lets this one through
   */
  count(attempt: Attempt): Promise<number>;
  /** Takes a one-time value. @returns whether nobody took it in the last hour */
  takeOnce(value: string): Promise<boolean>;
  /** Resolves when everything counted so far is stored. */
  drained(): Promise<void>;
}

const hour = 60 * 60_000;

/**
 * Counts in sets, one statement for all that arrive together, so that a flood costs the database little.
 * Separate buckets for addresses and networks, and none for a pair of client and e-mail address, which would
 * count nothing that an attacker cannot vary (A-01).
 * @param secret keys the names of the buckets: no IP address is stored
 */
export function openLimits(parts: {
  database: Pick<Database, 'query' | 'lanes'>;
  signUps: SignUpLimits;
  wrongLinksPerHour: number;
  secret: string;
  now: () => Date;
}): Limits {
  const { database, signUps, wrongLinksPerHour, now } = parts;

  interface Waiting {
    pours: readonly Pour[];
    resolve: (seconds: number) => void;
    reject: (error: unknown) => void;
  }

  const gathered = gather<Waiting>(settle, { lanes: database.lanes, largest: 500 });

  async function settle(set: Waiting[]): Promise<void> {
    try {
      const all = set.flatMap(({ pours }) => pours);
      const levels = await pour(database, all, hour, now());
      for (const { pours, resolve } of set) {
        const excess = pours.map(({ bucket, amount }) => {
          const level = (levels.get(bucket) ?? 0) + amount;
          levels.set(bucket, level);
          return level - hour;
        });
        const worst = Math.max(...excess);
        resolve(worst < tolerance ? 0 : Math.ceil(worst / 1000));
      }
    } catch (error) {
      for (const { reject } of set) reject(error);
    }
  }

  const fill = (pours: readonly Pour[]) =>
    new Promise<number>((resolve, reject) => gathered.add({ pours, resolve, reject }));

  const bucketOf = (what: string, whom: string) =>
    `${what} ${createHmac('sha256', parts.secret).update(`${what} ${whom}`).digest('hex').slice(0, 32)}`;

  return {
    count({ kind, ip, weight }) {
      const { address, prefix } = networksOf(ip);
      return kind === 'wrong_link'
        ? fill([{ bucket: bucketOf('wrong', address), amount: (hour * weight) / wrongLinksPerHour }])
        : fill([
            { bucket: bucketOf('ip', address), amount: (hour * weight) / signUps.perIp },
            { bucket: bucketOf('net', prefix), amount: (hour * weight) / signUps.perPrefix },
          ]);
    },
    takeOnce: async (value) => (await fill([{ bucket: bucketOf('once', value), amount: hour }])) === 0,
    drained: gathered.drained,
  };
}

/**
 * The networks that a client counts for. Who has an IPv6 address has 2⁶⁴ of them, so single ones count
 * nothing (A-23); an IPv4 address in IPv6 clothes is the IPv4 address.
 */
function networksOf(ip: string): { address: string; prefix: string } {
  const parsed = ipaddr.process(ip);
  const bytes = parsed.toByteArray();
  const network = (length: number) => `${parsed.kind()} ${bytes.slice(0, length).join('.')}`;
  return parsed.kind() === 'ipv4'
    ? { address: network(4), prefix: network(3) }
    : { address: network(8), prefix: network(6) };
}
