import { createHmac } from 'node:crypto';
import { Writable } from 'node:stream';
import { Router } from 'express';
import { pino } from 'pino';
import supertest from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openKeys } from '../../src/access/keys.ts';
import type { Database } from '../../src/platform/database.ts';
import { createMetrics, type Metrics } from '../../src/web/metrics.ts';
import { openBeat } from '../../src/web/steady.ts';
import { createWeb } from '../../src/web/web.ts';
import { openDoor } from '../harness/allowance.ts';
import { Footnote } from '../harness/footnote.ts';
import { links, noDuties, showPage, site } from '../harness/site.ts';
import { type Newsroom, openNewsroom } from '../mailchimp/newsroom.ts';

describe("Mailchimp's webhook", () => {
  const secret = 'a-secret-of-forty-characters-in-the-path';
  const signingSecret = 'what-mailchimp-signs-with';
  const audienceId = 'a1b2c3d4e5';
  const path = `/webhooks/mailchimp/${secret}`;
  const reader = 'reader@news.example';
  let newsroom: Newsroom;
  let metrics: Metrics;
  let hints: number;
  let logged: string;

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
    await newsroom.subscribe(reader, 'daily');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    hints = 0;
    logged = '';
    metrics = createMetrics({ database: newsroom.database, callsInFlight: () => 0, duties: noDuties });
    await newsroom.database.query('DELETE FROM webhook_deliveries');
    await newsroom.database.query('UPDATE audience_contacts SET look = false, reported = NULL');
  });

  function serve(
    configured: { secret?: string | null; signingSecret?: string | null } = {},
    database: Database = newsroom.database,
  ) {
    const into = new Writable({
      write: (chunk, _encoding, done) => {
        logged += String(chunk);
        done();
      },
    });
    return supertest(
      createWeb({
        database,
        metrics,
        keys: openKeys({ database, adminApiKey: null, now: () => new Date() }),
        guard: openDoor,
        beat: openBeat(0),
        altcha: false,
        archives: false,
        workerHealth: () => ({ mailchimp: {}, mail: {} }),
        isStopping: () => false,
        site,
        logo: null,
        showPage,
        links,
        log: pino({ level: 'trace' }, into),
        subscribing: newsroom.subscribing,
        baseUrl: 'https://news.example',
        allowedOrigins: [],
        trustProxy: [],
        adminApi: Router(),
        dashboard: Router(),
        reference: Router(),
        webhook: {
          secret,
          signingSecret: null,
          ...configured,
          audienceId,
          onHint: () => {
            hints += 1;
          },
        },
      }),
    );
  }

  /** The body of a delivery that tells of the reader's departure. */
  const body = (more: Record<string, string> = {}) =>
    new URLSearchParams({
      type: 'unsubscribe',
      fired_at: '2026-11-23 09:00:00',
      'data[list_id]': audienceId,
      'data[email]': reader,
      'data[action]': 'unsub',
      'data[reason]': 'manual',
      ...more,
    }).toString();
  const post = (
    http: ReturnType<typeof serve>,
    sent: string,
    { to = path, signature }: { to?: string; signature?: string } = {},
  ) => {
    const request = http.post(to).type('form').set('User-Agent', 'MailChimp');
    return (signature === undefined ? request : request.set('X-Mailchimp-Signature', signature)).send(sent);
  };
  const sign = (sent: string, { time = Math.floor(Date.now() / 1000), key = signingSecret } = {}) =>
    `t=${time},v1=${createHmac('sha256', key).update(`${time}.${sent}`).digest('hex')}`;
  const look = async () => {
    const { subscriberId } = await newsroom.contact(reader);
    const { look, reported } = await newsroom.database.prisma.audienceContact.findUniqueOrThrow({
      where: { subscriberId },
    });
    return { look, reported };
  };
  const stored = () => newsroom.database.prisma.webhookDelivery.count();
  const untouched = { look: false, reported: null };

  it('answers the question whether it is there', async () => {
    await serve().get(path).set('User-Agent', 'MailChimp.com WebHook Validator').expect(200);
    await serve().head(path).expect(200);
    await serve().post(path).expect(200);
    await serve({ signingSecret }).post(path).expect(200);
    expect(await stored()).toBe(0);
    expect(hints).toBe(0);
  });

  it('takes a delivery and wakes the lane once it is committed', async () => {
    const answer = await post(serve(), body()).expect(200);
    expect(answer.headers).not.toHaveProperty('location');
    expect(await look()).toEqual({ look: true, reported: 'left' });
    expect(hints).toBe(1);
    expect(await metrics.text()).toContain(
      'footnote_mailchimp_webhook_deliveries_total{type="unsubscribe",outcome="taken"} 1',
    );
  });

  it('takes it from wherever a browser would have to say that it comes from', async () => {
    await serve()
      .post(path)
      .type('form')
      .set({ Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' })
      .send(body())
      .expect(200);
    expect(await look()).toMatchObject({ look: true });
  });

  it('takes it whatever type it says to be, as it would come again otherwise', async () => {
    await serve().post(path).type('application/json').send(body()).expect(200);
    expect(await look()).toMatchObject({ look: true });
  });

  it('answers a repeat and what does not concern us alike, and wakes nobody', async () => {
    const http = serve();
    await post(http, body()).expect(200);
    await post(http, body()).expect(200);
    for (const other of [
      body({ type: 'sms_subscribe' }),
      body({ type: 'campaign', 'data[id]': '1' }),
      body({ 'data[list_id]': 'another' }),
      'nonsense',
    ]) {
      await post(http, other).expect(200);
    }
    expect(hints).toBe(1);
    expect(await stored()).toBe(1);
    const text = await metrics.text();
    expect(text).toContain('{type="unsubscribe",outcome="repeated"} 1');
    expect(text).toContain('{type="unknown",outcome="ignored"} 2');
  });

  it('does not exist without the right secret, and does no work (A-17, A-21)', async () => {
    const nowhere = await serve().get('/nowhere').expect(404);
    const paths = [
      '/webhooks/mailchimp',
      '/webhooks/mailchimp/',
      '/webhooks/mailchimp/x',
      `${path}x`,
      path.slice(0, -1),
      path.toUpperCase(),
      `/webhooks/mailchimp/${'ü'.repeat(40)}`,
      `/webhooks/mailchimp/${'x'.repeat(4000)}`,
      `${path}/x`,
    ];
    for (const to of paths) {
      expect((await serve().get(encodeURI(to)).expect(404)).body).toEqual(nowhere.body);
      expect((await post(serve(), body(), { to: encodeURI(to) }).expect(404)).body).toEqual(nowhere.body);
      await serve().put(encodeURI(to)).expect(404);
    }
    await post(serve({ secret: null }), body()).expect(404);
    await post(serve({ secret: null }), body(), { to: '/webhooks/mailchimp/null' }).expect(404);
    expect(await look()).toEqual(untouched);
    expect(await stored()).toBe(0);
  });

  it('refuses other verbs only to those who know it (A-29)', async () => {
    const answer = await serve().put(path).expect(405);
    expect(answer.headers['allow']).toBe('GET, HEAD, POST');
  });

  it('takes a signed delivery, also on an account that signs none', async () => {
    await post(serve({ signingSecret }), body(), { signature: sign(body()) }).expect(200);
    expect(await look()).toMatchObject({ look: true });
    await post(serve(), body({ fired_at: '2026-11-23 10:00:00' }), { signature: 'nonsense' }).expect(200);
    expect(hints).toBe(2);
  });

  it('refuses what is unsigned, wrongly signed, changed or old, so that it may come again (A-18)', async () => {
    const http = serve({ signingSecret });
    const old = Math.floor(Date.now() / 1000) - 600;
    for (const signature of [
      undefined,
      'nonsense',
      sign(body(), { key: 'another secret' }),
      sign(body(), { time: old }),
      sign(body({ 'data[email]': 'other@news.example' })),
      // The same fields in another spelling are other bytes.
      sign(body().replaceAll('%5B', '[')),
    ]) {
      const answer = await post(http, body(), signature === undefined ? {} : { signature }).expect(401);
      expect(answer.headers['content-type']).toContain('application/problem+json');
    }
    expect(await look()).toEqual(untouched);
    expect(await stored()).toBe(0);
    expect(await metrics.text()).toContain('outcome="refused"} 6');
  });

  it('takes 256 kB and no more (A-12)', async () => {
    const filled = (size: number) => body({ 'data[merges][NOTE]': 'x'.repeat(size) });
    await post(serve(), filled(200_000)).expect(200);
    await post(serve(), filled(300_000)).expect(413);
    await serve().post(path).set('Content-Encoding', 'gzip').send(body()).expect(415);
    expect(hints).toBe(1);
  });

  it('says so when it could not be stored, so that it comes again', async () => {
    const broken: Database = {
      ...newsroom.database,
      query: () => Promise.reject(new Error('the database is out of reach')),
    };
    await post(serve({}, broken), body()).expect(500);
    expect(hints).toBe(0);
    expect(await stored()).toBe(0);
    await post(serve(), body()).expect(200);
    expect(hints).toBe(1);
  });

  it('logs what kind came and what became of it, and of nobody and no secret (A-19)', async () => {
    await post(serve(), body({ 'data[merges][FNAME]': 'Canary' }));
    await post(serve({ signingSecret }), body(), { signature: sign(body(), { key: 'canary' }) });
    await post(serve(), body(), { to: `${path}canary` });
    expect(JSON.parse(logged.split('\n')[0] ?? '')).toMatchObject({ type: 'unsubscribe', outcome: 'taken' });
    for (const told of [reader, 'canary', secret, signingSecret, audienceId]) {
      expect(logged.toLowerCase()).not.toContain(told);
    }
  });
});

