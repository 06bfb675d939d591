import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { People } from '../../src/sandbox/mailchimp/people.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { checkExchange, contractMissing } from '../harness/mailchimpContract.ts';
import { type Client, officialClient } from './officialClient.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const email = 'ada@example.org';
const everything = {
  events: { subscribe: true, unsubscribe: true, profile: true, cleaned: true, upemail: true, campaign: true },
  sources: { user: true, admin: true, api: true },
};

let receiver: Receiver;
let sandbox: Sandbox;
let client: Client;
let people: People;
let list: string;

beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());

async function start(options: Partial<Parameters<typeof startSandbox>[0]> = {}): Promise<void> {
  sandbox = await startSandbox({
    port: 0,
    smtpPort: 0,
    serviceUrl: 'http://127.0.0.1:9',
    folder: null,
    ...options,
  });
  client = officialClient(sandbox.mailchimp);
  people = sandbox.audience.people;
  list = `/lists/${sandbox.mailchimp.audienceId}`;
  receiver.calls.length = 0;
}

const register = async (settings: object = everything, path = '/hook') =>
  (await client.call('POST', `${list}/webhooks`, { body: { url: `${receiver.origin}${path}`, ...settings } }))
    .body;
const subscribe = (change: object = {}, address = email) =>
  client.call('PUT', `${list}/members/${encodeURIComponent(address)}`, {
    body: { email_address: address, status_if_new: 'subscribed', ...change },
  });
const patch = (change: object) => client.call('PATCH', `${list}/members/${email}`, { body: change });
/** The calls that came since the last look, once none is under way. */
async function called() {
  await sandbox.audience.deliveries.idle();
  return receiver.calls.splice(0).map(({ form }) => form);
}
const typesCalled = async () => (await called()).map((form) => form['type']);

beforeEach(() => start());
afterEach(async () => {
  expect(receiver.calls).toEqual([]);
  await sandbox.stop();
});

describe('a webhook', () => {
  it('is kept once its URL has answered a GET with 200', async () => {
    const body = { url: `${receiver.origin}/elsewhere` };
    expect((await client.call('POST', `${list}/webhooks`, { body })).status).toBe(400);
    const webhook = await register({ events: { unsubscribe: true }, sources: { user: true } });
    expect(webhook).toMatchObject({
      events: { unsubscribe: true, profile: false },
      sources: { user: true, api: false },
    });
    expect(receiver.validators).toEqual([
      'MailChimp.com WebHook Validator',
      'MailChimp.com WebHook Validator',
    ]);
    expect((await client.call('GET', `${list}/webhooks`)).body.total_items).toBe(1);
    expect((await client.call('POST', `${list}/webhooks`, { body: { url: webhook.url } })).status).toBe(400);
    expect((await client.call('DELETE', `${list}/webhooks/${webhook.id}`)).status).toBe(204);
    expect((await client.call('GET', `${list}/webhooks`)).body.total_items).toBe(0);
  });

  it.skipIf(contractMissing !== null)('is changed in part, within the contract of the API', async () => {
    const violations: string[] = [];
    sandbox.audience.observe((exchange) => violations.push(...checkExchange(exchange)));
    const { id } = await register({ events: { unsubscribe: true }, sources: { user: true } });
    const change = { events: { cleaned: true }, sources: { api: true } };
    const answer = await client.call('PATCH', `${list}/webhooks/${id}`, { body: change });
    expect(answer.body).toMatchObject({
      url: `${receiver.origin}/hook`,
      events: { unsubscribe: true, cleaned: true, profile: false },
      sources: { user: true, api: true, admin: false },
    });
    const unreachable = { url: `${receiver.origin}/elsewhere` };
    expect((await client.call('PATCH', `${list}/webhooks/${id}`, { body: unreachable })).status).toBe(400);
    expect(violations).toEqual([]);
  });

  it('gets a form as Mailchimp sends it', async () => {
    const category = await client.call('POST', `${list}/interest-categories`, {
      body: { title: 'Newsletters', type: 'checkboxes' },
    });
    const interests = `${list}/interest-categories/${category.body.id}/interests`;
    const ids: string[] = [];
    for (const name of ['Daily', 'News, views', 'Weekly']) {
      ids.push((await client.call('POST', interests, { body: { name } })).body.id);
    }
    const [daily = '', views = ''] = ids;
    await register();
    await subscribe({
      interests: { [daily]: true, [views]: true },
      merge_fields: { FNAME: 'Ada' },
      ip_opt: '192.0.2.7',
    });
    await sandbox.audience.deliveries.idle();
    const [call = expect.fail()] = receiver.calls.splice(0);
    expect(call.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'MailChimp',
    });
    expect(call.headers).not.toHaveProperty('x-mailchimp-signature');
    const member = sandbox.audience.member(email);
    expect(call.form).toEqual({
      type: 'subscribe',
      fired_at: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      'data[id]': member?.unique_email_id,
      'data[email]': email,
      'data[email_type]': 'html',
      'data[ip_opt]': '192.0.2.7',
      'data[ip_signup]': '',
      'data[web_id]': String(member?.web_id),
      'data[merges][EMAIL]': email,
      'data[merges][FNAME]': 'Ada',
      'data[merges][LNAME]': '',
      'data[merges][INTERESTS]': 'Daily, News\\, views',
      'data[merges][GROUPINGS][0][id]': expect.stringMatching(/^\d+$/),
      'data[merges][GROUPINGS][0][unique_id]': category.body.id,
      'data[merges][GROUPINGS][0][name]': 'Newsletters',
      'data[merges][GROUPINGS][0][groups]': 'Daily, News\\, views',
      'data[list_id]': sandbox.mailchimp.audienceId,
    });
    expect(call.form['data[id]']).toMatch(/^[0-9a-f]{10}$/);
  });

  it('hears of what the API does only when it asks for that source', async () => {
    await register({ ...everything, sources: { user: true, admin: true } });
    await subscribe();
    await patch({ status: 'unsubscribed' });
    await client.call('DELETE', `${list}/members/${email}`);
    expect(await called()).toEqual([]);
  });

  it('hears of the events only that it asks for', async () => {
    await register({ ...everything, events: { unsubscribe: true } });
    await subscribe();
    people.leaveByFooter(email);
    expect(await typesCalled()).toEqual(['unsubscribe']);
  });
});

