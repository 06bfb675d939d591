import { z } from 'zod';
import { sha256 } from '../consent/ledger.ts';
import { MailKind } from '../generated/prisma/enums.ts';
import type { Sql } from '../platform/database.ts';
import { capWindow } from './caps.ts';
import type { Command } from './commands.ts';
import { suppressionDigest } from './erase.ts';
import type { Household, OwedMail, Person } from './person.ts';

/** A household without what is not read of its people. */
type Loaded = Pick<Household, 'people' | 'mails'>;

/** Finds the folded address that each command is about; null for a token or key that is nobody's. */
export async function findHouseholds(sql: Sql, commands: readonly Command[]): Promise<(string | null)[]> {
  const asked = commands.map(whom);
  const known = asked.map((whom) => whom.abuse_key ?? null);
  if (known.every((abuseKey) => abuseKey !== null)) return known;
  const rows = await sql.query<{ abuse_key: string | null }>(
    `SELECT coalesce(
       abuse_key,
       (SELECT s.abuse_key FROM subscribers s WHERE s.link_key = asked.link_key),
       (SELECT s.abuse_key FROM sign_up_requests r JOIN subscribers s ON s.id = r.subscriber_id
         WHERE r.token_hash = asked.token_hash),
       (SELECT s.abuse_key FROM mails m JOIN subscribers s ON s.id = m.subscriber_id
         WHERE m.token_hash = asked.erase_hash),
       (SELECT s.abuse_key FROM subscribers s WHERE s.id = asked.subscriber_id)
     ) AS abuse_key
     FROM jsonb_to_recordset($1::jsonb)
       AS asked(n int, abuse_key text, link_key text, token_hash text, erase_hash text, subscriber_id uuid)
     ORDER BY n`,
    [JSON.stringify(asked.map((whom, n) => ({ n, ...whom })))],
  );
  return rows.map((row) => row.abuse_key);
}

/**
 * Locks folded addresses until the transaction ends, those of people yet unknown as well. All sets lock
 * in one order, so that no two wait for each other.
 */
export async function lockHouseholds(tx: Sql, abuseKeys: readonly string[]): Promise<void> {
  await tx.query(
    `SELECT pg_advisory_xact_lock(lock) FROM (
       SELECT DISTINCT hashtextextended(abuse_key, 0) AS lock FROM unnest($1::text[]) AS asked(abuse_key) ORDER BY lock
     ) ordered`,
    [abuseKeys],
  );
}

/** How the database is asked whom a command is about. */
function whom(command: Command): {
  abuse_key?: string;
  token_hash?: string;
  erase_hash?: string;
  link_key?: string;
  subscriber_id?: string;
} {
  switch (command.type) {
    case 'sign_up':
    case 'ask_link':
    case 'import':
      return { abuse_key: command.address.abuseKey };
    case 'confirm':
    case 'renew':
      return { token_hash: sha256(command.token) };
    case 'erase':
      return { erase_hash: sha256(command.token) };
    case 'leave':
    case 'choose':
    case 'decline':
    case 'allow':
    case 'ask_data':
      return { link_key: command.linkKey };
    case 'erase_person':
    case 'expire_person':
    case 'mail_accepted':
    case 'left_at_mailchimp':
    case 'left_since_backup':
    case 'change_address':
    case 'undo_import':
      return { subscriber_id: command.subscriberId };
  }
}

/** Which addresses of imports were erased here (C-22), by key: known by any of the secrets that digests were made with. */
export async function findSuppressed(
  sql: Sql,
  commands: readonly Command[],
  secrets: readonly string[],
): Promise<ReadonlySet<string>> {
  const keyOf = new Map(
    commands.flatMap((command) =>
      command.type === 'import'
        ? secrets.map(
            (secret) => [suppressionDigest(secret, command.address.key), command.address.key] as const,
          )
        : [],
    ),
  );
  if (keyOf.size === 0) return new Set();
  const rows = await sql.query<{ digest: string }>(
    'SELECT digest FROM suppressions WHERE digest = ANY ($1::text[])',
    [[...keyOf.keys()]],
  );
  return new Set(rows.map(({ digest }) => keyOf.get(digest) ?? ''));
}

