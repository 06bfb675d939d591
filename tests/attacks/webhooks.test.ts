import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';
import { each, type Send, senderTo } from '../harness/routes.ts';

const secret = 'A-secret-of-forty-characters-in-the-path';
const signingSecret = 'what-mailchimp-signs-with';
const reader = 'reader@news.example';
const path = `/webhooks/mailchimp/${secret}`;

let footnote: Footnote;
let send: Send;
let close: () => void;
let unsubscribe: string;
beforeAll(async () => {
  footnote = await Footnote.start({
    MAILCHIMP_WEBHOOK_SECRET: secret,
    LIMIT_WRONG_LINKS_HOUR: '100000',
    LOG_LEVEL: 'trace',
  });
  await footnote.service.operations.setup();
  ({ send, close } = senderTo(footnote.service.port));
  ({ unsubscribe } = await footnote.subscribe(reader, ['morning-briefing', 'science-weekly']));
  await footnote.subscribe('left@news.example');
  const left = await footnote.service.database.prisma.subscriber.findUniqueOrThrow({
    where: { key: 'left@news.example' },
  });
  await footnote.http.post(`/unsubscribe/${left.linkKey}`).expect(200);
  await footnote.mailsNoted();
  await rested();
});
afterAll(async () => {
  close();
  await footnote.stop();
});

/** Once everything that was heard is followed, here and at Mailchimp. */
async function rested() {
  await footnote.sandbox.audience.deliveries.idle();
  await footnote.service.sync?.idle();
}

let fired = Date.UTC(2026, 10, 23);
/** What somebody who knows the secret makes up; never the same twice. */
function forged(type: string, data: Record<string, string> = {}): string {
  fired += 1_000;
  return new URLSearchParams({
    type,
    fired_at: new Date(fired).toISOString().slice(0, 19).replace('T', ' '),
    'data[list_id]': footnote.sandbox.mailchimp.audienceId,
    'data[email]': reader,
    ...data,
  }).toString();
}

const post = (body: string | Buffer, to = path, more: Record<string, string> = {}) =>
  send('POST', to, { headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...more }, body });

/** What the two readers chose, what they were mailed and what Mailchimp has of them. */
async function standing() {
  await rested();
  const people = [reader, 'left@news.example', 'moved@news.example', 'stranger@news.example'];
  return Promise.all(
    people.map(async (email) => {
      const member = footnote.sandbox.audience.member(email);
      const { status, interests } = member ?? { status: null, interests: null };
      const told = [await footnote.lists(email), await footnote.ledger(email), await footnote.mails(email)];
      return { email, status, interests, told };
    }),
  );
}

describe('whoever forges a delivery, and even knows the secret (A-17)', () => {
  const moved = { 'data[old_email]': reader, 'data[new_email]': 'moved@news.example', 'data[new_id]': 'x' };
  const forgeries: [string, Record<string, string>][] = [
    ['unsubscribe', { 'data[action]': 'unsub', 'data[reason]': 'manual' }],
    ['unsubscribe', { 'data[action]': 'delete', 'data[reason]': 'manual' }],
    ['unsubscribe', { 'data[action]': 'unsub', 'data[reason]': 'abuse' }],
    ['cleaned', { 'data[reason]': 'hard' }],
    ['cleaned', { 'data[reason]': 'abuse' }],
    ['profile', { 'data[merges][FNAME]': 'Forged', 'data[merges][INTERESTS]': '' }],
    ['subscribe', {}],
    ['subscribe', { 'data[email]': 'left@news.example' }],
    ['subscribe', { 'data[email]': 'stranger@news.example' }],
    ['upemail', moved],
    ['upemail', { ...moved, 'data[old_email]': 'left@news.example', 'data[new_email]': reader }],
  ];

  it.each(forgeries)('ends nobody, moves nobody and adds nobody: %s %o', async (type, data) => {
    const before = await standing();
    expect(before.map(({ status }) => status)).toEqual(['subscribed', 'unsubscribed', null, null]);
    const heard = await footnote.service.database.prisma.webhookDelivery.count();
    // With the reader's own links as well, as in a forwarded mail.
    for (const links of [{}, { 'data[merges][UNSUBURL]': `${footnote.settings.baseUrl}${unsubscribe}` }])
      expect((await post(forged(type, { ...data, ...links }))).status).toBe(200);
    expect(await footnote.service.database.prisma.webhookDelivery.count()).toBe(heard + 2);
    expect(await standing()).toEqual(before);
  });
});

