import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { sha256 } from '../consent/ledger.ts';
import type { Sql } from '../platform/database.ts';
import { parseAddress } from '../subscribing/address.ts';
import { keyOfLink } from '../subscribing/links.ts';
import { locked, marked } from './lane/contacts.ts';

// What Mailchimp tells us is a hint, never an order: it only marks whom the lane has to look at, and
// the lane decides by what it reads there. So a forged, repeated, late or disordered delivery can do no harm.

/** How far the clock of a signature may be from ours, in seconds, as Mailchimp advises. */
const tolerance = 300;

/**
 * Whether Mailchimp signed these bytes, and lately: `X-Mailchimp-Signature: t=<unix>,v1=<hex>`, where v1 is
 * HMAC-SHA256 over `<t>.<body>`, and several are given while a secret is rotated. Never throws.
 * @param rawBody the body as it came, before anybody parsed it
 */
export function verifySignature(
  rawBody: Buffer,
  header: string | undefined,
  secret: string,
  now: Date,
): boolean {
  const parts = (header ?? '').split(',').map((part) => part.trim());
  const valuesOf = (name: string) =>
    parts.flatMap((part) => (part.startsWith(`${name}=`) ? part.slice(name.length + 1) : []));

  const [time = '', ...otherTimes] = valuesOf('t');
  if (!/^\d{1,12}$/.test(time) || otherTimes.length > 0) return false;
  if (Math.abs(now.getTime() / 1000 - Number(time)) > tolerance) return false;

  const right = createHmac('sha256', secret).update(`${time}.`).update(rawBody).digest();
  return valuesOf('v1').some(
    (signature) => /^[\da-f]{64}$/i.test(signature) && timingSafeEqual(Buffer.from(signature, 'hex'), right),
  );
}

// Texts that the database can hold, of a length that an address or a link may have.
const text = z
  .string()
  .max(1000, { abort: true })
  .regex(/^\P{Cc}*$/u);
const address = text.trim().regex(/^[^\s@]+@\S+$/);
/** Worth less than the delivery that it stands in. */
const remark = text.optional().catch(undefined);

/** Written like `2026-11-23 09:00:00`; it is UTC, though it does not say so. */
const time = z
  .string()
  .transform((written) => `${written.replace(' ', 'T')}Z`)
  .pipe(z.iso.datetime({ precision: 0 }))
  .transform((written) => new Date(written));

const envelope = { fired_at: time, 'data[list_id]': text.min(1) };

/**
 * The fields of a form, flat, under the names that Mailchimp gives them. What it says of groups
 * (`data[merges][GROUPINGS][0][groups]`, names joined by commas) is left unread: the lane asks for the
 * member's interests by id, which no rename and no comma in a name can confuse.
 */
const fields = z.discriminatedUnion('type', [
  z.object({
    ...envelope,
    type: z.literal(['subscribe', 'profile']),
    'data[email]': address,
    'data[merges][UNSUBURL]': remark,
  }),
  z.object({
    ...envelope,
    type: z.literal('unsubscribe'),
    'data[email]': address,
    'data[action]': remark,
    'data[reason]': remark,
    'data[merges][UNSUBURL]': remark,
  }),
  z.object({
    ...envelope,
    type: z.literal('cleaned'),
    'data[email]': address,
    'data[reason]': remark,
  }),
  z.object({
    ...envelope,
    type: z.literal('upemail'),
    'data[old_email]': address,
    'data[new_email]': address,
  }),
  z.object({ ...envelope, type: z.literal('campaign') }),
]);

/** One call of Mailchimp's, as far as it concerns us. */
export type Delivery =
  | {
      type: Exclude<z.infer<typeof fields>['type'], 'campaign'>;
      /**
       * Names the delivery, as Mailchimp gives it no id: the hash of its whole body, since two changes of
       * a person within one second are two deliveries.
       */
      digest: string;
      firedAt: Date;
      /** The audience. */
      listId: string;
      hints: Hint[];
    }
  | { type: 'campaign' }
  /** What we do not understand. */
  | { type: 'unknown' };

/** That there may be news of somebody. */
export interface Hint {
  email: string;
  /** What the member carries in the merge field for our unsubscribe link. */
  link: string | null;
  /** What Mailchimp says that they did. */
  reported: 'left' | 'complained' | null;
  /** The address that they have now, if it is another. */
  movedTo: string | null;
}

