import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsentChannel, type ConsentEventKind, MailKind } from '../../src/generated/prisma/enums.ts';
import type { Sql } from '../../src/platform/database.ts';
import { type Desk, openDesk } from '../subscribing/desk.ts';

// What the database refuses by itself, whoever asks: a second code path, a script, a repair by hand.

let desk: Desk;
const ann = 'ann@reader.example';
const bob = 'bob@reader.example';
const eve = 'eve@reader.example';

beforeAll(async () => {
  desk = await openDesk();
  await desk.addLists('daily', 'weekly', 'monthly');
  // Ann: 1 requested, 2 confirmed, 3 left the daily. Bob: 1 requested the daily. Eve: the same.
  await desk.run({ act: 'sign up', email: ann, lists: ['daily', 'weekly'] });
  await desk.run({ act: 'confirm', email: ann, nth: 0 });
  await desk.run({ act: 'leave', email: ann, list: 'daily' });
  await desk.run({ act: 'sign up', email: bob, lists: ['daily'] });
  await desk.run({ act: 'sign up', email: eve, lists: ['daily'] });
});
afterAll(() => desk.close());

const passed = 'the database let it pass';

/** Tries something and takes it back. @throws what the database says, or that it let it pass */
function attempt(...steps: (string | ((tx: Sql) => Promise<unknown>))[]): Promise<never> {
  return desk.database.transaction(async (tx) => {
    for (const step of steps) await (typeof step === 'string' ? tx.query(step) : step(tx));
    throw new Error(passed);
  });
}

const person = (key: string) => `(SELECT id FROM subscribers WHERE key = '${key}')`;
const list = (slug: string) => `(SELECT id FROM mailing_lists WHERE slug = '${slug}')`;
const on = (email: string, slug: string) => `subscriber_id = ${person(email)} AND list_id = ${list(slug)}`;
const change = (email: string, slug: string, to: string) =>
  `UPDATE subscriptions SET ${to} WHERE ${on(email, slug)}`;
const join = (email: string, slug: string, state: string, consentSeq = 'NULL', endedSeq = 'NULL') =>
  `INSERT INTO subscriptions (subscriber_id, list_id, state, consent_seq, ended_seq, changed_at)
   VALUES (${person(email)}, ${list(slug)}, '${state}', ${consentSeq}, ${endedSeq}, now())`;

interface Entry {
  kind: ConsentEventKind;
  lists: string[] | null;
  requestSeq?: number;
  seq?: number;
  previousHash?: string;
  wordingVersion?: string | null;
  mailHash?: string | null;
  channel?: ConsentChannel;
}

/** Adds an entry to somebody's ledger, well-formed but for what is said. */
const enter = (email: string, entry: Entry) => (tx: Sql) =>
  tx.query(
    `INSERT INTO consent_events (subscriber_id, seq, kind, at, channel, list_wordings, wording_version, request_seq,
                                 mail_hash, evidence_digest, previous_hash, hash)
     SELECT id, coalesce($2::int, ledger_seq + 1), $3::consent_event_kind, now(), $9::consent_channel,
            CASE WHEN $4::text[] IS NULL THEN NULL ELSE ARRAY(
              SELECT wording_version FROM mailing_lists WHERE slug = ANY ($4::text[])) END,
            $5::text, $6::int, $7::text, 'digest', coalesce($8::text, ledger_hash), gen_random_uuid()::text
       FROM subscribers WHERE key = $1::text`,
    [
      email,
      entry.seq ?? null,
      entry.kind,
      entry.lists,
      entry.wordingVersion === undefined
        ? ({ requested: desk.wordingVersion, imported: desk.source }[String(entry.kind)] ?? null)
        : entry.wordingVersion,
      entry.requestSeq ?? null,
      entry.mailHash === undefined && entry.kind === 'mailed' ? 'hash' : (entry.mailHash ?? null),
      entry.previousHash ?? null,
      entry.channel ?? (/^import/.test(entry.kind) ? 'import' : 'form'),
    ],
  );

