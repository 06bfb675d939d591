import { z } from 'zod';
import { ConsentChannel, ConsentEventKind, SubscriptionState } from '../generated/prisma/enums.ts';
import type { Sql } from '../platform/database.ts';
import { type Fault, faultInChain, type Ledger, type StoredEvent } from './verify.ts';
import { versionOf } from './wordings.ts';

/** A person's ledger with all that has to agree with it. */
export interface Checked extends Omit<Ledger, 'events'> {
  subscriberId: string;
  /** `mailHash` is what the ledger says, `keptMailHash` that of the mail which is still there. */
  events: readonly (StoredEvent & { keptMailHash: string | null })[];
  /** What their lists are at now. */
  subscriptions: readonly {
    list: string;
    state: SubscriptionState;
    consentSeq: number | null;
    endedSeq: number | null;
  }[];
}

/** Wordings by version, those that are what their version says. List wordings have their list. */
export type WholeWordings = ReadonlyMap<string, { list: string | null }>;

export interface CheckReport {
  /** People, of this page. */
  checked: number;
  events: number;
  /** The first thing that is wrong with each. */
  broken: ({ subscriberId: string } & Fault)[];
  /** Where the next page begins; null after the last. */
  next: string | null;
}

/**
 * Checks a page of all ledgers (I5, C-11, C-13): each chain and its evidence, that mails and wordings are what was
 * sealed, and that every subscription stands as its ledger says. Holds one page in memory, whatever is to be checked.
 * @param after the `next` of the page before; null begins
 * @param limit people in a page
 */
export async function checkLedgers(
  sql: Sql,
  { after, limit }: { after: string | null; limit: number },
): Promise<CheckReport> {
  const rows = await sql.query<{ ledger: unknown }>(page, [after, limit]);
  const ledgers = rows.map(({ ledger }) => checkedShape.parse(ledger));
  const events = ledgers.flatMap((ledger) => ledger.events);
  const wordings = await wholeWordings(sql, [
    ...new Set(
      events.flatMap(({ listWordings, wordingVersion }) => [
        ...listWordings,
        ...(wordingVersion ? [wordingVersion] : []),
      ]),
    ),
  ]);
  return {
    checked: ledgers.length,
    events: events.length,
    broken: ledgers.flatMap((ledger) => {
      const fault = faultIn(ledger, wordings);
      return fault === null ? [] : { subscriberId: ledger.subscriberId, ...fault };
    }),
    next: ledgers.length < limit ? null : (ledgers.at(-1)?.subscriberId ?? null),
  };
}

/**
 * Whatever is wrong with a person's ledger, at the first entry where something is, or else with what stands on it;
 * null when all is well.
 */
export function faultIn(checked: Checked, wordings: WholeWordings): Fault | null {
  const inLedger = [
    faultInChain(checked),
    faultInErasure(checked),
    ...checked.events.map((event) => faultInContent(event, checked, wordings)),
  ];
  return first(inLedger) ?? first(faultsInSubscriptions(checked, wordings));
}

const first = (faults: (Fault | null)[]): Fault | null =>
  faults.filter((fault) => fault !== null).sort((a, b) => a.seq - b.seq)[0] ?? null;

/** The salt goes with an erasure and with nothing else, or evidence could be altered unseen; and all evidence with it. */
function faultInErasure({ salt, events }: Checked): Fault | null {
  const isErased = events.at(-1)?.kind === 'erased';
  if ((salt === null) !== isErased) {
    return {
      seq: events.length,
      why: isErased ? 'the salt outlived the erasure' : 'the salt is gone without an erasure',
    };
  }
  const left = salt === null ? events.find(({ evidence }) => evidence !== null) : undefined;
  return left === undefined ? null : { seq: left.seq, why: 'evidence outlived the erasure' };
}

