import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { connect } from '../../src/mailchimp/api/client.ts';
import { reconcileJob } from '../../src/mailchimp/reconcile.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { importPeople, undoImports } from './importing.ts';
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

const posted = z.object({
  members: z.array(z.object({ email_address: z.string(), status: z.string().optional() })),
  update_existing: z.boolean(),
});

describe('an imported consent (I1, I2)', () => {
  let newsroom: Newsroom;
  let lane: Lane;
  const [one = ''] = readers(1, 'one');
  const crowd = readers(25);

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

  async function imported(emails: readonly string[], givenAt: Date | null = null, ...lists: string[]) {
    lane.calls.splice(0);
    await importPeople(newsroom, emails, { lists: lists.length > 0 ? lists : ['daily'], givenAt });
    await lane.settled();
  }
  async function undone(emails: readonly string[]) {
    await undoImports(newsroom, emails);
    await lane.settled();
  }
  const reconcilingOf = ({ sandbox }: Lane) => ({
    database: newsroom.database,
    api: connect(sandbox.mailchimp),
    footerLinks,
    log: silent,
  });
  const seed = (emails: readonly string[], status: 'subscribed' | 'pending' = 'subscribed') =>
    lane.sandbox.audience.seed(emails.map((email_address) => ({ email_address, status })));
  const people = () => lane.sandbox.audience.people;
  const pages = () => lane.calls.filter(callsOf('GET', '/members')).length;
  const singles = () => lane.calls.filter(({ path }) => path.includes('/members/')).length;
  const bulks = () => lane.calls.filter(callsOf('POST')).map(({ requestBody }) => posted.parse(requestBody));
  const shown = (emails: readonly string[]) => [
    ...new Set(emails.map((email) => lane.member(email)?.status ?? 'absent')),
  ];
  const stateOf = async (email: string) => ({
    there: lane.member(email)?.status ?? 'absent',
    here: (await newsroom.lists(email))['daily'],
    refusal: (await newsroom.contact(email)).refusal?.kind ?? null,
  });
  const interest = (name: string) =>
    lane.sandbox.audience.state.interests.find((known) => known.name === name)?.id ?? '';

  /** How the audience comes to hold somebody. */
  const before: Record<string, (email: string) => void> = {
    absent: () => {},
    subscribed: () => {},
    left: (email) => people().leaveByFooter(email),
    'put off by an editor': (email) => people().adminUnsubscribe(email),
    cleaned: (email) => people().markCleaned(email),
    archived: (email) => people().archive(email),
    pending: () => {},
  };
  const on = { there: 'subscribed', here: 'subscribed', refusal: null };
  const ended = (there: string) => ({ there, here: 'unsubscribed', refusal: null });
  const listed = (there: string, refusal: string) => ({ there, here: 'subscribed', refusal });
  const always = {
    absent: on,
    subscribed: on,
    archived: listed('archived', 'archived'),
    pending: listed('pending', 'awaiting_mailchimp_confirmation'),
  };
  const whenOlder = {
    ...always,
    left: ended('unsubscribed'),
    'put off by an editor': ended('unsubscribed'),
    cleaned: ended('cleaned'),
  };
  const whenNewer = {
    ...always,
    left: listed('unsubscribed', 'not_subscribed'),
    'put off by an editor': listed('unsubscribed', 'not_subscribed'),
    cleaned: listed('cleaned', 'not_subscribed'),
  };

  describe.each([
    ['alone', 1],
    ['in bulk', 4],
  ])('whose people go %s', (_how, each) => {
    it.each([
      ['at an unknown time', null, whenOlder],
      ['before they left there', -30 * 24, whenOlder],
      ['after they left there', -0.5, whenNewer],
    ])(
      'given %s: raises nobody, makes those who are not there, takes over who is on',
      async (_when, hours, expected) => {
        const emails = (state: string) => readers(each, state.replaceAll(' ', '-'));
        for (const [state, happens] of Object.entries(before)) {
          if (state === 'absent') continue;
          seed(emails(state), state === 'pending' ? 'pending' : 'subscribed');
          emails(state).forEach(happens);
        }
        const everybody = Object.keys(before).flatMap(emails);
        // An hour passes.
        await newsroom.signUp('somebody@else.example', 'daily');
        const givenAt = hours === null ? null : new Date(newsroom.now().getTime() + hours * 3_600_000);
        await imported(everybody, givenAt);

        for (const [state, ends] of Object.entries(expected)) {
          for (const email of emails(state))
            expect({ [state]: await stateOf(email) }).toEqual({ [state]: ends });
        }
        for (const email of [...emails('absent'), ...emails('subscribed')]) {
          expect(lane.chosen(email)).toEqual(['The Daily']);
          expect((await newsroom.contact(email)).consentSeq).toBe(1);
        }
        for (const state of ['left', 'put off by an editor', 'cleaned']) {
          if (expected !== whenOlder) continue;
          for (const email of emails(state)) {
            expect(await newsroom.lastEvent(email)).toMatchObject({
              kind: 'unsubscribed',
              channel: 'mailchimp',
            });
          }
        }
        expect(pages() > 0).toBe(each > 1);
        const raised = bulks().flatMap(({ members, update_existing }) =>
          members.filter(({ status }) => status === 'subscribed' && update_existing),
        );
        expect(raised).toEqual([]);

        // And nothing more is said, now or at the next comparison.
        const said = lane.writes().length;
        await lane.restart();
        await lane.retried();
        expect(lane.writes()).toHaveLength(said);
      },
    );
  });

  it('of thousands costs the pages of the audience once and calls for 500, and raises nobody', async () => {
    const everybody = readers(2_000);
    const there = everybody.slice(0, 1_000);
    const left = there.slice(0, 12);
    seed(there);
    for (const email of left) people().leaveByFooter(email);
    seed(readers(500, 'stranger'));
    await imported(everybody);

    expect(pages()).toBeLessThanOrEqual(3 + 5);
    // Who left is read, and once more after it ended here.
    expect(singles()).toBe(2 * left.length);
    expect(bulks().length).toBeLessThanOrEqual(2 * 4);
    for (const { members, update_existing } of bulks()) {
      const said = new Set(members.map(({ status }) => status));
      expect([...said]).toEqual([update_existing ? undefined : 'subscribed']);
    }
    expect(shown(left)).toEqual(['unsubscribed']);
    expect(shown(everybody.slice(left.length))).toEqual(['subscribed']);
    expect(await lane.ends()).toEqual({ settled: 2_000 });
    for (const email of left) expect(await stateOf(email)).toEqual(ended('unsubscribed'));
  });

  it('is not written over somebody who joined or left after the audience was read', async () => {
    const [joined = '', left = '', wasOn = ''] = crowd;
    seed([wasOn]);
    await lane.restart({
      hear: async () => {
        seed([joined, left]);
        people().leaveByFooter(left);
        people().leaveByFooter(wasOn);
      },
    });
    await imported(crowd);
    expect(bulks().map(({ update_existing, members }) => [update_existing, members.length])).toEqual(
      expect.arrayContaining([[false, 24]]),
    );
    expect(await stateOf(joined)).toEqual(on);
    expect(await stateOf(left)).toEqual(ended('unsubscribed'));
    expect(await stateOf(wasOn)).toEqual(ended('unsubscribed'));
    expect(shown(crowd.slice(3))).toEqual(['subscribed']);
    expect(await lane.ends()).toEqual({ settled: 25 });
  });

  it('of people who come while the audience is read waits for the next reading, not taken for absent', async () => {
    const late = readers(25, 'late');
    seed(late);
    for (const email of late) people().leaveByFooter(email);
    const { promise, resolve } = Promise.withResolvers<void>();
    // Of the last status: whoever is imported now was on an earlier page.
    const { struck } = lane.sandbox.audience.inject(fault.held(promise), {
      matching: ({ path, query }) => path.endsWith('/members') && JSON.stringify(query).includes('archived'),
    });
    await importPeople(newsroom, crowd, { lists: ['daily'] });
    lane.sync.wake();
    await struck;
    await importPeople(newsroom, late, { lists: ['daily'] });
    resolve();
    await lane.settled();
    expect(shown(crowd)).toEqual(['subscribed']);
    lane.calls.splice(0);
    await lane.retried();
    expect(pages()).toBeGreaterThan(0);
    expect(shown(late)).toEqual(['unsubscribed']);
    expect(bulks()).toEqual([]);
    expect(await lane.ends()).toEqual({ settled: 50 });
  });

  it('holds up nobody who confirmed while the audience is read', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { struck } = lane.sandbox.audience.inject(fault.held(promise), {
      matching: callsOf('GET', '/members'),
    });
    await importPeople(newsroom, crowd, { lists: ['daily'] });
    lane.sync.wake();
    await struck;
    await newsroom.subscribe(one, 'daily');
    const written = new Promise<void>((done) =>
      lane.sandbox.audience.observe(({ method }) => method === 'PUT' && done()),
    );
    lane.sync.wake();
    await written;
    expect(shown([one])).toEqual(['subscribed']);
    expect(shown(crowd)).toEqual(['absent']);
    resolve();
    await lane.settled();
    expect(await lane.ends()).toEqual({ settled: 26 });
  });

  it('waits while the audience cannot be read, and is tried again (I4)', async () => {
    lane.sandbox.audience.inject(fault.htmlError(502), {
      matching: callsOf('GET', '/members'),
      times: 1_000,
    });
    await imported(crowd);
    expect(lane.writes()).toEqual([]);
    expect(await lane.ends()).toEqual({ due: 25 });
    lane.sandbox.audience.clearFaults();
    await lane.retried();
    expect(await lane.ends()).toEqual({ settled: 25 });
  });

  it('goes out again when the answer of the call that made members was lost (R-04)', async () => {
    lane.sandbox.audience.inject(fault.reset('after'), { matching: callsOf('POST') });
    const [left = ''] = crowd;
    await imported(crowd);
    people().leaveByFooter(left);
    await lane.retried();
    expect(await stateOf(left)).toEqual(ended('unsubscribed'));
    expect(await lane.ends()).toEqual({ settled: 25 });
  });

  it('takes its time along where one is told, and none where not', async () => {
    await imported([one], new Date('2019-05-04T03:02:01Z'));
    expect(lane.member(one)?.timestamp_opt).toBe('2019-05-04T03:02:01+00:00');
    await imported(['two@news.example']);
    expect(lane.writes().map(({ requestBody }) => requestBody)).toEqual([
      expect.not.objectContaining({ timestamp_opt: expect.anything() }),
    ]);
  });

  describe('beside a confirmed one', () => {
    it('raises as that one does, which is newer than their leaving', async () => {
      seed([one]);
      people().adminUnsubscribe(one);
      await imported([one]);
      expect(await stateOf(one)).toEqual(ended('unsubscribed'));
      await newsroom.subscribe(one, 'daily');
      await lane.settled();
      expect(await stateOf(one)).toEqual(on);
    });

    it('is held against the member all the same, also in a backlog', async () => {
      seed(crowd);
      for (const email of crowd) people().adminUnsubscribe(email);
      await lane.sync.stop();
      await importPeople(newsroom, crowd, { lists: ['daily'] });
      await newsroom.subscribeMany(crowd, 'weekly');
      await lane.restart();
      await lane.settled();
      for (const email of crowd) {
        expect(await newsroom.lists(email)).toEqual({ daily: 'unsubscribed', weekly: 'subscribed' });
        expect(lane.chosen(email)).toEqual(['The Weekly']);
      }
      expect(shown(crowd)).toEqual(['subscribed']);
    });

    it('adds its list to who is subscribed, and raises nobody who left meanwhile', async () => {
      await newsroom.subscribeMany([...crowd, one], 'daily');
      await lane.settled();
      people().adminUnsubscribe(one);
      await imported([...crowd, one], null, 'weekly');
      expect(pages()).toBe(0);
      for (const email of crowd) expect(lane.chosen(email)).toEqual(['The Daily', 'The Weekly']);
      expect(shown([one])).toEqual(['unsubscribed']);
      expect(await newsroom.lists(one)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
    });
  });

  describe('after one that was undone', () => {
    const groups: [string, string[]][] = [
      ['one', [one]],
      ['many', crowd],
    ];

    it.each(groups)('brings %s back', async (_name, emails) => {
      await imported(emails);
      await undone(emails);
      expect(shown(emails)).toEqual(['unsubscribed']);
      await imported(emails, null, 'daily', 'weekly');
      for (const email of emails) {
        expect(await stateOf(email)).toEqual(on);
        expect(lane.chosen(email)).toEqual(['The Daily', 'The Weekly']);
      }
    });

    it.each(groups)(
      'brings %s back who were in the audience before, undone before Mailchimp was told',
      async (_name, emails) => {
        seed(emails);
        await lane.sync.stop();
        await importPeople(newsroom, emails, { lists: ['daily'] });
        await undoImports(newsroom, emails);
        await lane.restart();
        await lane.settled();
        expect(shown(emails)).toEqual(['unsubscribed']);
        await imported(emails);
        expect(shown(emails)).toEqual(['subscribed']);
        expect(await lane.ends()).toEqual({ settled: emails.length });
      },
    );

    it.each(groups)('raises none of %s who were off there before (I2)', async (_name, emails) => {
      seed(emails);
      for (const email of emails) people().adminUnsubscribe(email);
      await lane.sync.stop();
      await importPeople(newsroom, emails, { lists: ['daily'] });
      await undoImports(newsroom, emails);
      await lane.restart();
      await lane.settled();
      await imported(emails);
      for (const email of emails) expect(await stateOf(email)).toEqual(ended('unsubscribed'));
    });

    it.each(groups)('tells Mailchimp nothing of %s whom it never knew', async (_name, emails) => {
      await lane.sync.stop();
      await importPeople(newsroom, emails, { lists: ['daily'] });
      await undoImports(newsroom, emails);
      lane.calls.splice(0);
      await lane.restart();
      await lane.settled();
      expect(lane.writes()).toEqual([]);
      expect(singles()).toBe(emails.length === 1 ? 1 : 0);
      expect(await lane.ends()).toEqual({ settled: emails.length });
    });

    it('raises nobody whom Mailchimp shows otherwise than our call left them (I2)', async () => {
      const [archived = '', cleaned = ''] = readers(2, 'other');
      await imported([archived, cleaned]);
      await undone([archived, cleaned]);
      people().archive(archived);
      people().markCleaned(cleaned);
      await imported([archived, cleaned]);
      expect(await stateOf(archived)).toEqual(listed('archived', 'archived'));
      expect(await stateOf(cleaned)).toEqual(ended('cleaned'));
    });

    it('has Mailchimp ask whom it does not let us bring back', async () => {
      await imported([one]);
      await undone([one]);
      people().adminSubscribe(one);
      people().complain(one);
      await imported([one]);
      expect(await stateOf(one)).toEqual(listed('pending', 'awaiting_mailchimp_confirmation'));
    });

    it.each(groups)(
      'raises none of %s whom an editor put off unheard before it was undone (I2)',
      async (_n, emails) => {
        await imported(emails);
        for (const email of emails) people().adminUnsubscribe(email);
        await lane.restart({ hear: () => reconcileJob(reconcilingOf(lane), { kind: 'incremental' }) });
        await undone(emails);
        await imported(emails);
        for (const email of emails) expect(await stateOf(email)).toEqual(ended('unsubscribed'));
      },
    );

    it('raises nobody who left a list of their own accord since (I2)', async () => {
      await newsroom.subscribe(one, 'weekly');
      await imported([one]);
      await undone([one]);
      await newsroom.leave(one);
      await lane.settled();
      expect(shown([one])).toEqual(['unsubscribed']);
      await imported([one]);
      expect(await stateOf(one)).toEqual(ended('unsubscribed'));
    });
  });

  it('leaves mails held back from who bounced elsewhere, until Mailchimp shows them subscribed', async () => {
    await importPeople(newsroom, [one], { lists: ['daily'] });
    const block = async () =>
      (await newsroom.database.prisma.subscriber.findUniqueOrThrow({ where: { key: one } })).mailBlock;
    await newsroom.database.query(`UPDATE subscribers SET mail_block = 'bounced' WHERE key = $1`, [one]);
    await lane.settled();
    expect(lane.member(one)?.interests[interest('The Daily')]).toBe(true);
    expect(await block()).toBe('bounced');
    await newsroom.look(one);
    await lane.settled();
    expect(await block()).toBeNull();
  });
});
