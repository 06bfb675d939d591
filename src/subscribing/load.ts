import { z } from 'zod';
import { sha256 } from '../consent/ledger.ts';
import type { Sql } from '../platform/database.ts';
import { capWindow } from './caps.ts';
import type { Command } from './commands.ts';
import type { Household } from './person.ts';

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
       (SELECT s.abuse_key FROM subscribers s WHERE s.id = asked.subscriber_id)
     ) AS abuse_key
     FROM jsonb_to_recordset($1::jsonb)
       AS asked(n int, abuse_key text, link_key text, token_hash text, subscriber_id uuid)
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
  link_key?: string;
  subscriber_id?: string;
} {
  switch (command.type) {
    case 'sign_up':
      return { abuse_key: command.address.abuseKey };
    case 'confirm':
      return { token_hash: sha256(command.token) };
    case 'leave':
    case 'choose':
      return { link_key: command.linkKey };
    case 'mail_accepted':
      return { subscriber_id: command.subscriberId };
  }
}

/** Loads all that `decide` needs of these folded addresses, in one query. */
export async function loadHouseholds(
  sql: Sql,
  commands: readonly Command[],
  abuseKeys: readonly string[],
  now: Date,
): Promise<Map<string, Household>> {
  const rows = await sql.query<{ abuse_key: string; household: unknown }>(
    `SELECT abuse_key, jsonb_build_object(
       'confirmationMails', (
         SELECT coalesce(jsonb_agg(m.due_at), '[]') FROM mails m JOIN subscribers s ON s.id = m.subscriber_id
          WHERE s.abuse_key = asked.abuse_key AND m.kind = 'confirmation' AND m.due_at > $2::timestamptz),
       'people', (
         SELECT coalesce(jsonb_agg(jsonb_build_object(
           'id', s.id, 'key', s.key, 'typed', s.typed, 'abuseKey', s.abuse_key, 'linkKey', s.link_key,
           'locale', s.locale,
           'ledger', jsonb_build_object('seq', s.ledger_seq, 'hash', s.ledger_hash, 'salt', s.ledger_salt, 'lastAt', (
             SELECT e.at FROM consent_events e WHERE e.subscriber_id = s.id AND e.seq = s.ledger_seq)),
           'subscriptions', (
             SELECT coalesce(jsonb_agg(jsonb_build_object(
               'listId', l.id, 'slug', l.slug, 'name', w.name, 'description', w.description, 'wording', w.version,
               'archived', l.archived_at IS NOT NULL, 'state', sub.state,
               'consentSeq', sub.consent_seq, 'endedSeq', sub.ended_seq) ORDER BY l.position, l.id), '[]')
               FROM subscriptions sub
               JOIN mailing_lists l ON l.id = sub.list_id
               JOIN mailing_list_wordings w ON w.version = l.wording_version
              WHERE sub.subscriber_id = s.id),
           'requests', (
             SELECT coalesce(jsonb_agg(jsonb_build_object(
               'id', r.id, 'seq', r.seq, 'tokenHash', r.token_hash, 'listIds', r.list_ids,
               'wordings', e.list_wordings, 'locale', r.locale, 'firstName', r.first_name,
               'expiresAt', r.expires_at, 'confirmedAt', r.confirmed_at,
               'mailDueAt', (SELECT max(m.due_at) FROM mails m WHERE m.request_id = r.id)) ORDER BY r.seq), '[]')
               FROM sign_up_requests r
               JOIN consent_events e ON e.subscriber_id = r.subscriber_id AND e.seq = r.seq
              WHERE r.subscriber_id = s.id AND (r.expires_at > $3::timestamptz OR r.token_hash = ANY ($4::text[]))))
         ), '[]')
          FROM subscribers s WHERE s.abuse_key = asked.abuse_key)
     ) AS household
     FROM unnest($1::text[]) AS asked(abuse_key)`,
    [
      abuseKeys,
      new Date(now.getTime() - capWindow).toISOString(),
      now.toISOString(),
      commands.flatMap((command) => (command.type === 'confirm' ? [sha256(command.token)] : [])),
    ],
  );
  return new Map(rows.map((row) => [row.abuse_key, householdShape.parse(row.household)]));
}

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const householdShape: z.ZodType<Household> = z.object({
  confirmationMails: z.array(time),
  people: z.array(
    z.object({
      id: z.string(),
      key: z.string(),
      typed: z.string(),
      abuseKey: z.string(),
      linkKey: z.string(),
      locale: z.string(),
      ledger: z.object({ seq: z.number(), hash: z.string(), salt: z.string(), lastAt: time.nullable() }),
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
        }),
      ),
      requests: z.array(
        z.object({
          id: z.string(),
          seq: z.number(),
          tokenHash: z.string(),
          listIds: z.array(z.number()),
          wordings: z.array(z.string()),
          locale: z.string(),
          firstName: z.string().nullable(),
          expiresAt: time,
          confirmedAt: time.nullable(),
          mailDueAt: time.nullable(),
        }),
      ),
    }),
  ),
});