describe('nobody is subscribed without a confirmed consent of their own (I1)', () => {
  const confirmed = enter(bob, { kind: 'confirmed', lists: ['daily'], requestSeq: 1 });

  it('lets a confirmed request subscribe', async () => {
    const attempted = attempt(confirmed, change(bob, 'daily', `state = 'subscribed', consent_seq = 2`));
    await expect(attempted).rejects.toThrow(passed);
  });

  it('refuses one without any entry', async () => {
    await expect(attempt(change(bob, 'daily', `state = 'subscribed'`))).rejects.toThrow(
      '"subscriptions_consent"',
    );
  });

  it('refuses one by the request alone', async () => {
    await expect(attempt(change(bob, 'daily', `state = 'subscribed', consent_seq = 1`))).rejects.toThrow(
      /I1/,
    );
  });

  it("refuses one by somebody else's confirmation", async () => {
    const annHasOne = change(bob, 'daily', `state = 'subscribed', consent_seq = 2`);
    await expect(attempt(annHasOne)).rejects.toThrow('"subscriptions_subscriber_id_consent_seq_fkey"');
  });

  it('refuses one by a confirmation of another list', async () => {
    await expect(
      attempt(
        enter(bob, { kind: 'requested', lists: ['weekly'] }),
        enter(bob, { kind: 'confirmed', lists: ['weekly'], requestSeq: 2 }),
        change(bob, 'daily', `state = 'subscribed', consent_seq = 3`),
      ),
    ).rejects.toThrow(/I1/);
  });

  it('refuses one by the entry that a mail was sent', async () => {
    await expect(
      attempt(
        enter(bob, { kind: 'mailed', lists: ['daily'], requestSeq: 1 }),
        change(bob, 'daily', `state = 'subscribed', consent_seq = 2`),
      ),
    ).rejects.toThrow(/I1/);
  });

  it('refuses to put another consent, or none, in the place of the one that justifies it', async () => {
    await expect(attempt(change(ann, 'weekly', 'consent_seq = 1'))).rejects.toThrow(/I1/);
    await expect(attempt(change(ann, 'weekly', 'consent_seq = NULL'))).rejects.toThrow(
      '"subscriptions_consent"',
    );
  });
});

describe('an opt-out is not undone but by a newer consent (I2)', () => {
  const again = change(ann, 'daily', `state = 'pending'`);

  it('lets a newer request and its confirmation subscribe again', async () => {
    await expect(
      attempt(
        enter(ann, { kind: 'requested', lists: ['daily'] }),
        again,
        enter(ann, { kind: 'confirmed', lists: ['daily'], requestSeq: 4 }),
        change(ann, 'daily', `state = 'subscribed', consent_seq = 5`),
      ),
    ).rejects.toThrow(passed);
  });

  it('refuses the old confirmation', async () => {
    await expect(
      attempt(again, change(ann, 'daily', `state = 'subscribed', consent_seq = 2`)),
    ).rejects.toThrow(/I2/);
  });

  it('refuses a new confirmation of the old request', async () => {
    await expect(
      attempt(
        again,
        enter(ann, { kind: 'confirmed', lists: ['daily'], requestSeq: 1 }),
        change(ann, 'daily', `state = 'subscribed', consent_seq = 4`),
      ),
    ).rejects.toThrow(/I2/);
  });

  it('refuses a confirmation that an opt-out came after, told at the same moment', async () => {
    await expect(
      attempt(
        enter(bob, { kind: 'confirmed', lists: ['daily'], requestSeq: 1 }),
        enter(bob, { kind: 'unsubscribed', lists: ['daily'] }),
        change(bob, 'daily', `state = 'subscribed', consent_seq = 2, ended_seq = 3`),
      ),
    ).rejects.toThrow(/I2/);
    await expect(
      attempt(
        enter(ann, { kind: 'unsubscribed', lists: ['weekly'] }),
        change(ann, 'weekly', 'ended_seq = 4'),
      ),
    ).rejects.toThrow(/I2/);
  });

  it.each([
    ['forgotten', 'ended_seq = NULL', '"subscriptions_ending"'],
    ['dated back', 'ended_seq = 1', '(I2)'],
    ['given to another list', `list_id = ${list('monthly')}`, '(I2)'],
    [
      'given to another person',
      `subscriber_id = ${person(bob)}, list_id = ${list('monthly')}`,
      '"subscriptions_subscriber_id_consent_seq_fkey"',
    ],
  ])('refuses an opt-out to be %s', async (_, to, refusal) => {
    await expect(attempt(change(ann, 'daily', to))).rejects.toThrow(refusal);
  });

  it('refuses to delete a subscription, one or all', async () => {
    await expect(attempt(`DELETE FROM subscriptions WHERE ${on(ann, 'daily')}`)).rejects.toThrow(/I2/);
    await expect(attempt('TRUNCATE subscriptions')).rejects.toThrow(/I2/);
    await expect(attempt('TRUNCATE subscribers CASCADE')).rejects.toThrow(/I2|I5/);
    await expect(attempt('TRUNCATE mailing_lists CASCADE')).rejects.toThrow(/I2|I5/);
  });
});

