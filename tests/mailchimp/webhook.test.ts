import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readDelivery, takeDelivery, verifySignature } from '../../src/mailchimp/webhook.ts';
import { forget } from '../../src/platform/forget.ts';
import { linksOf } from '../../src/subscribing/links.ts';
import { type Newsroom, openNewsroom } from './newsroom.ts';

describe('a signature (A-18)', () => {
  const secret = 'the secret that the webhook was made with';
  const body = Buffer.from('type=subscribe&data[email]=größe@news.example');
  const now = new Date('2026-11-23T09:00:00Z');
  const seconds = now.getTime() / 1000;
  const hmac = (time: number, key = secret) =>
    createHmac('sha256', key).update(`${time}.`).update(body).digest('hex');
  const signed = (time: number) => `t=${time},v1=${hmac(time)}`;
  const isValid = (header: string | undefined, bytes = body) => verifySignature(bytes, header, secret, now);

  it('is valid for these bytes for five minutes, whosever clock is behind', () => {
    for (const age of [0, 299, 300, -300]) expect(isValid(signed(seconds - age))).toBe(true);
    for (const age of [301, 86_400, -301]) expect(isValid(signed(seconds - age))).toBe(false);
  });

  it('may be one of several, while a secret is rotated', () => {
    expect(isValid(`t=${seconds},v1=${hmac(seconds, 'the next')},v1=${hmac(seconds)}`)).toBe(true);
    expect(isValid(`t=${seconds}, v0=none, v1=${hmac(seconds).toUpperCase()}`)).toBe(true);
    expect(isValid(`t=${seconds},v1=${hmac(seconds, 'the next')}`)).toBe(false);
  });

  it('is void with one bit of the body or of itself changed', () => {
    for (const index of [0, body.length - 1]) {
      const changed = Buffer.from(body);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(isValid(signed(seconds), changed)).toBe(false);
    }
    const last = hmac(seconds).at(-1) === '0' ? '1' : '0';
    expect(isValid(`t=${seconds},v1=${hmac(seconds).slice(0, -1)}${last}`)).toBe(false);
    expect(isValid(`t=${seconds + 1},v1=${hmac(seconds)}`)).toBe(false);
  });

  it.each([
    undefined,
    '',
    't=,v1=',
    't',
    `v1=${hmac(seconds)}`,
    `t=${seconds}`,
    `t=${seconds},v1=`,
    `t=${seconds},v1=${hmac(seconds).slice(1)}`,
    `t=${seconds},v1=${hmac(seconds)}00`,
    `t=${seconds},v1=${'z'.repeat(64)}`,
    `t=${seconds},v1=${'ü'.repeat(64)}`,
    `t=NaN,v1=${hmac(seconds)}`,
    `t=${seconds}.0,v1=${hmac(seconds)}`,
    `t=${seconds - 3600},t=${seconds},v1=${hmac(seconds)}`,
    `T=${seconds},V1=${hmac(seconds)}`,
    ','.repeat(10_000),
  ])('is void when it is %s, and nothing is thrown', (header) => {
    expect(isValid(header)).toBe(false);
  });
});

const audienceId = 'a1b2c3d4e5';
const links = linksOf('https://news.example');

/** The body of a delivery as Mailchimp writes it. */
const bodyOf = (type: string, data: Record<string, string>, firedAt = '2026-11-23 09:00:00') =>
  new URLSearchParams({
    type,
    fired_at: firedAt,
    ...Object.fromEntries(
      Object.entries({ list_id: audienceId, ...data }).map(([key, value]) => [
        key.startsWith('merges') ? `data[merges]${key.slice('merges'.length)}` : `data[${key}]`,
        value,
      ]),
    ),
  }).toString();

