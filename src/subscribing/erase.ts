import { createHmac } from 'node:crypto';
import type { Sql } from '../platform/database.ts';

/**
 * Destroys all that is personal of people whose erasure was just entered into their ledgers (I6, C-23). The
 * rows stay, nameless: links in old mails still find them, and the chain of their ledger still verifies. A
 * keyed digest of the addresses that are suppressed stays (C-22), and Mailchimp's ids of them until the lane has
 * told it (C-24).
 * @param tx the transaction that saved the erasure
 * @param secret keys the digests; older ones are recognised while their key is among SECRET_KEYS
 */
export async function eraseRows(
  tx: Sql,
  people: readonly { id: string; key: string; suppressed: boolean }[],
  secret: string,
  now: Date,
): Promise<void> {
  const ids = people.map(({ id }) => id);
  // Mailchimp's id of a member is the MD5 of the address in lower case.
  await tx.query(
    // In the order in which everybody locks contacts, so that no two wait for each other.
    `WITH locked AS MATERIALIZED (
       SELECT subscriber_id FROM audience_contacts
        WHERE subscriber_id = ANY ($1::uuid[]) ORDER BY subscriber_id FOR UPDATE)
     UPDATE audience_contacts contact
        SET erase = array_remove(ARRAY[md5(person.key), md5(lower(contact.moved_to))], NULL),
            moved_to = NULL, refusal = NULL, reported = NULL, look = false, opt_out = true,
            wanted = contact.wanted + 1, due_at = now(), attempts = 0
       FROM locked JOIN subscribers person ON person.id = locked.subscriber_id
      WHERE contact.subscriber_id = locked.subscriber_id`,
    [ids],
  );
  await tx.query(
    `UPDATE subscribers
        SET typed = id || '@erased.invalid', email = id || '@erased.invalid', key = id || '@erased.invalid',
            abuse_key = id || '@erased.invalid', first_name = NULL, ledger_salt = NULL
      WHERE id = ANY ($1::uuid[])`,
    [ids],
  );
  // After the salt, which guards it.
  await tx.query('DELETE FROM consent_evidence WHERE subscriber_id = ANY ($1::uuid[])', [ids]);
  await tx.query('UPDATE sign_up_requests SET first_name = NULL WHERE subscriber_id = ANY ($1::uuid[])', [
    ids,
  ]);
  await tx.query(
    `UPDATE mails SET copy = NULL, abandoned = CASE WHEN accepted_at IS NULL THEN coalesce(abandoned, 'erased') END
      WHERE subscriber_id = ANY ($1::uuid[])`,
    [ids],
  );
  await tx.query(
    `INSERT INTO suppressions (digest, created_at) SELECT unnest($1::text[]), $2::timestamptz
     ON CONFLICT (digest) DO UPDATE SET created_at = excluded.created_at`,
    [
      people.filter(({ suppressed }) => suppressed).map(({ key }) => suppressionDigest(secret, key)),
      now.toISOString(),
    ],
  );
}

/** What `eraseRows` would destroy of a person; of who is erased already, nothing. */
export interface Erasable {
  /** Entries of the ledger whose address, IP address and the like would go; they themselves stay, nameless. */
  evidence: number;
  /** Copies of mails that were sent. */
  mails: number;
  /** Mails that are owed, and would not be sent any more. */
  owed: number;
  /** Whether Mailchimp was told of them, and would be told to erase them. */
  atMailchimp: boolean;
}

/** @returns null when there is no such person */
export async function erasableOf(sql: Sql, id: string): Promise<Erasable | null> {
  const [found] = await sql.query<Erasable>(
    `SELECT (SELECT count(*)::int FROM consent_evidence WHERE subscriber_id = person.id) AS evidence,
            (SELECT count(*)::int FROM mails WHERE subscriber_id = person.id AND copy IS NOT NULL) AS mails,
            (SELECT count(*)::int FROM mails
              WHERE subscriber_id = person.id AND accepted_at IS NULL AND abandoned IS NULL) AS owed,
            ledger_salt IS NOT NULL
              AND EXISTS (SELECT FROM audience_contacts WHERE subscriber_id = person.id) AS "atMailchimp"
       FROM subscribers person WHERE id = $1::uuid`,
    [id],
  );
  return found ?? null;
}

/** What is kept of an erased address: tells nothing without the key, and the same address is known again (C-22). */
export function suppressionDigest(secret: string, key: string): string {
  return createHmac('sha256', secret).update(`suppressed ${key}`).digest('hex');
}
