import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import express from 'express';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleMail } from '../../emails/sample.ts';
import { openKeys } from '../../src/access/keys.ts';
import { adminApi } from '../../src/admin/api.ts';
import { doctor, type Patient } from '../../src/admin/doctor.ts';
import { connect } from '../../src/mailchimp/api/client.ts';
import { openCampaigns } from '../../src/mailchimp/campaigns/campaigns.ts';
import { reconcile, requestReconciliation } from '../../src/mailchimp/reconcile.ts';
import { setup, webhookUrlOf } from '../../src/mailchimp/setup.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { answerErrors } from '../../src/web/problems.ts';
import { limits, openDoor } from '../harness/allowance.ts';
import { links, showPage } from '../harness/site.ts';
import { type Newsroom, openNewsroom, silent } from '../mailchimp/newsroom.ts';

const key = 'the-key-of-the-operators-of-the-daily-example';
const secret = 'a-secret-of-thirty-two-characters';
const refusal = {
  kind: 'invalid',
  status: 400,
  title: 'Invalid Resource',
  detail: 'looks fake or invalid',
  requestId: null,
  since: '2026-11-23T10:00:00.000Z',
  at: '2026-11-23T10:00:00.000Z',
};

describe('an operator who looks after Mailchimp', () => {
  let newsroom: Newsroom;
  let sandbox: Sandbox;
  let server: Server;
  let baseUrl: string;
  let wakings = 0;
  const reconciling: Promise<void>[] = [];

  beforeAll(async () => {
    newsroom = await openNewsroom();
    const { database } = newsroom;
    await newsroom.addList('daily', 'The Daily');
    const app = express();
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: baseUrl, folder: null });
    const api = connect(sandbox.mailchimp);
    const settings: Patient['settings'] = {
      database: { kind: 'embedded', folder: '.data' },
      baseUrl,
      mailchimp: { ...sandbox.mailchimp, dataCentre: 'us1' },
      webhook: { secret, signingSecret: null },
      smtp: { url: sandbox.smtpUrl, from: { name: 'The Daily', address: 'news@daily.example' } },
      dkim: null,
      limits,
      secretKeys: [secret],
    };
    app.get(['/healthz', '/webhooks/mailchimp/:secret'], (_req, res) => {
      res.json({ status: 'ok' });
    });
    app.use(
      '/admin/api',
      adminApi({
        database,
        subscribing: newsroom.subscribing,
        archives: false,
        dossierMade: () => {
          throw new Error('nobody asks for a dossier here');
        },
        keys: openKeys({ database, adminApiKey: key, now: () => new Date() }),
        now: () => new Date(),
        guard: openDoor,
        duties: { list: async () => [], run: async () => null },
        campaigns: openCampaigns({
          database,
          api,
          site: sampleMail.site,
          from: settings.smtp.from,
          now: () => new Date(),
        }),
        operations: {
          doctor: () =>
            doctor({
              ...{ database, api, settings, guard: openDoor, now: () => new Date() },
              duties: { list: async () => [] },
            }),
          setup: () => setup({ database, api, webhookUrl: webhookUrlOf(baseUrl, secret) }),
          requestReconciliation: async (wish) => {
            const id = await requestReconciliation(database, wish);
            const footerLinks = (link: string) => ({ unsubscribe: `/u/${link}`, preferences: `/p/${link}` });
            reconciling.push(reconcile({ database, api, footerLinks, log: silent }, id));
            return id;
          },
          wakeLane: () => {
            wakings += 1;
          },
        },
      }).router,
      answerErrors(showPage, links, silent),
    );
  });
  afterAll(async () => {
    await Promise.all(reconciling);
    server.close();
    server.closeAllConnections();
    await sandbox.stop();
    await newsroom.close();
  });

  const ask = (method: 'get' | 'post', path: string) =>
    supertest(baseUrl)[method](`/admin/api${path}`).set('Authorization', `Bearer ${key}`);

  /** Has Mailchimp refuse a reader for good, as far as the database knows. */
  async function refused(email: string, kind = refusal.kind): Promise<void> {
    await newsroom.subscribe(email, 'daily');
    await newsroom.database.query(
      `UPDATE audience_contacts SET refusal = $2::jsonb, due_at = NULL, attempts = 4
        WHERE subscriber_id = (SELECT id FROM subscribers WHERE key = $1)`,
      [email, JSON.stringify({ ...refusal, kind })],
    );
  }

  /** Runs a script as it is run at a terminal. */
  async function admin(...words: string[]) {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/admin/cli.ts', ...words], {
      env: {
        PATH: process.env['PATH'] ?? '',
        NODE_COMPILE_CACHE: path.join(tmpdir(), 'footnote-compiled'),
        ADMIN_API_KEY: key,
        ADMIN_URL: baseUrl,
      },
    });
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { out, err, code };
  }

  it('needs the key for all of it', async () => {
    for (const [method, path] of [
      ['get', '/doctor'],
      ['post', '/setup'],
      ['get', '/sync'],
      ['post', '/sync/pause'],
      ['post', '/sync/resume'],
      ['post', '/sync/retry'],
      ['post', '/sync/reconcile'],
      ['get', '/sync/reconciliations/1'],
    ] as const) {
      await supertest(baseUrl)[method](`/admin/api${path}`).expect(401);
    }
    await ask('get', '/setup').expect(405);
  });

  it('has the audience made ready by a script, after the doctor asked for it', async () => {
    const before = await admin('doctor');
    expect(before.code).toBe(1);
    expect(before.out).toMatch(/^fault +webhook: .*\n +-> Run: npm run admin -- setup$/m);

    const done = await admin('setup', '--json');
    expect(done.code).toBe(0);
    expect(JSON.parse(done.out)).toMatchObject({
      interests: [{ name: 'The Daily', state: 'created' }],
      webhook: { state: 'created', deleted: 0 },
      signingSecret: null,
    });

    const after = await ask('get', '/doctor').expect(200);
    expect(after.body.findings).toContainEqual({
      check: 'webhook',
      status: 'ok',
      message: expect.stringContaining('is there'),
      remedy: null,
    });
  });

  it('is told why setup failed, and what to do', async () => {
    const topics = await connect(sandbox.mailchimp).createInterestCategory({
      title: 'Topics',
      type: 'checkboxes',
    });
    const { state } = sandbox.audience;
    const before = [...state.interests];
    for (let n = 0; n < 59; n++)
      state.interests.push({ id: `topic${n}`, category_id: topics.id, name: `Topic ${n}`, display_order: n });
    await newsroom.addList('one-too-many');
    const { body } = await ask('post', '/setup').expect(424);
    expect(body).toMatchObject({ detail: expect.stringMatching(/no more than 60 interests.*Archive/) });
    state.interests = before;
    const { out } = await admin('setup');
    expect(out).toMatch(/^interest +The Daily +there$/m);
    expect(out).toMatch(/^interest +one-too-many +created$/m);
  });

  it('sees who is refused and why, and has them tried again', async () => {
    await refused('one@reader.example');
    await refused('two@reader.example', 'compliance');
    const { body } = await ask('get', '/sync').expect(200);
    expect(body.signals).toMatchObject({ stopped: null, refused: { invalid: 1, compliance: 1 } });

    const [forPeople, forMachines] = await Promise.all([
      admin('sync', 'status'),
      admin('sync', 'status', '--json'),
    ]);
    expect(forPeople.out).toMatch(/^refused +2$/m);
    expect(forPeople.out).toMatch(
      /one@reader\.example +invalid since .*, parked\n +Invalid Resource\. looks fake/,
    );
    expect(JSON.parse(forMachines.out).refused).toContainEqual({
      email: 'one@reader.example',
      reason: 'invalid',
      title: 'Invalid Resource',
      detail: 'looks fake or invalid',
      attempts: 4,
      since: '2026-11-23T10:00:00.000Z',
      nextAttempt: null,
    });

    expect((await ask('post', '/sync/retry').send({ email: 'One@Reader.example' }).expect(200)).body).toEqual(
      {
        retried: 1,
      },
    );
    expect(wakings).toBe(1);
    expect(await newsroom.contact('one@reader.example')).toMatchObject({
      dueAt: expect.any(Date),
      attempts: 0,
    });
    expect(await newsroom.contact('two@reader.example')).toMatchObject({ dueAt: null, attempts: 4 });
    expect((await ask('post', '/sync/retry').send({ email: 'nobody@reader.example' })).body.retried).toBe(0);
    const due = () => newsroom.database.query('SELECT due_at, attempts FROM audience_contacts ORDER BY 1, 2');
    const before = await due();
    const woken = wakings;
    expect((await admin('sync', 'retry', '--dry-run')).out).toBe(
      '2 refused contacts would be tried again.\nNothing was changed.\n',
    );
    expect([await due(), wakings]).toEqual([before, woken]);
    expect((await ask('post', '/sync/retry').expect(200)).body).toEqual({ retried: 2 });
    expect((await newsroom.contact('two@reader.example')).dueAt).toEqual(expect.any(Date));
    await ask('post', '/sync/retry').send({ email: 'no address' }).expect(422);
  });

  it('does not have those tried again who are equal', async () => {
    await newsroom.database.query('UPDATE audience_contacts SET acknowledged = wanted');
    expect((await ask('post', '/sync/retry').expect(200)).body).toEqual({ retried: 0 });
  });

  it('pauses the lane by a script, reads so in the status, and lets it go on', async () => {
    const paused = await admin('sync', 'pause');
    expect(paused).toMatchObject({ code: 0, err: '' });
    expect(paused.out).toMatch(/^Paused by ADMIN_API_KEY since 20\S+Z: `npm run admin -- sync resume`/);
    expect(paused.out).toMatch(/opt-outs neither: they are honoured here, but Mailchimp does not know/);
    const { body } = await ask('get', '/sync').expect(200);
    expect(body.signals).toMatchObject({ pausedBy: 'ADMIN_API_KEY', pausedAt: expect.any(String) });
    expect((await admin('sync', 'status')).out).toMatch(
      /^Paused by ADMIN_API_KEY since .*\n.*opt-outs neither/,
    );
    const again = await ask('post', '/sync/pause').expect(200);
    expect(again.body).toEqual({ pausedBy: 'ADMIN_API_KEY', pausedAt: body.signals.pausedAt });

    const before = wakings;
    expect((await admin('sync', 'resume')).out).toBe('The lane goes on.\n');
    expect(wakings).toBe(before + 1);
    expect((await ask('post', '/sync/resume').expect(200)).body).toEqual({ resumed: false });
    expect((await admin('sync', 'status')).out).not.toContain('Paused');
    const { entries } = (await ask('get', '/audit').expect(200)).body;
    const done = entries.map((entry: { operation: string }) => entry.operation);
    expect(done.filter((name: string) => /pause|resume/.test(name))).toEqual([
      'sync.resume',
      'sync.resume',
      'sync.pause',
      'sync.pause',
    ]);
  });

  it('compares by a script that shows the drift as numbers, and a dry run as examples', async () => {
    await newsroom.database.query('UPDATE audience_contacts SET refusal = NULL, acknowledged = wanted');
    const { out, code, err } = await admin('sync', 'reconcile', '--dry-run');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^in sync +0$/m);
    expect(out).toMatch(/^missing +2$/m);
    expect(out).toContain('Nothing was changed.');
    expect(out).toMatch(/one@reader\.example +missing: ./);
  });

  it('reads how a reconciliation went, by its id', async () => {
    const { body } = await ask('post', '/sync/reconcile')
      .send({ kind: 'incremental', dryRun: true })
      .expect(202);
    await Promise.all(reconciling);
    const found = await ask('get', `/sync/reconciliations/${body.id}`).expect(200);
    expect(found.body).toMatchObject({
      id: body.id,
      kind: 'incremental',
      dryRun: true,
      finishedAt: expect.any(String),
      failure: null,
      report: { examples: expect.any(Array) },
    });
    await ask('get', '/sync/reconciliations/nothing').expect(404);
    await ask('get', `/sync/reconciliations/${crypto.randomUUID()}`).expect(404);
    await ask('post', '/sync/reconcile').send({ kind: 'half' }).expect(422);
    await ask('post', '/sync/reconcile').send({ dryrun: true }).expect(422);
  });

  it('is told of wrong use, with 2', async () => {
    expect(await admin('sync', 'reconcile', '--full', '--incremental')).toMatchObject({
      code: 2,
      err: expect.stringContaining('cannot be used with'),
    });
  });
});
