import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, type MailchimpApi } from '../../src/mailchimp/api/client.ts';
import { setup, webhookUrlOf } from '../../src/mailchimp/setup.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Newsroom, openNewsroom } from './newsroom.ts';

const secret = 'a-secret-of-thirty-two-characters';

describe('setting Mailchimp up', () => {
  let newsroom: Newsroom;
  let site: Server;
  let baseUrl: string;
  let sandbox: Sandbox;
  let api: MailchimpApi;

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
    site = createServer((_req, res) => res.end()).listen(0, '127.0.0.1');
    await once(site, 'listening');
    baseUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    site.close();
    await newsroom.close();
  });
  const start = async (options: { signing?: boolean } = {}) => {
    sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: baseUrl, folder: null, ...options });
    api = connect(sandbox.mailchimp);
  };
  beforeEach(async () => {
    await newsroom.newAudience();
    await start();
  });
  afterEach(() => sandbox.stop());

  const run = (webhookUrl: string | null = webhookUrlOf(baseUrl, secret)) =>
    setup({ database: newsroom.database, api, webhookUrl });
  const webhooks = () => sandbox.audience.state.webhooks;

  it('makes the audience ready and has Mailchimp tell of all that people do, without our own echo', async () => {
    expect(await run()).toMatchObject({
      category: { name: 'Newsletters', state: 'created' },
      interests: [{ name: 'The Daily', state: 'created' }],
      webhook: { state: 'created', why: null, deleted: 0 },
      signingSecret: null,
      advice: [],
    });
    expect(webhooks()).toMatchObject([
      {
        url: `${baseUrl}/webhooks/mailchimp/${secret}`,
        events: {
          subscribe: true,
          unsubscribe: true,
          profile: true,
          cleaned: true,
          upemail: true,
          campaign: false,
        },
        sources: { user: true, admin: true, api: false },
      },
    ]);
  });

  it('changes nothing when everything is there, however often it is run', async () => {
    await run();
    const written: string[] = [];
    sandbox.audience.observe(({ method, path }) => {
      if (method !== 'GET') written.push(`${method} ${path}`);
    });
    expect(await run()).toMatchObject({
      category: { state: 'there' },
      interests: [{ state: 'there' }],
      mergeFields: [{ state: 'there' }, { state: 'there' }],
      webhook: { state: 'there' },
    });
    expect(written).toEqual([]);
  });

  it('makes one webhook when two run it at once', async () => {
    const reports = await Promise.all([run(), run()]);
    expect(reports.map(({ webhook }) => webhook.state).sort()).toEqual(['created', 'there']);
    expect(webhooks()).toHaveLength(1);
  });

  it('puts a webhook right that somebody changed', async () => {
    await run();
    const [webhook] = webhooks();
    if (webhook === undefined) throw new Error('there is no webhook');
    const right = structuredClone(webhook);
    webhook.events.unsubscribe = false;
    webhook.sources.api = true;
    expect((await run()).webhook).toEqual({ state: 'updated', why: null, deleted: 0 });
    expect(webhooks()).toEqual([right]);
  });

  it('deletes its own earlier webhooks after the secret changed, and no webhook of others', async () => {
    const others = [`${baseUrl}/webhooks/shop`, `${baseUrl}/crm/webhooks/mailchimp/${secret}`];
    const everything = {
      events: {
        subscribe: true,
        unsubscribe: true,
        profile: true,
        cleaned: true,
        upemail: true,
        campaign: true,
      },
      sources: { user: true, admin: true, api: true },
    };
    for (const url of others) await api.createWebhook({ url, ...everything });
    await run();
    const after = await run(webhookUrlOf(baseUrl, 'another-secret-of-thirty-two-signs'));
    expect(after.webhook).toEqual({ state: 'created', why: null, deleted: 1 });
    expect(webhooks().map(({ url }) => url)).toEqual([
      ...others,
      `${baseUrl}/webhooks/mailchimp/another-secret-of-thirty-two-signs`,
    ]);
  });

  it('tells the signing secret once, with what to do with it (A-18)', async () => {
    await sandbox.stop();
    await start({ signing: true });
    const first = await run();
    expect(first.signingSecret).toBe(webhooks()[0]?.signing_secret);
    expect(first.signingSecret).toMatch(/^\S{16,}$/);
    expect(first.advice).toEqual([expect.stringContaining('MAILCHIMP_WEBHOOK_SIGNING_SECRET')]);
    expect(await run()).toMatchObject({ signingSecret: null, advice: [] });
  });

  it('leaves webhooks alone while no secret is configured, and says why', async () => {
    expect(await run(null)).toMatchObject({
      interests: [{ name: 'The Daily', state: 'created' }],
      webhook: { state: 'skipped', why: expect.stringContaining('MAILCHIMP_WEBHOOK_SECRET') },
      advice: [expect.stringContaining('openssl rand')],
    });
    expect(webhooks()).toEqual([]);
  });

  it('says what to do when Mailchimp cannot reach us, without telling the secret', async () => {
    const url = webhookUrlOf('http://127.0.0.1:9', secret);
    expect(await run(url)).toMatchObject({
      interests: [{ name: 'The Daily', state: 'created' }],
      webhook: { state: 'failed', why: expect.stringContaining('could not be validated') },
      advice: [expect.stringContaining('reachable from the internet')],
    });
    sandbox.audience.inject(fault.problem(400, 'Invalid Resource', `${url} is not valid.`), {
      matching: ({ method, path }) => method === 'POST' && path.endsWith('/webhooks'),
    });
    const report = await run(url);
    expect(report.webhook.why).toBe('Mailchimp: 400, Invalid Resource. the URL is not valid.');
    expect(JSON.stringify(report)).not.toContain(secret);
  });

  it('does nothing with a key that is not taken', async () => {
    const wrong = connect({ ...sandbox.mailchimp, apiKey: 'revoked-us1' });
    await expect(setup({ database: newsroom.database, api: wrong, webhookUrl: null })).rejects.toMatchObject({
      status: 401,
    });
  });
});