describe('a subscription goes from state to state only as the state machine says', () => {
  it.each(['subscribed', 'unsubscribed'])('refuses to begin as %s', async (state) => {
    await expect(attempt(join(ann, 'monthly', state, '2', '3'))).rejects.toThrow(`from nothing to ${state}`);
  });

  it('refuses to go from unsubscribed to subscribed, even with a newer consent', async () => {
    await expect(
      attempt(
        enter(ann, { kind: 'requested', lists: ['daily'] }),
        enter(ann, { kind: 'confirmed', lists: ['daily'], requestSeq: 4 }),
        change(ann, 'daily', `state = 'subscribed', consent_seq = 5`),
      ),
    ).rejects.toThrow('from unsubscribed to subscribed');
  });

  it('refuses to lower from subscribed to pending', async () => {
    await expect(attempt(change(ann, 'weekly', `state = 'pending'`))).rejects.toThrow(
      'from subscribed to pending',
    );
  });

  it('lets an opt-out with its entry pass, from subscribed and from pending', async () => {
    const left = (email: string, slug: string, seq: number) =>
      attempt(
        enter(email, { kind: 'unsubscribed', lists: [slug] }),
        change(email, slug, `state = 'unsubscribed', ended_seq = ${seq}`),
      );
    await expect(left(ann, 'weekly', 4)).rejects.toThrow(passed);
    await expect(left(bob, 'daily', 2)).rejects.toThrow(passed);
  });

  it.each([
    ['without an entry', 'NULL', '"subscriptions_ending"'],
    ['by an entry that is no opt-out', '2', '(I3)'],
    ['by an opt-out from another list', '3', '(I3)'],
  ])('refuses an opt-out %s (I3)', async (_, seq, refusal) => {
    await expect(
      attempt(change(ann, 'weekly', `state = 'unsubscribed', ended_seq = ${seq}`)),
    ).rejects.toThrow(refusal);
  });

  it('refuses a second opt-out by the entry of the first (I3)', async () => {
    await expect(
      attempt(change(ann, 'daily', `state = 'pending'`), change(ann, 'daily', `state = 'unsubscribed'`)),
    ).rejects.toThrow(/I3/);
  });
});

describe('time ends what nobody confirmed, and nothing else (C-17, I3)', () => {
  const expired = (email: string, ...lists: string[]) =>
    enter(email, { kind: 'expired', lists, channel: 'retention' });
  const end = (email: string, slug: string, seq: number) =>
    change(email, slug, `state = 'unsubscribed', ended_seq = ${seq}`);

  it('lets a request expire that waits', async () => {
    await expect(attempt(expired(bob, 'daily'), end(bob, 'daily', 2))).rejects.toThrow(passed);
  });

  it('refuses to end a subscription so', async () => {
    await expect(attempt(expired(ann, 'weekly'), end(ann, 'weekly', 4))).rejects.toThrow(/I3/);
  });

  it('refuses an entry of anybody else', async () => {
    const byHand = enter(bob, { kind: 'expired', lists: ['daily'], channel: 'api' });
    await expect(attempt(byHand)).rejects.toThrow('"consent_events_expiry"');
  });
});

