import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginImport, takeRows } from '../../src/importing/importing.ts';
import { importRows } from '../../src/importing/rows.ts';
import { connect } from '../../src/mailchimp/api/client.ts';
import { reconcile, requestReconciliation } from '../../src/mailchimp/reconcile.ts';
import { readDelivery, takeDelivery } from '../../src/mailchimp/webhook.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import type { People } from '../../src/sandbox/mailchimp/people.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import { openSubscribing } from '../../src/subscribing/subscribing.ts';
import { unhindered } from '../harness/allowance.ts';
import {
  callsOf,
  footerLinks,
  type Lane,
  type Newsroom,
  openLane,
  openNewsroom,
  silent,
} from './newsroom.ts';

// What people and Mailchimp's users do over there, told by its webhooks over HTTP, and what comes of it here.

describe('what happens at Mailchimp', () => {
  let newsroom: Newsroom;
  let lane: Lane;
  let server: Server;
  let people: People;
  const email = 'reader@news.example';
  const elsewhere = 'reader@elsewhere.example';

  beforeAll(async () => {
    // Long ago, so that an act can be made later than what has happened over there.
    newsroom = await openNewsroom({ begins: new Date(Date.now() - 300 * 86_400_000) });
    await newsroom.addList('daily', 'The Daily');
    await newsroom.addList('weekly', 'The Weekly');
    server = createServer(async (request, response) => {
      const body = await text(request);
      if (request.method === 'POST') await deliver(body);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.close();
    await newsroom.close();
  });
  beforeEach(async () => {
    await newsroom.newReaders();
    await newsroom.database.query('DELETE FROM webhook_deliveries');
    lane = await openLane(newsroom);
    people = lane.sandbox.audience.people;
    const address = server.address();
    const all = { subscribe: true, unsubscribe: true, profile: true, cleaned: true, upemail: true };
    await connect(lane.sandbox.mailchimp).createWebhook({
      url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook`,
      events: { ...all, campaign: true },
      sources: { user: true, admin: true, api: true },
    });
    await newsroom.subscribe(email, 'daily', 'weekly');
    await told();
    lane.calls.splice(0);
  });
  afterEach(() => lane.stop());

  async function deliver(body: string) {
    const delivery = readDelivery(body);
    if (delivery === null) return null;
    const { audienceId } = lane.sandbox.mailchimp;
    return takeDelivery(newsroom.database, delivery, { audienceId, receivedAt: new Date() });
  }
  /** Lets the webhooks arrive and the lane follow them, and those of what the lane did. */
  async function told() {
    const { deliveries } = lane.sandbox.audience;
    for (let isDue = true; isDue; ) {
      await deliveries.idle();
      await lane.settled();
      await deliveries.idle();
      const due = await newsroom.database.query(
        'SELECT 1 FROM audience_contacts WHERE wanted <> acknowledged AND due_at <= now() LIMIT 1',
      );
      isDue = due.length > 0;
    }
  }
  const member = (address = email) => lane.member(address);
  const chosen = (address = email) => lane.chosen(address);
  const settled = async (address = email) => {
    const { wanted, acknowledged, refusal } = await newsroom.contact(address);
    expect({ acknowledged, refusal }).toEqual({ acknowledged: wanted, refusal: null });
  };
  const interest = (name: string) =>
    lane.sandbox.audience.state.interests.find((known) => known.name === name)?.id ?? '';
  const person = (address = email) =>
    newsroom.database.prisma.subscriber.findUniqueOrThrow({ where: { key: address } });
  const gone = { daily: 'unsubscribed', weekly: 'unsubscribed' };
  const here = { daily: 'subscribed', weekly: 'subscribed' };

  it('a way out by the footer ends every list here, and the ledger says where', async () => {
    people.leaveByFooter(email);
    await told();
    expect(await newsroom.lists(email)).toEqual(gone);
    expect(await newsroom.lastEvent(email)).toMatchObject({ kind: 'unsubscribed', channel: 'mailchimp' });
    expect(member()?.status).toBe('unsubscribed');
    await settled();
  });

  it.each([
    ['given before it', '2021-03-04T12:34:56Z'],
    ['of which nobody knows when it was given', null],
  ])(
    'a way out there ends an imported consent %s, and nobody is asked again (I2)',
    async (_, consentedAt) => {
      const left = 'left@news.example';
      people.subscribeByForm(left);
      people.leaveByFooter(left);
      await told();
      // Later than what happened over there.
      const now = () => new Date(Date.now() + 60_000);
      const { database } = newsroom;
      const subscribing = openSubscribing({
        ...{ database, now, secretKeys: ['a secret of thirty-two characters!'], ...unhindered },
        enqueueMails: async () => {},
        onSyncDue: () => {},
      });
      const wish = {
        digest: 'a file',
        file: 'a file',
        lists: ['daily'],
        source: `A box, ${consentedAt}`,
        key: 'a key',
      };
      const { id, rows } = await beginImport({ database, subscribing, now }, wish);
      const taken = await takeRows(
        { database, subscribing, now },
        id,
        rows,
        importRows.parse([{ email: left, consentedAt }]),
      );
      expect(taken.counts).toMatchObject({ created: 1 });
      await told();
      expect(await newsroom.lists(left)).toEqual({ daily: 'unsubscribed' });
      expect(await newsroom.lastEvent(left)).toMatchObject({ kind: 'unsubscribed', channel: 'mailchimp' });
      expect(member(left)?.status).toBe('unsubscribed');
      await settled(left);
    },
  );

  it.each([
    ['complain', 'complained'],
    ['markCleaned', 'bounced'],
  ] as const)(
    '%s ends every list and every mail, until Mailchimp shows them subscribed',
    async (act, block) => {
      people[act](email);
      await told();
      expect(await newsroom.lists(email)).toEqual(gone);
      expect((await person()).mailBlock).toBe(block);
      people.subscribeByForm(email);
      await told();
      expect((await person()).mailBlock).toBeNull();
      // Their form is no consent of ours (I1, I2).
      expect(await newsroom.lists(email)).toEqual(gone);
      expect(member()?.status).toBe('unsubscribed');
      await settled();
    },
  );

  it.each(['user', 'admin'] as const)('a group switched off by a %s ends that list only', async (by) => {
    people.chooseGroups(email, { [interest('The Weekly')]: false }, by);
    await told();
    expect(await newsroom.lists(email)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
    expect(await newsroom.lastEvent(email)).toMatchObject({ kind: 'unsubscribed', channel: 'mailchimp' });
    expect(member()?.status).toBe('subscribed');
    expect(lane.writes()).toEqual([]);
    await settled();
  });

  it('a group switched on by an editor is switched off again (I2)', async () => {
    await newsroom.leave(email, 'weekly');
    await told();
    const before = await newsroom.lastEvent(email);
    people.chooseGroups(email, { [interest('The Weekly')]: true }, 'admin');
    await told();
    expect(await newsroom.lists(email)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
    expect(await newsroom.lastEvent(email)).toEqual(before);
    expect(chosen()).toEqual(['The Daily']);
    await settled();
  });

  it('somebody whom an editor subscribes again is put off again (I2)', async () => {
    await newsroom.leave(email);
    await told();
    people.adminSubscribe(email);
    expect(member()?.status).toBe('subscribed');
    await told();
    expect(member()?.status).toBe('unsubscribed');
    expect(await newsroom.lists(email)).toEqual(gone);
    await settled();
  });

  it('an archived contact is neither lowered nor raised but listed, and raised by a newer consent', async () => {
    await newsroom.leave(email, 'weekly');
    await told();
    lane.calls.splice(0);
    people.archive(email);
    await told();
    expect(await newsroom.lists(email)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
    expect(await newsroom.contact(email)).toMatchObject({ refusal: { kind: 'archived' }, dueAt: null });
    expect(lane.writes()).toEqual([]);
    expect(member()?.status).toBe('archived');
    await newsroom.subscribe(email, 'weekly');
    await told();
    expect(member()?.status).toBe('subscribed');
    expect(chosen()).toEqual(['The Daily', 'The Weekly']);
    await settled();
  });

  it('a deleted contact is missing at first, then listed as forgotten', async () => {
    people.deletePermanently(email);
    await told();
    expect(await newsroom.contact(email)).toMatchObject({
      refusal: { kind: 'missing' },
      dueAt: expect.any(Date),
    });
    expect(lane.writes()).toEqual([]);
    await lane.retried();
    expect(await newsroom.contact(email)).toMatchObject({ refusal: { kind: 'forgotten' }, dueAt: null });
    expect(await newsroom.lists(email)).toEqual(here);
    expect(lane.writes()).toHaveLength(1);
    await lane.retried();
    expect(lane.writes()).toHaveLength(1);
  });

  it('a deleted interest is made again, and nobody loses their list', async () => {
    await newsroom.subscribe('other@news.example', 'weekly');
    await told();
    people.deleteInterest(interest('The Weekly'));
    await newsroom.look(email);
    await told();
    await lane.retried();
    expect(chosen()).toEqual(['The Daily', 'The Weekly']);
    expect(chosen('other@news.example')).toEqual(['The Weekly']);
    expect(await newsroom.lists(email)).toEqual(here);
    await settled();
    await settled('other@news.example');
  });

  describe('another address', () => {
    it('unknown here takes the person along, with consent and links; open requests are withdrawn', async () => {
      await newsroom.addList('monthly', 'The Monthly');
      await newsroom.signUp(email, 'monthly');
      const { id, linkKey } = await person();
      people.changeEmail(email, elsewhere);
      await told();
      expect(await person(elsewhere)).toMatchObject({ id, linkKey, email: elsewhere });
      expect(await newsroom.lastEvent(elsewhere)).toMatchObject({
        kind: 'address_changed',
        channel: 'mailchimp',
      });
      await newsroom.confirm(elsewhere);
      expect(await newsroom.lists(elsewhere)).toEqual({ ...here, monthly: 'unsubscribed' });
      await told();
      expect(member(elsewhere)?.status).toBe('subscribed');
      expect(member()).toBeNull();
      await settled(elsewhere);
    });

    it('that another worker has taken over meanwhile ends nothing (I4)', async () => {
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const atElsewhere = createHash('md5').update(elsewhere).digest('hex');
      const { struck } = lane.sandbox.audience.inject(fault.held(released), {
        matching: ({ path }) => path.endsWith(atElsewhere),
      });
      const { id } = await person();
      people.changeEmail(email, elsewhere);
      const telling = told();
      await struck;
      const parsed = parseAddress(elsewhere);
      if (!parsed.ok) throw new Error(parsed.fault.key);
      await newsroom.subscribing.run({ type: 'change_address', subscriberId: id, address: parsed.address });
      release();
      await telling;
      expect(await newsroom.lists(elsewhere)).toEqual(here);
      await settled(elsewhere);
    });

    it.each(['full', 'incremental'] as const)(
      'is found by a %s reconciliation when no webhook came',
      async (kind) => {
        const { deliveries } = lane.sandbox.audience;
        deliveries.hold();
        people.changeEmail(email, elsewhere);
        const { id } = await person();
        const api = connect(lane.sandbox.mailchimp);
        await reconcile(
          { database: newsroom.database, api, footerLinks, log: silent },
          await requestReconciliation(newsroom.database, { kind, dryRun: false }),
        );
        await told();
        expect(await person(elsewhere)).toMatchObject({ id });
        expect(await newsroom.lists(elsewhere)).toEqual(here);
        expect(member()).toBeNull();
        await settled(elsewhere);
      },
    );

    it('of somebody else here ends the old one; the other gets what they chose and no more (I1)', async () => {
      await newsroom.signUp(elsewhere, 'daily');
      people.changeEmail(email, elsewhere);
      await told();
      expect(await newsroom.lists(email)).toEqual(gone);
      expect(await newsroom.lists(elsewhere)).toEqual({ daily: 'pending' });
      expect(member(elsewhere)?.status).toBe('unsubscribed');
      await newsroom.confirm(elsewhere);
      await told();
      expect(chosen(elsewhere)).toEqual(['The Daily']);
      await settled(elsewhere);
    });
  });

  const forged = (type: string, data: Record<string, string>) =>
    new URLSearchParams({
      type,
      fired_at: '2026-11-23 09:00:00',
      'data[list_id]': lane.sandbox.mailchimp.audienceId,
      ...data,
    }).toString();
  it.each([
    ['upemail', { 'data[old_email]': email, 'data[new_email]': elsewhere }],
    ['unsubscribe', { 'data[email]': email, 'data[action]': 'unsub', 'data[reason]': 'manual' }],
    ['unsubscribe', { 'data[email]': email, 'data[action]': 'unsub', 'data[reason]': 'abuse' }],
    ['cleaned', { 'data[email]': email, 'data[reason]': 'hard' }],
  ])('a forged %s changes nothing (A-17)', async (type, data) => {
    const before = await newsroom.lastEvent(email);
    expect(await deliver(forged(type, data))).toBe('taken');
    await told();
    expect(await newsroom.lists(email)).toEqual(here);
    expect(await newsroom.lastEvent(email)).toEqual(before);
    expect(await person()).toMatchObject({ key: email, mailBlock: null });
    expect(lane.writes()).toEqual([]);
    await settled();
  });

  it('a forged subscribe raises nobody (A-17, I2)', async () => {
    await newsroom.leave(email);
    await told();
    await deliver(forged('subscribe', { 'data[email]': email }));
    await told();
    expect(await newsroom.lists(email)).toEqual(gone);
    expect(member()?.status).toBe('unsubscribed');
  });

  describe('beside a consent that Mailchimp has not taken', () => {
    beforeEach(async () => {
      await newsroom.leave(email);
      await told();
      await told();
      await lane.sync.stop();
    });

    it('wins when it is the newer word (I2)', async () => {
      await lane.restart();
      await newsroom.subscribe(email, 'daily', 'weekly');
      await told();
      await told();
      await lane.sync.stop();
      await newsroom.leave(email);
      await newsroom.subscribe(email, 'daily');
      people.leaveByFooter(email);
      await lane.restart();
      await told();
      expect(await newsroom.lists(email)).toEqual(gone);
      expect(member()?.status).toBe('unsubscribed');
      await settled();
    });

    it('loses when it is the older one', async () => {
      people.adminSubscribe(email);
      people.leaveByFooter(email);
      await newsroom.subscribe(email, 'daily');
      await lane.restart();
      await told();
      expect(await newsroom.lists(email)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
      expect(member()?.status).toBe('pending');
    });

    it('is no news when we knew it, whatever else changed about the member since', async () => {
      await newsroom.subscribe(email, 'daily');
      people.chooseGroups(email, { [interest('The Weekly')]: true }, 'admin');
      await lane.restart();
      await told();
      expect(await newsroom.lists(email)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
      expect(member()?.status).toBe('subscribed');
      expect(chosen()).toEqual(['The Daily']);
      await settled();
    });
  });

  it('our own change, told back to us, makes us write no more (I4)', async () => {
    await newsroom.leave(email, 'weekly');
    await told();
    await newsroom.leave(email);
    await told();
    expect(lane.calls.filter(callsOf('PUT'))).toHaveLength(2);
    expect(lane.writes()).toHaveLength(2);
    expect((await newsroom.database.query('SELECT 1 FROM webhook_deliveries')).length).toBeGreaterThan(1);
    await settled();
  });

  it.each([
    ['repeated', { times: 3 }],
    ['in disorder', { order: 'reversed' }],
    ['repeated in disorder', { order: 'reversed', times: 2 }],
  ] as const)('comes to the same end when it is told late and %s', async (_how, options) => {
    const { deliveries } = lane.sandbox.audience;
    deliveries.hold();
    people.chooseGroups(email, { [interest('The Weekly')]: false });
    people.leaveByFooter(email);
    people.subscribeByForm(email, [interest('The Daily')]);
    people.chooseGroups(email, { [interest('The Weekly')]: false });
    deliveries.release(options);
    await told();
    expect(await newsroom.lists(email)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
    expect(member()?.status).toBe('subscribed');
    expect(chosen()).toEqual(['The Daily']);
    await settled();
  });
});
