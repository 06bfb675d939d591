import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import type { Exchange } from '../../src/sandbox/mailchimp/router.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { checkExchange, contractMissing } from '../harness/mailchimpContract.ts';
import { type Client, officialClient } from './officialClient.ts';

if (contractMissing !== null)
  process.stderr.write(`Mailchimp's contract is not checked: ${contractMissing}\n`);

const email = 'Ada@example.org';
const hash = createHash('md5').update('ada@example.org').digest('hex');
const problem = (status: number, title: string, detail: unknown = expect.any(String)) => ({
  status,
  body: expect.objectContaining({ status, title, detail, instance: expect.stringMatching(/./) }),
});
const inCompliance = problem(
  400,
  'Member In Compliance State',
  `${email} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.`,
);

let sandbox: Sandbox;
let client: Client;
let list: string;
let path: string;
/** Requests that a test means to be wrong, so that the contract does not count them. */
let deliberate: (exchange: Exchange) => boolean;
let violations: string[];

beforeEach(async () => {
  sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: 'http://127.0.0.1:9', folder: null });
  client = officialClient(sandbox.mailchimp);
  list = `/lists/${sandbox.mailchimp.audienceId}`;
  path = `${list}/members/${hash}`;
  deliberate = () => false;
  violations = [];
  if (contractMissing !== null) return;
  sandbox.audience.observe((exchange) => {
    if (!deliberate(exchange)) violations.push(...checkExchange(exchange));
  });
});

afterEach(async () => {
  await sandbox.stop();
  expect(violations).toEqual([]);
});

const put = (change: object, query: object = {}) =>
  client.call('PUT', path, {
    body: { email_address: email, status_if_new: 'subscribed', ...change },
    query: { ...query },
  });
const patch = (change: object) => client.call('PATCH', path, { body: change });
const status = async () => (await client.call('GET', path)).body.status;

