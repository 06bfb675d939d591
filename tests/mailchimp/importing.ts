import { randomBytes } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import { type EventDraft, type SealedEvent, sealEvent } from '../../src/consent/ledger.ts';
import type { Sql } from '../../src/platform/database.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import { newLinkKey } from '../../src/subscribing/links.ts';
import { offeredLists } from '../../src/subscribing/lists.ts';
import type { Newsroom } from './newsroom.ts';

// Imports and their undoing, as rows that pass the database's own rules.

interface Person {
  id: string;
  salt: string;
  seq: number;
  hash: string;
}

/** Subscribes people by an import, as far as the rules allow: nobody who is on a list or left it. */
export async function importPeople(
  { database, now }: Newsroom,
  emails: readonly string[],
  { lists, givenAt = null }: { lists: readonly string[]; givenAt?: Date | null },
): Promise<void> {
  const offered = (await offeredLists(database)).filter(({ slug }) => lists.includes(slug));
  const { version } = await database.prisma.consentWording.findFirstOrThrow();
  await database.transaction(async (tx) => {
    const addresses = emails.map((email) => {
      const parsed = parseAddress(email);
      if (!parsed.ok) throw new Error(parsed.fault.key);
      return parsed.address;
    });
    await tx.query(
      `INSERT INTO subscribers (id, typed, email, key, abuse_key, link_key, locale, ledger_salt, created_at)
       SELECT id, typed, email, key, abuse_key, link_key, 'en', ledger_salt, $2
         FROM jsonb_populate_recordset(NULL::subscribers, $1::jsonb) ON CONFLICT (key) DO NOTHING`,
      [
        JSON.stringify(
          addresses.map(({ abuseKey, ...address }) => ({
            ...address,
            id: uuid(),
            abuse_key: abuseKey,
            link_key: newLinkKey(),
            ledger_salt: randomBytes(32).toString('hex'),
          })),
        ),
        now(),
      ],
    );
    const people = await tx.query<Person & { open: number[] }>(
      `SELECT id, ledger_salt AS salt, ledger_seq AS seq, ledger_hash AS hash,
              ARRAY(SELECT list.id FROM mailing_lists list
                     WHERE NOT EXISTS (SELECT FROM subscriptions subscription
                       LEFT JOIN consent_events ending ON ending.subscriber_id = subscription.subscriber_id
                                                      AND ending.seq = subscription.ended_seq
                      WHERE subscription.subscriber_id = person.id AND subscription.list_id = list.id
                        AND (subscription.state = 'subscribed'
                             OR coalesce(ending.kind, 'import_undone') <> 'import_undone'))) AS open
         FROM subscribers person WHERE key = ANY ($1::text[])`,
      [addresses.map(({ key }) => key)],
    );
    const rows = people.flatMap((person) => {
      const free = offered.filter(({ id }) => person.open.includes(id));
      if (free.length === 0) return [];
      const event = seal(person, {
        kind: 'imported',
        at: now(),
        listWordings: free.map(({ wording }) => wording),
        wordingVersion: version,
      });
      return { person, event, lists: free.map(({ id }) => id) };
    });
    await insertEvents(tx, rows, givenAt);
    await tx.query(
      `INSERT INTO subscriptions AS subscription (subscriber_id, list_id, state, consent_seq, changed_at)
       SELECT id, list, 'subscribed', seq, $2
         FROM jsonb_to_recordset($1::jsonb) AS given(id uuid, seq int, lists int[]), unnest(given.lists) AS list
       ON CONFLICT (subscriber_id, list_id) DO UPDATE
         SET state = excluded.state, consent_seq = excluded.consent_seq, changed_at = excluded.changed_at`,
      [JSON.stringify(rows.map(({ person: { id }, event: { seq }, lists }) => ({ id, seq, lists }))), now()],
    );
    await wantContacts(tx, rows, false);
  });
}

