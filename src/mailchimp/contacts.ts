import type { Sql } from '../platform/database.ts';
import type { Person } from './member.ts';
import { isOfEverybody, type RefusalKind, serverTimeout } from './refusals.ts';

/** A contact as it was at one moment: what to send, and what must be unchanged to acknowledge it. */
export interface Contact extends Person {
  subscriberId: string;
  /** The address in lower case, by which Mailchimp's answers are matched. */
  key: string;
  linkKey: string;
  mailBlock: 'bounced' | 'complained' | null;
  /** The revision that the rest of this object is. */
  revision: number;
  /** Whether Mailchimp does not have it yet. */
  due: boolean;
  /** `due_at` as loaded. Whoever takes or marks the contact moves it, so it tells whether we are alone. */
  seen: string | null;
  attempts: number;
  refusal: Refusal | null;
  /** The newest consent for which Mailchimp was asked for its own opt-in. */
  askedConsentSeq: number;
  acknowledgedAt: Date | null;
  /** Hints: read the member first; what a webhook said; where the person's links were seen. */
  look: boolean;
  reported: 'left' | 'complained' | null;
  movedTo: string | null;
  /** The status that Mailchimp last showed; `absent` when it did not know the address. */
  memberStatus: string | null;
  /** On a list that the audience has no interest for yet. */
  unmapped: boolean;
}