describe('an event', () => {
  beforeEach(async () => {
    await subscribe();
    await register();
  });

  it('is the same by every door of the API', async () => {
    await patch({ status: 'unsubscribed', merge_fields: { FNAME: 'Ada' } });
    await subscribe({ status: 'subscribed' });
    await patch({ merge_fields: { FNAME: 'Countess' } });
    await client.call('POST', `${list}/members`, {
      body: { email_address: 'bob@example.org', status: 'subscribed' },
    });
    const batch = [
      { email_address: email, status: 'unsubscribed' },
      { email_address: 'cy@example.org', status: 'subscribed' },
    ];
    await client.call('POST', list, { body: { members: batch, update_existing: true } });
    await client.call('DELETE', `${list}/members/${email}`);
    await client.call('POST', `${list}/members/bob@example.org/actions/delete-permanent`);
    expect((await called()).map((form) => [form['type'], form['data[email]'], form['data[action]']])).toEqual(
      [
        ['unsubscribe', email, 'unsub'],
        ['subscribe', email, undefined],
        ['profile', email, undefined],
        ['subscribe', 'bob@example.org', undefined],
        ['unsubscribe', email, 'unsub'],
        ['subscribe', 'cy@example.org', undefined],
        ['unsubscribe', email, 'delete'],
        ['unsubscribe', 'bob@example.org', 'delete'],
      ],
    );
  });

  it('is none when nothing changes, or nobody comes in', async () => {
    await patch({ status: 'subscribed' });
    await subscribe({ status_if_new: 'unsubscribed' }, 'bob@example.org');
    await subscribe({ status_if_new: 'pending' }, 'cy@example.org');
    expect(await called()).toEqual([]);
  });

  it('tells who left by the footer, and who complained', async () => {
    people.leaveByFooter(email);
    people.subscribeByForm(email);
    people.complain(email);
    expect(await called()).toMatchObject([
      {
        type: 'unsubscribe',
        'data[action]': 'unsub',
        'data[reason]': 'manual',
        'data[campaign_id]': expect.stringMatching(/^[0-9a-f]{10}$/),
      },
      { type: 'subscribe' },
      { type: 'unsubscribe', 'data[action]': 'unsub', 'data[reason]': 'abuse' },
    ]);
  });

  it('comes when a pending person confirms, not when one is asked', async () => {
    await patch({ status: 'unsubscribed' });
    await patch({ status: 'pending' });
    people.confirm(email);
    expect(await typesCalled()).toEqual(['unsubscribe', 'subscribe']);
  });

  it('tells a bounce whatever the sources', async () => {
    await register({ events: { cleaned: true, campaign: true } }, '/hook/sourceless');
    people.markCleaned(email);
    people.sendCampaign('Hello');
    const calls = await called();
    expect(calls.filter(({ type }) => type === 'cleaned')).toHaveLength(2);
    expect(calls[0]).toMatchObject({ 'data[email]': email, 'data[reason]': 'hard' });
    expect(calls[2]).toMatchObject({ type: 'campaign', 'data[subject]': 'Hello', 'data[status]': 'sent' });
  });

  it('tells another address together with the profile', async () => {
    people.changeEmail(email, 'ada@example.net');
    const calls = await called();
    expect(calls).toMatchObject([
      { type: 'upemail', 'data[old_email]': email, 'data[new_email]': 'ada@example.net' },
      { type: 'profile', 'data[email]': 'ada@example.net' },
    ]);
    expect(calls[0]?.['data[new_id]']).toBe(calls[1]?.['data[id]']);
    expect(calls[0]?.['fired_at']).toBe(calls[1]?.['fired_at']);
  });

  it.each(['adminUnsubscribe', 'archive', 'deletePermanently'] as const)(
    'tells what an admin does: %s',
    async (act) => {
      people[act](email);
      expect(await typesCalled()).toEqual(['unsubscribe']);
    },
  );
});