/** Ends what imports brought to these people and nothing since replaced. */
export async function undoImports({ database, now }: Newsroom, emails: readonly string[]): Promise<void> {
  await database.transaction(async (tx) => {
    const people = await tx.query<Person & { lists: number[]; wordings: string[] }>(
      `SELECT person.id, ledger_salt AS salt, ledger_seq AS seq, ledger_hash AS hash,
              array_agg(list.id) AS lists, array_agg(list.wording_version) AS wordings
         FROM subscribers person
         JOIN subscriptions subscription ON subscription.subscriber_id = person.id AND subscription.state = 'subscribed'
         JOIN consent_events consent ON consent.subscriber_id = person.id AND consent.seq = subscription.consent_seq
                                    AND consent.kind = 'imported'
         JOIN mailing_lists list ON list.id = subscription.list_id
        WHERE person.key = ANY ($1::text[]) GROUP BY person.id`,
      [emails.map((email) => email.toLowerCase())],
    );
    const rows = people.map((person) => ({
      person,
      event: seal(person, {
        kind: 'import_undone',
        at: now(),
        listWordings: person.wordings,
        wordingVersion: null,
      }),
      lists: person.lists,
    }));
    await insertEvents(tx, rows, null);
    await tx.query(
      `UPDATE subscriptions subscription SET state = 'unsubscribed', ended_seq = given.seq, changed_at = $2
         FROM jsonb_to_recordset($1::jsonb) AS given(id uuid, seq int, lists int[])
        WHERE subscription.subscriber_id = given.id AND subscription.list_id = ANY (given.lists)`,
      [JSON.stringify(rows.map(({ person: { id }, event: { seq }, lists }) => ({ id, seq, lists }))), now()],
    );
    await wantContacts(tx, rows, true);
  });
}

interface Row {
  person: Person;
  event: SealedEvent;
}

const seal = (
  { id, salt, seq, hash }: Person,
  draft: Pick<EventDraft, 'kind' | 'at' | 'listWordings' | 'wordingVersion'>,
): SealedEvent =>
  sealEvent(id, salt, hash, {
    ...draft,
    seq: seq + 1,
    channel: 'import',
    requestSeq: null,
    mailHash: null,
    evidence: { email: 'as in the file', ip: null, userAgent: null, page: null },
  });

async function insertEvents(tx: Sql, rows: readonly Row[], givenAt: Date | null): Promise<void> {
  const events = rows.map(({ person, event }) => ({
    subscriber_id: person.id,
    seq: event.seq,
    kind: event.kind,
    at: event.at,
    channel: event.channel,
    list_wordings: event.listWordings,
    wording_version: event.wordingVersion,
    evidence_digest: event.evidenceDigest,
    previous_hash: event.previousHash,
    hash: event.hash,
    email: event.evidence.email,
    given_at: givenAt,
  }));
  await tx.query(
    `INSERT INTO consent_events (subscriber_id, seq, kind, at, channel, list_wordings, wording_version,
                                 evidence_digest, previous_hash, hash)
     SELECT subscriber_id, seq, kind, at, channel, list_wordings, wording_version, evidence_digest, previous_hash, hash
       FROM jsonb_populate_recordset(NULL::consent_events, $1::jsonb)`,
    [JSON.stringify(events)],
  );
  await tx.query(
    `INSERT INTO consent_evidence (subscriber_id, seq, email, given_at)
     SELECT subscriber_id, seq, email, given_at FROM jsonb_populate_recordset(NULL::consent_evidence, $1::jsonb)`,
    [JSON.stringify(events)],
  );
}

async function wantContacts(tx: Sql, rows: readonly Row[], optOut: boolean): Promise<void> {
  await tx.query(
    `INSERT INTO audience_contacts AS contact (subscriber_id, opt_out)
     SELECT id, $2::boolean FROM unnest($1::uuid[]) AS id ORDER BY id
     ON CONFLICT (subscriber_id) DO UPDATE
       SET wanted = contact.wanted + 1, opt_out = contact.opt_out OR excluded.opt_out, due_at = now(), attempts = 0`,
    [rows.map(({ person: { id } }) => id), optOut],
  );
}
