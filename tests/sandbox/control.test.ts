import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Client, officialClient } from './officialClient.ts';
import { type Receiver, startReceiver } from './receiver.ts';

// Everything here goes over HTTP, as from another process.

const email = 'ada@example.org';
let sandbox: Sandbox;
let client: Client;
let list: string;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: 'http://127.0.0.1:9', folder: null });
  client = officialClient(sandbox.mailchimp);
  list = `/lists/${sandbox.mailchimp.audienceId}`;
});
afterAll(async () => {
  await sandbox.stop();
  receiver.close();
});

const control = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  fetch(`${sandbox.url}/control/${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
async function told(method: string, path: string, body?: object): Promise<void> {
  const answer = await control(method, path, body);
  expect([answer.status, await answer.text()]).toEqual([204, '']);
}
const ping = () =>
  fetch(`${sandbox.mailchimp.baseUrl}/ping`, {
    headers: { Authorization: `Bearer ${sandbox.mailchimp.apiKey}` },
    redirect: 'manual',
  });

describe('faults from outside', () => {
  beforeEach(() => told('DELETE', 'faults'));

  const json = 'application/problem+json; charset=utf-8';
  const html = 'text/html; charset=utf-8';
  it.each<[object, number, string | null, RegExp]>([
    [{ fault: 'throttled' }, 429, null, /^$/],
    [{ fault: 'throttled_with_body' }, 429, json, /limit of 10 simultaneous connections/],
    [{ fault: 'blocked' }, 403, html, /Access Denied/],
    [{ fault: 'forbidden' }, 403, json, /"title":"Forbidden"/],
    [{ fault: 'user_disabled' }, 403, json, /"title":"User Disabled".*deactivated/],
    [{ fault: 'key_invalid' }, 401, json, /"title":"API Key Invalid"/],
    [{ fault: 'list_missing' }, 404, json, /"title":"Resource Not Found"/],
    [{ fault: 'not_removable' }, 405, json, /cannot be removed/],
    [{ fault: 'internal_error' }, 500, json, /"title":"InternalServerError"/],
    [{ fault: 'html_error' }, 502, html, /<h1>/],
    [{ fault: 'html_error', status: 503 }, 503, html, /<h1>/],
    [{ fault: 'firewall_text' }, 503, 'text/plain; charset=utf-8', /^Request Blocked/],
    [{ fault: 'html_page' }, 200, html, /maintenance/],
    [{ fault: 'empty_page' }, 200, null, /^$/],
    [{ fault: 'redirect', location: 'http://127.0.0.1:9/' }, 307, null, /^$/],
    [{ fault: 'problem', status: 400, title: 'Bad Request', detail: 'Why not.' }, 400, json, /Why not/],
  ])('%o is the answer', async (fault, status, type, body) => {
    await told('POST', 'faults', fault);
    const answer = await ping();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, type]);
    expect(await answer.text()).toMatch(body);
    expect((await ping()).status).toBe(200);
  });

  it.each([
    ['reset_before', null],
    ['reset_after', 'subscribed'],
  ])('%s tears the line', async (fault, status) => {
    await told('POST', 'faults', { fault });
    const body = { email_address: `${fault}@example.org`, status: 'subscribed' };
    await expect(client.call('POST', `${list}/members`, { body })).rejects.toThrow();
    expect(sandbox.audience.member(`${fault}@example.org`)?.status ?? null).toBe(status);
  });

  it('slow is served late, silent never', async () => {
    await told('POST', 'faults', { fault: 'slow', ms: 30, times: 2 });
    for (let n = 0; n < 2; n += 1) {
      const began = performance.now();
      expect((await ping()).status).toBe(200);
      expect(performance.now() - began).toBeGreaterThan(25);
    }
    await told('POST', 'faults', { fault: 'silent' });
    const url = `${sandbox.mailchimp.baseUrl}/ping`;
    await expect(fetch(url, { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout');
    expect((await ping()).status).toBe(200);
  });

  it('meet the calls of the method and path only, as often as asked, until taken back', async () => {
    await told('POST', 'faults', { fault: 'throttled', method: 'post', path: '/members', times: 100 });
    expect((await ping()).status).toBe(200);
    expect((await client.call('GET', `${list}/members`)).status).toBe(200);
    const body = { email_address: 'bob@example.org', status: 'subscribed' };
    for (let n = 0; n < 2; n += 1) {
      expect((await client.call('POST', `${list}/members`, { body })).status).toBe(429);
    }
    await told('DELETE', 'faults');
    expect((await client.call('POST', `${list}/members`, { body })).status).toBe(200);
  });
});

describe('people from outside', () => {
  const does = (does: string, more: object = {}) => told('POST', 'people', { does, email, ...more });
  const status = () => sandbox.audience.member(email)?.status;

  it('come, choose, leave, return and move', async () => {
    const category = await client.call('POST', `${list}/interest-categories`, {
      body: { title: 'Newsletters', type: 'checkboxes' },
    });
    const interests = `${list}/interest-categories/${category.body.id}/interests`;
    const daily = (await client.call('POST', interests, { body: { name: 'Daily' } })).body.id;

    await does('subscribeByForm', { interests: [daily] });
    expect(sandbox.audience.member(email)).toMatchObject({
      status: 'subscribed',
      interests: { [daily]: true },
    });
    await does('chooseGroups', { interests: { [daily]: false }, by: 'admin' });
    expect(sandbox.audience.member(email)?.interests).toEqual({ [daily]: false });
    await does('leaveByFooter');
    expect(status()).toBe('unsubscribed');
    await does('subscribeByForm');
    await does('adminUnsubscribe');
    await does('adminSubscribe');
    expect(status()).toBe('subscribed');
    await does('markCleaned');
    expect(status()).toBe('cleaned');
    await does('subscribeByForm');
    await does('changeEmail', { newEmail: 'countess@example.org' });
    expect(status()).toBeUndefined();
    await told('POST', 'people', { does: 'changeEmail', email: 'countess@example.org', newEmail: email });
    await told('POST', 'people', { does: 'deleteInterest', interest: daily });
    expect(sandbox.audience.member(email)?.interests).toEqual({});
  });

  it('are refused as Mailchimp would', async () => {
    await does('subscribeByForm');
    await does('complain');
    const barred = await control('POST', 'people', { does: 'adminSubscribe', email });
    expect([barred.status, await barred.json()]).toEqual([
      400,
      expect.objectContaining({ title: 'Member In Compliance State' }),
    ]);
    await does('deletePermanently');
    expect((await control('POST', 'people', { does: 'leaveByFooter', email })).status).toBe(404);
    await does('subscribeByForm');
    expect(status()).toBe('subscribed');
  });
});

describe('the audience from outside', () => {
  it('is filled with thousands at once, without a call of a webhook', async () => {
    const body = { url: `${receiver.origin}/hook`, events: { subscribe: true }, sources: { api: true } };
    await client.call('POST', `${list}/webhooks`, { body });
    const members = Array.from({ length: 5000 }, (_, n) => ({
      email_address: `seeded${n}@example.org`,
      status: n % 2 === 0 ? 'subscribed' : 'unsubscribed',
    }));
    const before = (await client.call('GET', list)).body.stats;
    const answer = await control('POST', 'members', {
      members: [...members, { email_address: 'nobody', status: 'subscribed' }],
    });
    expect(await answer.json()).toMatchObject({ errors: [{ email_address: 'nobody' }] });
    const { stats } = (await client.call('GET', list)).body;
    expect(stats.member_count - before.member_count).toBe(2500);
    expect(stats.unsubscribe_count - before.unsubscribe_count).toBe(2500);
    await told('POST', 'deliveries', { does: 'idle' });
    expect(receiver.calls).toEqual([]);
  });

  it('holds its webhooks back and lets them go', async () => {
    await told('POST', 'deliveries', { does: 'hold' });
    await told('POST', 'people', { does: 'sendCampaign', subject: 'Hello' });
    const body = { email_address: 'held@example.org', status: 'subscribed' };
    await client.call('POST', `${list}/members`, { body });
    await told('POST', 'deliveries', { does: 'idle' });
    expect(receiver.calls).toEqual([]);
    await told('POST', 'deliveries', { does: 'release', order: 'reversed', times: 2 });
    await told('POST', 'deliveries', { does: 'idle' });
    expect(receiver.types()).toEqual(['subscribe', 'subscribe']);
  });

  it('passes named addresses over in a batch without a word', async () => {
    await told('POST', 'overlooked', { emails: ['Missing@example.org'] });
    const members = ['missing@example.org', 'there@example.org'].map((address) => ({
      email_address: address,
      status: 'subscribed',
    }));
    const { body } = await client.call('POST', list, { body: { members } });
    expect(body).toMatchObject({ total_created: 1, total_updated: 0, error_count: 0 });
    expect(body.new_members[0].email_address).toBe('there@example.org');
    expect(sandbox.audience.member('missing@example.org')).toBeNull();
  });

  it('answers as late as asked, measured from the request’s arrival', async () => {
    await told('POST', 'latency', { ms: 40 });
    const began = performance.now();
    await ping();
    expect(performance.now() - began).toBeGreaterThan(35);
    await told('POST', 'latency', { ms: 0 });
  });

  it('counts the calls, and how many there were at once', async () => {
    await told('DELETE', 'stats');
    await told('POST', 'faults', { fault: 'html_error', method: 'GET', path: '/ping' });
    await ping();
    await told('POST', 'faults', { fault: 'slow', ms: 30, times: 3 });
    await Promise.all([ping(), ping(), client.call('GET', `${list}/members/nobody@example.org`)]);
    expect(await (await control('GET', 'stats')).json()).toMatchObject({
      mostSimultaneous: 3,
      calls: expect.arrayContaining([
        { method: 'GET', route: '/ping', status: 502, count: 1 },
        { method: 'GET', route: '/ping', status: 200, count: 2 },
        { method: 'GET', route: '/lists/:list/members/:member', status: 404, count: 1 },
      ]),
      deliveries: { held: 0, waiting: 0 },
    });
  });
});

describe('the control API', () => {
  it.each([
    ['faults', { fault: 'earthquake' }],
    ['faults', { fault: 'throttled', times: 0 }],
    ['people', { does: 'dance', email }],
    ['members', { members: [{ email_address: email }] }],
    ['latency', { ms: -1 }],
    ['deliveries', { does: 'lose' }],
  ])('refuses a wrong request to %s: %o', async (path, body) => {
    expect((await control('POST', path, body)).status).toBe(400);
  });

  it('obeys no other site’s page', async () => {
    const foreign = { 'Sec-Fetch-Site': 'cross-site' };
    expect((await control('POST', 'latency', { ms: 9 }, foreign)).status).toBe(403);
    expect((await control('DELETE', 'faults', undefined, foreign)).status).toBe(403);
  });
});
