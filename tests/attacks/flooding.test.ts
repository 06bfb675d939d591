import { solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedOrigin, Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
const start = (env: Record<string, string> = {}) => {
  beforeAll(async () => {
    footnote = await Footnote.start({ TRUST_PROXY: 'loopback', ...env });
  });
  afterAll(() => footnote.stop());
};
const from = (ip: string, email: string, more: object = {}) =>
  footnote.signUp(email, ['morning-briefing'], more).set('X-Forwarded-For', ip);
const people = () => footnote.service.database.prisma.subscriber.count();
const mails = () => footnote.service.database.prisma.mail.findMany({ orderBy: { dueAt: 'asc' } });

/** A nonce that is old enough for a reader. */
async function nonce(): Promise<string> {
  const { body } = await footnote.http.get('/nonce').expect(200);
  footnote.advance(3_000);
  return body.nonce;
}

describe('a flood', () => {
  start();

  it('from hundreds of addresses for one victim ends in the capped mails, and readers notice nothing (A-01, A-11)', async () => {
    const spelt = (n: number) =>
      [`vic.tim+${n}@gmail.com`, `V.i.c.t.i.m@Gmail.com`, `victim@googlemail.com`, `vi.ctim+x@GMAIL.com`][
        n % 4
      ];
    const statuses = new Set<number>();
    for (let set = 0; set < 6; set += 1) {
      const posts = Array.from({ length: 100 }, (_, n) => {
        const who = set * 100 + n;
        return from(`198.18.${who >> 2}.${n}`, spelt(n) ?? '').then(({ status }) => statuses.add(status));
      });
      await Promise.all(posts);
    }
    expect([...statuses].filter((status) => status !== 202 && status !== 429)).toEqual([]);
    expect((await mails()).length).toBeLessThanOrEqual(3);
    await from('203.0.113.200', 'honest@reader.example').expect(202);
    await footnote.mailTo('honest@reader.example');
  });

  it('from one network for many victims meets its limit, at each door (A-01, A-02)', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => from(`2001:db8:77:${n.toString(16)}::1`, `v${n}@one.example`)),
    );
    const answers2 = await Promise.all(
      Array.from({ length: 60 }, (_, n) => from(`2001:db8:77:ff::${n}`, `w${n}@one.example`)),
    );
    expect(answers.concat(answers2).filter(({ status }) => status === 202).length).toBeLessThanOrEqual(100);
    const limited = await from('2001:db8:77:ff::1', 'another@one.example').expect(429);
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    expect(limited.headers['content-type']).toContain('application/problem+json');
    expect(limited.body).toMatchObject({ status: 429, errors: [{ field: 'form' }] });
    const form = await footnote.http
      .post('/subscriptions')
      .set('X-Forwarded-For', '2001:db8:77:ff::1')
      .type('form')
      .send({ email: 'another@one.example', lists: 'morning-briefing' })
      .expect(429);
    expect(form.text).toContain('another@one.example');
    await footnote.http
      .post('/my-link')
      .set('X-Forwarded-For', '2001:db8:77:ff::1')
      .type('form')
      .send({ email: 'another@one.example' })
      .expect(429);
  });

  it('is counted by an address that the client cannot choose (A-23)', async () => {
    // What stands left of the address that our proxy added is the client's own word.
    const spoofed = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        from(`10.9.8.${n}, 192.0.2.${n}, 203.0.113.5`, `spoof${n}@two.example`),
      ),
    );
    expect(spoofed.filter(({ status }) => status === 202)).toHaveLength(25);
    await footnote.stopService();
    await footnote.startService({ trustProxy: [] });
    // Without a proxy, nobody's word counts, and this machine is no reader.
    await from('203.0.113.5', 'direct@two.example').expect(202);
    const { ip } = await footnote.service.database.prisma.consentEvidence.findFirstOrThrow({
      where: { email: 'direct@two.example' },
    });
    expect(ip).toBe('127.0.0.1');
    expect((await footnote.service.operations.doctor()).map(({ check }) => check)).toContain('proxies');
  });
});

describe('a reader of our form', () => {
  start({ LIMIT_IP_HOUR: '8' });

  it('is let through four times as often as who shows no nonce (A-03)', async () => {
    const good = await nonce();
    const statuses: number[] = [];
    for (let n = 0; n < 9; n += 1)
      statuses.push((await from('192.0.2.10', `form${n}@three.example`, { nonce: good })).status);
    expect(statuses).toEqual([...Array(8).fill(202), 429]);
    statuses.length = 0;
    for (let n = 0; n < 3; n += 1) statuses.push((await from('192.0.2.11', `bare${n}@three.example`)).status);
    expect(statuses).toEqual([202, 202, 429]);
  });

  it('gets a nonce with every page, and a script of an allowed site may fetch one', async () => {
    const page = await footnote.http.get('/');
    expect(page.text).toMatch(/name="nonce" value="[0-9a-z]+\.[0-9a-f]{32}"/);
    const { headers } = await footnote.http.get('/nonce').set('Origin', allowedOrigin).expect(200);
    expect(headers['access-control-allow-origin']).toBe(allowedOrigin);
  });

  it('who fills in the hidden field is a bot: the normal answer, and nothing else (A-03)', async () => {
    const before = await people();
    const honest = await from('192.0.2.20', 'no-bot@three.example');
    const bot = await from('192.0.2.21', 'bot@three.example', { message: 'Buy now' });
    expect([bot.status, bot.text]).toEqual([honest.status, honest.text]);
    const form = await footnote.http
      .post('/subscriptions')
      .type('form')
      .send({ email: 'bot2@three.example', lists: 'morning-briefing', message: 'x' })
      .expect(303);
    expect(form.headers['location']).toMatch(/\/thanks$/);
    expect(await people()).toBe(before + 1);
  });
});

