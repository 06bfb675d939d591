import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/mailchimp/api/client.ts';
import { lookAt } from '../../src/mailchimp/lane/contacts.ts';
import { retryDelay } from '../../src/mailchimp/lane/refusals.ts';
import { startSync } from '../../src/mailchimp/lane/sync.ts';
import { reconcile, requestReconciliation } from '../../src/mailchimp/reconcile.ts';
import { readDelivery, takeDelivery } from '../../src/mailchimp/webhook.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { faultNamed } from '../../src/sandbox/mailchimp/namedFaults.ts';
import { tokenFor } from '../../src/subscribing/links.ts';
import { checkExchange, contractMissing } from '../harness/mailchimpContract.ts';
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

const secret = 'a secret of thirty-two characters!';
const memberId = (email: string) => createHash('md5').update(email).digest('hex');

describe('an erasure, at Mailchimp (C-24)', () => {
  let newsroom: Newsroom;
  let lane: Lane;
  let violations: string[];
  const email = 'reader@news.example';
  const elsewhere = 'reader@elsewhere.example';
  const isDeletion = { matching: callsOf('POST', '/actions/delete-permanent') };
  const isPut = { matching: callsOf('PUT') };

  beforeAll(async () => {
    newsroom = await openNewsroom({ begins: new Date(Date.now() - 300 * 86_400_000) });
    await newsroom.addList('daily', 'The Daily');
    await newsroom.addList('weekly', 'The Weekly');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    await newsroom.newReaders();
    await newsroom.database.query('DELETE FROM webhook_deliveries');
    lane = await openLane(newsroom);
    violations = [];
    if (contractMissing === null)
      lane.sandbox.audience.observe((exchange) => violations.push(...checkExchange(exchange)));
  });
  afterEach(async () => {
    // Nobody is ever told of an address that was made up for an erased person.
    expect(JSON.stringify(lane.calls)).not.toContain('erased.invalid');
    await lane.stop();
    expect(violations).toEqual([]);
  });

  const people = () => lane.sandbox.audience.people;
  const member = (address = email) => lane.member(address);
  const deletions = () => lane.calls.filter(isDeletion.matching);
  const isForgotten = (address = email) => lane.sandbox.audience.state.forgotten.has(memberId(address));

  /** Asks for the erasing link and presses the button behind it. @returns the person's id */
  async function erase(address = email): Promise<string> {
    const { subscribing, database } = newsroom;
    const { id, linkKey } = await database.prisma.subscriber.findUniqueOrThrow({ where: { key: address } });
    await subscribing.run({ type: 'ask_data', linkKey, what: 'erasure' });
    const mail = await database.prisma.mail.findFirstOrThrow({
      where: { subscriberId: id, kind: 'erasure' },
    });
    const by = { channel: 'erase_page', ip: null, userAgent: null, page: null } as const;
    await subscribing.run({ type: 'erase', token: tokenFor(secret, 'erase', mail.id), ...by });
    return id;
  }

  interface Row {
    erase: string[];
    kind: string | null;
    detail: string | null;
    movedTo: string | null;
    wanted: number;
    attempts: number;
    waits: boolean;
  }
  /** The contact of an erased person; null once it is let go. */
  async function contact(id: string): Promise<Row | null> {
    const [row] = await newsroom.database.query<Row>(
      `SELECT erase, refusal->>'kind' AS kind, refusal->>'detail' AS detail, moved_to AS "movedTo", wanted, attempts,
              due_at > now() AS waits
         FROM audience_contacts WHERE subscriber_id = $1`,
      [id],
    );
    return row ?? null;
  }

  async function subscribed(address = email): Promise<void> {
    await newsroom.subscribe(address, 'daily', 'weekly');
    await lane.settled();
    expect(member(address)?.status).toBe('subscribed');
    lane.calls.splice(0);
  }

  /** A member of the audience who was there before us. */
  const linkless = (address: string) =>
    connect(lane.sandbox.mailchimp).putMember({
      email_address: address,
      status_if_new: 'subscribed',
      interests: {},
    });

  /** A lane beside the first one, one contact at a time. */
  const anotherLane = () =>
    startSync({
      database: newsroom.database,
      api: connect(lane.sandbox.mailchimp),
      subscribing: newsroom.subscribing,
      hear: async () => {},
      read: async () => {},
      footerLinks,
      log: silent,
      concurrency: 1,
      pace: { poll: 10_000, lease: 60_000, patience: 25_000, probe: 20 },
    });

  it('deletes the member for good, and the contact goes with it', async () => {
    await subscribed();
    const id = await erase();
    await newsroom.database.query('INSERT INTO audience_sightings (subscriber_id) VALUES ($1)', [id]);
    await lane.settled();
    expect(member()).toBeNull();
    expect(isForgotten()).toBe(true);
    expect(await contact(id)).toBeNull();
    expect(lane.writes().map(({ method, path }) => `${method} ${path}`)).toEqual([
      `POST /lists/${lane.sandbox.mailchimp.audienceId}/members/${memberId(email)}/actions/delete-permanent`,
    ]);
  });

  it.each(['leaveByFooter', 'complain', 'markCleaned', 'archive'] as const)(
    'reaches somebody after %s, too',
    async (act) => {
      await subscribed();
      people()[act](email);
      const id = await erase();
      await lane.settled();
      expect(isForgotten()).toBe(true);
      expect(await contact(id)).toBeNull();
    },
  );

  it('reaches somebody who never got our links there', async () => {
    await linkless(email);
    await lane.sync.stop();
    await newsroom.subscribe(email, 'daily');
    const id = await erase();
    await lane.restart();
    expect(isForgotten()).toBe(true);
    expect(await contact(id)).toBeNull();
  });

  it('has nothing to do for whom Mailchimp does not know', async () => {
    await subscribed();
    people().deletePermanently(email);
    const id = await erase();
    await lane.settled();
    expect(deletions()).toEqual([]);
    expect(await contact(id)).toBeNull();
  });

  it('before Mailchimp was ever told leaves nothing to tell', async () => {
    await lane.sync.stop();
    await newsroom.subscribe(email, 'daily');
    const id = await erase();
    await lane.restart();
    expect(lane.writes()).toEqual([]);
    expect(member()).toBeNull();
    expect(await contact(id)).toBeNull();
  });

  it('goes before everything that is due longer', async () => {
    await subscribed();
    await lane.sync.stop();
    for (const address of readers(2)) await newsroom.subscribe(address, 'daily');
    await erase();
    const worker = anotherLane();
    await worker.idle();
    await worker.stop();
    expect(lane.writes().map(({ method }) => method)).toEqual(['POST', 'PUT', 'PUT']);
    expect(deletions()).toHaveLength(1);
  });

  it('of many never goes in a call with others', async () => {
    const leaving = readers(22);
    const staying = readers(25, 'other');
    await newsroom.subscribeMany(leaving, 'daily');
    await lane.settled();
    await lane.sync.stop();
    lane.calls.splice(0);
    await newsroom.subscribeMany(staying, 'daily');
    for (const address of leaving) await erase(address);
    await lane.restart();
    expect(deletions()).toHaveLength(22);
    expect(leaving.filter((address) => !isForgotten(address))).toEqual([]);
    expect(await lane.ends()).toEqual({ settled: 25 });
  });

  describe('where the links of the person were seen', () => {
    /** What a webhook says of the person's new address, before the lane looked. */
    async function moved(to: string) {
      const said = new URLSearchParams({
        type: 'upemail',
        fired_at: '2026-11-23 09:00:00',
        'data[list_id]': lane.sandbox.mailchimp.audienceId,
        'data[old_email]': email,
        'data[new_email]': to,
      });
      const delivery = readDelivery(said.toString());
      if (delivery === null) throw new Error('not understood');
      const { audienceId } = lane.sandbox.mailchimp;
      expect(await takeDelivery(newsroom.database, delivery, { audienceId, receivedAt: new Date() })).toBe(
        'taken',
      );
    }

    it('deletes that member, too', async () => {
      await subscribed();
      people().changeEmail(email, elsewhere);
      await moved(elsewhere);
      const id = await erase();
      await lane.settled();
      expect(member(elsewhere)).toBeNull();
      expect(isForgotten(elsewhere)).toBe(true);
      expect(await contact(id)).toBeNull();
    });

    it('deletes nobody who does not carry them, whatever was said (A-17)', async () => {
      await subscribed();
      await linkless('stranger@elsewhere.example');
      await subscribed('neighbour@news.example');
      await moved('stranger@elsewhere.example');
      const first = await erase();
      await lane.settled();
      expect(await contact(first)).toBeNull();
      expect(isForgotten()).toBe(true);
      expect(member('stranger@elsewhere.example')?.status).toBe('subscribed');
      expect(member('neighbour@news.example')?.status).toBe('subscribed');
    });
  });

  describe('that fails', () => {
    it.each([
      ['429 without a body', fault.throttled(), 'throttled'],
      ["the firewall's page", fault.blocked(), 'throttled'],
      ['500', fault.htmlError(500), 'transient'],
      ['a page with 200', fault.htmlPage(), 'transient'],
      ['200 without a body', fault.emptyPage(), 'transient'],
      ['a connection reset before the work', fault.reset('before'), 'transient'],
      ['an answer lost after the work', fault.reset('after'), 'transient'],
      ['405, which others took for done', faultNamed({ fault: 'not_removable' }), 'not_erased'],
      ['404 although the member is there', faultNamed({ fault: 'list_missing' }), 'configuration'],
      [
        'a compliance state',
        fault.problem(400, 'Member In Compliance State', `${email} is in a compliance state`),
        'not_erased',
      ],
    ])('by %s is tried again', async (_name, trouble, kind) => {
      await subscribed();
      lane.sandbox.audience.inject(trouble, isDeletion);
      const id = await erase();
      await lane.settled();
      expect(await contact(id)).toMatchObject({ kind, attempts: 1, waits: true, erase: [memberId(email)] });
      // Nothing personal comes back with Mailchimp's words (I6).
      expect((await contact(id))?.detail).toBe('');
      await lane.retried();
      expect(isForgotten()).toBe(true);
      expect(await contact(id)).toBeNull();
    });

    it('is never given up', async () => {
      await subscribed();
      const trouble = faultNamed({ fault: 'not_removable' });
      lane.sandbox.audience.inject(trouble, { ...isDeletion, times: 6 });
      const id = await erase();
      await lane.settled();
      for (let attempts = 1; attempts < 6; attempts += 1) {
        expect(await contact(id)).toMatchObject({ kind: 'not_erased', attempts, waits: true });
        await lane.retried();
      }
      expect(retryDelay('not_erased', 10_000, 0.5)).toBeLessThanOrEqual(1.5 * 3_600_000);
      await lane.retried();
      expect(await contact(id)).toBeNull();
    });

    it('because nobody answers in time is tried again once that call cannot act any more', async () => {
      await subscribed();
      lane.sandbox.audience.inject(fault.silent(), isDeletion);
      await lane.restart({ api: connect({ ...lane.sandbox.mailchimp, timeoutMs: 200 }) });
      const id = await erase();
      await lane.settled();
      expect(await contact(id)).toMatchObject({ kind: 'timeout', waits: true });
      await newsroom.pass(300_000);
      await lane.settled();
      expect(isForgotten()).toBe(true);
      expect(await contact(id)).toBeNull();
    });

    it('with the audience gone stops the lane, and goes on once it is back', async () => {
      await subscribed();
      lane.sandbox.audience.inject(faultNamed({ fault: 'list_missing' }), { times: 1_000 });
      const id = await erase();
      await lane.settled();
      expect(await lane.stopped()).toBe('Mailchimp: 404, Resource Not Found');
      expect(await contact(id)).toMatchObject({ kind: null, attempts: 0, erase: [memberId(email)] });
      const { promise: deleted, resolve } = Promise.withResolvers<void>();
      lane.sandbox.audience.observe((exchange) => {
        if (isDeletion.matching(exchange) && exchange.status === 204) resolve();
      });
      lane.sandbox.audience.clearFaults();
      await deleted;
      await lane.settled();
      expect(await contact(id)).toBeNull();
    });
  });

  describe('while a call from before is on its way', () => {
    it('is final only once that cannot bring the person back', async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      lane.sandbox.audience.inject(fault.held(promise), isPut);
      await lane.restart({ api: connect({ ...lane.sandbox.mailchimp, timeoutMs: 200 }) });
      await newsroom.subscribe(email, 'daily');
      await lane.settled();
      const id = await erase();
      await lane.settled();
      expect(member()).toBeNull();
      expect(await contact(id)).toMatchObject({ waits: true, erase: [memberId(email)] });
      // The call that we stopped waiting for arrives, and makes the member.
      const arrived = new Promise<void>((done) => {
        lane.sandbox.audience.observe(({ method }) => method === 'PUT' && done());
      });
      resolve();
      await arrived;
      expect(member()?.status).toBe('subscribed');
      await newsroom.pass(180_000);
      await lane.settled();
      expect(isForgotten()).toBe(true);
      expect(await contact(id)).toBeNull();
    });

    it('of another worker waits for it as well', async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const { struck } = lane.sandbox.audience.inject(fault.held(promise), isPut);
      await newsroom.subscribe(email, 'daily');
      lane.sync.wake();
      await struck;
      const id = await erase();
      const worker = anotherLane();
      await worker.idle();
      await worker.stop();
      expect(member()).toBeNull();
      expect(await contact(id)).toMatchObject({ waits: true });
      resolve();
      await lane.settled();
      await newsroom.pass(180_000);
      await lane.settled();
      expect(isForgotten()).toBe(true);
      expect(await contact(id)).toBeNull();
    });

    it('keeps out what that call is answered with, as it names the person (I6)', async () => {
      const fake = 'looks-fake@news.example';
      const putting = Promise.withResolvers<void>();
      const { struck } = lane.sandbox.audience.inject(fault.held(putting.promise), isPut);
      await newsroom.subscribe(fake, 'daily');
      lane.sync.wake();
      await struck;
      const id = await erase(fake);
      const reading = Promise.withResolvers<void>();
      const next = lane.sandbox.audience.inject(fault.held(reading.promise), {
        matching: callsOf('GET', memberId(fake)),
      });
      putting.resolve();
      await next.struck;
      expect(await contact(id)).toMatchObject({ kind: 'invalid', detail: '' });
      reading.resolve();
      await lane.settled();
      expect(await contact(id)).toBeNull();
    });

    it('is looked at again when the contact changed during it', async () => {
      await subscribed();
      const { promise, resolve } = Promise.withResolvers<void>();
      const { struck } = lane.sandbox.audience.inject(fault.held(promise), isDeletion);
      const id = await erase();
      lane.sync.wake();
      await struck;
      await lookAt(newsroom.database, [id]);
      resolve();
      await lane.settled();
      expect(lane.calls.filter(callsOf('GET', memberId(email)))).toHaveLength(2);
      expect(await contact(id)).toBeNull();
    });
  });

  describe('and what is heard of the person after it', () => {
    async function heard(link: string) {
      const said = new URLSearchParams({
        type: 'unsubscribe',
        fired_at: '2026-11-23 09:00:00',
        'data[list_id]': lane.sandbox.mailchimp.audienceId,
        'data[action]': 'delete',
        'data[email]': email,
        'data[merges][UNSUBURL]': link,
      });
      const delivery = readDelivery(said.toString());
      if (delivery === null) throw new Error('not understood');
      const { audienceId } = lane.sandbox.mailchimp;
      await takeDelivery(newsroom.database, delivery, { audienceId, receivedAt: new Date() });
    }
    async function compare() {
      const { database } = newsroom;
      const parts = { database, api: connect(lane.sandbox.mailchimp), footerLinks, log: silent };
      const id = await requestReconciliation(database, { kind: 'full', dryRun: false });
      await reconcile(parts, id);
      return (await database.prisma.reconciliation.findUniqueOrThrow({ where: { id } })).report;
    }

    it('brings no address back while Mailchimp is still to be told (I6)', async () => {
      await subscribed();
      const { linkKey } = await newsroom.contact(email);
      await lane.sync.stop();
      const id = await erase();
      const before = await contact(id);
      await heard(footerLinks(linkKey).unsubscribe);
      expect(await compare()).toMatchObject({ members: 1, strangers: 1, missing: 0, due: 1 });
      expect(await contact(id)).toEqual({ ...before, movedTo: null });
      await lane.restart();
      expect(await contact(id)).toBeNull();
    });

    it('concerns nobody once it is done, and is answered with no call (I7)', async () => {
      await subscribed();
      const { linkKey } = await newsroom.contact(email);
      const id = await erase();
      await lane.settled();
      lane.calls.splice(0);
      await heard(footerLinks(linkKey).unsubscribe);
      await lane.settled();
      expect(lane.calls).toEqual([]);
      expect(await contact(id)).toBeNull();
    });

    it('leaves a member alone who is nobody of ours any more', async () => {
      await subscribed();
      await erase();
      await lane.settled();
      people().subscribeByForm(email);
      lane.calls.splice(0);
      expect(await compare()).toMatchObject({ members: 1, strangers: 1 });
      await lane.settled();
      expect(lane.writes()).toEqual([]);
      expect(member()?.status).toBe('subscribed');
    });
  });

  describe('of somebody who signs up anew before Mailchimp was told', () => {
    it('is carried out, and only their own form lets them in there again', async () => {
      await subscribed();
      await lane.sync.stop();
      const id = await erase();
      await newsroom.subscribe(email, 'daily');
      const worker = anotherLane();
      await worker.idle();
      await worker.stop();
      expect(isForgotten()).toBe(true);
      expect(await contact(id)).toBeNull();
      expect(await newsroom.contact(email)).toMatchObject({ refusal: { kind: 'forgotten' } });
    });

    it('is carried out whatever a stranger does with the form', async () => {
      await linkless(email);
      await lane.sync.stop();
      await newsroom.subscribe(email, 'daily');
      const id = await erase();
      await newsroom.signUp(email, 'daily');
      await lane.restart();
      expect(isForgotten()).toBe(true);
      expect(await contact(id)).toBeNull();
    });

    it('leaves the member that their new consent made theirs', async () => {
      await subscribed();
      await lane.sync.stop();
      const id = await erase();
      await newsroom.database.query(
        `UPDATE audience_contacts SET due_at = now() + interval '1 hour' WHERE subscriber_id = $1`,
        [id],
      );
      await newsroom.subscribe(email, 'weekly');
      await lane.restart();
      expect(member()?.merge_fields['UNSUBURL']).toContain((await newsroom.contact(email)).linkKey);
      await lane.retried();
      expect(await contact(id)).toBeNull();
      expect(deletions()).toEqual([]);
      expect(member()?.status).toBe('subscribed');
      expect(lane.chosen(email)).toEqual(['The Weekly']);
    });
  });

  describe('with MAILCHIMP_ERASURE=archive', () => {
    const archivings = () => lane.calls.filter(callsOf('DELETE'));

    it('archives the member instead, and the contact goes all the same', async () => {
      await lane.restart({ erasure: 'archive' });
      await subscribed();
      const id = await erase();
      await lane.settled();
      expect(member()?.status).toBe('archived');
      expect(isForgotten()).toBe(false);
      expect(await contact(id)).toBeNull();
      expect(lane.writes().map(({ method, path }) => `${method} ${path}`)).toEqual([
        `DELETE /lists/${lane.sandbox.mailchimp.audienceId}/members/${memberId(email)}`,
      ]);
    });

    it.each([
      ['archive', 'archived'],
      ['markCleaned', 'cleaned'],
      ['leaveByFooter', 'archived'],
    ] as const)('has nothing more to do than it can after %s', async (act, status) => {
      await lane.restart({ erasure: 'archive' });
      await subscribed();
      people()[act](email);
      const id = await erase();
      await lane.settled();
      expect(member()?.status).toBe(status);
      expect(await contact(id)).toBeNull();
      expect(archivings()).toHaveLength(act === 'archive' ? 0 : 1);
    });

    it('lets nobody join by an opt-in of Mailchimp that still waits', async () => {
      await lane.restart({ erasure: 'archive' });
      await subscribed();
      const links = member()?.merge_fields;
      people().deletePermanently(email);
      lane.sandbox.audience.state.forgotten.clear();
      await connect(lane.sandbox.mailchimp).putMember({
        email_address: email,
        status_if_new: 'subscribed',
        interests: {},
        merge_fields: Object.fromEntries(
          Object.entries(links ?? {}).map(([tag, link]) => [tag, String(link)]),
        ),
      });
      await connect(lane.sandbox.mailchimp).putMember({
        email_address: email,
        status_if_new: 'subscribed',
        status: 'pending',
        interests: {},
      });
      expect(member()?.status).toBe('pending');
      const id = await erase();
      await lane.settled();
      expect(member()?.status).toBe('archived');
      expect(await contact(id)).toBeNull();
    });

    it('is not done while a refusal leaves them subscribed', async () => {
      await lane.restart({ erasure: 'archive' });
      await subscribed();
      const refusal = fault.problem(405, 'Method Not Allowed', 'This list member cannot be removed.');
      lane.sandbox.audience.inject(refusal, { matching: callsOf('DELETE') });
      const id = await erase();
      await lane.settled();
      expect(member()?.status).toBe('subscribed');
      expect(await contact(id)).toMatchObject({ kind: 'not_erased', detail: '', waits: true });
      await lane.retried();
      expect(member()?.status).toBe('archived');
      expect(await contact(id)).toBeNull();
    });

    it('lets the person come back by a new consent', async () => {
      await lane.restart({ erasure: 'archive' });
      await subscribed();
      await erase();
      await lane.settled();
      await newsroom.subscribe(email, 'daily');
      await lane.settled();
      expect(member()?.status).toBe('subscribed');
    });
  });

  it('is logged by id alone (A-26)', async () => {
    const lines: string[] = [];
    await lane.restart({ log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }) });
    await subscribed();
    lane.sandbox.audience.inject(fault.problem(400, 'Bad Request', `${email} cannot be deleted`), isDeletion);
    const id = await erase();
    await lane.settled();
    await lane.retried();
    expect(lines.filter((line) => line.includes(id))).toHaveLength(2);
    expect(lines.join('')).not.toContain(email);
    expect(lines.join('')).not.toContain(memberId(email));
  });
});