describe('an import subscribes who never opted out, and nobody else (I1, I2, C-26)', () => {
  const imported = (email: string, ...lists: string[]) => enter(email, { kind: 'imported', lists });
  const undone = (email: string, ...lists: string[]) => enter(email, { kind: 'import_undone', lists });
  const raise = (email: string, slug: string, seq: number) =>
    change(email, slug, `state = 'subscribed', consent_seq = ${seq}`);
  const end = (email: string, slug: string, seq: number) =>
    change(email, slug, `state = 'unsubscribed', ended_seq = ${seq}`);
  /** Bob is brought onto the monthly and taken off it again: entries 2 and 3. */
  const takenBack = [
    imported(bob, 'monthly'),
    join(bob, 'monthly', 'subscribed', '2'),
    undone(bob, 'monthly'),
    end(bob, 'monthly', 3),
  ];

  it('lets it subscribe who is on no list, or waits for their confirmation', async () => {
    await expect(attempt(imported(bob, 'monthly'), join(bob, 'monthly', 'subscribed', '2'))).rejects.toThrow(
      passed,
    );
    await expect(attempt(imported(bob, 'daily'), raise(bob, 'daily', 2))).rejects.toThrow(passed);
  });

  it('lets it bring an opt-out', async () => {
    const left = enter(bob, { kind: 'unsubscribed', lists: ['monthly'], channel: 'import' });
    await expect(attempt(left, join(bob, 'monthly', 'unsubscribed', 'NULL', '2'))).rejects.toThrow(passed);
  });

  it('refuses it to raise who opted out, and who asked again since without confirming', async () => {
    await expect(attempt(imported(ann, 'daily'), raise(ann, 'daily', 4))).rejects.toThrow(
      'from unsubscribed to subscribed',
    );
    await expect(
      attempt(
        enter(ann, { kind: 'requested', lists: ['daily'] }),
        change(ann, 'daily', `state = 'pending'`),
        imported(ann, 'daily'),
        raise(ann, 'daily', 5),
      ),
    ).rejects.toThrow(/I1, I2/);
  });

  it('refuses to hide an opt-out behind an import that was taken back', async () => {
    const hidden = (seq: number) => [
      imported(ann, 'monthly'),
      join(ann, 'monthly', 'subscribed', '4'),
      undone(ann, 'monthly', 'daily'),
      change(ann, 'daily', `ended_seq = ${seq}`),
    ];
    await expect(attempt(...hidden(5))).rejects.toThrow('(I3)');
    await expect(
      attempt(
        undone(ann, 'daily'),
        imported(ann, 'daily'),
        change(ann, 'daily', `state = 'subscribed', consent_seq = 5, ended_seq = 4`),
      ),
    ).rejects.toThrow(/I2/);
  });

  it('refuses one about another list, or by an opt-out', async () => {
    await expect(attempt(imported(bob, 'weekly'), join(bob, 'monthly', 'subscribed', '2'))).rejects.toThrow(
      'from nothing to subscribed',
    );
    const left = enter(bob, { kind: 'unsubscribed', lists: ['monthly'], channel: 'import' });
    await expect(attempt(left, join(bob, 'monthly', 'subscribed', '2'))).rejects.toThrow(/I1/);
    await expect(
      attempt(imported(bob, 'monthly'), join(bob, 'monthly', 'unsubscribed', 'NULL', '2')),
    ).rejects.toThrow(/I3/);
  });

  it.each<[string, Entry, string]>([
    [
      'no word of where consent comes from',
      { kind: 'imported', lists: ['daily'], wordingVersion: null },
      'wording',
    ],
    ['another channel', { kind: 'imported', lists: ['daily'], channel: 'form' }, 'import'],
    ['another channel of undoing', { kind: 'import_undone', lists: ['daily'], channel: 'api' }, 'import'],
  ])('refuses an entry with %s', async (_, entry, constraint) => {
    await expect(attempt(enter(bob, entry))).rejects.toThrow(`"consent_events_${constraint}"`);
  });

  it('lets an import be taken back, and another follow', async () => {
    await expect(attempt(...takenBack, imported(bob, 'monthly'), raise(bob, 'monthly', 4))).rejects.toThrow(
      passed,
    );
  });

  it('refuses the entry of the import that was taken back', async () => {
    await expect(attempt(...takenBack, raise(bob, 'monthly', 2))).rejects.toThrow(/I1, I2/);
  });

  it('refuses to take back what was confirmed, and what waits', async () => {
    await expect(attempt(undone(ann, 'weekly'), end(ann, 'weekly', 4))).rejects.toThrow(/I3/);
    await expect(attempt(undone(bob, 'daily'), end(bob, 'daily', 2))).rejects.toThrow(/I3/);
  });

  it('lets who had asked before confirm although an import came and went, but not who left since', async () => {
    const cameAndWent = [
      imported(bob, 'daily'),
      raise(bob, 'daily', 2),
      undone(bob, 'daily'),
      end(bob, 'daily', 3),
    ];
    const confirmed = enter(bob, { kind: 'confirmed', lists: ['daily'], requestSeq: 1 });
    await expect(attempt(...cameAndWent, confirmed, raise(bob, 'daily', 4))).rejects.toThrow(passed);
    const left = enter(bob, { kind: 'unsubscribed', lists: ['daily'] });
    await expect(
      attempt(...cameAndWent, left, end(bob, 'daily', 4), confirmed, raise(bob, 'daily', 5)),
    ).rejects.toThrow('from unsubscribed to subscribed');
  });

  it('looks at every row of a set (I5)', async () => {
    const both = (tx: Sql) =>
      tx.query(
        `INSERT INTO consent_events (subscriber_id, seq, kind, at, channel, list_wordings, evidence_digest,
                                     previous_hash, hash)
         SELECT id, ledger_seq + n, 'unsubscribed', now(), 'form',
                ARRAY(SELECT wording_version FROM mailing_lists WHERE slug = 'daily'), 'digest',
                CASE WHEN n = 1 THEN ledger_hash WHEN key = '${eve}' THEN 'made up' ELSE key || '1' END, key || n
           FROM subscribers, generate_series(1, 2) AS n WHERE key IN ('${bob}', '${eve}')`,
      );
    await expect(attempt(both)).rejects.toThrow('(I5)');
    const theirs = (email: string) => (tx: Sql) =>
      tx.query(
        `INSERT INTO subscriptions (subscriber_id, list_id, state, consent_seq, changed_at)
         SELECT ${person(email)}, id, 'subscribed', 2, now() FROM mailing_lists
          WHERE slug IN ('weekly', 'monthly')`,
      );
    await expect(attempt(imported(bob, 'weekly', 'monthly'), theirs(bob))).rejects.toThrow(passed);
    await expect(attempt(imported(bob, 'weekly'), theirs(bob))).rejects.toThrow('from nothing to subscribed');
  });
});

