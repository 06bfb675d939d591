import type { Sql } from '../../platform/database.ts';
import type { Contact } from './contacts.ts';
import { restsOnImport } from './member.ts';
import { isOfEverybody } from './refusals.ts';

// Whoever came by an import may be in the audience since long ago, or have left it. So Mailchimp is read before
// anything is said of them: alone while they are few; else the whole audience is, once for all of them, and what
// it shows of each is noted here.

/** Whether nothing may be said of the contact before Mailchimp was read, and reading it as a whole would do. */
export function isUnread(contact: Contact): boolean {
  const { consent, undone, memberStatus, refusal } = contact;
  if (memberStatus !== null || contact.look || contact.unmapped || contact.erase !== null) return false;
  if (refusal !== null && !isOfEverybody(refusal.kind)) return false;
  return consent === null ? undone !== null : restsOnImport(contact);
}

const waits = `contact.wanted <> contact.acknowledged AND contact.due_at IS NOT NULL AND NOT contact.look
           AND EXISTS (SELECT FROM consent_events event
                        WHERE event.subscriber_id = contact.subscriber_id AND event.kind = 'imported')`;

/** Whether there is anybody for whom the audience is to be read. */
export async function isAnybodyUnread(sql: Sql): Promise<boolean> {
  const rows = await sql.query(
    `SELECT FROM audience_contacts contact
      WHERE (contact.member_status IS NULL OR contact.member_status = 'unread') AND ${waits} LIMIT 1`,
  );
  return rows.length > 0;
}

/** Marks for whom the audience is about to be read: that it does not show somebody who comes later, says nothing. */
export async function markUnread(sql: Sql): Promise<void> {
  let last = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const [marked] = await sql.query<{ last: string | null }>(
      `WITH waiting AS MATERIALIZED (
         SELECT contact.subscriber_id AS id FROM audience_contacts contact
          WHERE contact.subscriber_id > $1::uuid AND contact.member_status IS NULL AND ${waits}
          ORDER BY contact.subscriber_id LIMIT 1000
            FOR UPDATE
       ), marked AS (
         UPDATE audience_contacts contact SET member_status = 'unread'
           FROM waiting WHERE contact.subscriber_id = waiting.id)
       SELECT max(id::text) AS last FROM waiting`,
      [last],
    );
    if (marked === undefined || marked.last === null) return;
    last = marked.last;
  }
}

/** Notes what the audience shows of contacts that were marked for it and are as they were loaded; they are due now. */
export async function noteRead(
  sql: Sql,
  read: readonly { contact: Contact; memberStatus: string }[],
): Promise<void> {
  if (read.length === 0) return;
  const given = read.map(({ contact: { subscriberId: id, revision }, memberStatus: status }) => ({
    id,
    revision,
    status,
  }));
  await sql.query(
    `WITH given AS MATERIALIZED (
       SELECT * FROM jsonb_to_recordset($1::jsonb) AS given(id uuid, revision int, status text)
     ), waiting AS MATERIALIZED (
       SELECT contact.subscriber_id AS id FROM audience_contacts contact
        WHERE contact.subscriber_id IN (SELECT id FROM given) AND contact.member_status = 'unread'
        ORDER BY contact.subscriber_id FOR UPDATE)
     UPDATE audience_contacts contact SET member_status = given.status, due_at = now()
       FROM given JOIN waiting USING (id)
      WHERE contact.subscriber_id = given.id AND contact.wanted = given.revision`,
    [JSON.stringify(given)],
  );
}
