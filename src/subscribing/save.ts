import { type SealedEvent, sealEvent } from '../consent/ledger.ts';
import type { Sql } from '../platform/database.ts';
import type { Changes } from './decide.ts';

/**
 * Saves what a set of decisions changes, with one statement a table. At most one decision a person: the
 * caller sees to it.
 */
export async function saveChanges(tx: Sql, set: readonly Changes[], now: Date): Promise<void> {
  const events = set.flatMap(seal);

  const write = async (statement: string, rows: readonly object[]) => {
    if (rows.length > 0) await tx.query(statement, [JSON.stringify(rows)]);
  };

  await write(
    `INSERT INTO subscribers (id, typed, email, key, abuse_key, link_key, locale, ledger_salt, created_at)
     SELECT id, typed, email, key, abuse_key, link_key, locale, ledger_salt, created_at
       FROM jsonb_populate_recordset(NULL::subscribers, $1::jsonb)`,
    set.flatMap(({ person, created }) =>
      created === null
        ? []
        : {
            id: person.id,
            typed: person.typed,
            email: created.email,
            key: person.key,
            abuse_key: person.abuseKey,
            link_key: person.linkKey,
            locale: person.locale,
            ledger_salt: person.ledger.salt,
            created_at: now,
          },
    ),
  );

  await write(
    `INSERT INTO consent_events (subscriber_id, seq, kind, at, channel, list_wordings, wording_version, request_seq,
                                 mail_hash, evidence_digest, previous_hash, hash)
     SELECT subscriber_id, seq, kind, at, channel, list_wordings, wording_version, request_seq,
            mail_hash, evidence_digest, previous_hash, hash
       FROM jsonb_populate_recordset(NULL::consent_events, $1::jsonb) ORDER BY subscriber_id, seq`,
    events.map(({ subscriberId, event }) => ({
      subscriber_id: subscriberId,
      seq: event.seq,
      kind: event.kind,
      at: event.at,
      channel: event.channel,
      list_wordings: event.listWordings,
      wording_version: event.wordingVersion,
      request_seq: event.requestSeq,
      mail_hash: event.mailHash,
      evidence_digest: event.evidenceDigest,
      previous_hash: event.previousHash,
      hash: event.hash,
    })),
  );

  await write(
    `INSERT INTO consent_evidence (subscriber_id, seq, email, ip, user_agent, page)
     SELECT subscriber_id, seq, email, ip, user_agent, page
       FROM jsonb_populate_recordset(NULL::consent_evidence, $1::jsonb)`,
    events.map(({ subscriberId, event }) => ({
      subscriber_id: subscriberId,
      seq: event.seq,
      email: event.evidence.email,
      ip: event.evidence.ip,
      user_agent: event.evidence.userAgent,
      page: event.evidence.page,
    })),
  );

  const subscriptions = set.flatMap(({ person, subscriptions }) =>
    subscriptions.map((change) => ({
      isNew: change.isNew,
      row: {
        subscriber_id: person.id,
        list_id: change.listId,
        state: change.state,
        consent_seq: change.consentSeq,
        ended_seq: change.endedSeq,
        changed_at: now,
      },
    })),
  );
  await write(
    `INSERT INTO subscriptions (subscriber_id, list_id, state, consent_seq, ended_seq, changed_at)
     SELECT subscriber_id, list_id, state, consent_seq, ended_seq, changed_at
       FROM jsonb_populate_recordset(NULL::subscriptions, $1::jsonb)`,
    subscriptions.filter(({ isNew }) => isNew).map(({ row }) => row),
  );
  await write(
    `UPDATE subscriptions AS old
        SET state = new.state, consent_seq = new.consent_seq, ended_seq = new.ended_seq, changed_at = new.changed_at
       FROM jsonb_populate_recordset(NULL::subscriptions, $1::jsonb) AS new
      WHERE old.subscriber_id = new.subscriber_id AND old.list_id = new.list_id`,
    subscriptions.filter(({ isNew }) => !isNew).map(({ row }) => row),
  );

  await write(
    `INSERT INTO sign_up_requests (id, subscriber_id, seq, list_ids, wording_version, locale, first_name, token_hash,
                                   created_at, expires_at)
     SELECT id, subscriber_id, seq, list_ids, wording_version, locale, first_name, token_hash, created_at, expires_at
       FROM jsonb_populate_recordset(NULL::sign_up_requests, $1::jsonb)`,
    set.flatMap(({ person, request }) =>
      request === null
        ? []
        : {
            id: request.id,
            subscriber_id: person.id,
            seq: request.seq,
            list_ids: request.listIds,
            wording_version: request.wordingVersion,
            locale: request.locale,
            first_name: request.firstName,
            token_hash: request.tokenHash,
            created_at: now,
            expires_at: request.expiresAt,
          },
    ),
  );

  // The name and language that a form carried become the person's only now that they proved to be them.
  await write(
    `WITH answered AS (
       SELECT * FROM jsonb_to_recordset($1::jsonb)
         AS answered(subscriber_id uuid, request_id uuid, locale text, first_name text, at timestamptz)
     ), confirmed AS (
       UPDATE sign_up_requests AS request SET confirmed_at = answered.at
         FROM answered WHERE request.id = answered.request_id
     )
     UPDATE subscribers AS person
        SET locale = answered.locale, first_name = coalesce(answered.first_name, person.first_name)
       FROM answered WHERE person.id = answered.subscriber_id`,
    set.flatMap(({ person, confirmed }) =>
      confirmed === null
        ? []
        : {
            subscriber_id: person.id,
            request_id: confirmed.requestId,
            locale: confirmed.locale,
            first_name: confirmed.firstName,
            at: now,
          },
    ),
  );

  await write(
    `INSERT INTO mails (id, subscriber_id, kind, request_id, created_at, due_at)
     SELECT id, subscriber_id, kind, request_id, created_at, due_at
       FROM jsonb_populate_recordset(NULL::mails, $1::jsonb)`,
    set.flatMap(({ person, mail }) =>
      mail === null
        ? []
        : {
            id: mail.id,
            subscriber_id: person.id,
            kind: 'confirmation',
            request_id: mail.requestId,
            created_at: now,
            due_at: mail.dueAt,
          },
    ),
  );

  await write(
    `UPDATE mails SET accepted_at = accepted.at, copy = accepted.copy
       FROM jsonb_to_recordset($1::jsonb) AS accepted(id uuid, copy text, at timestamptz)
      WHERE mails.id = accepted.id`,
    set.flatMap(({ mailAccepted }) =>
      mailAccepted === null ? [] : { id: mailAccepted.mailId, copy: mailAccepted.copy, at: now },
    ),
  );

  await write(
    `INSERT INTO audience_contacts AS contact (subscriber_id, opt_out)
     SELECT subscriber_id, opt_out FROM jsonb_populate_recordset(NULL::audience_contacts, $1::jsonb)
     ON CONFLICT (subscriber_id) DO UPDATE
        SET wanted = contact.wanted + 1, opt_out = contact.opt_out OR excluded.opt_out, due_at = now(), attempts = 0`,
    set.flatMap(({ person, sync }) =>
      sync === null ? [] : { subscriber_id: person.id, opt_out: sync === 'opt_out' },
    ),
  );
}

function seal({ person, events }: Changes): { subscriberId: string; event: SealedEvent }[] {
  let previous = person.ledger.hash;
  return events.map((draft) => {
    const event = sealEvent(person.id, person.ledger.salt, previous, draft);
    previous = event.hash;
    return { subscriberId: person.id, event };
  });
}