describe('the ledger is append-only (I5, C-10)', () => {
  const annsEvents = `subscriber_id = ${person(ann)}`;

  it.each([
    ['an entry to be altered', `UPDATE consent_events SET at = now() WHERE ${annsEvents}`],
    ['an entry to be deleted', `DELETE FROM consent_events WHERE ${annsEvents} AND seq = 3`],
    ['to be emptied', 'TRUNCATE consent_events CASCADE'],
    ['evidence to be altered', `UPDATE consent_evidence SET ip = NULL WHERE ${annsEvents}`],
    ['evidence to be deleted', `DELETE FROM consent_evidence WHERE ${annsEvents}`],
    ['evidence to be emptied', 'TRUNCATE consent_evidence'],
  ])('refuses %s', async (_, statement) => {
    await expect(attempt(statement)).rejects.toThrow(/I5/);
  });

  it('refuses to delete the person of a ledger, or to hand it to another', async () => {
    await expect(attempt(`DELETE FROM subscribers WHERE key = '${ann}'`)).rejects.toThrow();
    await expect(
      attempt(`UPDATE subscribers SET id = gen_random_uuid() WHERE key = '${ann}'`),
    ).rejects.toThrow(/I2|I5/);
  });

  const left: Entry = { kind: 'unsubscribed', lists: ['weekly'] };
  it.each<[string, Entry, string]>([
    ['a gap', { ...left, seq: 5 }, '(I5)'],
    ['a number twice', { ...left, seq: 3 }, '"consent_events_pkey"'],
    ['no number', { ...left, seq: 0 }, '"consent_events_numbered"'],
    ['another chain', { ...left, previousHash: 'made up' }, '(I5)'],
    ['the beginning', { ...left, previousHash: '' }, '(I5)'],
  ])('refuses an entry that continues from %s', async (_, entry, refusal) => {
    await expect(attempt(enter(ann, entry))).rejects.toThrow(refusal);
  });

  it('lets the next entry pass', async () => {
    await expect(attempt(enter(ann, left))).rejects.toThrow(passed);
  });

  it.each<[string, Entry]>([
    ['a request without the text shown', { kind: 'requested', lists: ['daily'], wordingVersion: null }],
    ['an opt-out with a text', { ...left, wordingVersion: 'some text' }],
    ['a confirmation of no request', { kind: 'confirmed', lists: ['daily'] }],
    ['a sent mail without its hash', { kind: 'mailed', lists: ['daily'], requestSeq: 1, mailHash: null }],
    ['an entry about no list', { kind: 'unsubscribed', lists: [] }],
    ['an erasure that answers a request', { kind: 'erased', lists: [], requestSeq: 1 }],
    ['an entry about nothing', { kind: 'unsubscribed', lists: null }],
  ])('refuses %s', async (_, entry) => {
    await expect(attempt(enter(ann, entry))).rejects.toThrow(/consent_events_/);
  });

  it.each<ConsentEventKind>(['erased', 'address_changed'])(
    'lets an entry “%s” be about no list',
    async (kind) => {
      await expect(attempt(enter(ann, { kind, lists: [] }))).rejects.toThrow(passed);
    },
  );

  it('refuses to move the head of a ledger by hand', async () => {
    for (const to of ['ledger_seq = 9', `ledger_hash = 'made up'`, `ledger_seq = 0, ledger_hash = ''`]) {
      await expect(attempt(`UPDATE subscribers SET ${to} WHERE key = '${ann}'`)).rejects.toThrow(/I5/);
    }
  });

  it('refuses a ledger that does not begin empty', async () => {
    const person = (head: string) =>
      `INSERT INTO subscribers (id, typed, email, key, abuse_key, link_key, locale, created_at, ledger_seq, ledger_hash)
       VALUES (gen_random_uuid(), 'x@x.example', 'x@x.example', 'x@x.example', 'x@x.example',
               '${'0'.repeat(32)}', 'en', now(), ${head})`;
    await expect(attempt(person(`1, ''`))).rejects.toThrow(/I5/);
    await expect(attempt(person(`0, 'made up'`))).rejects.toThrow(/I5/);
    await expect(attempt(person(`0, ''`))).rejects.toThrow(passed);
  });
});

