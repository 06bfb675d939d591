import type { Sql } from '../platform/database.ts';
import type { Person } from './member.ts';
import type { RefusalKind } from './refusals.ts';

/** A contact as it was at one moment: what to send, and what must be unchanged to acknowledge it. */
export interface Contact extends Person {
  subscriberId: string;
  linkKey: string;
  /** The revision that the rest of this object is. */
  revision: number;
  /** `due_at` as loaded. Whoever takes or marks the contact moves it, so it tells whether we are alone. */
  seen: string;
  attempts: number;
  refusal: Refusal | null;
  /** On a list that the audience has no interest for yet. */
  unmapped: boolean;
}

/** Why a contact is not equal, as the operator sees it. `detail` may hold the address. */
export interface Refusal {
  kind: RefusalKind;
  status: number | null;
  title: string | null;
  detail: string;
  requestId: string | null;
  /** When this kind of refusal began, and when it was last met. */
  since: string;
  at: string;
}

/**
 * Leases due contacts, opt-outs first, then the longest due. A crashed worker's are due again when the
 * lease is over, which must therefore outlast a call.
 * @param except those that this process is already busy with
 * `due_at` is rounded to milliseconds, so that "now" may lie half a one ahead when it is looked at at once.
 * @returns their ids
 */
export async function takeDue(
  sql: Sql,
  { limit, leaseMs, except }: { limit: number; leaseMs: number; except: string[] },
): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `WITH due AS MATERIALIZED (
       SELECT subscriber_id FROM audience_contacts
        WHERE wanted <> acknowledged AND due_at <= now() + interval '1 millisecond' AND subscriber_id <> ALL ($3::uuid[])
        ORDER BY opt_out DESC, due_at
        LIMIT $1
          FOR UPDATE SKIP LOCKED)
     UPDATE audience_contacts contact
        SET due_at = now() + $2 * interval '1 millisecond'
       FROM due
      WHERE contact.subscriber_id = due.subscriber_id
     RETURNING contact.subscriber_id AS id`,
    [limit, leaseMs, except],
  );
  return rows.map((row) => row.id);
}

/**
 * Loads contacts as they are now, in one statement, so that the revision and the state belong together.
 * (Inside the statement that takes them they would not: it locks newer rows than its snapshot shows.)
 */
export async function loadContacts(sql: Sql, audienceId: string, ids: string[]): Promise<Contact[]> {
  if (ids.length === 0) return [];
  const rows = await sql.query<
    Omit<Contact, 'interests' | 'unmapped' | 'consent'> & {
      choices: { id: string | null; wanted: boolean }[];
      consentSeq: number | null;
      consentAt: Date | null;
      consentIp: string | null;
    }
  >(
    `SELECT contact.subscriber_id AS "subscriberId", contact.wanted AS "revision", contact.due_at::text AS "seen",
            contact.attempts, contact.refusal, contact.consent_seq AS "takenConsentSeq",
            person.email, person.first_name AS "firstName", person.locale, person.link_key AS "linkKey",
            choices.all AS "choices", consent.seq AS "consentSeq", consent.at AS "consentAt", consent.ip AS "consentIp"
       FROM audience_contacts contact
       JOIN subscribers person ON person.id = contact.subscriber_id
      CROSS JOIN LATERAL (
            SELECT coalesce(json_agg(json_build_object(
                     'id', interest.interest_id, 'wanted', coalesce(subscription.state = 'subscribed', false))), '[]') AS "all"
              FROM mailing_lists list
              LEFT JOIN audience_interests interest ON interest.list_id = list.id AND interest.audience_id = $2
              LEFT JOIN subscriptions subscription
                ON subscription.list_id = list.id AND subscription.subscriber_id = contact.subscriber_id
             WHERE interest.interest_id IS NOT NULL OR subscription.state = 'subscribed') choices
       LEFT JOIN LATERAL (
            SELECT event.seq, event.at, evidence.ip
              FROM subscriptions subscription
              JOIN consent_events event
                ON event.subscriber_id = subscription.subscriber_id AND event.seq = subscription.consent_seq
              LEFT JOIN consent_evidence evidence
                ON evidence.subscriber_id = event.subscriber_id AND evidence.seq = event.seq
             WHERE subscription.subscriber_id = contact.subscriber_id AND subscription.state = 'subscribed'
             ORDER BY event.seq DESC
             LIMIT 1) consent ON true
      WHERE contact.subscriber_id = ANY ($1::uuid[])
      ORDER BY contact.opt_out DESC, contact.due_at`,
    [ids, audienceId],
  );
  return rows.map(({ choices, consentSeq, consentAt, consentIp, ...contact }) => ({
    ...contact,
    interests: choices.flatMap(({ id, wanted }) => (id === null ? [] : [{ id, wanted }])),
    unmapped: choices.some(({ id }) => id === null),
    consent:
      consentSeq === null || consentAt === null ? null : { seq: consentSeq, at: consentAt, ip: consentIp },
  }));
}

// While a call was under way, the contact may have been marked anew or, after its lease ran out, taken by
// another worker. Nobody knows then which call reached Mailchimp last, so it becomes due again: what is
// sent after both is what stays.
const alone = 'coalesce(due_at = $2::timestamptz AND wanted = $3, false)';
const identity = (contact: Contact) => [contact.subscriberId, contact.seen, contact.revision];

/** Records that Mailchimp is as the loaded revision wants it, and that it took the consent behind it. */
export async function acknowledge(sql: Sql, contact: Contact): Promise<void> {
  await sql.query(
    `UPDATE audience_contacts
        SET acknowledged = CASE WHEN ${alone} THEN wanted ELSE 0 END,
            due_at = CASE WHEN ${alone} THEN due_at ELSE now() END,
            opt_out = opt_out AND NOT ${alone},
            consent_seq = greatest(consent_seq, $4), attempts = 0, refusal = NULL, acknowledged_at = now()
      WHERE subscriber_id = $1`,
    [...identity(contact), contact.consent?.seq ?? 0],
  );
}

/**
 * Records why Mailchimp is not equal, and when to try again; `delayMs` null parks the contact.
 * @param tookConsent Mailchimp acted on the consent all the same: it must not be asked for it twice
 */
export async function recordRefusal(
  sql: Sql,
  contact: Contact,
  refusal: Refusal,
  { delayMs, tookConsent = false }: { delayMs: number | null; tookConsent?: boolean },
): Promise<void> {
  await sql.query(
    `UPDATE audience_contacts
        SET acknowledged = CASE WHEN ${alone} THEN acknowledged ELSE 0 END,
            due_at = CASE WHEN ${alone} THEN now() + $4 * interval '1 millisecond' ELSE now() END,
            attempts = CASE WHEN ${alone} THEN attempts + 1 ELSE attempts END,
            consent_seq = greatest(consent_seq, $5), refusal = $6::jsonb
      WHERE subscriber_id = $1`,
    [
      ...identity(contact),
      delayMs === null ? null : Math.round(delayMs),
      tookConsent ? (contact.consent?.seq ?? 0) : 0,
      JSON.stringify(refusal),
    ],
  );
}

/** Gives a contact back as it was, due in `delayMs`. */
export async function putBack(sql: Sql, contact: Contact, delayMs: number): Promise<void> {
  await sql.query(
    `UPDATE audience_contacts SET due_at = now() + $4 * interval '1 millisecond' WHERE subscriber_id = $1 AND ${alone}`,
    [...identity(contact), Math.round(delayMs)],
  );
}