/**
 * Reads the body of a delivery: a form, in UTF-8.
 * @returns null for an empty one, which Mailchimp sends to see whether we are there
 */
export function readDelivery(body: string): Delivery | null {
  if (body.trim() === '') return null;
  const parsed = fields.safeParse(Object.fromEntries(new URLSearchParams(body)));
  if (!parsed.success) return { type: 'unknown' };
  const { data } = parsed;
  if (data.type === 'campaign') return { type: data.type };
  return {
    type: data.type,
    digest: sha256(body),
    firedAt: data.fired_at,
    listId: data['data[list_id]'],
    hints: hintsOf(data),
  };
}

function hintsOf(data: Exclude<z.infer<typeof fields>, { type: 'campaign' }>): Hint[] {
  const hint = (email: string, more: Partial<Hint> = {}): Hint => ({
    email,
    link: null,
    reported: null,
    movedTo: null,
    ...more,
  });
  switch (data.type) {
    case 'subscribe':
    case 'profile':
      return [hint(data['data[email]'], { link: data['data[merges][UNSUBURL]'] ?? null })];
    case 'unsubscribe': {
      // `delete` is one of Mailchimp's users who archives a contact; nothing is known of the person's will.
      const reported = data['data[action]'] === 'delete' ? null : goneFor(data['data[reason]']);
      return [hint(data['data[email]'], { link: data['data[merges][UNSUBURL]'] ?? null, reported })];
    }
    case 'cleaned':
      return [hint(data['data[email]'], { reported: goneFor(data['data[reason]']) })];
    case 'upemail': {
      const { 'data[old_email]': old, 'data[new_email]': movedTo } = data;
      return keyOf(old) === keyOf(movedTo) ? [hint(old)] : [hint(old, { movedTo }), hint(movedTo)];
    }
  }
}

const goneFor = (reason: string | undefined) => (reason === 'abuse' ? 'complained' : 'left');

/** Whose address it is; null when it cannot be that of a subscriber. */
function keyOf(email: string): string | null {
  const parsed = parseAddress(email);
  return parsed.ok ? parsed.address.key : null;
}

/**
 * Takes a delivery: it is remembered and the contacts that it hints at are marked, so that the lane looks
 * at them, in one statement. A stranger's address marks nobody. Nothing personal is kept of it.
 * @returns `repeated` for one taken before, `ignored` for one that does not concern us; both change nothing
 */
export async function takeDelivery(
  sql: Sql,
  delivery: Delivery,
  { audienceId, receivedAt }: { audienceId: string; receivedAt: Date },
): Promise<'taken' | 'repeated' | 'ignored'> {
  if (delivery.type === 'campaign' || delivery.type === 'unknown') return 'ignored';
  const { type, digest, firedAt, listId, hints } = delivery;
  if (listId !== audienceId) return 'ignored';

  const rows = hints.map(({ email, link, ...hint }) => ({
    ...hint,
    email,
    key: keyOf(email),
    link_key: link === null ? null : keyOfLink(link),
  }));
  // An address that nobody has here, but with the link of somebody, is where that person moved to; unless they were
  // erased, and then it must not come back (I6).
  const remembered = await sql.query(
    `WITH remembered AS (
       INSERT INTO webhook_deliveries (digest, type, fired_at, received_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING RETURNING digest
     ), given AS MATERIALIZED (
       SELECT person.id, hint.reported,
              CASE WHEN person.key = hint.key THEN hint."movedTo" ELSE hint.email END AS moved_to
         FROM jsonb_to_recordset($5::jsonb) AS hint(email text, key text, link_key text, reported text, "movedTo" text)
         JOIN subscribers person ON person.id = coalesce(
                (SELECT id FROM subscribers WHERE key = hint.key),
                (SELECT id FROM subscribers WHERE link_key = hint.link_key))
        WHERE EXISTS (SELECT FROM remembered)
     ), ${locked}, marked AS (
       UPDATE audience_contacts contact
          SET ${marked},
              reported = CASE WHEN contact.reported = 'complained' THEN contact.reported
                              ELSE coalesce(given.reported, contact.reported) END,
              moved_to = coalesce(given.moved_to, contact.moved_to)
         FROM given JOIN locked USING (id)
        WHERE contact.subscriber_id = given.id AND contact.erase = '{}')
     SELECT digest FROM remembered`,
    [digest, type, firedAt, receivedAt, JSON.stringify(rows)],
  );
  return remembered.length > 0 ? 'taken' : 'repeated';
}
