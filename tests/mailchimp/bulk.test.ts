import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { connect } from '../../src/mailchimp/api/client.ts';
import { reconcile, requestReconciliation } from '../../src/mailchimp/reconcile.ts';
import { type ApiRequest, type Fault, fault } from '../../src/sandbox/mailchimp/faults.ts';
import {
  callsOf,
  footerLinks,
  type Lane,
  type LaneOptions,
  type Newsroom,
  openLane,
  openNewsroom,
  readers,
  silent,
} from './newsroom.ts';

const isBulk = { matching: callsOf('POST') };
const posted = z.object({
  members: z.array(z.object({ email_address: z.string(), status: z.string().optional() })),
});

describe('a backlog', () => {
  let newsroom: Newsroom;
  let lane: Lane;
  const odd = 'odd@news.example';
  const others = readers(24);

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
    await newsroom.addList('weekly', 'The Weekly');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    await newsroom.newReaders();
    lane = await openLane(newsroom);
  });
  afterEach(() => lane.stop());

  /** Lets people act while the lane is down, and starts it again. */
  async function meanwhile(act: () => Promise<unknown>, options?: LaneOptions) {
    await lane.sync.stop();
    await act();
    await lane.restart(options);
    await lane.settled();
  }
  /** The members of each bulk call. */
  const bulks = () =>
    lane.calls.filter(callsOf('POST')).map(({ requestBody }) => posted.parse(requestBody).members);
  const sizes = () =>
    bulks()
      .map(({ length }) => length)
      .sort((a, b) => b - a);
  const puts = (email = '') =>
    lane.calls
      .filter(callsOf('PUT'))
      .map(({ requestBody }) => posted.shape.members.element.parse(requestBody))
      .filter(({ email_address }) => email_address.includes(email));
  const statuses = (emails: readonly string[]) =>
    new Set(emails.map((email) => lane.member(email)?.status ?? 'absent'));
  const names =
    (email: string) =>
    ({ method, body }: ApiRequest) =>
      method !== 'GET' && JSON.stringify(body).includes(email);

  it('goes out in calls of 500, heard once before, and nobody is read', async () => {
    const emails = readers(620);
    let heard = 0;
    await meanwhile(() => newsroom.subscribeMany(emails, 'daily'), {
      hear: async () => {
        heard += 1;
      },
    });
    expect(sizes()).toEqual([500, 120]);
    expect(lane.calls.filter(({ path }) => path.includes('/members/'))).toEqual([]);
    expect(heard).toBe(1);
    expect(await lane.ends()).toEqual({ settled: 620 });
    expect(statuses(emails)).toEqual(new Set(['subscribed']));

    // And once equal, nothing more is said.
    lane.calls.splice(0);
    await lane.settled();
    expect(lane.calls).toEqual([]);
  });

  it('has its opt-outs in the first call, before what is due longer', async () => {
    const leavers = readers(25, 'leaver');
    await newsroom.subscribeMany(leavers, 'daily');
    await lane.settled();
    lane.calls.splice(0);
    await meanwhile(async () => {
      await newsroom.subscribeMany(readers(40), 'daily');
      await Promise.all(leavers.map((email) => newsroom.leave(email)));
    });
    // They do not wait until the audience was heard, as the others do.
    const first = bulks()[0]?.map(({ email_address }) => email_address);
    expect(first?.sort()).toEqual([...leavers].sort());
    expect(statuses(leavers)).toEqual(new Set(['unsubscribed']));
  });

  it('is small enough for single calls below twenty contacts', async () => {
    await meanwhile(() => newsroom.subscribeMany(readers(19), 'daily'));
    expect(sizes()).toEqual([]);
    expect(await lane.ends()).toEqual({ settled: 19 });
  });

  it('leaves who changes during the call due, and an opt-out stays (I2)', async () => {
    const [leaver = '', chooser = ''] = others;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { struck } = lane.sandbox.audience.inject(fault.held(promise), isBulk);
    await newsroom.subscribeMany(others, 'daily', 'weekly');
    lane.sync.wake();
    await struck;
    await newsroom.leave(leaver);
    await newsroom.leave(chooser, 'weekly');
    resolve();
    await lane.settled();
    expect(sizes()).toEqual([24]);
    expect(lane.member(leaver)?.status).toBe('unsubscribed');
    expect(lane.chosen(chooser)).toEqual(['The Daily']);
    expect(await lane.ends()).toEqual({ settled: 24 });
  });

  describe('with somebody refused within a call that went well', () => {
    /** Sends `odd` with 24 others. @returns what became of `odd` */
    async function sent(email = odd) {
      lane.calls.splice(0);
      await meanwhile(() => newsroom.subscribeMany([...others, email], 'daily'));
      expect(sizes()).toEqual([25]);
      const { refusal, dueAt, attempts } = await newsroom.contact(email);
      const { settled } = await lane.ends();
      return {
        kind: refusal?.kind,
        parked: refusal !== null && dueAt === null,
        attempts,
        others: settled,
        puts: puts(email).map(({ status }) => status),
      };
    }
    const seed = (email: string) =>
      lane.sandbox.audience.seed([{ email_address: email, status: 'subscribed' }]);
    async function staysSo() {
      const before = lane.writes().length;
      await lane.retried();
      expect(lane.writes()).toHaveLength(before);
    }

    it('who left over there asks Mailchimp for its own opt-in, once (I2)', async () => {
      seed(odd);
      lane.sandbox.audience.people.leaveByFooter(odd);
      expect(await sent()).toEqual({
        kind: 'awaiting_mailchimp_confirmation',
        parked: true,
        attempts: 1,
        others: 24,
        puts: ['subscribed', 'pending'],
      });
      expect(lane.member(odd)?.status).toBe('pending');
      await staysSo();
      lane.sandbox.audience.people.confirm(odd);
      await newsroom.look(odd);
      await lane.settled();
      expect(await lane.ends()).toEqual({ settled: 25 });
      expect(lane.chosen(odd)).toEqual(['The Daily']);
    });

    it('who bounced over there is parked when Mailchimp refuses even to ask', async () => {
      seed(odd);
      lane.sandbox.audience.people.markCleaned(odd);
      expect(await sent()).toEqual({
        kind: 'compliance',
        parked: true,
        attempts: 1,
        others: 24,
        puts: ['subscribed', 'pending'],
      });
      await staysSo();
    });

    it('who was forgotten is parked without another call', async () => {
      seed(odd);
      lane.sandbox.audience.people.deletePermanently(odd);
      expect(await sent()).toEqual({ kind: 'forgotten', parked: true, attempts: 1, others: 24, puts: [] });
      await staysSo();
    });

    it('whose address looks fake is parked without another call', async () => {
      const email = 'looks-fake@news.example';
      expect(await sent(email)).toEqual({
        kind: 'invalid',
        parked: true,
        attempts: 1,
        others: 24,
        puts: [],
      });
      expect((await newsroom.contact(email)).refusal?.detail).toContain('looks fake or invalid');
      await staysSo();
    });

    it('who signed up to too many lists is tried again in six hours, then alone', async () => {
      const email = 'too-many-lists@news.example';
      const kind = 'too_many_sign_ups';
      expect(await sent(email)).toEqual({ kind, parked: false, attempts: 1, others: 24, puts: [] });
      const { dueAt } = await newsroom.contact(email);
      expect(Math.abs((dueAt?.getTime() ?? 0) - Date.now() - 6 * 3_600_000)).toBeLessThan(60_000);
      await lane.retried();
      expect(sizes()).toEqual([25]);
      expect(puts(email)).toHaveLength(1);
      expect(await newsroom.contact(email)).toMatchObject({ attempts: 2, refusal: { kind } });
    });

    it('whose merge field does not fit is named as such, and tried again', async () => {
      const first = lane.sandbox.audience.state.merge_fields.find(({ tag }) => tag === 'FNAME');
      if (first === undefined) throw new Error('an audience has first names');
      first.type = 'number';
      await newsroom.subscribe(odd, 'daily');
      await newsroom.database.query(`UPDATE subscribers SET first_name = 'Ada' WHERE key = $1`, [odd]);
      await lane.sync.stop();
      await newsroom.database.query(
        'UPDATE audience_contacts SET due_at = now(), refusal = NULL, look = false',
      );
      expect(await sent()).toMatchObject({ kind: 'required_field', parked: false, others: 24 });
      first.type = 'text';
      await lane.retried();
      expect(await lane.ends()).toEqual({ settled: 25 });
    });

    it('who is passed over in every part of the answer is read and put alone', async () => {
      lane.sandbox.audience.overlook([odd]);
      expect(await sent()).toMatchObject({ kind: undefined, others: 25, puts: ['subscribed'] });
    });
  });

  it('costs nobody their list when somebody deleted the interest', async () => {
    await lane.sync.stop();
    await newsroom.subscribeMany(others, 'daily');
    const daily = lane.sandbox.audience.state.interests.find(({ name }) => name === 'The Daily');
    // The lane knows the interest, and finds out by the refusals.
    await lane.restart({
      hear: async () => {
        const gone = lane.sandbox.audience.state.interests.find(({ id }) => id === daily?.id);
        if (gone !== undefined) lane.sandbox.audience.people.deleteInterest(gone.id);
      },
    });
    await lane.settled();
    await lane.retried();
    expect(await lane.ends()).toEqual({ settled: 24 });
    for (const email of others) expect(lane.chosen(email)).toEqual(['The Daily']);
  });

  it('is halved until the one who poisons it stands alone (R-04)', async () => {
    const emails = [...readers(63), odd];
    lane.sandbox.audience.inject(fault.problem(400, 'Bad Request', 'Something about one of them.'), {
      matching: names(odd),
      times: 1_000,
    });
    await meanwhile(() => newsroom.subscribeMany(emails, 'daily'));
    expect(await lane.ends()).toEqual({ settled: 63, rejected: 1 });
    expect(await newsroom.contact(odd)).toMatchObject({ dueAt: null, refusal: { kind: 'rejected' } });
    // The whole, then two halves for each halving of 64 down to one.
    expect(bulks()).toHaveLength(1 + 2 * Math.log2(64));
    expect(puts()).toHaveLength(1);
    const before = lane.writes().length;
    await lane.retried();
    expect(lane.writes()).toHaveLength(before);
  });

  it('that is too large for a proxy is sent in smaller parts', async () => {
    const tooLarge: Fault = {
      does: 'answer',
      status: 413,
      headers: { 'Content-Type': 'text/html' },
      body: '<h1>Request Entity Too Large</h1>',
    };
    lane.sandbox.audience.inject(tooLarge, {
      matching: ({ method, body }) => method === 'POST' && posted.parse(body).members.length > 100,
      times: 1_000,
    });
    await meanwhile(() => newsroom.subscribeMany(readers(300), 'daily'));
    expect(sizes()).toEqual([300, 150, 150, 75, 75, 75, 75]);
    expect(await lane.ends()).toEqual({ settled: 300 });
  });

  it.each([
    ['500', fault.htmlError(500), 'transient'],
    ["the firewall's page", fault.blocked(), 'throttled'],
    ['429 without a body', fault.throttled(), 'throttled'],
    ['a page with 200', fault.htmlPage(), 'transient'],
    ['a connection reset before the work', fault.reset('before'), 'transient'],
    ['an answer lost after the work', fault.reset('after'), 'transient'],
  ])('whose call meets %s goes out again later, all in one call (I4, R-04)', async (_name, trouble, kind) => {
    lane.sandbox.audience.inject(trouble, isBulk);
    await meanwhile(() => newsroom.subscribeMany(others, 'daily'));
    expect(await lane.ends()).toEqual({ [kind]: 24 });
    await lane.settled();
    expect(sizes()).toEqual([24]);
    await lane.retried();
    expect(sizes()).toEqual([24, 24]);
    expect(puts()).toEqual([]);
    expect(await lane.ends()).toEqual({ settled: 24 });
    expect(statuses(others)).toEqual(new Set(['subscribed']));
  });

  describe('whose answer was lost (R-04)', () => {
    const [reader = ''] = others;
    beforeEach(async () => {
      lane.sandbox.audience.inject(fault.reset('after'), isBulk);
      const api = connect(lane.sandbox.mailchimp);
      const { database } = newsroom;
      await meanwhile(() => newsroom.subscribeMany(others, 'daily', 'weekly'), {
        hear: async () => {
          const id = await requestReconciliation(database, { kind: 'full', dryRun: false });
          await reconcile({ database, api, footerLinks, log: silent }, id);
        },
      });
    });

    it('raises nobody who left over there since (I2)', async () => {
      lane.sandbox.audience.people.leaveByFooter(reader);
      await lane.retried();
      expect(lane.member(reader)?.status).toBe('unsubscribed');
      expect(await newsroom.lists(reader)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
      expect(await lane.ends()).toEqual({ settled: 24 });
    });

    it('switches no group on again that somebody switched off over there since (I2)', async () => {
      const weekly = lane.sandbox.audience.state.interests.find(({ name }) => name === 'The Weekly');
      lane.sandbox.audience.people.chooseGroups(reader, { [weekly?.id ?? '']: false });
      await lane.retried();
      expect(lane.chosen(reader)).toEqual(['The Daily']);
      expect(await lane.ends()).toEqual({ settled: 24 });
    });
  });

  it('is cut in half after a call that took too long', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    lane.sandbox.audience.inject(fault.held(promise), isBulk);
    await lane.sync.stop();
    await newsroom.subscribeMany(readers(300), 'daily');
    await lane.restart({ api: connect({ ...lane.sandbox.mailchimp, timeoutMs: 400 }) });
    await lane.settled();
    expect(await lane.ends()).toEqual({ timeout: 300 });
    lane.calls.splice(0);
    // Mailchimp may be at it for two minutes, and nobody asks again before.
    await newsroom.pass(119_000);
    await lane.settled();
    expect(lane.calls).toEqual([]);
    await newsroom.pass(70_000);
    await lane.settled();
    expect(sizes()).toEqual([250, 50]);
    expect(await lane.ends()).toEqual({ settled: 300 });
    resolve();
  });

  it('has those read one by one of whom the audience brought news', async () => {
    const [heard = ''] = others;
    await meanwhile(() => newsroom.subscribeMany(others, 'daily'), { hear: () => newsroom.look(heard) });
    expect(sizes()).toEqual([23]);
    expect(puts().map(({ email_address }) => email_address)).toEqual([heard]);
    expect(await lane.ends()).toEqual({ settled: 24 });
  });

  it('is read one by one when the audience cannot be heard, but for opt-outs (I2)', async () => {
    const leavers = readers(20, 'leaver');
    await newsroom.subscribeMany(leavers, 'daily');
    await lane.settled();
    lane.calls.splice(0);
    await meanwhile(
      async () => {
        await newsroom.subscribeMany(others, 'daily');
        await Promise.all(leavers.map((email) => newsroom.leave(email)));
      },
      { hear: () => Promise.reject(new Error('the audience could not be read')) },
    );
    expect(sizes()).toEqual([20]);
    expect(bulks()[0]?.every(({ status }) => status === 'unsubscribed')).toBe(true);
    expect(puts()).toHaveLength(24);
    expect(await lane.ends()).toEqual({ settled: 44 });
  });

  it('of opt-outs alone waits for nothing to be heard', async () => {
    await newsroom.subscribeMany(others, 'daily');
    await lane.settled();
    lane.calls.splice(0);
    await meanwhile(() => Promise.all(others.map((email) => newsroom.leave(email))), {
      hear: () => Promise.reject(new Error('nobody should ask')),
    });
    expect(sizes()).toEqual([24]);
    expect(statuses(others)).toEqual(new Set(['unsubscribed']));
  });
});
