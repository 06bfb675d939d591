import { z } from 'zod';
import { csvOf } from '../platform/csv.ts';
import type { Sql } from '../platform/database.ts';
import { undetermined } from './wordings.ts';

/**
 * All that is known of a person, for themselves (C-25; GDPR 15 and 20): their choices, every consent event with the
 * words that they read, what was mailed to them, what Mailchimp shows of them. No secret of theirs is in it, since a
 * copy gets forwarded. The JSON holds everything, the CSV a row for each consent event.
 * @throws Error when there is no such person, or they were erased
 */
export async function copyOf(sql: Sql, subscriberId: string): Promise<{ json: string; csv: string }> {
  const row = await knownOf(sql, subscriberId);
  if (row === null || row.erased)
    throw new Error('there is nothing to copy: no such person, or they were erased');
  const copy = copyShape.parse(row.known);
  return { json: `${JSON.stringify(copy, null, 2)}\n`, csv: csvOf(columns, copy.consentEvents.map(rowOf)) };
}

/**
 * All that is known of a person, to be parsed by whoever tells of it: the copy for themselves, the dossier for
 * others. In one statement, so that all of it is of one moment. @returns null when there is no such person
 */
export async function knownOf(
  sql: Sql,
  subscriberId: string,
): Promise<{ erased: boolean; known: unknown } | null> {
  const [row] = await sql.query<{ erased: boolean; known: unknown }>(statement, [subscriberId]);
  return row ?? null;
}

const statement = `
  SELECT person.ledger_salt IS NULL AS erased, jsonb_build_object(
           'chain', jsonb_build_object('salt', person.ledger_salt,
             'head', jsonb_build_object('number', person.ledger_seq, 'hash', person.ledger_hash)),
           'address', person.typed, 'mailedAs', person.email, 'knownSince', person.created_at,
           'language', person.locale, 'firstName', person.first_name,
           'mailBlock', person.mail_block, 'declinedAt', person.declined_at,
           'lists', coalesce(choice.every, '[]'), 'consentEvents', coalesce(event.every, '[]'),
           'mails', coalesce(mail.every, '[]'), 'mailchimp', contact.state) AS known
    FROM subscribers person
   CROSS JOIN LATERAL (
         SELECT jsonb_agg(jsonb_build_object(
                  'list', list.slug, 'name', wording.name, 'state', subscription.state,
                  'consent', subscription.consent_seq, 'ending', subscription.ended_seq,
                  'since', subscription.changed_at) ORDER BY list.position, list.id) AS every
           FROM subscriptions subscription
           JOIN mailing_lists list ON list.id = subscription.list_id
           JOIN mailing_list_wordings wording ON wording.version = list.wording_version
          WHERE subscription.subscriber_id = person.id) choice
   CROSS JOIN LATERAL (
         SELECT jsonb_agg(jsonb_build_object(
                  'number', event.seq, 'kind', event.kind, 'at', event.at, 'channel', event.channel,
                  'chained', jsonb_build_object('listVersions', event.list_wordings,
                    'consentVersion', event.wording_version, 'answers', event.request_seq,
                    'mailHash', event.mail_hash, 'evidenceDigest', event.evidence_digest,
                    'previousHash', event.previous_hash, 'hash', event.hash, 'givenAt', evidence.given_at),
                  'mail', sent.mail, 'import', brought.import,
                  'lists', coalesce(shown.lists, '[]'), 'consentText', wording.text,
                  'consentLanguage', wording.locale, 'firstName', request.first_name,
                  'evidence', jsonb_build_object('address', evidence.email, 'ip', evidence.ip,
                    'userAgent', evidence.user_agent, 'page', evidence.page, 'givenAt', evidence.given_at))
                  ORDER BY event.seq) AS every
           FROM consent_events event
           LEFT JOIN consent_evidence evidence
             ON evidence.subscriber_id = event.subscriber_id AND evidence.seq = event.seq
           LEFT JOIN consent_wordings wording ON wording.version = event.wording_version
           LEFT JOIN sign_up_requests request
             ON request.subscriber_id = event.subscriber_id AND request.seq = event.seq
           LEFT JOIN LATERAL (
                SELECT jsonb_build_object('id', mail.id, 'text', mail.copy) AS mail
                  FROM sign_up_requests mailed
                  JOIN mails mail ON mail.request_id = mailed.id
                 WHERE event.kind = 'mailed' AND mailed.subscriber_id = event.subscriber_id
                   AND mailed.seq = event.request_seq
                 ORDER BY mail.accepted_at DESC NULLS LAST LIMIT 1) sent ON true
           LEFT JOIN LATERAL (
                SELECT jsonb_build_object('id', import.id, 'file', import.file, 'row', imported.row,
                         'begunAt', import.created_at) AS import
                  FROM imported_rows imported
                  JOIN imports import ON import.id = imported.import_id
                 WHERE imported.subscriber_id = event.subscriber_id AND imported.seq = event.seq
                 ORDER BY imported.row LIMIT 1) brought ON true
          CROSS JOIN LATERAL (
                SELECT jsonb_agg(jsonb_build_object(
                         'version', wording.version,
                         'list', wording.slug, 'name', wording.name, 'description', wording.description)
                         ORDER BY place) AS lists
                  FROM unnest(event.list_wordings) WITH ORDINALITY AS worded(version, place)
                  JOIN mailing_list_wordings wording ON wording.version = worded.version) shown
          WHERE event.subscriber_id = person.id) event
   CROSS JOIN LATERAL (
         SELECT jsonb_agg(jsonb_build_object(
                  'id', id, 'abandoned', abandoned,
                  'kind', kind, 'dueAt', due_at, 'acceptedAt', accepted_at) ORDER BY due_at, id) AS every
           FROM mails
          WHERE subscriber_id = person.id) mail
    LEFT JOIN LATERAL (
         SELECT jsonb_build_object('status', nullif(member_status, 'unread'), 'toldAt', acknowledged_at,
                  'refusal', refusal ->> 'kind', 'isEqual', wanted = acknowledged) AS state
           FROM audience_contacts
          WHERE subscriber_id = person.id) contact ON true
   WHERE person.id = $1`;