describe('what happens at Mailchimp', () => {
  const adminApiKey = 'an-admin-key-of-forty-visible-characters';
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start({
      MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-forty-characters-in-the-path',
      ADMIN_API_KEY: adminApiKey,
    });
    await footnote.service.operations.setup();
  });
  afterAll(() => footnote.stop());

  const heard = async () => {
    await footnote.sandbox.audience.deliveries.idle();
    await footnote.service.sync?.idle();
  };

  it('is understood, whatever it is, and followed', async () => {
    const { people, state } = footnote.sandbox.audience;
    const [off, complaining, moving, bouncing, choosing] = [
      'off@news.example',
      'complaining@news.example',
      'moving@news.example',
      'bouncing@news.example',
      'choosing@news.example',
    ];
    for (const email of [off, complaining, moving, bouncing, choosing]) await footnote.subscribe(email);
    await footnote.service.sync?.idle();

    people.leaveByFooter(off);
    people.complain(complaining);
    people.changeEmail(moving, 'moved@news.example');
    people.markCleaned(bouncing);
    people.chooseGroups(choosing, Object.fromEntries(state.interests.map(({ id }) => [id, false])));
    people.archive(off);
    people.subscribeByForm('stranger@news.example');
    await heard();

    for (const email of [off, complaining, bouncing, choosing]) {
      expect([email, await footnote.lists(email)]).toEqual([email, { 'morning-briefing': 'unsubscribed' }]);
    }
    expect(await footnote.lists('moved@news.example')).toEqual({ 'morning-briefing': 'subscribed' });
    expect(await footnote.lists('stranger@news.example')).toEqual({});

    const { text } = await footnote.http.get('/metrics').set('Authorization', `Bearer ${adminApiKey}`);
    for (const type of ['subscribe', 'unsubscribe', 'profile', 'cleaned', 'upemail']) {
      expect(text).toContain(`deliveries_total{type="${type}",outcome="taken"}`);
    }
    expect(text).not.toMatch(/deliveries_total\{.*outcome="(ignored|refused)"\}/);
    expect((await footnote.http.get('/readyz')).body.mailchimp.lastWebhook).not.toBeNull();
  });
});
