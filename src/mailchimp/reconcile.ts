import { v7 as uuid } from 'uuid';
import { z } from 'zod';
import type { Database, Sql } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { keyOfLink } from '../subscribing/links.ts';
import { type MailchimpApi, type Member, memberStatuses } from './api/client.ts';
import { walkMembers } from './api/walk.ts';
import { endingsOf, isEqual, isOn } from './lane/compare.ts';
import { type Contact, loadContacts, lookAt, marked } from './lane/contacts.ts';
import { type FooterLinks, wantedMember } from './lane/member.ts';
import { isAnybodyUnread, isUnread, markUnread, noteRead } from './lane/unread.ts';

export type ReconciliationKind = 'full' | 'incremental';

/** How the audience and the database differ, as numbers. */
export interface Report {
  /** Members read; somebody who changed meanwhile is read twice. */
  members: number;
  /** Members whom we do not manage: told, never touched. */
  strangers: number;
  /** Strangers who carry links of ours that are nobody's here: the database is older than what Mailchimp was told. */
  lost: number;
  inSync: number;
  /** On their way already. */
  due: number;
  /** On a list here, unknown there. */
  missing: number;
  /** On no list here, mailed there. */
  extra: number;
  /** On here and there, but not alike; or off there with ours the newer word. */
  conflicting: number;
  /** Not equal for a reason that is listed with each contact, by that reason. */
  refused: Record<string, number>;
  /** The first hundred differences, and what is or would be done. */
  examples: { subscriberId: string; finding: Drift; would: string }[];
}

export type Drift = 'missing' | 'extra' | 'conflicting';

export interface Reconciling {
  database: Database;
  api: MailchimpApi;
  footerLinks: (linkKey: string) => FooterLinks;
  log: Log;
}

/** Changes are asked for from a little before the last one heard, as clocks differ and answers are cached. */
const overlapMs = 10 * 60_000;

const mostExamples = 100;

/** The queue of reconciliations. */
export const reconcileQueue = {
  retryLimit: 3,
  retryDelay: 60,
  retryBackoff: true,
  expireInSeconds: 6 * 3600,
  heartbeatSeconds: 30,
  deleteAfterSeconds: 86_400,
} as const;

/** What a job of the queue says: a reconciliation that somebody asked for, or one that is due. */
const job = z.union([
  z.strictObject({ id: z.uuid() }),
  z.strictObject({ kind: z.enum(['full', 'incremental']) }),
]);

/** Works off a job of the queue. @throws as `reconcile` */
export async function reconcileJob(parts: Reconciling, data: unknown): Promise<void> {
  const asked = job.parse(data);
  const id =
    'id' in asked ? asked.id : await requestReconciliation(parts.database, { ...asked, dryRun: false });
  await reconcile(parts, id);
}

/** Reads the whole audience for imported contacts that wait for it, unless another process did so meanwhile. */
export function readForImports(parts: Reconciling): Promise<void> {
  return parts.database.exclusively('reading-for-imports', async () => {
    if (await isAnybodyUnread(parts.database)) await reconcileJob(parts, { kind: 'full' });
  });
}

/** Enters a reconciliation to be run. @returns its id */
export async function requestReconciliation(
  sql: Sql,
  { kind, dryRun }: { kind: ReconciliationKind; dryRun: boolean },
): Promise<string> {
  const id = uuid();
  await sql.query(
    'INSERT INTO reconciliations (id, kind, dry_run, requested_at) VALUES ($1, $2, $3, now())',
    [id, kind, dryRun],
  );
  return id;
}

/**
 * Pages through the audience and holds every contact of ours against it. What differs is marked to be read
 * and made equal by the lane, by the one set of rules there is (I2); here nothing is decided. Memory is one
 * page, whatever the size of the audience.
 * @param id of a requested reconciliation; one that was finished is not run again
 * @throws MailchimpError when the audience cannot be read to its end; what was found so far is marked
 */
export async function reconcile(parts: Reconciling, id: string): Promise<void> {
  const { database, log } = parts;
  const row = await database.prisma.reconciliation.findUnique({ where: { id } });
  if (row === null || row.finishedAt !== null) return;
  const startedAt = new Date();
  const set = (data: Parameters<typeof database.prisma.reconciliation.update>[0]['data']) =>
    database.prisma.reconciliation.update({ where: { id }, data });
  await set({ startedAt, failure: null });

  const tell = async (report: Report) => {
    await set({ report: { ...report } });
  };
  const run = () => (row.kind === 'full' ? full : incremental)(parts, row.dryRun, tell);
  try {
    const { report, heardUntil } = await (row.kind === 'full'
      ? database.exclusively('full-reconciliation', run)
      : run());
    const heard = heardUntil !== null && heardUntil > startedAt ? startedAt : heardUntil;
    await set({ report: { ...report }, finishedAt: new Date(), heardUntil: row.dryRun ? null : heard });
    const { examples: _, ...numbers } = report;
    log.info({ kind: row.kind, dryRun: row.dryRun, ...numbers }, 'the audience was compared');
  } catch (error) {
    await set({ failure: error instanceof Error ? error.message : 'unknown' });
    throw error;
  }
}