/** A contact that a worker has for the time of its lease. */
export interface TakenContact extends Contact {
  /** Until when a call before ours, whose answer nobody has, may still reach the audience. */
  earlierUntil: string | null;
  /** The same of ours, as written when it was taken. */
  actingUntil: string;
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
 * Leases due contacts, opt-outs first, then the longest due, and loads them. A crashed worker's are due
 * again when the lease is over, which must therefore outlast a call.
 * @param except those that this process is already busy with
 */
export async function takeDue(
  sql: Sql,
  audienceId: string,
  { limit, leaseMs, except }: { limit: number; leaseMs: number; except: string[] },
): Promise<TakenContact[]> {
  // `due_at` is rounded to milliseconds, so that "now" may lie half a one ahead when it is looked at at once.
  const taken = await sql.query<{ id: string; earlierUntil: string | null; actingUntil: string }>(
    `WITH due AS MATERIALIZED (
       SELECT subscriber_id, may_act_until FROM audience_contacts
        WHERE wanted <> acknowledged AND due_at <= now() + interval '1 millisecond' AND subscriber_id <> ALL ($3::uuid[])
        ORDER BY opt_out DESC, due_at
        LIMIT $1
          FOR UPDATE SKIP LOCKED)
     UPDATE audience_contacts contact
        SET due_at = now() + $2 * interval '1 millisecond', may_act_until = now() + $4 * interval '1 millisecond'
       FROM due
      WHERE contact.subscriber_id = due.subscriber_id
     RETURNING contact.subscriber_id AS id, due.may_act_until::text AS "earlierUntil",
               contact.may_act_until::text AS "actingUntil"`,
    [limit, leaseMs, except, serverTimeout],
  );
  const leases = new Map(taken.map(({ id, ...lease }) => [id, lease]));
  // Loaded by a statement of its own, so that the revision and the state belong together: the one that
  // takes them locks newer rows than its snapshot shows.
  const contacts = await loadContacts(sql, audienceId, [...leases.keys()]);
  return contacts.flatMap((contact) => {
    const lease = leases.get(contact.subscriberId);
    return lease === undefined ? [] : { ...contact, ...lease };
  });
}

type Row = Omit<Contact, 'lists' | 'unmapped' | 'consent'> & {
  lists: {
    id: number;
    interest: string | null;
    mappedAt: string | null;
    subscribed: boolean;
    consentSeq: number | null;
    consentAt: string | null;
  }[];
  consentSeq: number | null;
  consentAt: Date | null;
  consentIp: string | null;
};

/** Loads contacts as they are now, in the order in which they are due. */
export async function loadContacts(sql: Sql, audienceId: string, ids: string[]): Promise<Contact[]> {
  if (ids.length === 0) return [];
  const rows = await sql.query<Row>(
    `SELECT contact.subscriber_id AS "subscriberId", contact.wanted AS "revision", contact.due_at::text AS "seen",
            contact.wanted <> contact.acknowledged AS "due",
            contact.attempts, contact.refusal, contact.consent_seq AS "takenConsentSeq",
            contact.asked_seq AS "askedConsentSeq", contact.acknowledged_at AS "acknowledgedAt", contact.look,
            contact.reported, contact.moved_to AS "movedTo", contact.member_status AS "memberStatus",
            person.email, person.key, person.first_name AS "firstName", person.locale, person.link_key AS "linkKey",
            person.mail_block AS "mailBlock",
            lists.all AS "lists", consent.seq AS "consentSeq", consent.at AS "consentAt", consent.ip AS "consentIp"
       FROM audience_contacts contact
       JOIN subscribers person ON person.id = contact.subscriber_id
      CROSS JOIN LATERAL (
            SELECT coalesce(json_agg(json_build_object(
                     'id', list.id, 'interest', interest.interest_id, 'mappedAt', interest.created_at,
                     'subscribed', coalesce(subscription.state = 'subscribed', false),
                     'consentSeq', consent.seq, 'consentAt', consent.at)), '[]') AS "all"
              FROM mailing_lists list
              LEFT JOIN audience_interests interest ON interest.list_id = list.id AND interest.audience_id = $2
              LEFT JOIN subscriptions subscription
                ON subscription.list_id = list.id AND subscription.subscriber_id = contact.subscriber_id
              LEFT JOIN consent_events consent
                ON consent.subscriber_id = contact.subscriber_id AND consent.seq = subscription.consent_seq
             WHERE interest.interest_id IS NOT NULL OR subscription.state = 'subscribed') lists
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
  return rows.map(({ lists, consentSeq, consentAt, consentIp, ...contact }) => ({
    ...contact,
    lists: lists.map(({ mappedAt, consentAt: at, ...list }) => ({
      ...list,
      mappedAt: mappedAt === null ? null : new Date(mappedAt),
      consentAt: at === null ? null : new Date(at),
    })),
    unmapped: lists.some(({ interest }) => interest === null),
    consent:
      consentSeq === null || consentAt === null ? null : { seq: consentSeq, at: consentAt, ip: consentIp },
  }));
}

// Settling takes whole sets, each in one statement over one JSON document.
//
// While a call was under way, the contact may have been marked anew or, after its lease ran out, taken by
// another worker. Nobody knows then which call reached Mailchimp last, so it becomes due again: what is
// sent after both is what stays. And a call before ours that nobody has an answer of may arrive after it:
// nothing is final before that cannot happen any more.

const identity = ({ subscriberId, seen, revision, earlierUntil, actingUntil }: TakenContact) => ({
  id: subscriberId,
  seen,
  revision,
  earlier: earlierUntil,
  acting: actingUntil,
});
const identityColumns = 'id uuid, seen timestamptz, revision int, earlier timestamptz, acting timestamptz';
const alone = 'coalesce(contact.due_at = given.seen AND contact.wanted = given.revision, false)';
const earlierActs = 'coalesce(given.earlier > now(), false)';
/** Our call is over; one before it may not be, and one after it is not ours to say. */
const answered = `CASE WHEN contact.may_act_until = given.acting
                       THEN CASE WHEN ${earlierActs} THEN given.earlier END
                       ELSE contact.may_act_until END`;

/** Records that Mailchimp is as the loaded revisions want it, and that it took the consent behind them. */
export async function acknowledge(
  sql: Sql,
  settled: { contact: TakenContact; memberStatus: string }[],
): Promise<void> {
  if (settled.length === 0) return;
  const final = `(${alone} AND NOT ${earlierActs})`;
  await sql.query(
    `UPDATE audience_contacts contact
        SET acknowledged = CASE WHEN NOT ${alone} THEN 0 WHEN ${final} THEN contact.wanted ELSE contact.acknowledged END,
            due_at = CASE WHEN NOT ${alone} THEN now() WHEN ${final} THEN contact.due_at ELSE given.earlier END,
            may_act_until = ${answered},
            opt_out = contact.opt_out AND NOT ${final},
            look = contact.look AND NOT ${final},
            reported = CASE WHEN NOT ${final} THEN contact.reported END,
            moved_to = CASE WHEN NOT ${final} THEN contact.moved_to END,
            refusal = CASE WHEN NOT ${final} THEN contact.refusal END,
            consent_seq = greatest(contact.consent_seq, given.consent), member_status = given.status,
            attempts = 0, acknowledged_at = now()
       FROM jsonb_to_recordset($1::jsonb) AS given(${identityColumns}, consent int, status text)
      WHERE contact.subscriber_id = given.id`,
    [
      JSON.stringify(
        settled.map(({ contact, memberStatus }) => ({
          ...identity(contact),
          consent: contact.consent?.seq ?? 0,
          status: memberStatus,
        })),
      ),
    ],
  );
}

export interface Refused {
  contact: TakenContact;
  refusal: Refusal;
  /** How often it was refused for this reason, this time included. */
  attempts: number;
  /** Milliseconds until the next attempt; null parks the contact. */
  delayMs: number | null;
  /** Mailchimp acted on the consent all the same: it must not be told of it twice. */
  tookConsent?: boolean;
  /** Mailchimp was asked for its own opt-in on this consent. */
  asked?: boolean;
  memberStatus?: string;
}

/** Records why Mailchimp is not equal, and when to try again. */
export async function recordRefusals(sql: Sql, refused: readonly Refused[]): Promise<void> {
  if (refused.length === 0) return;
  await sql.query(
    `UPDATE audience_contacts contact
        SET acknowledged = CASE WHEN ${alone} THEN contact.acknowledged ELSE 0 END,
            due_at = CASE WHEN ${alone} THEN now() + given.delay * interval '1 millisecond' ELSE now() END,
            attempts = CASE WHEN ${alone} THEN given.attempts ELSE contact.attempts END,
            may_act_until = CASE WHEN given.unanswered THEN contact.may_act_until ELSE ${answered} END,
            look = contact.look AND NOT (${alone} AND given.weighed),
            reported = CASE WHEN NOT (${alone} AND given.weighed) THEN contact.reported END,
            moved_to = CASE WHEN NOT (${alone} AND given.weighed) THEN contact.moved_to END,
            consent_seq = greatest(contact.consent_seq, given.taken), asked_seq = greatest(contact.asked_seq, given.asked),
            member_status = coalesce(given.status, contact.member_status), refusal = given.refusal
       FROM jsonb_to_recordset($1::jsonb)
         AS given(${identityColumns}, delay bigint, attempts int, unanswered boolean, weighed boolean, taken int, asked int,
                  status text, refusal jsonb)
      WHERE contact.subscriber_id = given.id`,
    [
      JSON.stringify(
        refused.map(({ contact, refusal, attempts, delayMs, tookConsent, asked, memberStatus }) => ({
          ...identity(contact),
          attempts,
          delay: delayMs === null ? null : Math.round(delayMs),
          unanswered: refusal.kind === 'timeout',
          // What failed on the way was not weighed, so the hints stay.
          weighed: !isOfEverybody(refusal.kind),
          taken: tookConsent ? (contact.consent?.seq ?? 0) : 0,
          asked: asked ? (contact.consent?.seq ?? 0) : 0,
          status: memberStatus ?? null,
          refusal,
        })),
      ),
    ],
  );
}

/** Gives contacts back as they were, due at once; `look` has them read one by one next time. */
export async function putBack(
  sql: Sql,
  contacts: readonly TakenContact[],
  { look = false }: { look?: boolean } = {},
): Promise<void> {
  if (contacts.length === 0) return;
  await sql.query(
    `UPDATE audience_contacts contact
        SET due_at = CASE WHEN ${alone} THEN now() ELSE contact.due_at END,
            may_act_until = ${answered}, look = contact.look OR $2
       FROM jsonb_to_recordset($1::jsonb) AS given(${identityColumns})
      WHERE contact.subscriber_id = given.id`,
    [JSON.stringify(contacts.map(identity)), look],
  );
}

/** Marks contacts to be read and compared. @param ids of subscribers; those that are no contacts are passed over */
export async function lookAt(sql: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql.query(
    `UPDATE audience_contacts SET look = true, wanted = wanted + 1, due_at = now(), attempts = 0
      WHERE subscriber_id = ANY ($1::uuid[])`,
    [ids],
  );
}

/** Keeps the person's mails back, or lets them go again. */
export async function setMailBlock(
  sql: Sql,
  subscriberId: string,
  block: Contact['mailBlock'],
): Promise<void> {
  await sql.query('UPDATE subscribers SET mail_block = $2 WHERE id = $1', [subscriberId, block]);
}