describe('the body of a delivery', () => {
  it('is read with its time in UTC', () => {
    const read = readDelivery(bodyOf('subscribe', { email: 'Reader@News.example', id: 'b748506b63' }));
    expect(read).toMatchObject({
      type: 'subscribe',
      firedAt: new Date('2026-11-23T09:00:00Z'),
      listId: audienceId,
      hints: [{ email: 'Reader@News.example', link: null, reported: null, movedTo: null }],
    });
  });

  it('that is empty says nothing', () => {
    expect(readDelivery('')).toBeNull();
    expect(readDelivery('\r\n')).toBeNull();
  });

  it.each([
    ['a type of tomorrow', bodyOf('sms_subscribe', { email: 'reader@news.example' })],
    ['no type', bodyOf('', { email: 'reader@news.example' })],
    ['no address', bodyOf('unsubscribe', {})],
    ['no address in the address', bodyOf('unsubscribe', { email: 'reader' })],
    ['half a change of address', bodyOf('upemail', { old_email: 'reader@news.example' })],
    ['an address with a NUL', bodyOf('profile', { email: 'reader\0@news.example' })],
    ['an endless address', bodyOf('profile', { email: `${'a'.repeat(100_000)}@news.example` })],
    ['an endless address of @', bodyOf('profile', { email: `${'@'.repeat(200_000)} x` })],
    ['no audience', bodyOf('profile', { email: 'reader@news.example', list_id: '' })],
    ['a time that is none', bodyOf('profile', { email: 'reader@news.example' }, '2026-13-23 09:00:00')],
    ['a time with a zone', bodyOf('profile', { email: 'reader@news.example' }, '2026-11-23T09:00:00+01:00')],
    ['JSON', '{"type":"subscribe","data":{"email":"reader@news.example"}}'],
    ['names that are no names', '__proto__[type]=subscribe&constructor=x&type[]=subscribe'],
    ['bytes', '\u0000\ufffd%E0%A4%A&&&=&=='],
  ])('with %s is not understood', (_what, body) => {
    expect(readDelivery(body)).toEqual({ type: 'unknown' });
  });
});

