import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, type PutMember } from '../../src/mailchimp/api/client.ts';
import { type ApiRequest, type Fault, fault } from '../../src/sandbox/mailchimp/faults.ts';
import { callsOf, type Lane, type Newsroom, openLane, openNewsroom, readers } from './newsroom.ts';

// Every answer that is known of Mailchimp, met by the write of one contact.

const problem = (title: string, detail: string, errors?: { field: string; message: string }[]): Fault => ({
  does: 'answer',
  status: 400,
  headers: { 'Content-Type': 'application/problem+json; charset=utf-8' },
  body: JSON.stringify({ type: 'about:blank', title, status: 400, detail, instance: '', errors }),
});
const invalid = (detail: string, errors?: { field: string; message: string }[]) =>
  problem('Invalid Resource', detail, errors);
const seeErrors = 'The resource submitted could not be validated.';
const compliance = problem(
  'Member In Compliance State',
  'x is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.',
);
const forgotten = 'x was permanently deleted and cannot be re-imported.';
const page = (status: number): Fault => ({
  does: 'answer',
  status,
  headers: { 'Content-Type': 'text/html' },
  body: '<h1>No</h1>',
});
const isPut = callsOf('PUT');
const always = 1_000;

describe('the write of one contact', () => {
  let newsroom: Newsroom;
  let lane: Lane;
  const email = 'reader@news.example';

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    await newsroom.newReaders();
    lane = await openLane(newsroom);
  });
  afterEach(() => lane.stop());

  const meets = (trouble: Fault, matching: (request: ApiRequest) => boolean = isPut) =>
    lane.sandbox.audience.inject(trouble, { matching, times: always });
  const putStatuses = () =>
    lane.calls.filter(isPut).map(({ requestBody }) => (requestBody as Pick<PutMember, 'status'>).status);
  const waitOf = (dueAt: Date | null) => (dueAt?.getTime() ?? Number.NaN) - Date.now();
  const minute = 60_000;
  const hour = 60 * minute;

  it.each([
    ['another kind of bad request', problem('Bad Request', 'No.'), 'rejected', 'Bad Request'],
    ['JSON that it cannot read', problem('JSON Parse Exception', 'x'), 'rejected', 'JSON Parse Exception'],
    ['a fake address', invalid('x looks fake or invalid, please enter a real email address.'), 'invalid'],
    ['an address that is none', invalid('Please provide a valid email address.'), 'invalid'],
    [
      'a blank address',
      invalid(seeErrors, [{ field: 'email_address', message: 'Darf nicht leer sein.' }]),
      'invalid',
    ],
    [
      'a taken address',
      invalid(seeErrors, [{ field: 'email address', message: '"x" is already in this list' }]),
      'invalid',
    ],
    ['a field without a name', invalid(seeErrors, [{ field: '', message: 'Required' }]), 'rejected'],
    ['a wrong merge field', invalid(seeErrors, [{ field: 'merge_fields.X', message: 'x' }]), 'rejected'],
    [
      'a forgotten address',
      problem('Forgotten Email Not Subscribed', forgotten),
      'forgotten',
      'Forgotten Email Not Subscribed',
    ],
    [
      'a forgotten address, in the words of compliance',
      problem('Forgotten Email Not Subscribed', 'x is in a compliance state due to unsubscribe'),
      'forgotten',
      'Forgotten Email Not Subscribed',
    ],
    [
      '405',
      fault.problem(405, 'Method Not Allowed', 'This list member cannot be removed.'),
      'rejected',
      'Method Not Allowed',
    ],
  ])('parks who meets %s, after one call and until something new is wanted', async (...row) => {
    const [, trouble, kind, title = 'Invalid Resource'] = row;
    meets(trouble);
    await newsroom.subscribe(email, 'daily');
    await lane.settled();
    expect(await newsroom.contact(email)).toMatchObject({
      attempts: 1,
      dueAt: null,
      acknowledged: 0,
      refusal: { kind, title },
    });
    await lane.retried();
    expect(lane.calls.filter(isPut)).toHaveLength(1);
    expect(await lane.stopped()).toBeNull();

    lane.sandbox.audience.clearFaults();
    await newsroom.look(email);
    await lane.settled();
    expect(await lane.ends()).toEqual({ settled: 1 });
  });

  it.each([
    ['Member Exists', problem('Member Exists', 'x is already a list member.'), 'transient', 1_000, 3_000],
    [
      'a required field',
      invalid('Your merge fields were invalid.', [{ field: 'LASTNAME', message: 'Bitte ausfüllen' }]),
      'required_field',
      15_000,
      45_000,
    ],
    [
      'an unknown interest',
      invalid(seeErrors, [{ field: 'interests.0a1b2c', message: 'x' }]),
      'interest',
      1_000,
      2_000,
    ],
    [
      'too many lists',
      invalid("x has signed up to a lot of lists very recently; we're not allowing more signups for now"),
      'too_many_sign_ups',
      6 * hour - minute,
      6 * hour,
    ],
    ['401 for this call alone', fault.problem(401, 'API Key Invalid', ''), 'configuration', 15_000, 45_000],
    ['400 without a body', { ...page(400), body: '' }, 'transient', 1_000, 3_000],
    ['408', page(408), 'transient', 1_000, 3_000],
    ['429 without a body', fault.throttled(), 'throttled', 15_000, 45_000],
    ['429 with a body', fault.throttledWithBody(), 'throttled', 15_000, 45_000],
    ["the firewall's 403", fault.blocked(), 'throttled', 15_000, 45_000],
    ["the firewall's 503", fault.firewallText(), 'transient', 1_000, 3_000],
    ['500', fault.problem(500, 'InternalServerError', 'x'), 'transient', 1_000, 3_000],
    ['502 in HTML', fault.htmlError(502), 'transient', 1_000, 3_000],
    ['504 in HTML', fault.htmlError(504), 'transient', 1_000, 3_000],
    ['a page with 200', fault.htmlPage(), 'transient', 1_000, 3_000],
    ['an empty 200', fault.emptyPage(), 'transient', 1_000, 3_000],
    ['a redirect', fault.redirect(307, 'http://127.0.0.1:9/3.0'), 'transient', 1_000, 3_000],
    ['a reset', fault.reset('before'), 'transient', 1_000, 3_000],
    ['an answer lost', fault.reset('after'), 'transient', 1_000, 3_000],
    [
      'JSON that we cannot read',
      { ...page(200), headers: { 'Content-Type': 'application/json' }, body: '{"a"' } as Fault,
      'transient',
      1_000,
      3_000,
    ],
  ])(
    'tries again who meets %s, after a rest and not before (R-04)',
    async (_name, trouble, kind, min, max) => {
      meets(trouble);
      await newsroom.subscribe(email, 'daily');
      await lane.settled();
      await lane.settled();
      const contact = await newsroom.contact(email);
      expect(contact).toMatchObject({ attempts: 1, refusal: { kind } });
      expect(waitOf(contact.dueAt)).toBeGreaterThan(min - 1_000);
      expect(waitOf(contact.dueAt)).toBeLessThanOrEqual(max);
      expect(lane.calls.filter(isPut)).toHaveLength(1);
      expect(await lane.stopped()).toBeNull();

      lane.sandbox.audience.clearFaults();
      await lane.retried();
      expect(await lane.ends()).toEqual({ settled: 1 });
      expect(await newsroom.contact(email)).toMatchObject({ attempts: 0 });
      expect(lane.member(email)?.status).toBe('subscribed');
      expect(lane.calls.filter(isPut).length).toBeLessThanOrEqual(2);
    },
  );

  it('asks for Mailchimp’s own opt-in once, and never again for the same consent', async () => {
    meets(compliance);
    await newsroom.subscribe(email, 'daily');
    await lane.settled();
    expect(putStatuses()).toEqual(['subscribed', 'pending']);
    expect(await newsroom.contact(email)).toMatchObject({
      attempts: 1,
      dueAt: null,
      refusal: { kind: 'compliance', status: 400, title: 'Member In Compliance State' },
    });
    await lane.retried();
    expect(putStatuses()).toHaveLength(2);
  });

  it('is given up after the tries of 6, 24 and 72 hours at an address with too many lists', async () => {
    const address = 'too-many-lists@news.example';
    await newsroom.subscribe(address, 'daily');
    await lane.settled();
    const waits: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      waits.push(Math.round(waitOf((await newsroom.contact(address)).dueAt) / hour));
      await lane.retried();
    }
    expect(waits).toEqual([6, 24, 72]);
    expect(await newsroom.contact(address)).toMatchObject({ attempts: 4, dueAt: null });
    await lane.retried();
    expect(lane.calls.filter(isPut)).toHaveLength(4);
  });

  it('waits two minutes after a timeout, for as long as Mailchimp may be at it (R-04)', async () => {
    meets(fault.silent());
    await lane.restart({ api: connect({ ...lane.sandbox.mailchimp, timeoutMs: 150 }) });
    await newsroom.subscribe(email, 'daily');
    await lane.settled();
    const contact = await newsroom.contact(email);
    expect(contact).toMatchObject({ attempts: 1, refusal: { kind: 'timeout' } });
    expect(waitOf(contact.dueAt)).toBeGreaterThan(119_000);
  });

  it.each([
    ['forgotten', problem('Forgotten Email Not Subscribed', forgotten)],
    ['fake', invalid('x looks fake or invalid, please enter a real email address.')],
    ['405', fault.problem(405, 'Method Not Allowed', 'This list member cannot be removed.')],
  ])('takes an opt-out refused as %s for done only when Mailchimp mails nobody', async (_name, trouble) => {
    await newsroom.subscribe(email, 'daily');
    await lane.settled();
    meets(trouble);
    await newsroom.leave(email);
    await lane.settled();
    expect(await newsroom.contact(email)).toMatchObject({
      refusal: { kind: 'transient' },
      dueAt: expect.any(Date),
      optOut: true,
    });
    lane.sandbox.audience.people.deletePermanently(email);
    await lane.retried();
    expect(await lane.ends()).toEqual({ settled: 1 });
  });

  describe('stops with all others', () => {
    const raised = () =>
      new Promise<void>((done) => {
        lane.sandbox.audience.observe(({ method, status }) => method === 'PUT' && status === 200 && done());
      });
    const everything = { times: always };

    it.each([
      ['401', fault.problem(401, 'API Key Invalid', 'x'), 'Mailchimp: 401, API Key Invalid'],
      ['403 Forbidden', fault.problem(403, 'Forbidden', 'x'), 'Mailchimp: 403, Forbidden'],
      ['403 User Disabled', fault.problem(403, 'User Disabled', 'x'), 'Mailchimp: 403, User Disabled'],
      [
        '403 Authorization Failure',
        fault.problem(403, 'Authorization Failure', 'x'),
        'Mailchimp: 403, Authorization Failure',
      ],
      ['404', fault.problem(404, 'Resource Not Found', 'x'), 'Mailchimp: 404, Resource Not Found'],
    ])('at %s for the audience, drops nothing and goes on by itself (I4)', async (_name, trouble, reason) => {
      lane.sandbox.audience.inject(trouble, everything);
      await newsroom.subscribe(email, 'daily');
      await newsroom.subscribe('other@news.example', 'daily');
      await lane.settled();
      expect(await lane.stopped()).toBe(reason);
      expect(await lane.ends()).toEqual({ due: 2 });
      expect(await newsroom.contact(email)).toMatchObject({ attempts: 0, refusal: null });
      const again = raised();
      lane.sandbox.audience.clearFaults();
      await again;
      await lane.settled();
      expect(await lane.stopped()).toBeNull();
      expect(await lane.ends()).toEqual({ settled: 2 });
    });

    it('at five pages of the firewall in a row, not at four', async () => {
      lane.sandbox.audience.inject(fault.blocked(), everything);
      await newsroom.subscribeMany(readers(4), 'daily');
      await lane.settled();
      expect(await lane.stopped()).toBeNull();
      expect(await lane.ends()).toEqual({ throttled: 4 });
      await newsroom.subscribe(email, 'daily');
      await lane.settled();
      expect(await lane.stopped()).toBe('Mailchimp: 403');
      lane.sandbox.audience.clearFaults();
      await newsroom.hurry();
      await raised();
      await lane.settled();
      expect(await lane.ends()).toEqual({ settled: 5 });
    });
  });
});