function faultInContent(
  { seq, kind, listWordings, wordingVersion, requestSeq, mailHash, keptMailHash }: Checked['events'][number],
  { events }: Checked,
  wordings: WholeWordings,
): Fault | null {
  if (listWordings.some((version) => !wordings.has(version))) {
    return { seq, why: 'the wording of a list was altered or is missing' };
  }
  if (wordingVersion !== null && !wordings.has(wordingVersion)) {
    return { seq, why: 'the consent text was altered or is missing' };
  }
  // A mail that went twice, as the first answer was lost, is kept as it went last.
  const newest = events.findLast((event) => event.kind === 'mailed' && event.requestSeq === requestSeq);
  if (kind === 'mailed' && newest?.seq === seq && keptMailHash !== null && keptMailHash !== mailHash) {
    return { seq, why: 'the mail that is kept is not the one that was sent' };
  }
  return null;
}

/** C-11: subscribed is who has a confirmation or an import that nothing ended since, and nobody else. */
function faultsInSubscriptions({ events, subscriptions }: Checked, wordings: WholeWordings): Fault[] {
  const said = new Map<
    string,
    { state: SubscriptionState; consentSeq: number | null; endedSeq: number | null; at: number }
  >();
  const faults: Fault[] = [];
  for (const { seq, kind, listWordings, requestSeq } of events) {
    for (const version of listWordings) {
      const list = wordings.get(version)?.list;
      if (list === undefined || list === null) continue;
      const before = said.get(list) ?? {
        state: 'pending' as const,
        consentSeq: null,
        endedSeq: null,
        at: seq,
      };
      if (kind === 'requested' && before.state !== 'subscribed') {
        said.set(list, { ...before, state: 'pending', at: seq });
      } else if (kind === 'confirmed' || kind === 'imported') {
        if (kind === 'confirmed' && (requestSeq ?? 0) <= (before.endedSeq ?? 0)) {
          faults.push({ seq, why: 'it confirms a request that was withdrawn' });
        }
        if (kind === 'imported' && events[(before.endedSeq ?? 0) - 1]?.kind === 'unsubscribed') {
          faults.push({ seq, why: 'it brings back who had left' });
        }
        said.set(list, { ...before, state: 'subscribed', consentSeq: seq, at: seq });
      } else if (kind === 'unsubscribed' || kind === 'import_undone' || kind === 'expired') {
        said.set(list, { ...before, state: 'unsubscribed', endedSeq: seq, at: seq });
      }
    }
  }
  for (const { list, state, consentSeq, endedSeq } of subscriptions) {
    const ledger = said.get(list);
    if (ledger === undefined) {
      faults.push({
        seq: consentSeq ?? endedSeq ?? 0,
        why: `${list} is ${state}, of which the ledger knows nothing`,
      });
    } else if (ledger.state !== state) {
      faults.push({ seq: ledger.at, why: `${list} is ${state}, and ${ledger.state} by the ledger` });
    } else if (ledger.consentSeq !== consentSeq || ledger.endedSeq !== endedSeq) {
      faults.push({ seq: ledger.at, why: `${list} names other entries than those that it stands on` });
    }
  }
  const held = new Set(subscriptions.map(({ list }) => list));
  for (const [list, { state, at }] of said) {
    if (!held.has(list)) faults.push({ seq: at, why: `${list} is ${state} by the ledger, and is not there` });
  }
  return faults;
}

