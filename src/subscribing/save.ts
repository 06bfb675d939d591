import { type SealedEvent, sealEvent } from '../consent/ledger.ts';
import type { Sql } from '../platform/database.ts';
import type { Changes } from './changes.ts';

/**
 * Saves what a set of decisions changes, in one statement: every table takes its rows from one JSON
 * document. The triggers look at the tables after it, when all of it is there.
 * @param set at most one decision a person: the caller sees to it
 */
export async function saveChanges(tx: Sql, set: readonly Changes[], now: Date): Promise<void> {
  if (set.length === 0) return;
  const events = set.flatMap(seal);
  const rows = {
    subscribers: set.flatMap(({ person, created, mailBlock }) =>
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
            first_name: created.firstName,
            mail_block: mailBlock,
            ledger_salt: person.ledger.salt,
            created_at: now,
          },
    ),
    events: events.map(({ subscriberId, event }) => ({
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
    evidence: events.map(({ subscriberId, event }) => ({
      subscriber_id: subscriberId,
      seq: event.seq,
      email: event.evidence.email,
      ip: event.evidence.ip,
      user_agent: event.evidence.userAgent,
      page: event.evidence.page,
      given_at: event.evidence.givenAt,
    })),
    subscriptions: set.flatMap(({ person, subscriptions }) =>
      subscriptions.map(({ listId, state, consentSeq, endedSeq }) => ({
        subscriber_id: person.id,
        list_id: listId,
        state,
        consent_seq: consentSeq,
        ended_seq: endedSeq,
        changed_at: now,
      })),
    ),
    requests: set.flatMap(({ person, request }) =>
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
    confirmed: set.flatMap(({ person, confirmed }) =>
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
    moved: set.flatMap(({ person, moved }) =>
      moved === null
        ? []
        : {
            id: person.id,
            typed: moved.typed,
            email: moved.email,
            key: moved.key,
            abuse_key: moved.abuseKey,
          },
    ),
    mails: set.flatMap(({ person, mails }) =>
      mails.map(({ id, kind, requestId, seq, tokenHash, dueAt }) => ({
        id,
        subscriber_id: person.id,
        kind,
        request_id: requestId,
        seq,
        token_hash: tokenHash,
        created_at: now,
        due_at: dueAt,
      })),
    ),
    blocked: set.flatMap(({ person, created, mailBlock }) =>
      mailBlock === null || created !== null ? [] : { id: person.id, mail_block: mailBlock },
    ),
    imported: set.flatMap(({ person, imported }) =>
      imported === null
        ? []
        : {
            import_id: imported.importId,
            row: imported.row,
            subscriber_id: person.id,
            seq: imported.seq,
            outcome: imported.outcome,
          },
    ),
    declined: set.flatMap(({ person, declined }) =>
      declined === null ? [] : { id: person.id, declined_at: declined ? now : null },
    ),
    accepted: set.flatMap(({ mailAccepted }) =>
      mailAccepted === null ? [] : { id: mailAccepted.mailId, copy: mailAccepted.copy, at: now },
    ),
    contacts: set.flatMap(({ person, sync }) =>
      sync === null ? [] : { subscriber_id: person.id, opt_out: sync === 'opt_out' },
    ),
  };
  await tx.query(statement, [JSON.stringify(rows)]);
}

const statement = `
  WITH subscriber AS (
    INSERT INTO subscribers (id, typed, email, key, abuse_key, link_key, locale, first_name, mail_block, ledger_salt,
                             created_at)
    SELECT id, typed, email, key, abuse_key, link_key, locale, first_name, mail_block, ledger_salt, created_at
      FROM jsonb_populate_recordset(NULL::subscribers, $1::jsonb -> 'subscribers')
  ), event AS (
    INSERT INTO consent_events (subscriber_id, seq, kind, at, channel, list_wordings, wording_version, request_seq,
                                mail_hash, evidence_digest, previous_hash, hash)
    SELECT subscriber_id, seq, kind, at, channel, list_wordings, wording_version, request_seq,
           mail_hash, evidence_digest, previous_hash, hash
      FROM jsonb_populate_recordset(NULL::consent_events, $1::jsonb -> 'events')
     ORDER BY subscriber_id, seq
  ), evidence AS (
    INSERT INTO consent_evidence (subscriber_id, seq, email, ip, user_agent, page, given_at)
    SELECT subscriber_id, seq, email, ip, user_agent, page, given_at
      FROM jsonb_populate_recordset(NULL::consent_evidence, $1::jsonb -> 'evidence')
  ), subscription AS (
    INSERT INTO subscriptions (subscriber_id, list_id, state, consent_seq, ended_seq, changed_at)
    SELECT subscriber_id, list_id, state, consent_seq, ended_seq, changed_at
      FROM jsonb_populate_recordset(NULL::subscriptions, $1::jsonb -> 'subscriptions')
    ON CONFLICT (subscriber_id, list_id) DO UPDATE
      SET state = excluded.state, consent_seq = excluded.consent_seq, ended_seq = excluded.ended_seq,
          changed_at = excluded.changed_at
  ), request AS (
    INSERT INTO sign_up_requests (id, subscriber_id, seq, list_ids, wording_version, locale, first_name, token_hash,
                                  created_at, expires_at)
    SELECT id, subscriber_id, seq, list_ids, wording_version, locale, first_name, token_hash, created_at, expires_at
      FROM jsonb_populate_recordset(NULL::sign_up_requests, $1::jsonb -> 'requests')
  ), answer AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb -> 'confirmed')
      AS answer(subscriber_id uuid, request_id uuid, locale text, first_name text, at timestamptz)
  ), answered AS (
    UPDATE sign_up_requests AS request SET confirmed_at = answer.at
      FROM answer WHERE request.id = answer.request_id
  ), person AS (
    -- The name and language that a form carried become the person's only now that they proved to be them.
    UPDATE subscribers AS person
       SET locale = answer.locale, first_name = coalesce(answer.first_name, person.first_name)
      FROM answer WHERE person.id = answer.subscriber_id
  ), moved AS (
    UPDATE subscribers AS person
       SET typed = moved.typed, email = moved.email, key = moved.key, abuse_key = moved.abuse_key
      FROM jsonb_populate_recordset(NULL::subscribers, $1::jsonb -> 'moved') AS moved
     WHERE person.id = moved.id
  ), blocked AS (
    UPDATE subscribers AS person SET mail_block = blocked.mail_block
      FROM jsonb_populate_recordset(NULL::subscribers, $1::jsonb -> 'blocked') AS blocked
     WHERE person.id = blocked.id
  ), imported AS (
    INSERT INTO imported_rows (import_id, row, subscriber_id, seq, outcome)
    SELECT import_id, row, subscriber_id, seq, outcome
      FROM jsonb_populate_recordset(NULL::imported_rows, $1::jsonb -> 'imported')
  ), declined AS (
    UPDATE subscribers AS person SET declined_at = declined.declined_at
      FROM jsonb_populate_recordset(NULL::subscribers, $1::jsonb -> 'declined') AS declined
     WHERE person.id = declined.id
  ), mail AS (
    INSERT INTO mails (id, subscriber_id, kind, request_id, seq, token_hash, created_at, due_at)
    SELECT id, subscriber_id, kind, request_id, seq, token_hash, created_at, due_at
      FROM jsonb_populate_recordset(NULL::mails, $1::jsonb -> 'mails')
  ), accepted AS (
    UPDATE mails SET accepted_at = accepted.at, copy = accepted.copy
      FROM jsonb_to_recordset($1::jsonb -> 'accepted') AS accepted(id uuid, copy text, at timestamptz)
     WHERE mails.id = accepted.id
  )
  INSERT INTO audience_contacts AS contact (subscriber_id, opt_out)
  SELECT subscriber_id, opt_out FROM jsonb_populate_recordset(NULL::audience_contacts, $1::jsonb -> 'contacts')
   ORDER BY subscriber_id
  ON CONFLICT (subscriber_id) DO UPDATE
    SET wanted = contact.wanted + 1, opt_out = contact.opt_out OR excluded.opt_out, due_at = now(), attempts = 0`;

function seal({ person, events }: Changes): { subscriberId: string; event: SealedEvent }[] {
  const { salt } = person.ledger;
  if (salt === null) {
    if (events.length > 0) throw new Error('nothing follows in the ledger of an erased person (I6)');
    return [];
  }
  let previous = person.ledger.hash;
  return events.map((draft) => {
    const event = sealEvent(person.id, salt, previous, draft);
    previous = event.hash;
    return { subscriberId: person.id, event };
  });
}