describe('the calls of webhooks', () => {
  const deliveries = () => sandbox.audience.deliveries;

  beforeEach(async () => {
    await subscribe();
    await register();
  });

  it.each([500, 404, 302])('are repeated after %d until one is taken', async (status) => {
    receiver.answer(status, status);
    people.leaveByFooter(email);
    expect(await typesCalled()).toEqual(['unsubscribe']);
    expect(deliveries().counts()).toMatchObject({ delivered: 0, waiting: 1 });
    deliveries().hurry();
    deliveries().hurry();
    expect(await typesCalled()).toEqual(['unsubscribe']);
    deliveries().hurry();
    expect(await typesCalled()).toEqual(['unsubscribe']);
    expect(deliveries().counts()).toEqual({ delivered: 1, failed: 2, abandoned: 0, waiting: 0, held: 0 });
  });

  it('are repeated six times over 75 minutes and then abandoned', async () => {
    receiver.answer(...Array(7).fill(503));
    people.leaveByFooter(email);
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      expect(await typesCalled()).toHaveLength(attempt <= 7 ? 1 : 0);
      deliveries().hurry();
    }
    expect(deliveries().counts()).toMatchObject({ failed: 7, abandoned: 1, waiting: 0 });
  });

  it('end at once with an answer of 410, until the webhook is saved again', async () => {
    receiver.answer(410);
    people.leaveByFooter(email);
    people.subscribeByForm(email);
    expect(await typesCalled()).toEqual(['unsubscribe']);
    expect(deliveries().counts().waiting).toBe(0);
    const { webhooks } = (await client.call('GET', `${list}/webhooks`)).body;
    await client.call('PATCH', `${list}/webhooks/${webhooks[0].id}`, { body: everything });
    people.leaveByFooter(email);
    expect(await typesCalled()).toEqual(['unsubscribe']);
  });

  it('end with the webhook', async () => {
    receiver.answer(500);
    people.leaveByFooter(email);
    expect(await typesCalled()).toHaveLength(1);
    const { webhooks } = (await client.call('GET', `${list}/webhooks`)).body;
    await client.call('DELETE', `${list}/webhooks/${webhooks[0].id}`);
    expect(deliveries().counts().waiting).toBe(0);
    people.subscribeByForm(email);
    expect(await called()).toEqual([]);
  });

  it('can be held back, turned round and doubled', async () => {
    deliveries().hold();
    people.leaveByFooter(email);
    people.subscribeByForm(email);
    expect(await called()).toEqual([]);
    expect(deliveries().counts().held).toBe(2);
    deliveries().release({ order: 'reversed', times: 2 });
    people.archive(email);
    expect((await called()).map((form) => form['data[action]'] ?? form['type'])).toEqual([
      'subscribe',
      'unsub',
      'subscribe',
      'unsub',
      'delete',
    ]);
  });
});

it('repeats a call by itself after the gaps it was given', async () => {
  await sandbox.stop();
  await start({ webhookRetryGapsMs: [1, 1] });
  await subscribe();
  await register();
  receiver.answer(500, 500);
  people.leaveByFooter(email);
  await expect.poll(() => sandbox.audience.deliveries.counts().delivered, { interval: 5 }).toBe(1);
  expect(receiver.types()).toEqual(['unsubscribe', 'unsubscribe', 'unsubscribe']);
});

describe('an account that signs', () => {
  beforeEach(async () => {
    await sandbox.stop();
    await start({ signing: true });
  });

  it('tells the secret once and signs each call over time and body', async () => {
    const webhook = await register();
    expect(webhook).toMatchObject({ signing_enabled: true, signing_secret: expect.stringMatching(/./) });
    const answers = [
      await client.call('GET', `${list}/webhooks/${webhook.id}`),
      await client.call('PATCH', `${list}/webhooks/${webhook.id}`, { body: everything }),
    ];
    for (const { body } of answers) {
      expect(body.signing_enabled).toBe(true);
      expect(body).not.toHaveProperty('signing_secret');
    }

    await subscribe();
    await sandbox.audience.deliveries.idle();
    const [{ headers, body } = expect.fail()] = receiver.calls.splice(0);
    const header = String(headers['x-mailchimp-signature']);
    const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? expect.fail(header);
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
    expect(signature).toBe(
      createHmac('sha256', webhook.signing_secret).update(`${time}.${body}`).digest('hex'),
    );
  });

  it.skipIf(contractMissing !== null)('adds nothing to version 3.0.55 but that', async () => {
    const violations: string[] = [];
    sandbox.audience.observe((exchange) => violations.push(...checkExchange(exchange)));
    await register();
    expect(violations).toHaveLength(2);
    for (const violation of violations) expect(violation).toMatch(/"signing_(enabled|secret)"/);
  });
});
