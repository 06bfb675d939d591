import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { doctor, type Patient } from '../../src/admin/doctor.ts';
import type { Scheduled } from '../../src/duties/scheduled.ts';
import { examineMail } from '../../src/mail/doctor.ts';
import { connect } from '../../src/mailchimp/api/client.ts';
import { examineMailchimp, type MailchimpParts } from '../../src/mailchimp/doctor.ts';
import { pauseLane, resumeLane } from '../../src/mailchimp/lane/pause.ts';
import { setup, webhookUrlOf } from '../../src/mailchimp/setup.ts';
import type { Room } from '../../src/platform/database.ts';
import type { Finding } from '../../src/platform/finding.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { archiveList, saveList } from '../../src/subscribing/lists.ts';
import { limits, openDoor } from '../harness/allowance.ts';
import { type Newsroom, openNewsroom } from './newsroom.ts';

const secret = 'a-secret-of-thirty-two-characters';
const signingSecret = 'the-signing-secret-of-the-webhook';
const dkimKey = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const dkim = { domain: 'daily.example', selector: 'footnote', privateKey: dkimKey.privateKey };
const dkimRecord = `v=DKIM1; k=rsa; p=${dkimKey.publicKey.toString('base64')}`;

describe('the doctor', () => {
  let newsroom: Newsroom;
  let site: Server;
  let healthz = { status: 200, body: '{"status":"ok"}' };
  let baseUrl: string;
  let sandbox: Sandbox;
  /** A Footnote that is as well as one can be on a single machine. */
  let well: Patient;
  let asSetUp: Pick<Sandbox['audience']['state'], 'categories' | 'interests' | 'merge_fields' | 'webhooks'>;

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
    await newsroom.addList('weekly', 'The Weekly');
    site = createServer((req, res) => {
      const { status, body } = req.url === '/healthz' ? healthz : { status: 200, body: '' };
      res.writeHead(status).end(body);
    }).listen(0, '127.0.0.1');
    await once(site, 'listening');
    baseUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: baseUrl, folder: null });
    well = {
      database: newsroom.database,
      api: connect(sandbox.mailchimp),
      guard: openDoor,
      duties: { list: async () => [] },
      settings: {
        database: { kind: 'postgres', url: 'postgres://elsewhere' },
        baseUrl,
        mailchimp: { ...sandbox.mailchimp, dataCentre: 'us1' },
        webhook: { secret, signingSecret: null },
        smtp: { url: sandbox.smtpUrl, from: { name: 'The Daily', address: 'news@daily.example' } },
        dkim,
        limits,
        secretKeys: [secret],
      },
      now: () => new Date(),
      resolveTxt: async () => [[dkimRecord.slice(0, 200), dkimRecord.slice(200)]],
    };
    await setUp();
    const { categories, interests, merge_fields, webhooks } = sandbox.audience.state;
    asSetUp = structuredClone({ categories, interests, merge_fields, webhooks });
  });
  afterAll(async () => {
    site.close();
    await sandbox.stop();
    await newsroom.close();
  });
  beforeEach(() => {
    healthz = { status: 200, body: '{"status":"ok"}' };
    Object.assign(sandbox.audience.state, structuredClone(asSetUp));
    sandbox.audience.clearFaults();
  });

  const setUp = () =>
    setup({ database: well.database, api: well.api, webhookUrl: webhookUrlOf(baseUrl, secret) });

  const byCheck = (findings: Finding[]): Record<string, Finding> =>
    Object.fromEntries(findings.map((finding) => [finding.check, finding]));

  /** Everything found of the well one, with what is changed. */
  const examine = async (
    changed: Partial<Omit<Patient, 'settings'>> & { settings?: Partial<Patient['settings']> } = {},
  ) => byCheck(await doctor({ ...well, ...changed, settings: { ...well.settings, ...changed.settings } }));

  /** What is found of Mailchimp alone. */
  const examineThere = async (changed: Partial<MailchimpParts> = {}) => {
    const { database, api } = well;
    const { mailchimp, webhook, baseUrl } = well.settings;
    return byCheck(await examineMailchimp({ database, api, mailchimp, webhook, baseUrl, ...changed }));
  };

  /** The same with settings of Mailchimp that differ, in word and deed. */
  const withMailchimp = (changed: Partial<MailchimpParts['mailchimp']>) => {
    const mailchimp = { ...well.settings.mailchimp, ...changed };
    return examineThere({ api: connect(mailchimp), mailchimp });
  };

  const failing = (findings: Record<string, Finding>) =>
    Object.values(findings).flatMap(({ check, status }) => (status === 'fault' ? [check] : []));

  /** Has the audience answer with these fields. */
  const audienceSays = (fields: object) =>
    sandbox.audience.inject(
      {
        does: 'answer',
        status: 200,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...sandbox.audience.state.audience, double_optin: false, ...fields }),
      },
      { matching: ({ path }) => path === `/lists/${sandbox.mailchimp.audienceId}` },
    );

  it('finds a well Footnote well, but for its address, which works on one machine only', async () => {
    const findings = await examine();
    const unwell = Object.values(findings).filter(({ status }) => status !== 'ok');
    expect(unwell.map(({ check, status }) => [check, status])).toEqual([['base URL', 'warning']]);
    expect(findings['interests']?.message).toContain('2 of 60');
  });

  it('changes nothing over there', async () => {
    const written: string[] = [];
    const unobserve = sandbox.audience.observe(({ method }) => {
      if (method !== 'GET') written.push(method);
    });
    await newsroom.newAudience();
    await examineThere();
    unobserve();
    expect(written).toEqual([]);
    await setUp();
  });

  it('tells no secret', async () => {
    const told = JSON.stringify([
      await examine({ settings: { webhook: { secret, signingSecret } } }),
      await withMailchimp({ apiKey: 'revoked-key-us1' }),
    ]);
    for (const hidden of [secret, signingSecret, sandbox.mailchimp.apiKey, 'revoked-key', 'PRIVATE KEY'])
      expect(told).not.toContain(hidden);
  });

  describe('of the key', () => {
    it('tells a key that is not taken, and then asks for nothing that needs one', async () => {
      const findings = await withMailchimp({ apiKey: 'revoked-us1' });
      expect(findings['Mailchimp key']).toMatchObject({
        status: 'fault',
        message: expect.stringContaining('does not take the key'),
        remedy: expect.stringContaining('MAILCHIMP_API_KEY'),
      });
      expect(failing(findings)).toEqual(['Mailchimp key']);
      expect(findings).not.toHaveProperty('audience');
    });

    it('tells no answer', async () => {
      const findings = await withMailchimp({ baseUrl: 'http://127.0.0.1:9/3.0' });
      expect(findings['Mailchimp key']).toMatchObject({
        status: 'fault',
        message: 'Mailchimp cannot be reached (ECONNREFUSED).',
      });
    });

    it('tells an address of another data centre than the key', async () => {
      const mailchimp = { ...well.settings.mailchimp, baseUrl: 'https://us9.api.mailchimp.com/3.0' };
      sandbox.audience.inject(fault.problem(401, 'API Key Invalid', 'wrong datacenter'));
      expect((await examineThere({ mailchimp }))['Mailchimp key']).toMatchObject({
        status: 'fault',
        message: 'The key belongs to the data centre us1, but MAILCHIMP_BASE_URL leads to us9.',
      });
    });

    it('tells a suspended account, and something that is not Mailchimp', async () => {
      sandbox.audience.inject(fault.problem(403, 'User Disabled', 'This account has been deactivated.'));
      expect((await examineThere())['Mailchimp key']?.message).toContain('User Disabled');
      sandbox.audience.inject(fault.htmlPage());
      expect((await examineThere())['Mailchimp key']).toMatchObject({ status: 'fault' });
    });

    it('warns of a role that may not change the audience', async () => {
      const account = { account_name: 'Daily', role: 'viewer', pricing_plan_type: 'monthly' };
      sandbox.audience.inject(
        {
          does: 'answer',
          status: 200,
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(account),
        },
        { matching: ({ path }) => path === '/' },
      );
      expect((await examineThere())['account']).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('viewer'),
      });
    });
  });

  describe('of the audience', () => {
    it('tells one that does not exist', async () => {
      const findings = await withMailchimp({ audienceId: 'nowhere' });
      expect(findings['audience']).toMatchObject({
        status: 'fault',
        remedy: expect.stringContaining('MAILCHIMP_AUDIENCE_ID'),
      });
      expect(failing(findings)).toEqual(['audience']);
    });

    it('explains double opt-in and marketing permissions', async () => {
      audienceSays({ double_optin: true, marketing_permissions: true });
      const findings = await examineThere();
      expect(findings['double opt-in']).toMatchObject({ status: 'warning', remedy: null });
      expect(findings['marketing permissions']).toMatchObject({ status: 'warning' });
    });

    it('names the fields that it requires and we do not have', async () => {
      for (const field of sandbox.audience.state.merge_fields) field.required = field.tag === 'LNAME';
      expect((await examineThere())['required fields']).toMatchObject({
        status: 'warning',
        message: expect.stringMatching(/ask for: LNAME\./),
      });
    });

    it('tells lists without an interest, deleted interests, and missing links for footers', async () => {
      const { state } = sandbox.audience;
      await saveList(newsroom.database, { slug: 'new', name: 'New', description: '', position: 3 });
      try {
        expect((await examineThere())['interests']).toMatchObject({
          status: 'warning',
          message: 'Mailing lists have no interest yet: new.',
        });
      } finally {
        await archiveList(newsroom.database, 'new', new Date());
      }
      state.interests.splice(0, 1);
      state.merge_fields = state.merge_fields.filter(({ tag }) => tag !== 'PREFURL');
      const findings = await examineThere();
      expect(findings['interests']).toMatchObject({
        status: 'fault',
        message: 'Interests were deleted at Mailchimp, those of daily.',
        remedy: expect.stringContaining('setup'),
      });
      expect(findings['footer links']).toMatchObject({
        status: 'fault',
        message: expect.stringContaining('PREFURL'),
      });
    });

    it('tells when there is no room for the interests that are needed', async () => {
      const { state } = sandbox.audience;
      const topics = await well.api.createInterestCategory({ title: 'Topics', type: 'checkboxes' });
      state.interests.splice(0, 2);
      for (let n = 0; n < 59; n++)
        state.interests.push({
          id: `topic${n}`,
          category_id: topics.id,
          name: `Topic ${n}`,
          display_order: n,
        });
      expect((await examineThere())['interests']).toMatchObject({
        status: 'fault',
        message: expect.stringContaining('no more than 60'),
        remedy: expect.stringContaining('Archive'),
      });
    });
  });

  describe('of the webhook', () => {
    it('tells one that was given up, switched to other events, or left behind', async () => {
      const { state } = sandbox.audience;
      const [webhook] = state.webhooks;
      if (webhook === undefined) throw new Error('there is no webhook');
      webhook.events.cleaned = false;
      webhook.sources.api = true;
      expect((await examineThere())['webhook']).toMatchObject({
        status: 'fault',
        message: expect.stringContaining('events.cleaned, sources.api'),
      });
      const renewed = { secret: 'another-secret-of-thirty-two-signs', signingSecret: null };
      expect((await examineThere({ webhook: renewed }))['webhook']).toMatchObject({
        status: 'fault',
        message: expect.stringContaining('no webhook of ours'),
        remedy: expect.stringContaining('setup'),
      });
      webhook.events.cleaned = true;
      webhook.sources.api = false;
      const { events, sources } = webhook;
      await well.api.createWebhook({ url: `${baseUrl}/webhooks/mailchimp/earlier`, events, sources });
      expect((await examineThere())['webhook']).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('earlier secret'),
      });
    });

    it('tells that no secret is configured, or that Mailchimp could not call', async () => {
      const none = { secret: null, signingSecret: null };
      expect((await examineThere({ webhook: none }))['webhook']).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('MAILCHIMP_WEBHOOK_SECRET'),
      });
      const mailchimp = { ...well.settings.mailchimp, baseUrl: 'https://us1.api.mailchimp.com/3.0' };
      const local = { baseUrl: 'http://localhost:9', mailchimp };
      expect((await examineThere(local))['webhook']).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('not a public https address'),
      });
    });

    it('says whether its calls are signed', async () => {
      const webhook = { secret, signingSecret };
      expect((await examineThere({ webhook }))['webhook']?.message).toContain('only signed calls');
      expect((await examineThere())['webhook']?.message).toContain('no signing secret');
    });
  });

  it('says why nobody is sent to Mailchimp, and what fails', async () => {
    const { database } = newsroom;
    await database.query(
      `UPDATE audience_lane SET trouble = 'Mailchimp: 502', trouble_at = '2026-11-23T10:00:00Z'`,
    );
    try {
      expect((await examineThere())['sync']).toMatchObject({
        status: 'warning',
        message: 'Calls to Mailchimp fail since 2026-11-23T10:00:00.000Z: Mailchimp: 502.',
      });
      await database.query(`UPDATE audience_lane SET stopped = 'Mailchimp: 401, API Key Invalid'`);
      expect((await examineThere())['sync']).toMatchObject({
        status: 'fault',
        message: expect.stringContaining('401, API Key Invalid'),
      });
      await pauseLane(database, { by: 'ann', at: new Date('2026-11-23T11:00:00Z') });
      expect((await examineThere())['sync']).toMatchObject({
        status: 'fault',
        message: expect.stringMatching(/401, API Key Invalid\. And ann paused the lane since 2026-11-23T11/),
        remedy: expect.stringContaining('npm run admin -- sync resume'),
      });
      await database.query('UPDATE audience_lane SET stopped = NULL');
      expect((await examineThere())['sync']).toMatchObject({
        status: 'warning',
        message: expect.stringMatching(
          /^ann paused the lane since .*opt-outs neither.*does not know of them/,
        ),
        remedy: 'Run: npm run admin -- sync resume',
      });
    } finally {
      await resumeLane(database);
      await database.query('UPDATE audience_lane SET stopped = NULL, trouble = NULL, trouble_at = NULL');
    }
  });

  describe('of mails', () => {
    it('tells a mail server that refuses our login, or does not answer', async () => {
      const server = new SMTPServer({
        hideSTARTTLS: true,
        allowInsecureAuth: true,
        onAuth: (_auth, _session, done) => done(new Error('no such user newsletters')),
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.server.address() as AddressInfo;
      const judge = async (smtpUrl: string) => (await examineMail({ smtpUrl, dkim: null }))[0];
      try {
        expect(await judge(`smtp://newsletters:hunter2@127.0.0.1:${port}`)).toEqual({
          check: 'mail server',
          status: 'fault',
          message: 'The mail server refuses our user or password.',
          remedy: expect.stringContaining('SMTP_URL'),
        });
      } finally {
        await new Promise<void>((resolve) => server.close(() => resolve()));
      }
      expect(await judge('smtp://127.0.0.1:9')).toMatchObject({
        status: 'fault',
        message: expect.stringContaining('does not answer'),
      });
    });

    it.each([
      [
        'no record',
        async () => Promise.reject(new Error('queryTxt ENOTFOUND')),
        'warning',
        'holds no DKIM key',
      ],
      ['other records alone', async () => [['v=spf1 -all']], 'warning', 'holds no DKIM key'],
      ['another key', async () => [['v=DKIM1; p=MIIBIjANBgkqhkiG9w0']], 'fault', 'is not that of'],
      ['a revoked key', async () => [['v=DKIM1; p=']], 'fault', 'is not that of'],
      ['two keys', async () => [[dkimRecord], ['v=DKIM1; p=MIIB']], 'fault', 'several'],
    ])('tells %s in the DNS, and what to publish (U-04)', async (_, resolveTxt, status, words) => {
      const [, finding] = await examineMail({ smtpUrl: sandbox.smtpUrl, dkim, resolveTxt });
      expect(finding).toMatchObject({
        check: 'DKIM',
        status,
        message: expect.stringContaining(words),
        remedy: `Publish this TXT record at footnote._domainkey.daily.example: ${dkimRecord}`,
      });
    });

    it('asks the DNS for the name that receivers ask for', async () => {
      const asked: string[] = [];
      await examine({
        resolveTxt: async (name) => {
          asked.push(name);
          return [[dkimRecord]];
        },
      });
      expect(asked).toEqual(['footnote._domainkey.daily.example']);
      expect((await examine({ settings: { dkim: null } }))['DKIM']).toMatchObject({ status: 'warning' });
    });
  });

  describe('of the ground it stands on', () => {
    it('tells when something else answers where links in mails lead', async () => {
      healthz = { status: 200, body: 'Parked domain' };
      expect((await examine())['base URL']).toMatchObject({ status: 'fault' });
      healthz = { status: 301, body: '' };
      expect((await examine())['base URL']?.message).toContain('(301)');
    });

    it('tells clocks that differ by more than half a minute', async () => {
      for (const ahead of [-60_000, 60_000]) {
        const { clock } = await examine({ now: () => new Date(Date.now() + ahead) });
        expect(clock).toMatchObject({
          status: 'fault',
          message: expect.stringContaining('60 seconds apart'),
        });
      }
    });

    it('warns of a disk that fills up, and calls a full one a fault', async () => {
      const withRoom = (room: Room) => ({ database: { ...newsroom.database, room: async () => room } });
      const mega = 1024 ** 2;
      expect((await examine())['room']).toMatchObject({ status: 'ok' });
      expect((await examine(withRoom({ full: false, free: 900 * mega })))['room']).toMatchObject({
        status: 'warning',
        message: 'Only 900 MB are free where the database is.',
      });
      for (const full of [
        { full: true, free: null },
        { full: true, free: 2 * mega },
      ]) {
        expect((await examine(withRoom(full)))['room']).toMatchObject({
          status: 'fault',
          message: expect.stringContaining('The disk of the database is full'),
          remedy: expect.stringContaining('Make room'),
        });
      }
    });

    it('tells migrations that are missing, and those of a newer version', async () => {
      const { database } = newsroom;
      const rename = (from: string, to: string) =>
        database.query('UPDATE _prisma_migrations SET migration_name = $2 WHERE migration_name = $1', [
          from,
          to,
        ]);
      await rename('20261123000000_init', '29991231000000_tomorrow');
      try {
        expect((await examine())['database']).toMatchObject({
          status: 'fault',
          message: expect.stringContaining('20261123000000_init'),
        });
      } finally {
        await rename('29991231000000_tomorrow', '20261123000000_init');
      }
      await database.query(
        `INSERT INTO _prisma_migrations SELECT 'newer', checksum, finished_at, '29991231000000_tomorrow', logs,
                rolled_back_at, started_at, applied_steps_count FROM _prisma_migrations LIMIT 1`,
      );
      try {
        expect((await examine())['database']).toMatchObject({
          status: 'warning',
          message: expect.stringContaining('newer Footnote'),
        });
      } finally {
        await database.query(`DELETE FROM _prisma_migrations WHERE id = 'newer'`);
      }
    });

    it('says what the embedded database means', async () => {
      const embedded = { database: { kind: 'embedded' as const, folder: '.data' } };
      expect((await examine({ settings: embedded }))['database']).toMatchObject({
        status: 'warning',
        remedy: expect.stringContaining('DATABASE_URL'),
      });
    });

    it('looks at everything else when the database is gone', async () => {
      const gone = await openNewsroom();
      await gone.close();
      const duties = { list: () => gone.database.query<Scheduled>('SELECT') };
      const findings = await examine({ database: gone.database, duties });
      expect(failing(findings).sort()).toEqual([
        'backup',
        'clock',
        'database',
        'duties',
        'flooding',
        'footer links',
        'interests',
        'ledger',
        'owed mails',
        'required fields',
        'room',
        'sync',
      ]);
      expect(findings).toMatchObject({ 'Mailchimp key': { status: 'ok' }, webhook: { status: 'ok' } });
    });
  });
});