interface Outcome {
  readonly report: Report;
  /** The newest change that was read. */
  heardUntil: Date | null;
}

interface Comparison extends Outcome {
  /** Compares a page. @returns the subscribers on it */
  page(members: Member[]): Promise<string[]>;
  /** Compares contacts that the audience does not know. */
  absent(ids: string[]): Promise<void>;
}

/** The whole audience, status by status: the list without a status is not sure to hold the archived. */
async function full(
  parts: Reconciling,
  dryRun: boolean,
  tell: (report: Report) => Promise<void>,
): Promise<Outcome> {
  const { database } = parts;
  const comparison = createComparison(parts, dryRun);
  await database.query('TRUNCATE audience_sightings');
  if (!dryRun) await markUnread(database);
  for (const status of memberStatuses) {
    for await (const members of walkMembers(parts.api, { status, changedSince: null })) {
      const ids = await comparison.page(members);
      // The lane lets go of whom it had deleted, and locks many in this order.
      await database.query(
        `INSERT INTO audience_sightings (subscriber_id)
         SELECT subscriber_id FROM audience_contacts WHERE subscriber_id = ANY ($1::uuid[])
          ORDER BY subscriber_id FOR KEY SHARE
         ON CONFLICT DO NOTHING`,
        [ids],
      );
      await tell(comparison.report);
    }
  }
  for await (const ids of unseen(database)) await comparison.absent(ids);
  await database.query('TRUNCATE audience_sightings');
  return comparison;
}

/** What changed since the audience was last heard. */
async function incremental(
  parts: Reconciling,
  dryRun: boolean,
  tell: (report: Report) => Promise<void>,
): Promise<Outcome> {
  const comparison = createComparison(parts, dryRun);
  const changedSince = await heardSoFar(parts.database);
  if (changedSince === null) return comparison;
  for (const status of [null, 'archived'] as const) {
    for await (const members of walkMembers(parts.api, { status, changedSince })) {
      await comparison.page(members);
      await tell(comparison.report);
    }
  }
  return comparison;
}

/** @returns null while there is nobody whom a change could concern */
async function heardSoFar(database: Database): Promise<Date | null> {
  const [row] = await database.query<{ heard: Date | null; first: Date | null }>(
    `SELECT (SELECT max(heard_until) FROM reconciliations WHERE finished_at IS NOT NULL AND failure IS NULL) AS heard,
            (SELECT min(created_at) FROM subscribers) AS first`,
  );
  const from = row?.heard ?? row?.first ?? null;
  return from === null ? null : new Date(from.getTime() - overlapMs);
}

/** Contacts that no page showed, a thousand at a time. */
async function* unseen(database: Database): AsyncGenerator<string[]> {
  let last = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows = await database.query<{ id: string }>(
      `SELECT subscriber_id AS id FROM audience_contacts contact
        WHERE subscriber_id > $1::uuid
          AND NOT EXISTS (SELECT FROM audience_sightings seen WHERE seen.subscriber_id = contact.subscriber_id)
        ORDER BY subscriber_id LIMIT 1000`,
      [last],
    );
    const ids = rows.map(({ id }) => id);
    if (ids.length === 0) return;
    yield ids;
    last = ids.at(-1) ?? last;
  }
}