/** Loads all that `decide` needs of these folded addresses. Addresses that nobody has yet cost one look. */
export async function loadHouseholds(
  sql: Sql,
  commands: readonly Command[],
  abuseKeys: readonly string[],
  now: Date,
): Promise<Map<string, Loaded>> {
  const known = await sql.query<{ id: string }>(
    'SELECT id FROM subscribers WHERE abuse_key = ANY ($1::text[])',
    [abuseKeys],
  );
  if (known.length === 0) return new Map();

  const tokens = commands.flatMap((command) => ('token' in command ? [sha256(command.token)] : []));
  const mailed = commands.flatMap((command) =>
    command.type === 'mail_accepted'
      ? [{ subscriber_id: command.subscriberId, seq: command.requestSeq }]
      : [],
  );
  const rows = await sql.query<{ person: unknown }>(
    `WITH subscription AS (
       SELECT subscription.subscriber_id, jsonb_agg(jsonb_build_object(
                'listId', list.id, 'slug', list.slug, 'name', wording.name, 'description', wording.description,
                'wording', wording.version, 'archived', list.archived_at IS NOT NULL, 'state', subscription.state,
                'consentSeq', subscription.consent_seq, 'endedSeq', subscription.ended_seq,
                'changedAt', subscription.changed_at, 'imported', coalesce(consent.kind = 'imported', false),
                'givenAt', CASE WHEN consent.kind = 'imported' THEN evidence.given_at ELSE consent.at END,
                'undone', coalesce(ending.kind = 'import_undone', false),
                'leftHere', coalesce(ending.kind = 'unsubscribed' AND ending.channel <> 'import', false))
                ORDER BY list.position, list.id) AS every
         FROM subscriptions subscription
         JOIN mailing_lists list ON list.id = subscription.list_id
         JOIN mailing_list_wordings wording ON wording.version = list.wording_version
         LEFT JOIN consent_events consent
           ON consent.subscriber_id = subscription.subscriber_id AND consent.seq = subscription.consent_seq
         LEFT JOIN consent_evidence evidence
           ON evidence.subscriber_id = consent.subscriber_id AND evidence.seq = consent.seq
          AND consent.kind = 'imported'
         LEFT JOIN consent_events ending
           ON ending.subscriber_id = subscription.subscriber_id AND ending.seq = subscription.ended_seq
        WHERE subscription.subscriber_id = ANY ($1::uuid[])
        GROUP BY subscription.subscriber_id
     ), mail AS (
       SELECT subscriber_id, jsonb_agg(jsonb_build_object(
                'subscriberId', subscriber_id, 'kind', kind, 'dueAt', due_at, 'tokenHash', token_hash)) AS every
         FROM mails
        WHERE subscriber_id = ANY ($1::uuid[]) AND (due_at > $2::timestamptz OR token_hash = ANY ($4::text[]))
        GROUP BY subscriber_id
     ), request AS (
       SELECT request.subscriber_id, jsonb_agg(jsonb_build_object(
                'id', request.id, 'seq', request.seq, 'tokenHash', request.token_hash, 'listIds', request.list_ids,
                'wordings', event.list_wordings, 'wordingVersion', request.wording_version, 'locale', request.locale, 'firstName', request.first_name,
                'expiresAt', request.expires_at, 'confirmedAt', request.confirmed_at,
                'mailDueAt', (SELECT max(due_at) FROM mails WHERE request_id = request.id))
                ORDER BY request.seq) AS every
         FROM sign_up_requests request
         JOIN consent_events event ON event.subscriber_id = request.subscriber_id AND event.seq = request.seq
        WHERE request.subscriber_id = ANY ($1::uuid[])
          AND (request.expires_at > $3::timestamptz OR request.token_hash = ANY ($4::text[])
               OR (request.subscriber_id, request.seq) IN (SELECT mailed.subscriber_id, mailed.seq
                     FROM jsonb_to_recordset($5::jsonb) AS mailed(subscriber_id uuid, seq int))
               OR request.seq = (SELECT max(seq) FROM sign_up_requests newest
                                  WHERE newest.subscriber_id = request.subscriber_id))
        GROUP BY request.subscriber_id
     )
     SELECT jsonb_build_object(
              'id', person.id, 'key', person.key, 'typed', person.typed, 'abuseKey', person.abuse_key,
              'linkKey', person.link_key, 'locale', person.locale, 'mailBlock', person.mail_block,
              'declined', person.declined_at IS NOT NULL,
              'ledger', jsonb_build_object('seq', person.ledger_seq, 'hash', person.ledger_hash,
                'salt', person.ledger_salt, 'lastAt', last.at),
              'mails', coalesce(mail.every, '[]'),
              'subscriptions', coalesce(subscription.every, '[]'),
              'requests', coalesce(request.every, '[]')) AS person
       FROM subscribers person
       LEFT JOIN consent_events last ON last.subscriber_id = person.id AND last.seq = person.ledger_seq
       LEFT JOIN subscription ON subscription.subscriber_id = person.id
       LEFT JOIN mail ON mail.subscriber_id = person.id
       LEFT JOIN request ON request.subscriber_id = person.id
      WHERE person.id = ANY ($1::uuid[])`,
    [
      known.map(({ id }) => id),
      new Date(now.getTime() - capWindow).toISOString(),
      now.toISOString(),
      tokens,
      JSON.stringify(mailed),
    ],
  );

  const households = new Map<string, Loaded>();
  for (const row of rows) {
    const { mails, ...person } = personShape.parse(row.person);
    const household = households.get(person.abuseKey) ?? { people: [], mails: [] };
    household.people.push(person);
    household.mails.push(...mails);
    households.set(person.abuseKey, household);
  }
  return households;
}

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const personShape: z.ZodType<Person & { mails: OwedMail[] }> = z.object({
  mails: z.array(
    z.object({
      subscriberId: z.string(),
      kind: z.enum(MailKind),
      dueAt: time,
      tokenHash: z.string().nullable(),
    }),
  ),
  id: z.string(),
  key: z.string(),
  typed: z.string(),
  abuseKey: z.string(),
  linkKey: z.string(),
  locale: z.string(),
  mailBlock: z.enum(['bounced', 'complained']).nullable(),
  declined: z.boolean(),
  ledger: z.object({
    seq: z.number(),
    hash: z.string(),
    salt: z.string().nullable(),
    lastAt: time.nullable(),
  }),
  subscriptions: z.array(
    z.object({
      listId: z.number(),
      slug: z.string(),
      name: z.string(),
      description: z.string(),
      wording: z.string(),
      archived: z.boolean(),
      state: z.enum(['pending', 'subscribed', 'unsubscribed']),
      consentSeq: z.number().nullable(),
      endedSeq: z.number().nullable(),
      changedAt: time,
      imported: z.boolean(),
      givenAt: time.nullable(),
      undone: z.boolean(),
      leftHere: z.boolean(),
    }),
  ),
  requests: z.array(
    z.object({
      id: z.string(),
      seq: z.number(),
      tokenHash: z.string(),
      listIds: z.array(z.number()),
      wordings: z.array(z.string()),
      wordingVersion: z.string(),
      locale: z.string(),
      firstName: z.string().nullable(),
      expiresAt: time,
      confirmedAt: time.nullable(),
      mailDueAt: time.nullable(),
    }),
  ),
});