describe('a confirmation covers the lists of its own request (C-12)', () => {
  it.each<[string, Entry]>([
    ['a list that was not asked for', { kind: 'confirmed', lists: ['monthly'], requestSeq: 1 }],
    ['one list more', { kind: 'confirmed', lists: ['daily', 'monthly'], requestSeq: 1 }],
    ['an entry that is no request', { kind: 'confirmed', lists: ['daily'], requestSeq: 2 }],
    ['a request that there is not', { kind: 'confirmed', lists: ['daily'], requestSeq: 77 }],
    ['itself', { kind: 'confirmed', lists: ['daily'], requestSeq: 4 }],
    ['a request, by mailing other lists', { kind: 'mailed', lists: ['monthly'], requestSeq: 1 }],
  ])('refuses to answer %s', async (_, entry) => {
    await expect(attempt(enter(ann, entry))).rejects.toThrow(/C-12/);
  });
});

describe('erasure destroys the salt, then the evidence, and nothing else (I6)', () => {
  const unsalted = `UPDATE subscribers SET ledger_salt = NULL WHERE key = '${ann}'`;

  it('lets evidence go once its salt is gone', async () => {
    const attempted = attempt(unsalted, `DELETE FROM consent_evidence WHERE subscriber_id = ${person(ann)}`);
    await expect(attempted).rejects.toThrow(passed);
  });

  it("leaves other people's evidence alone", async () => {
    const attempted = attempt(unsalted, `DELETE FROM consent_evidence WHERE subscriber_id = ${person(bob)}`);
    await expect(attempted).rejects.toThrow(/I5/);
  });

  it('refuses another salt, before and after', async () => {
    const resalted = `UPDATE subscribers SET ledger_salt = 'another' WHERE key = '${ann}'`;
    await expect(attempt(resalted)).rejects.toThrow(/I6/);
    await expect(attempt(unsalted, resalted)).rejects.toThrow(/I6/);
  });

  it('refuses the entries and the subscriptions to go with it', async () => {
    const gone = (table: string) => `DELETE FROM ${table} WHERE subscriber_id = ${person(ann)}`;
    await expect(attempt(unsalted, gone('consent_events'))).rejects.toThrow(/I5/);
    await expect(attempt(unsalted, gone('subscriptions'))).rejects.toThrow(/I2/);
  });
});

