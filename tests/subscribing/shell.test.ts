import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { verifyLedger } from '../../src/consent/verify.ts';
import { decide } from '../../src/subscribing/decide.ts';
import { archiveList } from '../../src/subscribing/lists.ts';
import { actsOf, emails, slugs } from './acts.ts';
import { type Desk, ledgerOf, openDesk, readersOf, type StoredReader } from './desk.ts';
import { type Act, commandOf, createModel, day, freshOf, hour, minute, type Reader } from './model.ts';
import { holdsPromises, keepsCaps } from './promises.ts';

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
      acts: fc.array(actsOf(emails, slugs), { minLength: 1, maxLength: 6 }),
      wait: fc.constantFrom(0, 1, minute, hour, 8 * day),
      archive: fc.option(fc.constantFrom(...slugs), { freq: 8 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(set, { minLength: 2, maxLength: 6 }), async (sets) => {
        const own = (slug: string) => `${slug}-${run}`;
        const theirs = (email: string) => email.replace('reader', `reader-${run}`);
        run += 1;
        const model = createModel(desk.wordingVersion);
        for (const list of await desk.addLists(...slugs.map(own))) model.offer(list);

        for (const { acts, wait, archive } of sets) {
          desk.wait(wait);
          if (archive !== null) {
            await archiveList(desk.database, own(archive), desk.now());
            model.archive(own(archive));
          }
          const together = acts.map((act) => ownAct(act, theirs, own));
          const stored = await desk.directory(emails.map(theirs));
          const modelled = model.directory();
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

        const readers = await readersOf(desk.database, emails.map(theirs));
        expect(readers.size).toBe(model.everyone().length);
        for (const modelled of model.everyone()) {
          const stored = readers.get(modelled.key);
          if (stored === undefined) throw new Error('a person was not saved');
          expect(told(stored)).toEqual(told(modelled));
          expect(verifyLedger(ledgerOf(stored))).toBeNull();
        }
      }),
      { numRuns: 25 },
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
    expect(readers.map((reader) => verifyLedger(ledgerOf(reader))).every((broken) => broken === null)).toBe(
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
  it('race for the same people without a deadlock, a duplicate or a mail too many', async () => {
    const other = await desk.openDatabase();
    try {
      const lists = await desk.addLists('morning', 'evening');
      const wordings = new Map(lists.map(({ wording, id }) => [wording, id]));
      const people = [...crowd(4, 'race'), ...crowd(4, 'race').map((email) => email.replace('@', '+tag@'))];
      const shells = [desk.openShell(), desk.openShell({ database: other })];
      const acts = fc.sample(actsOf(people, ['morning', 'evening']), { numRuns: 600, seed: 23 });
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

      const readers = [...(await readersOf(desk.database, people)).values()];
      expect(readers).toHaveLength(people.length);
      for (const reader of readers) {
        holdsPromises(reader, (wording) => wordings.get(wording));
        expect(verifyLedger(ledgerOf(reader))).toBeNull();
      }
      for (const mailbox of crowd(4, 'race')) {
        const theirs = readers.filter(({ abuseKey }) => abuseKey === mailbox);
        keepsCaps(theirs.flatMap(({ mails }) => mails.map(({ dueAt }) => dueAt)));
      }
    } finally {
      await other.close();
    }
  });
});

let drawn = 0;

function ownAct(act: Act, theirs: (email: string) => string, own: (slug: string) => string): Act {
  const email = theirs(act.email);
  if (act.act === 'sign up' || act.act === 'choose') return { ...act, email, lists: act.lists.map(own) };
  if (act.act === 'leave') return { ...act, email, list: act.list === null ? null : own(act.list) };
  return { ...act, email };
}

/** Link keys are drawn at random, so a model's differ. */
const withoutKey = (outcome: object) => ({ ...outcome, linkKey: undefined });

/** What the database and the model both say of a person, apart from ids and random values. */
function told(reader: StoredReader | Reader) {
  const seqOf = (requestId: string | null) => reader.requests.find(({ id }) => id === requestId)?.seq ?? 0;
  return {
    typed: reader.typed,
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
    })),
    subscriptions: reader.subscriptions
      .map(({ listId, state, consentSeq, endedSeq }) => ({ listId, state, consentSeq, endedSeq }))
      .sort((a, b) => a.listId - b.listId),
    requests: reader.requests.map(({ seq, listIds, expiresAt, confirmedAt }) => ({
      seq,
      listIds,
      expiresAt,
      confirmedAt,
    })),
    mails: reader.mails
      .map(({ requestId, dueAt, acceptedAt }) => ({ request: seqOf(requestId), dueAt, acceptedAt }))
      .sort((a, b) => a.request - b.request),
    contact: reader.contact && { wanted: reader.contact.wanted, optOut: reader.contact.optOut },
  };
}