describe('mails above the ceilings (A-01)', () => {
  start({ LIMIT_TOTAL_HOUR: '5' });

  it('wait their turn, and nobody is told', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => footnote.signUp(`many${n}@d${n}.example`)),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    const owed = (await mails()).map(({ dueAt, createdAt }) =>
      Math.round((dueAt.getTime() - createdAt.getTime()) / 60_000),
    );
    expect(owed).toEqual([0, 0, 0, 0, 0, 12, 24, 36]);
    const findings = await footnote.service.operations.doctor();
    expect(findings.find(({ check }) => check === 'flooding')).toMatchObject({ status: 'warning' });
  });
});

describe('with ALTCHA on', () => {
  start({ ALTCHA: 'on', ALTCHA_DIFFICULTY: '10', ADMIN_API_KEY: 'a'.repeat(32) });

  async function solved(): Promise<string> {
    const { body: challenge } = await footnote.http.get('/altcha').expect(200);
    const solution = await solveChallenge({ challenge, deriveKey });
    return Buffer.from(JSON.stringify({ challenge, solution })).toString('base64');
  }

  it('every door that can cause a mail asks for a solution, once (A-01, A-02)', async () => {
    const refused = await footnote.signUp('no@four.example').expect(422);
    expect(refused.body.errors).toMatchObject([{ field: 'altcha' }]);
    const altcha = await solved();
    await footnote.signUp('yes@four.example', undefined, { altcha }).expect(202);
    await footnote.signUp('replay@four.example', undefined, { altcha }).expect(422);
    const link = (fields: object) =>
      footnote.http
        .post('/my-link')
        .type('form')
        .send({ email: 'yes@four.example', ...fields });
    await link({}).expect(422);
    await link({ altcha }).expect(422);
    await link({ altcha: await solved() }).expect(200);
    expect(await people()).toBe(1);
  });

  it('another node takes it, and a forged one nobody', async () => {
    const altcha = await solved();
    const forged = JSON.parse(Buffer.from(altcha, 'base64').toString());
    forged.challenge.parameters.cost = 1;
    for (const wrong of ['', '!', 'e30=', Buffer.from(JSON.stringify(forged)).toString('base64')])
      await footnote.signUp('forged@four.example', undefined, { altcha: wrong }).expect(422);
    await footnote.stopService();
    await footnote.startService();
    await footnote.signUp('node@four.example', undefined, { altcha }).expect(202);
  });

  it('pages carry the challenge, and load the script that solves it', async () => {
    const { text, headers } = await footnote.http.get('/');
    expect(text).toContain('data-challenge=');
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    await footnote.http.get('/altcha.js').expect(200).expect('Access-Control-Allow-Origin', '*');
  });
});

describe('throw-away mailboxes (A-31)', () => {
  start({ DISPOSABLE_DOMAINS: 'refuse' });

  it('are refused by setting, below their domain as well', async () => {
    for (const email of ['x@mailinator.com', 'x@some.mailinator.com']) {
      const { body } = await footnote.signUp(email).expect(422);
      expect(body.errors).toMatchObject([{ field: 'email' }]);
    }
    await footnote.signUp('x@mailinator.com.example').expect(202);
  });
});

describe('wrong links', () => {
  start({ LIMIT_WRONG_LINKS_HOUR: '5' });

  it('are limited, and right ones never (A-20, U-26)', async () => {
    const { preferences } = await footnote.subscribe('reader@five.example');
    const guess = () => footnote.http.get(`/preferences/${crypto.randomUUID().replaceAll('-', '')}`);
    const statuses: number[] = [];
    for (let n = 0; n < 7; n += 1) statuses.push((await guess()).status);
    expect(statuses).toEqual([404, 404, 404, 404, 404, 429, 429]);
    expect((await guess()).headers['retry-after']).toMatch(/^\d+$/);
    for (let n = 0; n < 20; n += 1) await footnote.http.get(preferences).expect(200);
    await footnote.http.post('/webhooks/mailchimp/wrong').expect(429);
    await footnote.http.get('/metrics').set('Authorization', 'Bearer wrong').expect(429);
  });
});
