import type { Database, Sql } from '../../platform/database.ts';
import type { Person } from './member.ts';
import { isNotMailed, isOfEverybody, type RefusalKind, serverTimeout } from './refusals.ts';

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
  /** A call of ours whose answer nobody has may have changed the member, or may still do so. */
  unanswered: boolean;
  /** On a list that the audience has no interest for yet. */
  unmapped: boolean;
  /**
   * Mailchimp's ids of the members to delete for good: the person's own address first, then where their links
   * were said to be. Null for everybody who was not erased here.
   */
  erase: string[] | null;
}

/** That a worker has a contact for a while. */
export interface Lease {
  subscriberId: string;
  /** Until when a call before ours, whose answer nobody has, may still reach the audience. */
  earlierUntil: string | null;
  /** The same of ours, as written when it was taken. */
  actingUntil: string;
}

export type TakenContact = Contact & Lease;

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
 */
export function takeDue(
  sql: Sql,
  { limit, leaseMs, except }: { limit: number; leaseMs: number; except: string[] },
): Promise<Lease[]> {
  // Its last call may begin as late as the lease ends, and then Mailchimp may take its time.
  const actingMs = leaseMs + serverTimeout;
  // `due_at` is rounded to milliseconds, so that "now" may lie half a one ahead when it is looked at at once.
  return sql.query<Lease>(
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
     RETURNING contact.subscriber_id AS "subscriberId", due.may_act_until::text AS "earlierUntil",
               contact.may_act_until::text AS "actingUntil"`,
    [limit, leaseMs, except, actingMs],
  );
}

/**
 * Loads contacts that were taken, by a statement of its own, so that the revision and the state belong
 * together: the one that takes them locks newer rows than its snapshot shows.
 */
export async function loadTaken(
  sql: Sql,
  audienceId: string,
  leases: readonly Lease[],
): Promise<TakenContact[]> {
  const byId = new Map(leases.map((lease) => [lease.subscriberId, lease]));
  const contacts = await loadContacts(sql, audienceId, [...byId.keys()]);
  return contacts.flatMap((contact) => {
    const lease = byId.get(contact.subscriberId);
    return lease === undefined ? [] : { ...contact, ...lease, unanswered: lease.earlierUntil !== null };
  });
}

interface Choice {
  list: number;
  consentSeq: number;
  consentAt: string;
  /** When the person gave it: before all else when only an import says so, and not when. */
  givenAt: string;
  ip: string | null;
}

/** Loads contacts as they are now, in one statement; opt-outs first. */
export async function loadContacts(sql: Sql, audienceId: string, ids: string[]): Promise<Contact[]> {
  if (ids.length === 0) return [];
  // Before the contacts: a list that is made meanwhile then counts as one without an interest.
  const mapped = await sql.query<{ id: number; interest: string; mappedAt: Date }>(
    `SELECT list_id AS id, interest_id AS interest, created_at AS "mappedAt" FROM audience_interests
      WHERE audience_id = $1 ORDER BY list_id`,
    [audienceId],
  );
  const rows = await sql.query<
    Omit<Contact, 'lists' | 'unmapped' | 'consent'> & { optOut: boolean; choices: Choice[] }
  >(
    `WITH asked AS (SELECT unnest($1::uuid[]) AS id), chosen AS (
       SELECT subscription.subscriber_id, json_agg(json_build_object(
                'list', subscription.list_id, 'consentSeq', consent.seq, 'consentAt', consent.at, 'ip', evidence.ip,
                'givenAt', CASE WHEN consent.kind = 'imported' THEN coalesce(evidence.given_at, 'epoch')
                                ELSE consent.at END)) AS choices
         FROM asked
         JOIN subscriptions subscription ON subscription.subscriber_id = asked.id AND subscription.state = 'subscribed'
         JOIN consent_events consent
           ON consent.subscriber_id = subscription.subscriber_id AND consent.seq = subscription.consent_seq
         LEFT JOIN consent_evidence evidence
           ON evidence.subscriber_id = consent.subscriber_id AND evidence.seq = consent.seq
        GROUP BY subscription.subscriber_id)
     SELECT contact.subscriber_id AS "subscriberId", contact.wanted AS "revision", contact.due_at::text AS "seen",
            contact.wanted <> contact.acknowledged AS "due", contact.opt_out AS "optOut",
            contact.attempts, contact.refusal, contact.consent_seq AS "takenConsentSeq",
            contact.asked_seq AS "askedConsentSeq", contact.acknowledged_at AS "acknowledgedAt", contact.look,
            contact.reported, contact.moved_to AS "movedTo", contact.member_status AS "memberStatus",
            contact.may_act_until IS NOT NULL AS "unanswered",
            person.email, person.key, person.first_name AS "firstName", person.locale, person.link_key AS "linkKey",
            person.mail_block AS "mailBlock", coalesce(chosen.choices, '[]') AS "choices",
            CASE WHEN person.ledger_salt IS NULL THEN contact.erase END AS "erase"
       FROM asked
       JOIN audience_contacts contact ON contact.subscriber_id = asked.id
       JOIN subscribers person ON person.id = asked.id
       LEFT JOIN chosen ON chosen.subscriber_id = asked.id`,
    [ids],
  );
  return rows
    .sort((a, b) => Number(b.optOut) - Number(a.optOut))
    .map(({ optOut: _, choices, ...contact }) => ({ ...contact, ...choicesOf(choices, mapped) }));
}

function choicesOf(
  choices: Choice[],
  mapped: { id: number; interest: string; mappedAt: Date }[],
): Pick<Contact, 'lists' | 'unmapped' | 'consent'> {
  const chosen = new Map(choices.map((choice) => [choice.list, choice]));
  const listOf = (id: number, interest: string | null, mappedAt: Date | null) => {
    const choice = chosen.get(id);
    chosen.delete(id);
    return {
      id,
      interest,
      mappedAt,
      subscribed: choice !== undefined,
      consentSeq: choice?.consentSeq ?? null,
      consentAt: choice === undefined ? null : new Date(choice.givenAt),
    };
  };
  const lists = mapped.map(({ id, interest, mappedAt }) => listOf(id, interest, mappedAt));
  const unmapped = [...chosen.keys()].map((id) => listOf(id, null, null));
  const [newest] = choices.toSorted((a, b) => b.consentSeq - a.consentSeq);
  return {
    lists: [...lists, ...unmapped],
    unmapped: unmapped.length > 0,
    consent:
      newest === undefined ? null : { seq: newest.consentSeq, at: new Date(newest.consentAt), ip: newest.ip },
  };
}

// Settling takes whole sets, each in one statement.
//
// While a call was under way, the contact may have been marked anew or, after its lease ran out, taken by
// another worker. Nobody knows then which call reached Mailchimp last, so it becomes due again: what is
// sent after both is what stays. And a call before ours that nobody has an answer of may arrive after it:
// nothing is final before that cannot happen any more.

const alone = 'coalesce(contact.due_at = given.seen AND contact.wanted = given.revision, false)';
const earlierActs = 'coalesce(given.earlier > now(), false)';
/** Our call is over; one before it may not be, and one after it is not ours to say. */
const answered = `CASE WHEN contact.may_act_until = given.acting
                       THEN CASE WHEN ${earlierActs} THEN given.earlier END
                       ELSE contact.may_act_until END`;

/**
 * A part of a WITH: locks the contacts of `given`. Sets of sign-ups touch the same rows, and all lock them in
 * one order, so that no two wait for each other.
 */
export const locked = `locked AS MATERIALIZED (
       SELECT subscriber_id AS id FROM audience_contacts
        WHERE subscriber_id IN (SELECT id FROM given) ORDER BY subscriber_id FOR UPDATE)`;

/**
 * Updates contacts that were taken, each from its row of one JSON document, `given`.
 * @param columns what the rows hold beside the contact's identity
 * @param set as in `UPDATE`
 */
async function settle<Columns>(
  sql: Sql,
  rows: readonly ({ contact: TakenContact } & Columns)[],
  { columns, set }: { columns: string; set: string },
): Promise<void> {
  if (rows.length === 0) return;
  const given = rows.map(({ contact, ...more }) => ({
    ...more,
    id: contact.subscriberId,
    seen: contact.seen,
    revision: contact.revision,
    earlier: contact.earlierUntil,
    acting: contact.actingUntil,
  }));
  await sql.query(
    `WITH given AS MATERIALIZED (
       SELECT * FROM jsonb_to_recordset($1::jsonb)
         AS given(id uuid, seen timestamptz, revision int, earlier timestamptz, acting timestamptz, ${columns})
     ), ${locked}
     UPDATE audience_contacts contact SET ${set}
       FROM given JOIN locked USING (id)
      WHERE contact.subscriber_id = given.id`,
    [JSON.stringify(given)],
  );
}

/** Records that Mailchimp is as the loaded revisions want it, and that it took the consent behind them. */
export function acknowledge(
  sql: Sql,
  settled: readonly { contact: TakenContact; memberStatus: string }[],
): Promise<void> {
  const final = `(${alone} AND NOT ${earlierActs})`;
  const rows = settled.map(({ contact, memberStatus }) => ({
    contact,
    consent: contact.consent?.seq ?? 0,
    status: memberStatus,
  }));
  return settle(sql, rows, {
    columns: 'consent int, status text',
    set: `acknowledged = CASE WHEN NOT ${alone} THEN 0 WHEN ${final} THEN contact.wanted ELSE contact.acknowledged END,
          due_at = CASE WHEN NOT ${alone} THEN now() WHEN ${final} THEN contact.due_at ELSE given.earlier END,
          may_act_until = ${answered},
          opt_out = contact.opt_out AND NOT ${final},
          look = contact.look AND NOT ${final},
          reported = CASE WHEN NOT ${final} THEN contact.reported END,
          moved_to = CASE WHEN NOT ${final} THEN contact.moved_to END,
          refusal = CASE WHEN NOT ${final} THEN contact.refusal END,
          consent_seq = greatest(contact.consent_seq, given.consent), member_status = given.status,
          attempts = 0, acknowledged_at = now()`,
  });
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
  memberStatus?: string | undefined;
}

/** Records why Mailchimp is not equal, and when to try again. */
export function recordRefusals(sql: Sql, refused: readonly Refused[]): Promise<void> {
  // What failed on the way was not weighed, so the hints stay. The detail may hold an address, which must not come
  // back to a person who was erased meanwhile (I6).
  const weighed = `(${alone} AND given.weighed)`;
  const rows = refused.map(({ contact, refusal, attempts, delayMs, tookConsent, asked, memberStatus }) => ({
    contact,
    refusal,
    attempts,
    delay: delayMs === null ? null : Math.round(delayMs),
    unanswered: refusal.kind === 'timeout',
    weighed: !isOfEverybody(refusal.kind),
    mailed: !isNotMailed(refusal.kind),
    taken: tookConsent ? (contact.consent?.seq ?? 0) : 0,
    asked: asked ? (contact.consent?.seq ?? 0) : 0,
    status: memberStatus ?? null,
  }));
  return settle(sql, rows, {
    columns: `refusal jsonb, attempts int, delay bigint, unanswered boolean, weighed boolean, mailed boolean, taken int, asked int,
              status text`,
    set: `acknowledged = CASE WHEN ${alone} THEN contact.acknowledged ELSE 0 END,
          due_at = CASE WHEN ${alone} THEN now() + given.delay * interval '1 millisecond' ELSE now() END,
          may_act_until = CASE WHEN given.unanswered THEN contact.may_act_until ELSE ${answered} END,
          attempts = CASE WHEN ${alone} THEN given.attempts ELSE contact.attempts END,
          opt_out = contact.opt_out AND (given.mailed OR NOT ${alone}),
          look = contact.look AND NOT ${weighed},
          reported = CASE WHEN NOT ${weighed} THEN contact.reported END,
          moved_to = CASE WHEN NOT ${weighed} THEN contact.moved_to END,
          consent_seq = greatest(contact.consent_seq, given.taken),
          asked_seq = greatest(contact.asked_seq, given.asked),
          member_status = coalesce(given.status, contact.member_status),
          refusal = CASE WHEN contact.erase = '{}' THEN given.refusal ELSE given.refusal || '{"detail": ""}' END`,
  });
}

/**
 * Lets go of the contact of an erased person, as Mailchimp has nothing of them any more. Like any other it stays
 * due if that is not final. @returns whether it is gone
 */
export function letGo(database: Database, contact: TakenContact): Promise<boolean> {
  return database.transaction(async (tx) => {
    await acknowledge(tx, [{ contact, memberStatus: 'absent' }]);
    const gone = await tx.query(
      `DELETE FROM audience_contacts WHERE subscriber_id = $1 AND wanted = acknowledged RETURNING subscriber_id`,
      [contact.subscriberId],
    );
    return gone.length > 0;
  });
}

/** Gives contacts back as they were, due at once; `look` has them read one by one next time. */
export function putBack(
  sql: Sql,
  contacts: readonly TakenContact[],
  { look = false }: { look?: boolean } = {},
): Promise<void> {
  const rows = contacts.map((contact) => ({ contact, look }));
  return settle(sql, rows, {
    columns: 'look boolean',
    set: `due_at = CASE WHEN ${alone} THEN now() ELSE contact.due_at END,
          may_act_until = ${answered}, look = contact.look OR given.look`,
  });
}

/** Has the lane read a contact and compare it, as what an UPDATE of `contact` sets. */
export const marked = 'look = true, wanted = contact.wanted + 1, due_at = now(), attempts = 0';

/** Marks contacts to be read and compared. @param ids of subscribers; those that are no contacts are passed over */
export async function lookAt(sql: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql.query(
    `WITH given AS (SELECT unnest($1::uuid[]) AS id), ${locked}
     UPDATE audience_contacts contact SET ${marked}
       FROM locked WHERE contact.subscriber_id = locked.id`,
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