describe('a delivery', () => {
  let newsroom: Newsroom;
  const reader = 'Reader@news.example';
  const other = 'other@news.example';
  const receivedAt = new Date('2026-11-23T09:00:01Z');

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
    for (const email of [reader, other]) await newsroom.subscribe(email, 'daily');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    await newsroom.database.query('DELETE FROM webhook_deliveries');
    // As after the lane has told Mailchimp, and parked them.
    await newsroom.database.query(
      `UPDATE audience_contacts
          SET acknowledged = wanted, due_at = NULL, attempts = 3, look = false, reported = NULL, moved_to = NULL`,
    );
  });

  async function take(type: string, data: Record<string, string>, firedAt?: string) {
    const delivery = readDelivery(bodyOf(type, data, firedAt));
    if (delivery === null) throw new Error('the body is empty');
    return takeDelivery(newsroom.database, delivery, { audienceId, receivedAt });
  }
  const groups = (value: string) => ({
    'merges[GROUPINGS][0][id]': '6197',
    'merges[GROUPINGS][0][unique_id]': '458a556058',
    'merges[GROUPINGS][0][name]': 'Newsletters',
    'merges[GROUPINGS][0][groups]': value,
  });

  /** What stands marked on a contact. */
  async function marks(email: string) {
    const [row] = await newsroom.database.query<{
      look: boolean;
      reported: string | null;
      movedTo: string | null;
      isDue: boolean;
      attempts: number;
    }>(
      `SELECT contact.look, contact.reported, contact.moved_to AS "movedTo", contact.attempts,
              contact.wanted <> contact.acknowledged AND coalesce(contact.due_at <= now(), false) AS "isDue"
         FROM audience_contacts contact JOIN subscribers person ON person.id = contact.subscriber_id
        WHERE person.key = $1`,
      [email.toLowerCase()],
    );
    return row;
  }
  const untouched = { look: false, reported: null, movedTo: null, isDue: false, attempts: 3 };
  const looked = { look: true, reported: null, movedTo: null, isDue: true, attempts: 0 };

  it.each([
    ['somebody joined', 'subscribe', {}],
    ['a profile changed', 'profile', {}],
    ['groups changed', 'profile', groups('The Daily, Science\\, Weekly')],
    ['all groups were left', 'profile', groups('')],
    ['a Mailchimp user archived somebody', 'unsubscribe', { action: 'delete', reason: 'manual' }],
  ])('that tells that %s makes the lane look at the contact, and no other', async (_what, type, more) => {
    expect(await take(type, { email: 'READER@News.example', ...more })).toBe('taken');
    expect(await marks(reader)).toEqual(looked);
    expect(await marks(other)).toEqual(untouched);
  });

  it.each([
    ['somebody left', 'unsubscribe', { action: 'unsub', reason: 'manual' }, 'left'],
    ['somebody left, as it was told in former years', 'unsubscribe', { reason: 'manual' }, 'left'],
    ['somebody complained', 'unsubscribe', { action: 'unsub', reason: 'abuse' }, 'complained'],
    ['an address bounced', 'cleaned', { reason: 'hard' }, 'left'],
    ['an address was cleaned for complaints', 'cleaned', { reason: 'abuse' }, 'complained'],
  ])('that tells that %s says so to the lane', async (_what, type, more, reported) => {
    await take(type, { email: reader, ...more });
    expect(await marks(reader)).toEqual({ ...looked, reported });
  });

  it('never makes a complaint less, whatever comes after it', async () => {
    await take('unsubscribe', { email: reader, reason: 'abuse' });
    await take('unsubscribe', { email: reader, reason: 'manual' });
    await take('subscribe', { email: reader });
    expect(await marks(reader)).toEqual({ ...looked, reported: 'complained' });
  });

  it('does not unsay a departure by telling of something else', async () => {
    await take('unsubscribe', { email: reader, reason: 'manual' });
    await take('profile', { email: reader });
    expect(await marks(reader)).toEqual({ ...looked, reported: 'left' });
  });

  it('changes neither a subscription nor the ledger (A-17)', async () => {
    const state = () =>
      newsroom.database.query(
        `SELECT (SELECT json_agg(s ORDER BY s) FROM (SELECT subscriber_id, list_id, state::text FROM subscriptions) s) AS lists,
                (SELECT count(*)::int FROM consent_events) AS events`,
      );
    const before = await state();
    for (const type of ['subscribe', 'unsubscribe', 'cleaned', 'profile']) {
      await take(type, { email: reader, reason: 'abuse' });
    }
    await take('upemail', { old_email: reader, new_email: other });
    expect(await state()).toEqual(before);
  });

  it('of a changed address tells where the person went', async () => {
    await take('upemail', { old_email: reader, new_email: 'New.Reader@news.example', new_id: '0123456789' });
    expect(await marks(reader)).toEqual({ ...looked, movedTo: 'New.Reader@news.example' });
    expect(await marks(other)).toEqual(untouched);
  });

  it('of an address changed to that of another subscriber has both looked at', async () => {
    await take('upemail', { old_email: reader, new_email: other });
    expect(await marks(reader)).toEqual({ ...looked, movedTo: other });
    expect(await marks(other)).toEqual(looked);
  });

  it('of an address spelled in another case moves nobody', async () => {
    await take('upemail', { old_email: reader, new_email: reader.toUpperCase() });
    expect(await marks(reader)).toEqual(looked);
  });

  it('of an unknown address with the link of a subscriber tells where that one went', async () => {
    const { linkKey } = await newsroom.contact(reader);
    const link = links.unsubscribe(linkKey);
    await take('profile', { email: 'new.reader@news.example', 'merges[UNSUBURL]': link });
    expect(await marks(reader)).toEqual({ ...looked, movedTo: 'new.reader@news.example' });
    expect(await marks(other)).toEqual(untouched);
  });

  it('of a known address is about its owner, whosever link it carries', async () => {
    const { linkKey } = await newsroom.contact(reader);
    await take('profile', { email: other, 'merges[UNSUBURL]': links.unsubscribe(linkKey) });
    expect(await marks(other)).toEqual(looked);
    expect(await marks(reader)).toEqual(untouched);
  });

  it.each([
    ['an address of nobody', { email: 'stranger@news.example' }],
    [
      'a link of nobody',
      { email: 'stranger@news.example', 'merges[UNSUBURL]': links.unsubscribe('0'.repeat(32)) },
    ],
    ['a link that is none', { email: 'stranger@news.example', 'merges[UNSUBURL]': 'javascript:alert(1)' }],
    ['an endless link', { email: 'stranger@news.example', 'merges[UNSUBURL]': 'x'.repeat(10_000) }],
    ['an address that we take from nobody', { email: '"a b"@[127.0.0.1]x' }],
  ])('with %s marks nobody', async (_what, data) => {
    await take('unsubscribe', data);
    expect(await marks(reader)).toEqual(untouched);
    expect(await marks(other)).toEqual(untouched);
    expect(await newsroom.database.prisma.subscriber.count()).toBe(2);
  });

  it('marks nobody who has yet to confirm', async () => {
    await newsroom.signUp('newcomer@news.example', 'daily');
    expect(await take('subscribe', { email: 'newcomer@news.example' })).toBe('taken');
    expect(await marks('newcomer@news.example')).toBeUndefined();
  });

  it('counts once however often it comes, and again when something happens again', async () => {
    const { wanted } = await newsroom.contact(reader);
    const deliver = (firedAt: string) => take('profile', { email: reader }, firedAt);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => deliver('2026-11-23 09:00:00')));
    expect(outcomes.sort()).toEqual(['repeated', 'repeated', 'repeated', 'repeated', 'taken']);
    expect((await newsroom.contact(reader)).wanted).toBe(wanted + 1);

    expect(await deliver('2026-11-23 08:00:00')).toBe('taken');
    expect((await newsroom.contact(reader)).wanted).toBe(wanted + 2);
  });

  it('of the same second with other contents is another one', async () => {
    const [first, second] = [groups('The Daily'), groups('')];
    expect(await take('profile', { email: reader, ...first })).toBe('taken');
    expect(await take('profile', { email: reader, ...second })).toBe('taken');
  });

  it.each([
    ['of another audience', 'unsubscribe', { email: reader, list_id: 'f6e5d4c3b2' }],
    ['about a campaign', 'campaign', { id: '5aa2102003', subject: 'News', status: 'sent' }],
    ['that nobody understands', 'upsms', { email: reader }],
  ])('%s is ignored', async (_what, type, data) => {
    expect(await take(type, data)).toBe('ignored');
    expect(await marks(reader)).toEqual(untouched);
    expect(await newsroom.database.prisma.webhookDelivery.count()).toBe(0);
  });

  it('leaves nothing personal behind but the mark (I6)', async () => {
    await take('unsubscribe', { email: reader, reason: 'manual', ip_opt: '93.184.216.34' });
    const rows = await newsroom.database.prisma.webhookDelivery.findMany();
    expect(rows).toEqual([
      {
        digest: expect.stringMatching(/^[\da-f]{64}$/),
        type: 'unsubscribe',
        firedAt: new Date('2026-11-23T09:00:00Z'),
        receivedAt,
      },
    ]);
  });

  it('is forgotten when no repeat can come any more', async () => {
    await take('profile', { email: reader });
    await forget(newsroom.database, 'webhook_deliveries', 'received_at', receivedAt);
    expect(await take('profile', { email: reader })).toBe('repeated');
    const later = new Date(receivedAt.getTime() + 1);
    await forget(newsroom.database, 'webhook_deliveries', 'received_at', later);
    expect(await take('profile', { email: reader })).toBe('taken');
  });

  it('is taken wholly or not at all', async () => {
    await newsroom.database.query(
      `ALTER TABLE audience_contacts ADD CONSTRAINT broken CHECK (moved_to IS NULL) NOT VALID`,
    );
    try {
      const move = { old_email: reader, new_email: 'new.reader@news.example' };
      await expect(take('upemail', move)).rejects.toMatchObject({ code: '23514' });
      await newsroom.database.query('ALTER TABLE audience_contacts DROP CONSTRAINT broken');
      expect(await take('upemail', move)).toBe('taken');
    } finally {
      await newsroom.database.query('ALTER TABLE audience_contacts DROP CONSTRAINT IF EXISTS broken');
    }
  });
});
