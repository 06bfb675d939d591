import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { faultInChain } from '../../src/consent/verify.ts';
import { mailQueue } from '../../src/mail/deliver.ts';
import { openQueue } from '../../src/platform/queue.ts';
import type { Command } from '../../src/subscribing/commands.ts';
import { decide } from '../../src/subscribing/decide.ts';
import { suppressionDigest } from '../../src/subscribing/erase.ts';
import { archiveList } from '../../src/subscribing/lists.ts';
import { actsOf, emails, slugs } from './acts.ts';
import { type Desk, ledgerOf, openDesk, readersOf, type StoredReader, secret } from './desk.ts';
import {
  type Act,
  addressOf,
  commandOf,
  createModel,
  day,
  freshOf,
  hour,
  minute,
  type Reader,
} from './model.ts';
import { holdsPromises, keepsCaps } from './promises.ts';

const silent = pino({ level: 'silent' });

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
  await desk.addLists('daily', 'weekly');
});
afterAll(() => desk.close());

const crowd = (of: number, name: string) => Array.from({ length: of }, (_, n) => `${name}${n}@crowd.example`);
const signUp = (email: string, ...lists: string[]): Act => ({ act: 'sign up', email, lists });
const statesIn = (reader: StoredReader | undefined) => reader?.subscriptions.map(({ state }) => state);