describe('who was erased does not come back (I6)', () => {
  const nameless = `id || '@erased.invalid'`;
  const erase = (tx: Sql) =>
    tx.query(
      `UPDATE subscribers
          SET typed = ${nameless}, email = ${nameless}, key = ${nameless}, abuse_key = ${nameless},
              first_name = NULL, ledger_salt = NULL
        WHERE key = '${ann}'`,
    );

  it('lets all that is personal go at once', async () => {
    await expect(attempt(erase)).rejects.toThrow(passed);
  });

  it.each([
    ['the address as typed', `typed = '${ann}'`],
    ['the address', `email = '${ann}', key = '${ann}'`],
    ['the folded address', `abuse_key = '${ann}'`],
    ['the name', `first_name = 'Ann'`],
    [
      'all of it',
      `typed = '${ann}', email = '${ann}', key = '${ann}', abuse_key = '${ann}', first_name = 'Ann'`,
    ],
  ])('refuses that %s returns into the row', async (_, to) => {
    const restored = `UPDATE subscribers SET ${to} WHERE ledger_salt IS NULL`;
    await expect(attempt(erase, restored)).rejects.toThrow('an erased person does not come back (I6)');
  });

  it('refuses another entry in the ledger', async () => {
    const { id } = await desk.database.prisma.subscriber.findUniqueOrThrow({ where: { key: ann } });
    await expect(
      attempt(
        enter(ann, { kind: 'erased', lists: [] }),
        erase,
        enter(`${id}@erased.invalid`, { kind: 'requested', lists: ['daily'] }),
      ),
    ).rejects.toThrow('an erased person does not come back (I6)');
  });

  it('lets what is not personal change still', async () => {
    await expect(
      attempt(erase, `UPDATE subscribers SET locale = 'de' WHERE ledger_salt IS NULL`),
    ).rejects.toThrow(passed);
  });
});