describe('whoever does not know the secret', () => {
  it('is told that nothing is there, and nothing is done (A-17, A-21)', async () => {
    const before = await footnote.fingerprint();
    const said = footnote.logged.length;
    const nowhere = await send('POST', '/nowhere', { headers: { Accept: 'application/json' }, body: '' });
    const lengths = Array.from({ length: 80 }, (_, length) => secret.repeat(2).slice(0, length));
    const others = [
      ...lengths.filter((other) => other !== secret),
      ...[secret.toUpperCase(), secret.toLowerCase(), `${secret}%00`, `%20${secret}`, `${secret}%0A`],
      ...[...secret].map((_, n) => `${secret.slice(0, n)}x${secret.slice(n + 1)}`),
      ...[`${secret},${secret}`, 'null', 'undefined', '%C3%BC'.repeat(40), `..%2F${secret}`],
    ].filter((other) => other !== secret);
    const wrong = await each(others, async (other) => {
      const answers = [
        await post(forged('unsubscribe'), `/webhooks/mailchimp/${other}`),
        await send('GET', `/webhooks/mailchimp/${other}`),
      ];
      const told = answers.map(({ status, text }) => (status === 404 && text === nowhere.text ? '' : status));
      return told.join('') === '' ? undefined : `${other}: ${told}`;
    });
    expect(wrong).toEqual([]);
    expect(await footnote.fingerprint()).toEqual(before);
    expect(footnote.logged.slice(said)).not.toContain('webhook delivery came');
  });
});

describe('where deliveries are signed (A-18)', () => {
  beforeAll(async () => {
    close();
    await footnote.stopService();
    await footnote.startService({ webhook: { secret, signingSecret } });
    ({ send, close } = senderTo(footnote.service.port));
  });

  const hmac = (body: string, time: number, key: string) =>
    createHmac('sha256', key).update(`${time}.${body}`).digest('hex');
  const sign = (body: string, age = 0) => {
    const time = Math.floor(Date.now() / 1000) - age;
    return `t=${time},v1=${hmac(body, time, signingSecret)}`;
  };
  const signed = async (body: string | Buffer, signature: string) =>
    (await post(body, path, { 'X-Mailchimp-Signature': signature })).status;

  /** Each text or body that differs by one bit. */
  const flips = (bytes: Buffer) =>
    Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      return flipped;
    });
  const stored = () => footnote.service.database.prisma.webhookDelivery.count();

  it('one bit in the signature or in the body makes it void', async () => {
    const body = forged('profile');
    const signature = sign(body);
    const before = await stored();
    const signatures = flips(Buffer.from(signature))
      .map((flipped) => flipped.toString('latin1'))
      // What HTTP cannot carry, and hexadecimal in upper case, which is the same signature.
      .filter((flipped) => /^[\x20-\x7e\xa0-\xff]+$/.test(flipped))
      .filter((flipped) => flipped.toLowerCase() !== signature || /[TV]/.test(flipped));
    expect(signatures.length).toBeGreaterThan(450);
    const taken = await each(signatures, async (flipped) =>
      (await signed(body, flipped)) === 401 ? undefined : flipped,
    );
    // A bit of each byte, another one in each, as there are many.
    const bodies = flips(Buffer.from(body)).filter((_, bit) => (bit >> 3) % 8 === bit % 8);
    expect(bodies).toHaveLength(body.length);
    const takenBodies = await each(bodies, async (flipped) =>
      (await signed(flipped, signature)) === 401 ? undefined : flipped.toString('latin1'),
    );
    expect([taken, takenBodies]).toEqual([[], []]);
    expect(await stored()).toBe(before);
    expect(await signed(body, signature)).toBe(200);
    expect(await stored()).toBe(before + 1);
  });

  it('a replay changes nothing, and what is stale or written otherwise is void', async () => {
    const body = forged('profile');
    const signature = sign(body);
    expect(await signed(body, signature)).toBe(200);
    const before = await standing();
    const heard = await stored();
    for (let time = 0; time < 3; time++) expect(await signed(body, signature)).toBe(200);
    expect(await signed(forged('unsubscribe'), signature)).toBe(401);
    for (const age of [310, 86_400, -310]) expect(await signed(body, sign(body, age))).toBe(401);
    const fields = [...new URLSearchParams(body)];
    for (const other of [
      body.replaceAll('+', '%20'),
      body.replaceAll('%5B', '%5b').replaceAll('%5D', '%5d'),
      decodeURIComponent(body),
      new URLSearchParams(fields.toReversed()).toString(),
      JSON.stringify(Object.fromEntries(fields)),
      `${body}&`,
      `\ufeff${body}`,
      `${body}\r\n`,
    ]) {
      expect(other).not.toBe(body);
      expect([other, await signed(other, signature)]).toEqual([other, 401]);
    }
    expect(await stored()).toBe(heard);
    expect(await standing()).toEqual(before);
  });

  it('one right signature among several will do, and no number of wrong ones', async () => {
    const body = forged('profile');
    const time = Math.floor(Date.now() / 1000);
    const of = (key: string) => `v1=${hmac(body, time, key)}`;
    const wrong = Array.from({ length: 150 }, (_, n) => of(`another secret ${n}`));
    expect(await signed(body, [`t=${time}`, ...wrong].join())).toBe(401);
    expect(await signed(body, [`t=${time}`, ...wrong, of(secret)].join())).toBe(401);
    expect(await signed(body, [`t=${time}`, ...wrong, of(signingSecret)].join())).toBe(200);
  });

  it('and no secret, signature or address of all this is in the log', () => {
    expect(footnote.logged).toContain('without a valid signature');
    expect(footnote.logged).not.toMatch(/news\.example|v1=|[0-9a-f]{64}/);
    for (const word of [secret, signingSecret]) expect(footnote.logged).not.toContain(word);
  });
});