describe('the shell over the database', () => {
  it('leaves what the rules folded in memory leave, whatever comes at once', async () => {
    // One lane, since the model has one order: that of arrival.
    const subscribing = desk.openShell({ database: { ...desk.database, lanes: 1 } });
    const set = fc.record({
      acts: fc.array(actsOf(emails, slugs), { minLength: 1, maxLength: 8, size: 'max' }),
      wait: fc.constantFrom(0, 1, minute, hour, 8 * day),
      archive: fc.option(fc.constantFrom(...slugs), { freq: 8 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(set, { minLength: 2, maxLength: 8, size: 'max' }), async (sets) => {
        const own = (slug: string) => `${slug}-${run}`;
        const theirs = (email: string) => email.replace('reader', `reader-${run}`);
        run += 1;
        const model = createModel(desk.wordingVersion, desk.source);
        for (const list of await desk.addLists(...slugs.map(own))) model.offer(list);

        for (const { acts, wait, archive } of sets) {
          desk.wait(wait);
          if (archive !== null) {
            await archiveList(desk.database, own(archive), desk.now());
            model.archive(own(archive));
          }
          const together = acts.map((act) => ownAct(act, theirs, own));
          const stored = await desk.directory(emails.map(theirs));
          const modelled = model.directory(desk.now());
          // All of a set know the links and tokens that there were before it.
          const modelCommands = together.map((act) => commandOf(act, modelled));
          const outcomes = await Promise.all(together.map((act) => subscribing.run(commandOf(act, stored))));
          const expected = modelCommands.map((command) => {
            const household = model.household(command, desk.now());
            const { outcome, changes } = decide(household, command, desk.now(), freshOf(drawn++));
            if (changes !== null) model.save(changes, desk.now());
            return outcome;
          });
          expect(outcomes.map(withoutKey)).toEqual(expected.map(withoutKey));
        }

        const everyone = await desk.people(emails.map(theirs));
        for (const email of emails.map(theirs)) {
          const stored = everyone.get(email) ?? [];
          expect(stored.map(told)).toEqual(model.people(email).map(told));
          expect(stored.map((reader) => faultInChain(ledgerOf(reader)))).toEqual(stored.map(() => null));
          expect(await isSuppressed(email)).toBe(model.isSuppressed(email));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('takes many people at once', async () => {
    const people = crowd(250, 'many');
    const unknown = await desk.directory([]);
    const taken = await Promise.all(
      people.map((email) => desk.subscribing.run(commandOf(signUp(email, 'daily', 'weekly'), unknown))),
    );
    expect(new Set(taken.map(({ type }) => type))).toEqual(new Set(['accepted']));
    const directory = await desk.directory(people);
    const confirmed = await Promise.all(
      people.map((email) => desk.subscribing.run(commandOf({ act: 'confirm', email, nth: 0 }, directory))),
    );
    expect(new Set(confirmed.map(({ type }) => type))).toEqual(new Set(['confirmed']));
    const readers = [...(await readersOf(desk.database, people)).values()];
    expect(readers).toHaveLength(250);
    for (const reader of readers) {
      expect(statesIn(reader)).toEqual(['subscribed', 'subscribed']);
      expect(reader.contact).toMatchObject({ wanted: 1, optOut: false });
    }
    expect(readers.map((reader) => faultInChain(ledgerOf(reader))).every((broken) => broken === null)).toBe(
      true,
    );
  });

  it('makes one request and one mail of fifty clicks at once (R-08)', async () => {
    const email = 'clicks@reader.example';
    const click = await desk.command(signUp(email, 'daily'));
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => desk.subscribing.run(click)));
    expect(new Set(outcomes.map(({ type }) => type))).toEqual(new Set(['accepted']));
    const reader = (await readersOf(desk.database, [email])).get(email);
    expect(reader?.requests).toHaveLength(1);
    expect(reader?.mails).toHaveLength(1);
  });

  it('gives one answer to twenty presses of the same button, and enters one confirmation (U-25)', async () => {
    const email = 'presses@reader.example';
    await desk.run(signUp(email, 'daily'));
    const press = await desk.command({ act: 'confirm', email, nth: 0 });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => desk.subscribing.run(press)));
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    const reader = (await readersOf(desk.database, [email])).get(email);
    expect(reader?.events.map(({ kind }) => kind)).toEqual(['requested', 'confirmed']);
  });

  it('looks at what a command would do without doing it (I7)', async () => {
    const email = 'looks@reader.example';
    await desk.run(signUp(email, 'daily'));
    const before = await readersOf(desk.database, [email]);
    const press = await desk.command({ act: 'confirm', email, nth: 0 });
    expect(await desk.subscribing.preview(press)).toMatchObject({
      outcome: { type: 'confirmed' },
      isOpen: true,
    });
    expect(await readersOf(desk.database, [email])).toEqual(before);
    await desk.subscribing.run(press);
    expect(await desk.subscribing.preview(press)).toMatchObject({
      outcome: { type: 'confirmed' },
      isOpen: false,
    });
  });

  it('tells after the commit, and only then, that Mailchimp has to follow', async () => {
    const email = 'followed@reader.example';
    const told: string[] = [];
    const states = async () => statesIn((await readersOf(desk.database, [email])).get(email))?.join() ?? '';
    const seen: Promise<string>[] = [];
    const subscribing = desk.openShell({
      onSyncDue: () => {
        told.push('due');
        seen.push(states());
      },
    });
    await subscribing.run(await desk.command(signUp(email, 'daily')));
    expect(told).toEqual([]);
    await subscribing.run(await desk.command({ act: 'confirm', email, nth: 0 }));
    await subscribing.run(await desk.command({ act: 'leave', email, list: null }));
    expect(told).toEqual(['due', 'due']);
    expect(await seen[0]).toMatch(/subscribed/);
    expect((await readersOf(desk.database, [email])).get(email)?.contact).toMatchObject({
      wanted: 2,
      optOut: true,
    });
  });

  it('remembers a request longer than its link works, for the minute between mails (A-01)', async () => {
    const email = 'remembered@reader.example';
    await desk.run(signUp(email, 'daily'));
    await desk.run({ act: 'leave', email, list: null });
    await desk.run(signUp(email, 'daily'));
    desk.wait(8 * day);
    await desk.run(signUp('remembered+tag@reader.example', 'daily'));
    await desk.run(signUp(email, 'daily'));
    const mails = (await readersOf(desk.database, [email])).get(email)?.mails;
    expect(mails?.at(-1)?.dueAt).toEqual(new Date(desk.now().getTime() + minute));
  });

  it('keeps an opt-out in front of the others at Mailchimp, although the person is back already', async () => {
    const email = 'back@reader.example';
    await desk.run(signUp(email, 'daily'));
    await desk.run({ act: 'confirm', email, nth: 0 });
    await desk.run({ act: 'leave', email, list: null });
    await desk.run(signUp(email, 'daily'));
    await desk.run({ act: 'confirm', email, nth: 1 });
    const reader = (await readersOf(desk.database, [email])).get(email);
    expect(reader?.contact).toMatchObject({ wanted: 3, optOut: true });
  });

  it('is drained once everything that it took is settled', async () => {
    const people = crowd(30, 'drained');
    const directory = await desk.directory([]);
    let settled = 0;
    for (const email of people) {
      const count = () => {
        settled += 1;
      };
      desk.subscribing.run(commandOf(signUp(email, 'daily'), directory)).then(count, count);
    }
    await desk.subscribing.drained();
    expect((await readersOf(desk.database, people)).size).toBe(30);
    expect(settled).toBe(30);
  });
});

describe('an erasure (I6, C-22, C-23)', () => {
  /** Every row of every table, as text. */
  async function dump(): Promise<string> {
    const tables = await desk.database.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname IN ('public', 'jobs') ORDER BY 1`,
    );
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['public.mails', 'jobs.job']));
    const rows = await Promise.all(
      tables.map(({ name }) => desk.database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)),
    );
    return rows
      .flat()
      .map(({ row }) => row)
      .join('\n');
  }

  /** Somebody with a past in every table, whose every trace is known. */
  async function canary(name: string, subscribing = desk.subscribing) {
    const email = `Canary.${name}@Reader.example`;
    const page = `https://news.example/${name}`;
    const traces = { ip: '203.0.113.99', userAgent: `A browser of ${name}`, page };
    const unnamed = await desk.command(signUp(email, 'daily', 'weekly'));
    await subscribing.run({ ...unnamed, ...traces, ...{ firstName: `Birdy ${name}` } });
    const act = async (...acts: Act[]) => {
      for (const one of acts) await subscribing.run(await desk.command(one));
    };
    const taken = await desk.command({ act: 'take mail', email, nth: 0 });
    await subscribing.run({ ...taken, ...{ copy: `Please confirm, reader of ${name}` } });
    await act(
      { act: 'confirm', email, nth: 0 },
      { act: 'leave', email, list: 'weekly' },
      { act: 'ask link', email },
      { act: 'ask copy', email },
      { act: 'ask erasure', email },
    );
    const id = (await readersOf(desk.database, [email])).get(addressOf(email).key)?.id ?? '';
    // Where Mailchimp and its webhooks leave something of a person.
    await desk.database.query(
      `UPDATE audience_contacts SET moved_to = $2, reported = 'left', look = true,
              refusal = jsonb_build_object('kind', 'invalid', 'detail', $2::text)
        WHERE subscriber_id = $1::uuid`,
      [id, `moved.canary.${name}@reader.example`],
    );
    return {
      email,
      act,
      id,
      pattern: new RegExp(`canary.${name}|Birdy ${name}|(of|example/) ?${name}`, 'i'),
    };
  }

  it('leaves nothing personal in any table, and of the address a keyed digest', async () => {
    const { database } = desk;
    const queue = await openQueue(database, { mail: mailQueue }, { worker: false, log: silent });
    const subscribing = desk.openShell({
      enqueueMails: (tx, mails) =>
        queue.add(
          tx,
          'mail',
          mails.map(({ id }) => ({ data: { mailId: id }, startAfter: 3600 })),
        ),
    });
    try {
      const { email, act, id, pattern } = await canary('one', subscribing);
      const before = await dump();
      expect(before.match(new RegExp(pattern, 'gi'))?.length).toBeGreaterThan(10);
      expect(before).toContain('203.0.113.99');
      expect(before).toMatch(/mailId/);

      await act({ act: 'erase', email, nth: 0 });
      const after = await dump();
      expect(after).not.toMatch(pattern);
      expect(after).not.toContain('203.0.113.99');
      expect(after).toContain(suppressionDigest(secret, addressOf(email).key));
      const [reader] = (await desk.people([email])).get(addressOf(email).key) ?? [];
      if (reader === undefined) throw new Error('the row is gone, too');
      expect(reader.id).toBe(id);
      expect(reader).toMatchObject({ firstName: null, ledgerSalt: null, typed: `${id}@erased.invalid` });
      expect(reader.mails.filter(({ acceptedAt, abandoned }) => acceptedAt === null && !abandoned)).toEqual(
        [],
      );
      expect(reader.events.at(-1)).toMatchObject({ kind: 'erased', evidence: null });
      expect(faultInChain(ledgerOf(reader))).toBeNull();
    } finally {
      await queue.stop();
    }
  });

  it('has Mailchimp forget the address and the one that was reported, before anything else is due', async () => {
    const { email, act, id } = await canary('two');
    await act({ act: 'erase', email, nth: 0 });
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    expect(
      await desk.database.prisma.audienceContact.findUnique({ where: { subscriberId: id } }),
    ).toMatchObject({
      erase: [md5('canary.two@reader.example'), md5('moved.canary.two@reader.example')],
      optOut: true,
      movedTo: null,
      refusal: null,
      reported: null,
      look: false,
      attempts: 0,
      dueAt: expect.any(Date),
    });
  });

  it('tells that Mailchimp has to follow, although nothing was subscribed any more', async () => {
    const { email, act } = await canary('three');
    await act({ act: 'leave', email, list: null });
    let told = 0;
    const subscribing = desk.openShell({
      onSyncDue: () => {
        told += 1;
      },
    });
    await subscribing.run(await desk.command({ act: 'erase', email, nth: 0 }));
    expect(told).toBe(1);
  });

  it('erases once, whatever is pressed and asked for at the same time', async () => {
    const { email, act } = await canary('four');
    const press = await desk.command({ act: 'erase', email, nth: 0 });
    const leave = await desk.command({ act: 'leave', email, list: null });
    const again = await desk.command(signUp(email, 'daily'));
    desk.wait(hour);
    const outcomes = await Promise.all([press, leave, again, press, again].map(desk.subscribing.run));
    expect(outcomes.map(({ type }) => type)).toEqual(['erased', 'left', 'accepted', 'erased', 'accepted']);
    const [before, after, ...others] = (await desk.people([email])).get(addressOf(email).key) ?? [];
    expect(before?.events.filter(({ kind }) => kind === 'erased')).toHaveLength(1);
    expect(after?.events.map(({ kind }) => kind)).toEqual(['requested']);
    expect(others).toEqual([]);
    await act({ act: 'confirm', email, nth: 0 });
    expect(statesIn((await readersOf(desk.database, [email])).get(addressOf(email).key))).toEqual([
      'subscribed',
    ]);
  });

  it('still knows its link when the mail is older than what the caps look at', async () => {
    const { email } = await canary('six');
    const press = await desk.command({ act: 'erase', email, nth: 0 });
    desk.wait(40 * day);
    expect(await desk.subscribing.run(press)).toEqual({ type: 'expired', locale: 'en' });
  });

  it('destroys nothing when its transaction fails', async () => {
    const { email } = await canary('five');
    const { database } = desk;
    const subscribing = desk.openShell({
      database: {
        ...database,
        transaction: (work) =>
          database.transaction(async (tx) => {
            await work(tx);
            throw new Error('the connection broke before the commit');
          }),
      },
    });
    const before = await readersOf(database, [email]);
    const press = await desk.command({ act: 'erase', email, nth: 0 });
    await expect(subscribing.run(press)).rejects.toThrow('broke');
    expect(await readersOf(database, [email])).toEqual(before);
    expect(await isSuppressed(email)).toBe(false);
  });
});

describe('a command that the database refuses', () => {
  it.each([
    ['text that no database takes', { userAgent: 'A \u0000 browser' }],
    ['a wording that nobody was ever shown', { wordingVersion: 'made up' }],
  ])('fails alone with %s, and its neighbours commit', async (what, fault) => {
    const people = crowd(12, what.split(' ').at(-1) ?? '');
    const faulty = people[7] ?? '';
    const directory = await desk.directory([]);
    const settled = await Promise.allSettled(
      people.map((email) => {
        const command = commandOf(signUp(email, 'daily'), directory);
        return desk.subscribing.run(email === faulty ? { ...command, ...fault } : command);
      }),
    );
    expect(settled.map(({ status }) => status)).toEqual(
      people.map((email) => (email === faulty ? 'rejected' : 'fulfilled')),
    );
    const readers = await readersOf(desk.database, people);
    expect([...readers.keys()].sort()).toEqual(people.filter((email) => email !== faulty).sort());
  });

  it('leaves the same person free to try again', async () => {
    const email = 'again@reader.example';
    const command = await desk.command(signUp(email, 'daily'));
    await expect(
      desk.subscribing.run({ ...command, userAgent: '\u0000' } as typeof command),
    ).rejects.toThrow();
    expect(await desk.subscribing.run(command)).toEqual({ type: 'accepted' });
  });
});

describe('a transaction that fails', () => {
  it('leaves nothing half-written when the mail cannot be queued (I3)', async () => {
    const people = crowd(5, 'unqueued');
    const rows = async () =>
      desk.database.query(
        `SELECT (SELECT count(*)::int FROM subscribers) AS subscribers,
                (SELECT count(*)::int FROM consent_events) AS events,
                (SELECT count(*)::int FROM consent_evidence) AS evidence,
                (SELECT count(*)::int FROM subscriptions) AS subscriptions,
                (SELECT count(*)::int FROM sign_up_requests) AS requests,
                (SELECT count(*)::int FROM mails) AS mails`,
      );
    const before = await rows();
    let isQueueDown = true;
    const subscribing = desk.openShell({
      enqueueMails: async () => {
        if (isQueueDown) throw new Error('the queue is out of reach');
      },
    });
    const commands = await Promise.all(people.map((email) => desk.command(signUp(email, 'daily'))));
    const settled = await Promise.allSettled(commands.map(subscribing.run));
    expect(settled.map(({ status }) => status)).toEqual(people.map(() => 'rejected'));
    expect(await rows()).toEqual(before);

    isQueueDown = false;
    await Promise.all(commands.map(subscribing.run));
    expect((await readersOf(desk.database, people)).size).toBe(5);
  });

  it('tells nobody that Mailchimp has to follow', async () => {
    const email = 'untold@reader.example';
    await desk.run(signUp(email, 'daily'));
    const press = await desk.command({ act: 'confirm', email, nth: 0 });
    let told = 0;
    const { database } = desk;
    const subscribing = desk.openShell({
      onSyncDue: () => {
        told += 1;
      },
      database: {
        ...database,
        transaction: (work) =>
          database.transaction(async (tx) => {
            await work(tx);
            throw new Error('the connection broke before the commit');
          }),
      },
    });
    await expect(subscribing.run(press)).rejects.toThrow('broke');
    expect(told).toBe(0);
    expect(statesIn((await readersOf(database, [email])).get(email))).toEqual(['pending']);
  });
});

describe.skipIf(inject('server') === null)('two processes on one PostgreSQL', () => {
  it.each(['moves', 'is erased'])('find who %s between being found and being locked (I3)', async (what) => {
    const { database } = desk;
    const email = `${what.replace(' ', '-')}@reader.example`;
    await desk.run(signUp(email, 'daily'));
    await desk.run({ act: 'confirm', email, nth: 0 });
    await desk.run({ act: 'ask erasure', email });
    const { id } = (await readersOf(database, [email])).get(email) ?? { id: '' };
    const leave = await desk.command({ act: 'leave', email, list: null });
    const address = addressOf(email.replace('reader', 'elsewhere'));
    const meanwhile: Command =
      what === 'moves'
        ? { type: 'change_address', subscriberId: id, address }
        : await desk.command({ act: 'erase', email, nth: 0 });
    let isFirst = true;
    const subscribing = desk.openShell({
      database: {
        ...database,
        transaction: (work) =>
          database.transaction((tx) =>
            work({
              query: async (text, parameters) => {
                if (isFirst && text.includes('pg_advisory_xact_lock')) {
                  isFirst = false;
                  await desk.subscribing.run(meanwhile);
                }
                return tx.query(text, parameters);
              },
            }),
          ),
      },
    });
    expect(await subscribing.run(leave)).toMatchObject({
      type: 'left',
      left: what === 'moves' ? [{ slug: 'daily' }] : [],
    });
    const { state } = await database.prisma.subscription.findFirstOrThrow({ where: { subscriberId: id } });
    expect(state).toBe('unsubscribed');
  });

  it('race for the same people without a deadlock, a duplicate or a mail too many', async () => {
    const other = await desk.openDatabase();
    try {
      const lists = await desk.addLists('morning', 'evening');
      const wordings = new Map(lists.map(({ wording, id }) => [wording, id]));
      const people = [...crowd(4, 'race'), ...crowd(4, 'race').map((email) => email.replace('@', '+tag@'))];
      const shells = [desk.openShell(), desk.openShell({ database: other })];
      const acts = fc
        .sample(actsOf(people, ['morning', 'evening']), { numRuns: 700, seed: 23 })
        .filter((act) => act.act !== 'import' || act.state !== 'cleaned');
      for (let round = 0; round < 6; round++) {
        const directory = await desk.directory(people);
        const outcomes = await Promise.all(
          acts
            .slice(round * 100, round * 100 + 100)
            .flatMap((act) => shells.map((shell) => shell.run(commandOf(act, directory)))),
        );
        expect(outcomes).toHaveLength(200);
        desk.wait(20 * minute);
      }

      const everyone = await desk.people(people);
      for (const who of people) expect(everyone.get(who)).not.toEqual([]);
      const readers = [...everyone.values()].flat();
      expect(readers.some(({ ledgerSalt }) => ledgerSalt === null)).toBe(true);
      for (const reader of readers) {
        holdsPromises(reader, (wording) => wordings.get(wording));
        expect(faultInChain(ledgerOf(reader))).toBeNull();
      }
      for (const mailbox of crowd(4, 'race')) {
        const theirs = readers.filter(({ abuseKey }) => abuseKey === mailbox);
        keepsCaps(theirs.flatMap(({ mails }) => mails));
      }
    } finally {
      await other.close();
    }
  });
});

let drawn = 0;

function ownAct(act: Act, theirs: (email: string) => string, own: (slug: string) => string): Act {
  const email = theirs(act.email);
  if (act.act === 'sign up' || act.act === 'import') return { ...act, email, lists: act.lists.map(own) };
  if (act.act === 'choose') {
    return { ...act, email, lists: act.lists.map(own), shown: act.shown?.map(own) ?? null };
  }
  if (act.act === 'leave') return { ...act, email, list: act.list === null ? null : own(act.list) };
  return { ...act, email };
}

/** Link keys are drawn at random, so a model's differ. */
const withoutKey = (outcome: object) => ({ ...outcome, linkKey: undefined });

async function isSuppressed(email: string): Promise<boolean> {
  const digest = suppressionDigest(secret, addressOf(email).key);
  return (await desk.database.prisma.suppression.count({ where: { digest } })) > 0;
}

/** What the database and the model both say of a person, apart from ids and random values. */
function told(reader: StoredReader | Reader) {
  const seqOf = (requestId: string | null) => reader.requests.find(({ id }) => id === requestId)?.seq ?? 0;
  const withoutId = (text: string) => text.replace(reader.id, 'id');
  return {
    typed: withoutId(reader.typed),
    key: withoutId(reader.key),
    abuseKey: withoutId(reader.abuseKey),
    isErased: ('ledgerSalt' in reader ? reader.ledgerSalt : reader.salt) === null,
    isDeclined: 'declinedAt' in reader ? reader.declinedAt !== null : reader.declined,
    mailBlock: reader.mailBlock,
    locale: reader.locale,
    events: reader.events.map((event) => ({
      seq: event.seq,
      kind: event.kind,
      at: event.at,
      channel: event.channel,
      listWordings: event.listWordings,
      wordingVersion: event.wordingVersion,
      requestSeq: event.requestSeq,
      mailHash: event.mailHash,
      email: event.evidence?.email,
      ip: event.evidence?.ip,
      userAgent: event.evidence?.userAgent,
      page: event.evidence?.page,
      givenAt: event.evidence?.givenAt,
    })),
    subscriptions: reader.subscriptions
      .map(({ listId, state, consentSeq, endedSeq }) => ({ listId, state, consentSeq, endedSeq }))
      .sort((a, b) => a.listId - b.listId),
    requests: reader.requests.map((request) => ({
      seq: request.seq,
      listIds: request.listIds,
      wordingVersion: request.wordingVersion,
      locale: request.locale,
      firstName: request.firstName,
      expiresAt: request.expiresAt,
      confirmedAt: request.confirmedAt,
    })),
    mails: reader.mails
      .map(({ kind, requestId, seq, tokenHash, dueAt, acceptedAt, copy, abandoned }) => ({
        kind,
        request: seqOf(requestId),
        seq,
        isErasing: tokenHash !== null,
        dueAt,
        acceptedAt,
        copy,
        abandoned,
      }))
      .sort((a, b) => inOrder(a).localeCompare(inOrder(b))),
    contact: reader.contact && {
      wanted: reader.contact.wanted,
      optOut: reader.contact.optOut,
      erase: reader.contact.erase,
    },
  };
}

const inOrder = ({
  kind,
  request,
  seq,
  dueAt,
}: {
  kind: string;
  request: number;
  seq: number | null;
  dueAt: Date;
}) => JSON.stringify([dueAt, kind, request, seq]);
