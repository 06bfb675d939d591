import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/mailchimp/api/client.ts';
import { type ReconciliationKind, reconcile, requestReconciliation } from '../../src/mailchimp/reconcile.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import {
  callsOf,
  footerLinks,
  type Lane,
  type Newsroom,
  openLane,
  openNewsroom,
  readers,
  silent,
} from './newsroom.ts';

const nothing = {
  members: 0,
  strangers: 0,
  lost: 0,
  inSync: 0,
  due: 0,
  missing: 0,
  extra: 0,
  conflicting: 0,
  refused: {},
  examples: [],
};

describe('a reconciliation', () => {
  let newsroom: Newsroom;
  let lane: Lane;
  const email = 'reader@news.example';
  const both = ['full', 'incremental'] as const;

  beforeAll(async () => {
    newsroom = await openNewsroom({ begins: new Date(Date.now() - 300 * 86_400_000) });
    await newsroom.addList('daily', 'The Daily');
    await newsroom.addList('weekly', 'The Weekly');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    await newsroom.newReaders();
    await newsroom.database.query('DELETE FROM reconciliations');
    lane = await openLane(newsroom);
  });
  afterEach(() => lane.stop());

  async function compare(kind: ReconciliationKind, { dryRun = false } = {}) {
    const id = await requestReconciliation(newsroom.database, { kind, dryRun });
    const api = connect(lane.sandbox.mailchimp);
    await reconcile({ database: newsroom.database, api, footerLinks, log: silent }, id);
    return reportOf(id);
  }
  async function reportOf(id: string) {
    const { report } = await newsroom.database.prisma.reconciliation.findUniqueOrThrow({ where: { id } });
    return report;
  }
  const subscribed = async (...emails: string[]) => {
    await newsroom.subscribeMany(emails, 'daily', 'weekly');
    await lane.settled();
    lane.calls.splice(0);
  };
  const seed = (emails: string[]) =>
    lane.sandbox.audience.seed(emails.map((email_address) => ({ email_address, status: 'subscribed' })));
  const interest = (name: string) =>
    lane.sandbox.audience.state.interests.find((known) => known.name === name)?.id ?? '';
  const pages = () => lane.calls.filter(callsOf('GET', '/members'));
  /** Everything that the database holds, but for what reconciliations note of themselves. */
  async function fingerprint() {
    const tables = await newsroom.database.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'reconciliations'
        ORDER BY tablename`,
    );
    const found: Record<string, unknown> = {};
    for (const { name } of tables)
      found[name] = await newsroom.database.query(`SELECT * FROM "${name}" entry ORDER BY entry::text`);
    return JSON.stringify(found);
  }
  const audience = () => JSON.stringify([...lane.sandbox.audience.state.members]);

  /** One reader for each way to differ, and what a comparison has to find. */
  async function differ() {
    const [switched, vanished, raised, stripped, fake, late] = readers(6) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    await subscribed(email, switched, vanished, raised, stripped, 'looks-fake@news.example');
    await newsroom.leave(raised);
    await lane.settled();
    await lane.sync.stop();
    const { people } = lane.sandbox.audience;
    people.chooseGroups(switched, { [interest('The Weekly')]: false });
    people.deletePermanently(vanished);
    people.adminSubscribe(raised);
    people.leaveByFooter(stripped);
    seed(['stranger@news.example']);
    await newsroom.subscribe(late, 'daily');
    lane.calls.splice(0);
    return { switched, vanished, raised, stripped, fake, late };
  }
  const drift = {
    members: 5,
    strangers: 1,
    inSync: 1,
    due: 1,
    missing: 1,
    extra: 1,
    conflicting: 2,
    refused: { invalid: 1 },
  };

  it('tells every kind of drift as a number, and mends it by the rules of the lane (I2, I4)', async () => {
    const { switched, vanished, raised, stripped, late } = await differ();
    expect(await compare('full')).toMatchObject(drift);
    await lane.restart();
    expect(await newsroom.lists(switched)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
    expect(await newsroom.contact(vanished)).toMatchObject({ refusal: { kind: 'missing' } });
    expect(lane.member(raised)?.status).toBe('unsubscribed');
    expect(await newsroom.lists(stripped)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
    expect(lane.member(late)?.status).toBe('subscribed');
    expect(await compare('full')).toEqual({
      ...nothing,
      members: 6,
      strangers: 1,
      inSync: 5,
      refused: { invalid: 1, missing: 1 },
    });
  });

  it('names what it found, and what would be done, by subscriber and without an address', async () => {
    await differ();
    const report = await compare('full', { dryRun: true });
    expect(report).toMatchObject({
      examples: expect.arrayContaining([
        { subscriberId: expect.any(String), finding: 'missing', would: 'look for the address there' },
        { subscriberId: expect.any(String), finding: 'extra', would: 'unsubscribe there' },
        { subscriberId: expect.any(String), finding: 'conflicting', would: 'end 1 subscription here' },
        { subscriberId: expect.any(String), finding: 'conflicting', would: 'end 2 subscriptions here' },
      ]),
    });
    expect(JSON.stringify(report)).not.toContain('@');
  });

  it.each(both)('that is %s and dry finds the same and changes nothing, here or there', async (kind) => {
    await differ();
    const before = [await fingerprint(), audience()];
    const dry = await compare(kind, { dryRun: true });
    expect([await fingerprint(), audience()]).toEqual(before);
    expect(lane.writes()).toEqual([]);
    expect(await compare(kind)).toEqual(dry);
  });

  it('never touches strangers', async () => {
    await subscribed(email);
    const strangers = readers(30, 'stranger');
    seed(strangers);
    lane.sandbox.audience.people.leaveByFooter('stranger0@news.example');
    lane.sandbox.audience.people.archive('stranger1@news.example');
    const before = audience();
    expect(await compare('full')).toMatchObject({ strangers: 30, inSync: 1 });
    await lane.settled();
    expect(await compare('incremental')).toMatchObject({ strangers: 30 });
    expect(audience()).toBe(before);
    expect(lane.writes()).toEqual([]);
  });

  it.each(both)(
    'that is %s hears what no webhook told, and an opt-out of ours stays (I2, R-11)',
    async (kind) => {
      const [left = '', raised = ''] = readers(2);
      await subscribed(email, left, raised);
      await compare('full');
      await newsroom.leave(raised);
      await lane.settled();
      lane.sandbox.audience.people.leaveByFooter(left);
      lane.sandbox.audience.people.adminSubscribe(raised);
      await compare(kind);
      await lane.settled();
      expect(await newsroom.lists(left)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
      expect(await newsroom.lists(raised)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
      for (const address of [left, raised]) expect(lane.member(address)?.status).toBe('unsubscribed');
      expect(await lane.ends()).toEqual({ settled: 3 });
    },
  );

  it('that is incremental begins a little before what was heard last', async () => {
    await subscribed(email);
    await compare('full');
    // Hours later over there.
    await newsroom.subscribe('late@news.example', 'daily');
    await lane.settled();
    lane.calls.splice(0);
    expect(await compare('incremental')).toMatchObject({ members: 2, inSync: 2 });
    await newsroom.subscribe('later@news.example', 'daily');
    await lane.settled();
    expect(await compare('incremental')).toMatchObject({ members: 2, inSync: 2 });
  });

  it('that broke off says why, is not heard of, and does its work when it is run again', async () => {
    await subscribed(email);
    lane.sandbox.audience.people.leaveByFooter(email);
    const { database } = newsroom;
    const id = await requestReconciliation(database, { kind: 'full', dryRun: false });
    const parts = { database, api: connect(lane.sandbox.mailchimp), footerLinks, log: silent };
    lane.sandbox.audience.inject(fault.htmlError(502), { matching: callsOf('GET', '/members') });
    await expect(reconcile(parts, id)).rejects.toThrow('502');
    const row = () => database.prisma.reconciliation.findUniqueOrThrow({ where: { id } });
    expect(await row()).toMatchObject({ finishedAt: null, heardUntil: null, failure: 'Mailchimp: 502' });
    await reconcile(parts, id);
    expect(await row()).toMatchObject({ finishedAt: expect.any(Date), failure: null });
    const calls = lane.calls.length;
    await reconcile(parts, id);
    expect(lane.calls).toHaveLength(calls);
    await lane.settled();
    expect(await newsroom.lists(email)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
  });

  describe('of thousands with one and the same last change', () => {
    beforeEach(async () => {
      await subscribed(email);
      seed(readers(3_500, 'stranger'));
    });

    it('makes a call a page', async () => {
      await compare('full');
      // Four pages, one to go back to the second, and one for each other status.
      expect(pages().length).toBeLessThanOrEqual(5 + 5);
    });

    it('counts a contact once, however often a page shows it', async () => {
      expect(await compare('full')).toMatchObject({ inSync: 1, strangers: 3_500 });
    });
  });
});