function createComparison({ database, api, footerLinks }: Reconciling, dryRun: boolean): Comparison {
  const report: Report = {
    members: 0,
    strangers: 0,
    lost: 0,
    inSync: 0,
    due: 0,
    missing: 0,
    extra: 0,
    conflicting: 0,
    refused: {},
    examples: [],
  };

  /** Counts a contact. @returns whether the lane has to look at it */
  function weigh(contact: Contact, member: Member | null): boolean {
    const wanted = wantedMember(contact, footerLinks(contact.linkKey));
    const endings = endingsOf(contact, member).length;
    const leftUnheard = isOffBeforeUndoing(contact, member);
    if (isEqual(contact, wanted, member)) {
      if (contact.due) report.due += 1;
      else report.inSync += 1;
      // Parked for a reason that has passed.
      return contact.due && (contact.seen === null || leftUnheard);
    }
    if (contact.refusal !== null) {
      const { kind } = contact.refusal;
      report.refused[kind] = (report.refused[kind] ?? 0) + 1;
      return endings > 0 || (member?.status ?? 'absent') !== (contact.memberStatus ?? 'absent');
    }
    if (contact.due) {
      report.due += 1;
      // Written blindly, what ended over there would be lost.
      return endings > 0 || leftUnheard;
    }
    const finding = driftOf(contact, member);
    report[finding] += 1;
    if (report.examples.length < mostExamples) {
      const { subscriberId } = contact;
      report.examples.push({ subscriberId, finding, would: remedy(finding, endings) });
    }
    return true;
  }

  return {
    report,
    heardUntil: null,
    async page(members) {
      const byKey = new Map(members.map((member) => [member.email_address.toLowerCase(), member]));
      const rows = await database.query<{ id: string }>(
        `SELECT contact.subscriber_id AS id FROM audience_contacts contact
           JOIN subscribers person ON person.id = contact.subscriber_id WHERE person.key = ANY ($1::text[])`,
        [[...byKey.keys()]],
      );
      const ids = rows.map(({ id }) => id);
      const contacts = await loadContacts(database, api.audienceId, ids);
      const look: string[] = [];
      const read: Parameters<typeof noteRead>[1][number][] = [];
      for (const contact of contacts) {
        const member = byKey.get(contact.key);
        if (member === undefined) continue;
        byKey.delete(contact.key);
        if (isUnread(contact)) read.push({ contact, memberStatus: member.status });
        if (weigh(contact, member)) look.push(contact.subscriberId);
      }
      report.members += members.length;
      const strangers = [...byKey.values()];
      report.strangers += strangers.length;
      report.lost += await countLost(database, strangers);
      this.heardUntil = latest(this.heardUntil, members);
      if (!dryRun) {
        await noteRead(database, read);
        await lookAt(database, look);
        await followMoved(database, strangers.filter(isOn));
      }
      return ids;
    },
    async absent(ids) {
      const contacts = await loadContacts(database, api.audienceId, ids);
      const look = contacts.filter((contact) => weigh(contact, null));
      if (dryRun) return;
      const unread = contacts.filter(isUnread);
      await noteRead(
        database,
        unread.map((contact) => ({ contact, memberStatus: 'absent' })),
      );
      await lookAt(
        database,
        look.map(({ subscriberId }) => subscriberId),
      );
    },
  };
}

/** Whether somebody left over there, as far as we know, before Mailchimp heard that their import was undone. */
const isOffBeforeUndoing = ({ consent, undone, memberStatus }: Contact, member: Member | null): boolean =>
  consent === null && undone !== null && memberStatus === 'subscribed' && member?.status !== 'subscribed';

function driftOf(contact: Contact, member: Member | null): Drift {
  if (member === null) return 'missing';
  return contact.consent === null && isOn(member) ? 'extra' : 'conflicting';
}

function remedy(finding: Drift, endings: number): string {
  if (endings > 0) return `end ${endings} ${endings === 1 ? 'subscription' : 'subscriptions'} here`;
  return { missing: 'look for the address there', extra: 'unsubscribe there', conflicting: 'write there' }[
    finding
  ];
}

function latest(before: Date | null, members: Member[]): Date | null {
  const times = members
    .map(({ last_changed }) => Date.parse(last_changed))
    .filter((time) => !Number.isNaN(time));
  return times.length === 0 ? before : new Date(Math.max(before?.getTime() ?? 0, ...times));
}

/**
 * A stranger who carries the links of somebody of ours is that person under another address, whose webhook
 * did not reach us. Who was erased here is nobody of ours any more, and their address must not come back (I6).
 */
async function followMoved(database: Database, strangers: Member[]): Promise<void> {
  const seen = strangers.flatMap((member) => {
    const key = linkKeyOf(member);
    return key === null ? [] : { key, address: member.email_address };
  });
  if (seen.length === 0) return;
  await database.query(
    `UPDATE audience_contacts contact
        SET moved_to = seen.address, ${marked}
       FROM jsonb_to_recordset($1::jsonb) AS seen(key text, address text)
       JOIN subscribers person ON person.link_key = seen.key
      WHERE contact.subscriber_id = person.id AND contact.erase = '{}'
        AND contact.moved_to IS DISTINCT FROM seen.address`,
    [JSON.stringify(seen)],
  );
}

async function countLost(sql: Sql, strangers: readonly Member[]): Promise<number> {
  const keys = strangers.map(linkKeyOf).filter((key) => key !== null);
  if (keys.length === 0) return 0;
  const [row] = await sql.query<{ lost: number }>(
    `SELECT count(*)::int AS lost FROM unnest($1::text[]) AS seen(key)
      WHERE NOT EXISTS (SELECT FROM subscribers WHERE link_key = seen.key)`,
    [keys],
  );
  return row?.lost ?? 0;
}

/** The secret of the links that a member carries; null when they are none of ours. */
function linkKeyOf({ merge_fields }: Member): string | null {
  const link = z.string().safeParse(merge_fields['UNSUBURL']).data;
  return link === undefined ? null : keyOfLink(link);
}