describe('a mail is owed for what its kind is about', () => {
  const request = `(SELECT id FROM sign_up_requests WHERE subscriber_id = ${person(bob)})`;
  const owe = (kind: MailKind, { requestId = 'NULL', seq = 'NULL', tokenHash = 'NULL' } = {}) =>
    `INSERT INTO mails (id, subscriber_id, kind, request_id, seq, token_hash, created_at, due_at)
     VALUES (gen_random_uuid(), ${person(bob)}, '${kind}', ${requestId}, ${seq}, ${tokenHash}, now(), now())`;
  const about = { requestId: request, seq: '1', tokenHash: `'a hash'` };
  const right: Record<MailKind, Partial<typeof about>> = {
    confirmation: { requestId: about.requestId },
    welcome: { seq: about.seq },
    receipt: { seq: about.seq },
    my_link: {},
    copy: {},
    erasure: { tokenHash: about.tokenHash },
  };

  it.each(Object.values(MailKind))(
    'lets a %s about it pass, and refuses one about nothing or about more',
    async (kind) => {
      await expect(attempt(owe(kind, right[kind]))).rejects.toThrow(passed);
      for (const part of ['requestId', 'seq', 'tokenHash'] as const) {
        const { [part]: given, ...others } = { ...right[kind] };
        const wrong = given === undefined ? { ...others, [part]: about[part] } : others;
        const refusal = { requestId: 'mails_request', seq: 'mails_entry', tokenHash: 'mails_link' }[part];
        await expect(attempt(owe(kind, wrong))).rejects.toThrow(`"${refusal}"`);
      }
    },
  );

  it('refuses two erasures behind one link (A-20)', async () => {
    const erasure = owe('erasure', right.erasure);
    await expect(attempt(erasure, erasure)).rejects.toThrow(/mails_token|token_hash/);
  });
});

describe('what stands in mails and proofs stays', () => {
  it('refuses to change the key in links (U-17), or to make it guessable', async () => {
    const key = (to: string) => `UPDATE subscribers SET link_key = '${to}' WHERE key = '${ann}'`;
    await expect(attempt(key('0'.repeat(32)))).rejects.toThrow(/U-17/);
    await expect(attempt(key('short'))).rejects.toThrow(/U-17/);
    const newcomer = (linkKey: string) =>
      `INSERT INTO subscribers (id, typed, email, key, abuse_key, link_key, locale, created_at)
       VALUES (gen_random_uuid(), 'X@x.example', 'X@x.example', 'x@x.example', 'x@x.example', '${linkKey}', 'en', now())`;
    await expect(attempt(newcomer('abc123'))).rejects.toThrow(/subscribers_link_key/);
    await expect(attempt(newcomer('0'.repeat(32)))).rejects.toThrow(passed);
  });

  it('refuses a person under a key that is not their address in lower case, or twice (E-04)', async () => {
    const rename = (to: string) => `UPDATE subscribers SET ${to} WHERE key = '${ann}'`;
    await expect(attempt(rename(`key = 'somebody@else.example'`))).rejects.toThrow(/subscribers_key/);
    await expect(attempt(rename(`email = '${bob}', key = '${bob}'`))).rejects.toThrow(/unique/);
  });

  it('refuses to change the slug of a list', async () => {
    await expect(attempt(`UPDATE mailing_lists SET slug = 'nightly' WHERE slug = 'daily'`)).rejects.toThrow(
      /slug/,
    );
  });

  it.each(['consent_wordings', 'mailing_list_wordings'])(
    'refuses to alter or delete %s (C-13)',
    async (table) => {
      await expect(attempt(`UPDATE ${table} SET created_at = now()`)).rejects.toThrow(/C-13/);
      await expect(attempt(`DELETE FROM ${table}`)).rejects.toThrow(/C-13/);
      await expect(attempt(`TRUNCATE ${table} CASCADE`)).rejects.toThrow(/I2|I5/);
    },
  );

  it('says so as a fault of the row, so that its neighbours in a set are tried alone', async () => {
    await expect(
      attempt(change(bob, 'daily', `state = 'subscribed', consent_seq = 1`)),
    ).rejects.toMatchObject({
      code: '23000',
    });
  });
});