describe('the account', () => {
  it('answers a ping', async () => {
    expect(await client.call('GET', '/ping')).toEqual({
      status: 200,
      body: { health_status: "Everything's Chimpy!" },
    });
  });

  it('tells who it is and what its audience needs', async () => {
    expect((await client.call('GET', '/')).body.account_name).toBe('Sandbox');
    const audience = (await client.call('GET', list)).body;
    expect(audience).toMatchObject({ double_optin: false, marketing_permissions: false });
    expect(audience.stats.member_count).toBe(0);
    expect(audience.campaign_defaults.from_email).not.toBe('');
  });

  it('refuses a wrong key', async () => {
    const stranger = officialClient({ ...sandbox.mailchimp, apiKey: 'wrong-us1' });
    expect(await stranger.call('GET', '/ping')).toEqual(problem(401, 'API Key Invalid'));
  });

  it('knows no other audience and no other path', async () => {
    expect(await client.call('GET', '/lists/0000000000')).toEqual(problem(404, 'Resource Not Found'));
    deliberate = () => true;
    expect(await client.call('GET', '/nowhere')).toEqual(problem(404, 'Resource Not Found'));
  });

  it('names each answer by its request id, also in problem bodies', async () => {
    const answer = await fetch(`${sandbox.mailchimp.baseUrl}${path}`, {
      headers: { Authorization: `Basic ${btoa(`any:${sandbox.mailchimp.apiKey}`)}` },
    });
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(await answer.json()).toMatchObject({ instance: answer.headers.get('x-request-id') });
  });

  it('refuses a body that is not JSON', async () => {
    deliberate = () => true;
    const answer = await fetch(`${sandbox.mailchimp.baseUrl}${path}`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${sandbox.mailchimp.apiKey}` },
      body: '{"email',
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ title: 'JSON Parse Exception' });
  });

  it('serves ten requests at a time and turns the eleventh away', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const strikes = Array.from({ length: 10 }, () => sandbox.audience.inject(fault.held(promise)).struck);
    const held = strikes.map(() => client.call('GET', '/ping'));
    await Promise.all(strikes);
    expect(await client.call('GET', '/ping')).toEqual(
      problem(429, 'Too Many Requests', 'You have exceeded the limit of 10 simultaneous connections.'),
    );
    resolve();
    expect((await Promise.all(held)).map((answer) => answer.status)).toEqual(Array(10).fill(200));
    expect((await client.call('GET', '/ping')).status).toBe(200);
  });
});

describe('a member', () => {
  it('is known by the MD5 of the lower-cased address, or by the address itself', async () => {
    expect((await put({})).body).toMatchObject({ id: hash, email_address: email, status: 'subscribed' });
    expect(
      (await client.call('GET', `${list}/members/${encodeURIComponent('ADA@example.org')}`)).body.id,
    ).toBe(hash);
    expect(await client.call('GET', `${list}/members/bob@example.org`)).toEqual(
      problem(404, 'Resource Not Found'),
    );
  });

  it('takes status_if_new when new only', async () => {
    await put({ status_if_new: 'unsubscribed' });
    await put({ status_if_new: 'subscribed' });
    expect(await status()).toBe('unsubscribed');
  });

  it('needs status_if_new when new', async () => {
    deliberate = ({ method }) => method === 'PUT';
    expect(await put({ status_if_new: undefined, status: 'subscribed' })).toEqual(
      problem(400, 'Invalid Resource'),
    );
  });

  it('is not created under the hash of another address', async () => {
    expect(await put({ email_address: 'bob@example.org' })).toEqual(problem(400, 'Invalid Resource'));
  });

  it('is created once by POST', async () => {
    const body = { email_address: email, status: 'subscribed' };
    expect((await client.call('POST', `${list}/members`, { body })).status).toBe(200);
    expect(await client.call('POST', `${list}/members`, { body })).toEqual(problem(400, 'Member Exists'));
  });

  it('comes back by API when the API or an admin unsubscribed it', async () => {
    await put({});
    expect((await patch({ status: 'unsubscribed' })).body.unsubscribe_reason).toBe(
      'N/A (Unsubscribed by an admin)',
    );
    expect((await patch({ status: 'subscribed' })).body.status).toBe('subscribed');
    sandbox.audience.people.adminUnsubscribe(email);
    expect((await put({ status: 'subscribed' })).body.status).toBe('subscribed');
  });

  it('that left by the footer is not subscribed by API, only asked with pending', async () => {
    await put({});
    sandbox.audience.people.leaveByFooter(email);
    expect(await status()).toBe('unsubscribed');
    expect(await put({ status: 'subscribed' })).toEqual(inCompliance);
    expect((await put({ status: 'pending' })).body.status).toBe('pending');
    expect(await patch({ status: 'subscribed' })).toEqual(inCompliance);

    sandbox.audience.people.confirm(email);
    expect(await status()).toBe('subscribed');
    expect((await patch({ status: 'unsubscribed' })).status).toBe(200);
    expect((await patch({ status: 'subscribed' })).status).toBe(200);
  });

  it('that bounced is neither subscribed nor asked', async () => {
    await put({});
    sandbox.audience.people.markCleaned(email);
    expect(await put({ status: 'subscribed' })).toEqual(inCompliance);
    expect(await put({ status: 'pending' })).toEqual(inCompliance);
    expect((await put({})).body.status).toBe('cleaned');
  });

  it('that is archived still exists: status_if_new does not bring it back, status does', async () => {
    await put({});
    expect(await client.call('DELETE', path)).toEqual({ status: 204, body: null });
    expect((await put({})).body.status).toBe('archived');
    expect((await put({ status: 'subscribed' })).body.status).toBe('subscribed');
  });

  it('that left before it was archived cannot be brought back', async () => {
    await put({});
    sandbox.audience.people.leaveByFooter(email);
    sandbox.audience.people.archive(email);
    expect(await put({ status: 'subscribed' })).toEqual(inCompliance);
  });

  it('that is archived is asked again, or subscribed by PATCH too', async () => {
    await put({});
    await client.call('DELETE', path);
    expect((await patch({ status: 'pending' })).body.status).toBe('pending');
    sandbox.audience.people.confirm(email);
    await client.call('DELETE', path);
    expect((await patch({ status: 'subscribed' })).body.status).toBe('subscribed');
  });

  it('that complained, or bounced and was subscribed by an admin, stays barred', async () => {
    await put({});
    sandbox.audience.people.complain(email);
    expect(await patch({ status: 'subscribed' })).toEqual(inCompliance);
    expect((await patch({ status: 'pending' })).body.status).toBe('pending');
    sandbox.audience.people.markCleaned(email);
    expect(() => sandbox.audience.people.adminSubscribe(email)).toThrow('Member In Compliance State');
  });

  it.each(['unsubscribed', 'cleaned', 'transactional', 'pending'])('may start as %s', async (start) => {
    expect((await put({ status_if_new: start })).body.status).toBe(start);
  });

  it('becomes transactional by PUT only', async () => {
    await put({});
    deliberate = ({ method }) => method === 'PATCH';
    expect((await patch({ status: 'transactional' })).status).toBe(400);
    expect((await put({ status: 'transactional' })).body.status).toBe('transactional');
  });

  it('keeps the status when only the profile is sent', async () => {
    await put({});
    sandbox.audience.people.leaveByFooter(email);
    expect((await patch({ merge_fields: { FNAME: 'Ada' } })).body).toMatchObject({
      status: 'unsubscribed',
      merge_fields: { FNAME: 'Ada' },
    });
  });

  it('keeps the contact’s id and gets another of the address when that changes', async () => {
    const before = (await put({})).body;
    const after = (await patch({ email_address: 'ada@example.net' })).body;
    expect(after.contact_id).toBe(before.contact_id);
    expect(after.web_id).toBe(before.web_id);
    expect(after.unique_email_id).not.toBe(before.unique_email_id);
  });

  it.each(['cleaned', 'pending'])('that is %s cannot be archived', async (status_if_new) => {
    await put({ status_if_new });
    expect(await client.call('DELETE', path)).toEqual(
      problem(405, 'Method Not Allowed', 'This list member cannot be removed. Please contact support.'),
    );
  });

  it('that is archived cannot be archived again, a stranger not at all', async () => {
    await put({});
    await client.call('DELETE', path);
    expect((await client.call('DELETE', path)).status).toBe(405);
    expect((await client.call('DELETE', `${list}/members/bob@example.org`)).status).toBe(404);
  });

  it('that was deleted for good never returns by API', async () => {
    await put({});
    expect((await client.call('POST', `${path}/actions/delete-permanent`)).status).toBe(204);
    expect((await client.call('GET', path)).status).toBe(404);
    const forgotten = problem(
      400,
      'Forgotten Email Not Subscribed',
      `${email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.`,
    );
    expect(await put({})).toEqual(forgotten);
    expect(await put({ status_if_new: 'pending' })).toEqual(forgotten);
    const body = { email_address: email, status: 'subscribed' };
    expect(await client.call('POST', `${list}/members`, { body })).toEqual(forgotten);
    expect(await client.call('POST', `${path}/actions/delete-permanent`)).toEqual(
      problem(404, 'Resource Not Found'),
    );
    sandbox.audience.people.subscribeByForm(email);
    expect(await status()).toBe('subscribed');
  });

  it.each([
    [
      'looks-fake+1@example.org',
      'looks-fake+1@example.org looks fake or invalid, please enter a real email address.',
    ],
    [
      'too-many-lists@example.org',
      "too-many-lists@example.org has signed up to a lot of lists very recently; we're not allowing more signups for now",
    ],
    ['nobody', 'Please provide a valid email address.'],
  ])('%s is refused', async (address, detail) => {
    const answer = await client.call(
      'PUT',
      `${list}/members/${createHash('md5').update(address).digest('hex')}`,
      {
        body: { email_address: address, status_if_new: 'subscribed' },
      },
    );
    expect(answer).toEqual(problem(400, 'Invalid Resource', detail));
  });

  it('may change its address, but not to a taken one', async () => {
    await put({});
    const bob = { email_address: 'bob@example.org', status: 'subscribed' };
    await client.call('POST', `${list}/members`, { body: bob });
    expect((await patch({ email_address: 'bob@example.org' })).body.errors).toEqual([
      {
        field: 'email address',
        message: '"bob@example.org" is already in this list with a status of "Subscribed".',
      },
    ]);
    expect((await patch({ email_address: 'ada@example.net' })).status).toBe(200);
    expect((await client.call('GET', path)).status).toBe(404);
  });

  it.each([
    [{ ip_opt: '300.1.1.1' }, 'ip_opt'],
    [{ ip_signup: 'localhost' }, 'ip_signup'],
    [{ timestamp_opt: 'yesterday' }, 'timestamp_opt'],
    [{ status: 'archived' }, 'status'],
    [{ interests: { '0000000000': true } }, 'interests.0000000000'],
  ])('is not changed by %o', async (change, field) => {
    await put({});
    const before = sandbox.audience.member(email);
    deliberate = ({ method }) => method === 'PUT';
    const answer = await put({ merge_fields: { FNAME: 'Ada' }, ...change });
    expect(answer).toEqual(problem(400, 'Invalid Resource'));
    expect(answer.body.errors[0].field).toBe(field);
    expect(sandbox.audience.member(email)).toEqual(before);
  });

  it('keeps the evidence of consent', async () => {
    const answer = await put({ ip_opt: '2001:db8::1', timestamp_opt: '2026-11-23T10:00:00+00:00' });
    expect(answer.body).toMatchObject({ ip_opt: '2001:db8::1', timestamp_opt: '2026-11-23T10:00:00+00:00' });
  });

  it('is refused by name when a field is misspelt', async () => {
    deliberate = () => true;
    expect(await put({ stauts: 'subscribed' })).toEqual(problem(400, 'Invalid Resource'));
  });
});

describe('interests', () => {
  let interests: string;
  const create = (name: string) => client.call('POST', interests, { body: { name } });

  beforeEach(async () => {
    const body = { title: 'Newsletters', type: 'checkboxes' };
    const category = await client.call('POST', `${list}/interest-categories`, { body });
    interests = `${list}/interest-categories/${category.body.id}/interests`;
  });

  it('are shown ten at a time unless more are asked for', async () => {
    for (let n = 1; n <= 11; n += 1) await create(`List ${n}`);
    const all = (await client.call('GET', interests)).body;
    expect([all.interests.length, all.total_items]).toEqual([10, 11]);
    expect((await client.call('GET', interests, { query: { count: 1000 } })).body.interests).toHaveLength(11);
    expect((await client.call('GET', interests, { query: { offset: 10 } })).body.interests[0].name).toBe(
      'List 11',
    );
    deliberate = () => true;
    expect((await client.call('GET', interests, { query: { count: 1001 } })).status).toBe(400);
  });

  it('are at most 60 in an audience', async () => {
    const answers = [];
    for (let n = 1; n <= 61; n += 1) answers.push(await create(`List ${n}`));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(60);
    expect(answers.at(-1)).toEqual(
      problem(400, 'Invalid Resource', 'Cannot have more than 60 interests per list (Across all categories)'),
    );
  });

  it('are chosen key by key: what is left out keeps its value', async () => {
    const [daily, weekly] = [(await create('Daily')).body.id, (await create('Weekly')).body.id];
    await put({ interests: { [daily]: true } });
    expect((await put({ interests: { [weekly]: true } })).body.interests).toEqual({
      [daily]: true,
      [weekly]: true,
    });
    expect((await client.call('GET', interests)).body.interests[0].subscriber_count).toBe('1');
  });

  it('can be renamed, and take everyone’s choice with them when deleted', async () => {
    const { id } = (await create('Daily')).body;
    await put({ interests: { [id]: true } });
    await client.call('PATCH', `${interests}/${id}`, { body: { name: 'Morning' } });
    expect((await client.call('GET', `${interests}/${id}`)).body.name).toBe('Morning');
    expect((await client.call('DELETE', `${interests}/${id}`)).status).toBe(204);
    expect(sandbox.audience.member(email)?.interests).toEqual({});
    expect((await put({ interests: { [id]: true } })).status).toBe(400);
  });

  it('cannot have one name twice in a category', async () => {
    await create('Daily');
    expect((await create('Daily')).status).toBe(400);
  });
});

describe('merge fields', () => {
  const create = (field: object) => client.call('POST', `${list}/merge-fields`, { body: field });

  it('begin with first and last name', async () => {
    const { merge_fields } = (await client.call('GET', `${list}/merge-fields`)).body;
    expect(merge_fields.map((field: { tag: string }) => field.tag)).toEqual(['FNAME', 'LNAME']);
  });

  it('cut text at 255 bytes and leave no half character', async () => {
    const { FNAME } = (await put({ merge_fields: { FNAME: `a${'é'.repeat(200)}` } })).body.merge_fields;
    expect(FNAME).toBe(`a${'é'.repeat(127)}`);
  });

  it('take a link only where one is due', async () => {
    expect((await create({ name: 'Unsubscribe', type: 'url', tag: 'UNSUBURL' })).body.tag).toBe('UNSUBURL');
    expect(await put({ merge_fields: { UNSUBURL: 'not a link' } })).toEqual(
      problem(400, 'Invalid Resource', 'Your merge fields were invalid.'),
    );
    const link = 'http://localhost:3000/unsubscribe/abc';
    expect((await put({ merge_fields: { UNSUBURL: link } })).body.merge_fields.UNSUBURL).toBe(link);
  });

  it('drop a value of an unknown tag', async () => {
    expect((await put({ merge_fields: { NOPE: 'x' } })).body.merge_fields).toEqual({ FNAME: '', LNAME: '' });
  });

  it('that are required are demanded unless validation is skipped', async () => {
    await create({ name: 'Town', type: 'text', tag: 'TOWN', required: true });
    const answer = await put({});
    expect(answer).toEqual(problem(400, 'Invalid Resource', 'Your merge fields were invalid.'));
    expect(answer.body.errors).toEqual([{ field: 'TOWN', message: 'Please enter a value' }]);
    expect((await put({}, { skip_merge_validation: true })).status).toBe(200);
  });

  it('have each tag once', async () => {
    expect((await create({ name: 'Name', type: 'text', tag: 'FNAME' })).status).toBe(400);
  });
});

describe('many members', () => {
  const batch = (members: object[], options: object = {}) =>
    client.call('POST', list, { body: { members, ...options } });
  const person = (n: number, change: object = {}) => ({
    email_address: `p${n}@example.org`,
    status: 'subscribed',
    ...change,
  });

  it('are created together, and one refusal fails alone', async () => {
    const { body } = await batch([
      person(1),
      person(2, { email_address: 'looks-fake@example.org' }),
      person(3),
    ]);
    expect(body).toMatchObject({ total_created: 2, total_updated: 0, error_count: 1 });
    expect(body.errors[0]).toMatchObject({
      email_address: 'looks-fake@example.org',
      error_code: 'ERROR_GENERIC',
    });
  });

  it('are updated only when asked to', async () => {
    await batch([person(1)]);
    const again = [person(1, { status: 'unsubscribed' })];
    expect((await batch(again)).body.errors[0].error_code).toBe('ERROR_CONTACT_EXISTS');
    const { body } = await batch(again, { update_existing: true });
    expect(body.updated_members[0].status).toBe('unsubscribed');
  });

  it('named twice are taken once without a word', async () => {
    const { body } = await batch([person(1), person(1, { status: 'unsubscribed' })], {
      update_existing: true,
    });
    expect([body.total_created, body.total_updated, body.error_count]).toEqual([1, 0, 0]);
    expect(sandbox.audience.member('p1@example.org')?.status).toBe('subscribed');
  });

  it('fail one by one with the texts that a single call gets', async () => {
    await batch([person(1), person(2), person(3)]);
    sandbox.audience.people.leaveByFooter('p1@example.org');
    await client.call('POST', `${list}/members/p2@example.org/actions/delete-permanent`);
    await client.call('DELETE', `${list}/members/p3@example.org`);
    const { body } = await batch([person(1), person(2), person(3)], { update_existing: true });
    expect(body.errors.map((refusal: { error: string }) => refusal.error)).toEqual([
      'p1@example.org is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.',
      'p2@example.org was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.',
    ]);
    expect(body.updated_members).toMatchObject([{ email_address: 'p3@example.org', status: 'subscribed' }]);
  });

  it('that are overlooked appear in none of the results', async () => {
    await batch([person(1)]);
    sandbox.audience.overlook(['P1@example.org', 'p2@example.org']);
    const { body } = await batch([person(1, { status: 'unsubscribed' }), person(2)], {
      update_existing: true,
    });
    expect([body.new_members, body.updated_members, body.errors]).toEqual([[], [], []]);
    expect(sandbox.audience.member('p1@example.org')?.status).toBe('subscribed');
    expect(sandbox.audience.member('p2@example.org')).toBeNull();
  });

  it('are counted by status and interest through every change', async () => {
    const category = await client.call('POST', `${list}/interest-categories`, {
      body: { title: 'Newsletters', type: 'checkboxes' },
    });
    const path = `${list}/interest-categories/${category.body.id}/interests`;
    const { id } = (await client.call('POST', path, { body: { name: 'Daily' } })).body;
    const counted = async () => {
      const { stats } = (await client.call('GET', list, { query: { include_total_contacts: true } })).body;
      const { interests } = (await client.call('GET', path)).body;
      return [
        stats.member_count,
        stats.unsubscribe_count,
        stats.cleaned_count,
        stats.total_contacts,
        Number(interests[0].subscriber_count),
      ];
    };
    await batch([
      person(1, { interests: { [id]: true } }),
      person(2, { interests: { [id]: true } }),
      person(3),
    ]);
    expect(await counted()).toEqual([3, 0, 0, 3, 2]);
    sandbox.audience.people.leaveByFooter('p1@example.org');
    sandbox.audience.people.markCleaned('p3@example.org');
    sandbox.audience.people.changeEmail('p2@example.org', 'p4@example.org');
    expect(await counted()).toEqual([1, 1, 1, 3, 1]);
    sandbox.audience.people.deletePermanently('p4@example.org');
    expect(await counted()).toEqual([0, 1, 1, 2, 0]);
  });

  it('are at most 500 in a call', async () => {
    const people = Array.from({ length: 501 }, (_, n) => person(n));
    expect((await batch(people)).status).toBe(400);
    expect((await batch(people.slice(1))).body.total_created).toBe(500);
  });

  it('are listed by status, by time of change and by page, with the fields asked for', async () => {
    await batch([person(1), person(2, { status: 'unsubscribed' }), person(3)]);
    await client.call('DELETE', `${list}/members/p3@example.org`);
    const listed = async (query: object) =>
      (await client.call('GET', `${list}/members`, { query: { ...query } })).body;

    expect((await listed({})).total_items).toBe(2);
    expect((await listed({ status: 'archived' })).members[0].email_address).toBe('p3@example.org');
    expect((await listed({ since_last_changed: '2100-01-01T00:00:00+00:00' })).total_items).toBe(0);
    expect((await listed({ since_last_changed: '2000-01-01T00:00:00+00:00' })).total_items).toBe(2);
    expect(await listed({ count: 1, offset: 1, fields: 'members.status,total_items' })).toEqual({
      members: [{ status: 'unsubscribed' }],
      total_items: 2,
    });
  });
});

describe('faults', () => {
  it.each([
    ['throttled', fault.throttled(), 429],
    ['blocked by the firewall', fault.blocked(), 403],
    ['failing behind the proxy', fault.htmlError(502), 502],
  ])('%s: the request fails, the next one is served', async (_name, injected, expected) => {
    sandbox.audience.inject(injected);
    expect(await put({})).toEqual({ status: expected, body: {} });
    expect(sandbox.audience.member(email)).toBeNull();
    expect((await put({})).status).toBe(200);
  });

  it('can lose the answer after the work was done', async () => {
    sandbox.audience.inject(fault.reset('after'));
    await expect(put({})).rejects.toThrow();
    expect(sandbox.audience.member(email)?.status).toBe('subscribed');
  });

  it('can tear the connection before any work', async () => {
    sandbox.audience.inject(fault.reset('before'));
    await expect(put({})).rejects.toThrow();
    expect(sandbox.audience.member(email)).toBeNull();
  });

  it('meet only the requests that match, as often as asked', async () => {
    sandbox.audience.inject(fault.throttled(), { times: 2, matching: ({ method }) => method === 'PUT' });
    expect((await client.call('GET', '/ping')).status).toBe(200);
    expect([(await put({})).status, (await put({})).status, (await put({})).status]).toEqual([429, 429, 200]);
  });

  it('are told to observers, as is every exchange before its answer leaves', async () => {
    const seen: Exchange[] = [];
    const stop = sandbox.audience.observe((exchange) => seen.push(exchange));
    sandbox.audience.inject(fault.throttled());
    await put({});
    await put({});
    stop();
    await put({});
    expect(
      seen.map(({ method, path: seenPath, status: seenStatus, injected }) => [
        method,
        seenPath,
        seenStatus,
        injected,
      ]),
    ).toEqual([
      ['PUT', path, 429, true],
      ['PUT', path, 200, false],
    ]);
    expect(seen[1]?.requestBody).toEqual({ email_address: email, status_if_new: 'subscribed' });
  });
});