/** In one statement, as a ledger that grows meanwhile must not look broken. */
const page = `
  WITH person AS MATERIALIZED (
    SELECT id, ledger_salt, ledger_seq, ledger_hash FROM subscribers
     WHERE $1::uuid IS NULL OR id > $1::uuid ORDER BY id LIMIT $2::int
  ), kept AS (
    SELECT DISTINCT ON (mailed.subscriber_id, mailed.seq) mailed.subscriber_id, mailed.seq,
           encode(sha256(convert_to(mail.copy, 'UTF8')), 'hex') AS hash
      FROM person
      JOIN sign_up_requests mailed ON mailed.subscriber_id = person.id
      JOIN mails mail ON mail.request_id = mailed.id AND mail.copy IS NOT NULL
     ORDER BY mailed.subscriber_id, mailed.seq, mail.accepted_at DESC
  ), event AS (
    SELECT event.subscriber_id, jsonb_agg(jsonb_build_object(
             'subscriberId', event.subscriber_id, 'seq', event.seq, 'kind', event.kind, 'at', event.at,
             'channel', event.channel, 'listWordings', event.list_wordings,
             'wordingVersion', event.wording_version, 'requestSeq', event.request_seq,
             'mailHash', event.mail_hash, 'evidenceDigest', event.evidence_digest,
             'previousHash', event.previous_hash, 'hash', event.hash,
             'evidence', CASE WHEN evidence.seq IS NOT NULL THEN jsonb_build_object(
               'email', evidence.email, 'ip', evidence.ip, 'userAgent', evidence.user_agent,
               'page', evidence.page, 'givenAt', evidence.given_at) END,
             'keptMailHash', CASE WHEN event.kind = 'mailed' THEN kept.hash END) ORDER BY event.seq) AS every
      FROM person
      JOIN consent_events event ON event.subscriber_id = person.id
      LEFT JOIN consent_evidence evidence
        ON evidence.subscriber_id = event.subscriber_id AND evidence.seq = event.seq
      LEFT JOIN kept ON kept.subscriber_id = event.subscriber_id AND kept.seq = event.request_seq
     GROUP BY event.subscriber_id
  ), subscription AS (
    SELECT subscription.subscriber_id, jsonb_agg(jsonb_build_object(
             'list', list.slug, 'state', subscription.state, 'consentSeq', subscription.consent_seq,
             'endedSeq', subscription.ended_seq)) AS every
      FROM person
      JOIN subscriptions subscription ON subscription.subscriber_id = person.id
      JOIN mailing_lists list ON list.id = subscription.list_id
     GROUP BY subscription.subscriber_id
  )
  SELECT jsonb_build_object(
           'subscriberId', person.id, 'salt', person.ledger_salt,
           'head', jsonb_build_object('seq', person.ledger_seq, 'hash', person.ledger_hash),
           'events', coalesce(event.every, '[]'), 'subscriptions', coalesce(subscription.every, '[]')) AS ledger
    FROM person
    LEFT JOIN event ON event.subscriber_id = person.id
    LEFT JOIN subscription ON subscription.subscriber_id = person.id
   ORDER BY person.id`;

const date = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const checkedShape: z.ZodType<Checked> = z.object({
  subscriberId: z.string(),
  salt: z.string().nullable(),
  head: z.object({ seq: z.number(), hash: z.string() }),
  events: z.array(
    z.object({
      subscriberId: z.string(),
      seq: z.number(),
      kind: z.enum(ConsentEventKind),
      at: date,
      channel: z.enum(ConsentChannel),
      listWordings: z.array(z.string()),
      wordingVersion: z.string().nullable(),
      requestSeq: z.number().nullable(),
      mailHash: z.string().nullable(),
      evidenceDigest: z.string(),
      previousHash: z.string(),
      hash: z.string(),
      evidence: z
        .object({
          email: z.string(),
          ip: z.string().nullable(),
          userAgent: z.string().nullable(),
          page: z.string().nullable(),
          givenAt: date.nullable(),
        })
        .nullable(),
      keptMailHash: z.string().nullable(),
    }),
  ),
  subscriptions: z.array(
    z.object({
      list: z.string(),
      state: z.enum(SubscriptionState),
      consentSeq: z.number().nullable(),
      endedSeq: z.number().nullable(),
    }),
  ),
});

/** Those wordings that are there and as their version says, which is the hash of their content. */
async function wholeWordings(sql: Sql, versions: readonly string[]): Promise<WholeWordings> {
  const lists = await sql.query<{ version: string; slug: string; name: string; description: string }>(
    'SELECT version, slug, name, description FROM mailing_list_wordings WHERE version = ANY ($1::text[])',
    [versions],
  );
  const texts = await sql.query<{ version: string; locale: string; text: string }>(
    'SELECT version, locale, text FROM consent_wordings WHERE version = ANY ($1::text[])',
    [versions],
  );
  return new Map([
    ...lists.flatMap(({ version, slug, name, description }): [string, { list: string | null }][] =>
      version === versionOf('list', slug, name, description) ? [[version, { list: slug }]] : [],
    ),
    ...texts.flatMap(({ version, locale, text }): [string, { list: string | null }][] =>
      version === versionOf('consent', locale, text) ? [[version, { list: null }]] : [],
    ),
  ]);
}