/** UTC, whatever the time zone of the database. */
export const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());

const eventShape = z.object({
  number: z.number(),
  kind: z.string(),
  at: time,
  channel: z.string(),
  /** As they were worded to the person then. */
  lists: z.array(z.object({ list: z.string(), name: z.string(), description: z.string() })),
  /** What stood under the form, and in which language; or where an import says that consent comes from. */
  consentText: z.string().nullable(),
  consentLanguage: z
    .string()
    .nullable()
    .transform((tag) => (tag === undetermined ? null : tag)),
  /** As the form was filled in. */
  firstName: z.string().nullable(),
  evidence: z.object({
    address: z.string(),
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    page: z.string().nullable(),
    /** When consent was given, or taken back, in the system that an import came from. */
    givenAt: time.nullable(),
  }),
});

const copyShape = z.object({
  /** As typed. */
  address: z.string(),
  mailedAs: z.string(),
  knownSince: time,
  language: z.string(),
  firstName: z.string().nullable(),
  /** Why no mail goes to the address. */
  mailBlock: z.string().nullable(),
  /** Since when the person wants no mail that others may cause. */
  declinedAt: time.nullable(),
  lists: z.array(z.object({ list: z.string(), name: z.string(), state: z.string(), since: time })),
  consentEvents: z.array(eventShape),
  mails: z.array(z.object({ kind: z.string(), dueAt: time, acceptedAt: time.nullable() })),
  /** Null for whom Mailchimp was never told of. */
  mailchimp: z.object({ status: z.string().nullable(), toldAt: time.nullable() }).nullable(),
});

const columns = [
  'number',
  'kind',
  'time',
  'channel',
  'lists',
  'list_names',
  'list_descriptions',
  'consent_text',
  'consent_language',
  'first_name',
  'address',
  'ip',
  'user_agent',
  'page',
  'given_at',
] as const;

function rowOf(event: z.infer<typeof eventShape>): Record<(typeof columns)[number], string | number | null> {
  const linesOf = (part: 'list' | 'name' | 'description') => event.lists.map((list) => list[part]).join('\n');
  return {
    number: event.number,
    kind: event.kind,
    time: event.at,
    channel: event.channel,
    lists: linesOf('list'),
    list_names: linesOf('name'),
    list_descriptions: linesOf('description'),
    consent_text: event.consentText,
    consent_language: event.consentLanguage,
    first_name: event.firstName,
    address: event.evidence.address,
    ip: event.evidence.ip,
    user_agent: event.evidence.userAgent,
    page: event.evidence.page,
    given_at: event.evidence.givenAt,
  };
}
