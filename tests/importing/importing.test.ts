import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { faultInChain } from '../../src/consent/verify.ts';
import {
  beginImport,
  finishImport,
  type Importing,
  previewRows,
  takeRows,
} from '../../src/importing/importing.ts';
import { findImport, imports } from '../../src/importing/imports.ts';
import { type ImportRow, importRows, judgeRow } from '../../src/importing/rows.ts';
import { undoImport } from '../../src/importing/undo.ts';
import { archiveList } from '../../src/subscribing/lists.ts';
import { type Desk, ledgerOf, openDesk, readersOf, secret } from '../subscribing/desk.ts';
import { addressOf, day } from '../subscribing/model.ts';

let desk: Desk;
let parts: Importing;
beforeAll(async () => {
  desk = await openDesk();
  await desk.addLists('daily', 'weekly', 'closed');
  await archiveList(desk.database, 'closed', desk.now());
  parts = desk;
});
afterAll(() => desk.close());

let files = 0;

/** Begins an import of a file of its own. */
async function begin(more: Partial<Parameters<typeof beginImport>[1]> = {}, with_ = parts): Promise<string> {
  const { id } = await beginImport(with_, wishOf(`file ${files++}`, more));
  return id;
}

const wishOf = (digest: string, more: Partial<Parameters<typeof beginImport>[1]> = {}) => ({
  ...{ digest, file: 'people.csv', lists: ['daily'], source: 'Box on our old site', key: 'editor' },
  ...more,
});

const rowsOf = (emails: readonly string[], more: object = {}): ImportRow[] =>
  importRows.parse(emails.map((email) => ({ email, ...more })));

const crowd = (name: string, of: number) => Array.from({ length: of }, (_, n) => `${name}${n}@crowd.example`);

const counted = (more: object = {}) => ({
  ...{ created: 0, updated: 0, unchanged: 0, suppressed: 0, rejected: 0 },
  ...more,
});

const statesOf = async (emails: readonly string[]) =>
  (
    await desk.database.query<{ state: string }>(
      `SELECT DISTINCT state::text FROM subscriptions JOIN subscribers person ON person.id = subscriber_id
      WHERE key = ANY ($1::text[]) ORDER BY 1`,
      [emails],
    )
  ).map(({ state }) => state);

/** How many entries there are in ledgers, and rows of imports. */
const traces = async () =>
  desk.database.query(
    `SELECT (SELECT count(*)::int FROM consent_events) AS events,
            (SELECT count(*)::int FROM subscribers) AS people,
            (SELECT count(*)::int FROM imported_rows) AS rows`,
  );

describe('the lists of a row', () => {
  const judged = (row: object, lists: string[] = []) => {
    const list = (slug: string, name: string, archived = false) => ({
      ...{ id: slug.length, slug, name, description: '', wording: slug, archived },
    });
    const known = [
      list('daily', 'The Daily'),
      list('weekly', 'Weekly, with letters'),
      list('art', 'Art'),
      list('gone', 'The one that is gone', true),
    ];
    const [read] = importRows.parse([{ email: 'ann@reader.example', ...row }]);
    const found = judgeRow(read ?? expect.fail('no row'), {
      ...{ lists: known.filter(({ slug }) => lists.includes(slug)), known, now: new Date() },
    });
    return typeof found === 'string' ? found : found.lists.map(({ slug }) => slug);
  };

  it.each([
    ['daily', ['daily']],
    ['the daily', ['daily']],
    ['Weekly, with letters', ['weekly']],
    ['Art, The Daily', ['art', 'daily']],
    ['daily;art | daily', ['daily', 'art']],
    // As Mailchimp escapes a comma in the name of a group.
    ['Weekly\\, with letters, Art', ['weekly', 'art']],
  ])('are those that it names, by slug or by name: %s', (list, slugs) => {
    expect(judged({ list }, ['daily'])).toEqual(slugs);
  });

  it('are those of the import, or for whoever left all, where it names none', () => {
    expect(judged({}, ['art'])).toEqual(['art']);
    expect(judged({ list: '' }, ['art'])).toEqual(['art']);
    expect(judged({ state: 'unsubscribed' }, ['art'])).toEqual(['art']);
    expect(judged({ state: 'cleaned' })).toEqual(['daily', 'weekly', 'art', 'gone']);
    expect(judged({})).toContain('No mailing list is named');
  });

  it('may be archived for whoever leaves, as people are on them until then (I2)', () => {
    const left = { state: 'unsubscribed', list: 'gone' };
    expect(judged(left)).toEqual(['gone']);
    expect(judged({ state: 'unsubscribed' }, ['gone'])).toEqual(['gone']);
    expect(judged({ list: 'gone' })).toBe('There is no mailing list gone on offer.');
    expect(judged({}, ['gone'])).toContain('No mailing list is named');
  });

  it('are all on offer, or the row is not taken', () => {
    expect(judged({ list: 'daily, VIP' })).toBe('There is no mailing list VIP on offer.');
    expect(judged({ list: ' , ' })).toContain('No mailing list is named');
  });
});

describe('an import', () => {
  it('subscribes hundreds in batches, each with the proof that came along', async () => {
    const emails = crowd('many', 600);
    const id = await begin();
    const proof = {
      ...{ firstName: ' Änn ', locale: 'de', consentedAt: '2021-03-04 12:34:56', consentIp: '2001:db8::7' },
    };
    expect(await takeRows(parts, id, 0, rowsOf(emails.slice(0, 550), proof))).toEqual({
      rows: 550,
      counts: counted({ created: 550 }),
      rejected: [],
    });
    expect(await takeRows(parts, id, 550, rowsOf(emails.slice(550), proof))).toMatchObject({
      rows: 600,
      counts: counted({ created: 600 }),
    });
    const readers = [...(await readersOf(desk.database, emails)).values()];
    expect(readers).toHaveLength(600);
    for (const reader of readers) {
      expect(reader).toMatchObject({ firstName: 'Änn', locale: 'de', mails: [], contact: { wanted: 1 } });
      expect(reader.subscriptions).toMatchObject([{ state: 'subscribed', consentSeq: 1 }]);
      expect(reader.events).toMatchObject([
        {
          kind: 'imported',
          channel: 'import',
          evidence: { email: reader.key, ip: '2001:db8::7', givenAt: new Date('2021-03-04T12:34:56Z') },
        },
      ]);
      expect(faultInChain(ledgerOf(reader))).toBeNull();
    }
    const [event] = readers[0]?.events ?? [];
    const wording = await desk.database.prisma.consentWording.findUniqueOrThrow({
      where: { version: event?.wordingVersion ?? '' },
    });
    expect(wording).toMatchObject({ locale: 'und', text: 'Box on our old site' });
  });

  it('rejects rows by themselves and says why, and leaves out names that no form would take', async () => {
    const id = await begin();
    const rows = importRows.parse([
      { email: 'nobody', line: 2 },
      { email: 'fine@rejected.example', firstName: 'A\u202eB', consentIp: 'somewhere' },
      { email: 'list@rejected.example', list: 'never-heard-of' },
      { email: 'closed@rejected.example', list: 'closed' },
      { email: 'future@rejected.example', consentedAt: new Date(desk.now().getTime() + day).toISOString() },
      { email: 'time@rejected.example', consentedAt: '2021-02-30' },
      { email: 'tongue@rejected.example', locale: 'English (US)' },
      { email: 'nul\u0000@rejected.example' },
      {
        email: 'other@rejected.example',
        list: 'weekly',
        state: 'unsubscribed',
        // What keeps a consent from being taken keeps no opt-out.
        locale: 'English (US)',
        endedAt: '2021-03-04T10:00+02:00',
      },
    ]);
    const { counts, rejected } = await takeRows(parts, id, 0, rows);
    expect(counts).toEqual(counted({ created: 1, suppressed: 1, rejected: 7 }));
    expect(rejected.map(({ row }) => row)).toEqual([0, 2, 3, 4, 5, 6, 7]);
    expect(rejected[0]?.line).toBe(2);
    expect(rejected.map(({ reason }) => reason).join('\n')).toMatch(
      /@.*\n.*never-heard-of.*\n.*closed.*\n.*future.*\n.*2021-02-30.*\n.*English \(US\).*\n/,
    );
    const people = await readersOf(desk.database, ['fine@rejected.example', 'other@rejected.example']);
    expect(people.get('fine@rejected.example')).toMatchObject({ firstName: null, locale: 'en' });
    expect(people.get('other@rejected.example')?.events).toMatchObject([
      { kind: 'unsubscribed', evidence: { givenAt: new Date('2021-03-04T08:00:00Z') } },
    ]);
  });

  it('counts a person once who stands in the file twice', async () => {
    const twice = ['twice@double.example', 'Twice@Double.example', 'twice+tag@double.example'];
    const { counts } = await takeRows(parts, await begin(), 0, rowsOf(twice));
    expect(counts).toEqual(counted({ created: 2, unchanged: 1 }));
  });

  it('goes on where it broke off, and is not begun a second time', async () => {
    const wish = wishOf('goes on');
    const first = await beginImport(parts, wish);
    expect(first).toMatchObject({ rows: 0, finishedAt: null });
    await takeRows(parts, first.id, 0, rowsOf(crowd('on', 3)));
    expect(await beginImport(parts, wish)).toMatchObject({ id: first.id, rows: 3, counts: { created: 3 } });
    for (const more of [{ lists: ['weekly'] }, { source: 'Another box' }]) {
      expect((await beginImport(parts, { ...wish, ...more })).id).not.toBe(first.id);
    }
    await finishImport(parts, first.id);
    expect(await beginImport(parts, wish)).toMatchObject({ id: first.id, finishedAt: desk.now() });
    await expect(takeRows(parts, first.id, 3, rowsOf(['late@crowd.example']))).rejects.toMatchObject({
      fault: { why: 'finished' },
    });
  });

  it('answers a repeated batch alike and does nothing, and refuses one that leaves rows out', async () => {
    const id = await begin();
    const rows = rowsOf([...crowd('repeated', 5), 'no address']);
    const taken = await takeRows(parts, id, 0, rows);
    const before = await traces();
    expect(await takeRows(parts, id, 0, rows)).toEqual(taken);
    expect(await traces()).toEqual(before);
    await expect(takeRows(parts, id, 7, rows)).rejects.toMatchObject({ fault: { why: 'gap', rows: 6 } });
  });

  it('refuses a list that is not on offer, and an import that there is not', async () => {
    for (const list of ['closed', 'never-heard-of']) {
      const begun = beginImport(parts, wishOf('unknown list', { lists: ['daily', list] }));
      await expect(begun).rejects.toMatchObject({ fault: { why: 'unknown_list', list } });
      await expect(previewRows(parts, [list], [])).rejects.toMatchObject({ fault: { list } });
    }
    for (const id of ['no id', '00000000-0000-7000-8000-000000000000']) {
      await expect(takeRows(parts, id, 0, [])).rejects.toMatchObject({ fault: { why: 'unknown_import' } });
    }
  });

  it('tells before what would become of the rows, and writes nothing', async () => {
    const emails = ['seen@preview.example', 'left@preview.example', 'bounced@preview.example'];
    await takeRows(parts, await begin({ lists: ['weekly'] }), 0, rowsOf(['seen@preview.example']));
    await desk.run({ act: 'sign up', email: 'left@preview.example', lists: ['daily'] });
    await desk.run({ act: 'leave', email: 'left@preview.example', list: null });
    const rows = [
      ...rowsOf([...emails, 'new@preview.example', 'new@preview.example', 'nobody']),
      ...rowsOf(['gone@preview.example', 'bounced@preview.example'], { state: 'cleaned' }),
      ...rowsOf(['gone@preview.example', 'bounced@preview.example']),
    ];
    const before = await traces();
    const { counts, rejected } = await previewRows(parts, ['daily'], rows);
    expect(await traces()).toEqual(before);
    expect(counts).toEqual(counted({ created: 2, updated: 1, unchanged: 1, suppressed: 5, rejected: 1 }));
    const taken = await takeRows(parts, await begin(), 0, rows);
    expect({ counts: taken.counts, rejected: taken.rejected }).toEqual({ counts, rejected });
  });

  it('tells whether an import is under way or broke off, and since when', async () => {
    const begunAt = desk.now().getTime();
    const at = (seconds: number): Importing => ({
      ...parts,
      now: () => new Date(begunAt + seconds * 1000),
    });
    const wish = wishOf('tells how it stands');
    const { id } = await beginImport(at(0), wish);
    const seen = async (seconds: number) => {
      const { state, activeAt } = await findImport(at(seconds), id);
      return [state, (activeAt.getTime() - begunAt) / 1000];
    };
    expect(await seen(100)).toEqual(['under_way', 0]);
    const first = rowsOf(crowd('slow', 2));
    await takeRows(at(100), id, 0, first);
    expect(await seen(200)).toEqual(['under_way', 100]);
    expect(await seen(221)).toEqual(['broken_off', 100]);
    // Whoever goes on sends what is taken already once more.
    await beginImport(at(1_000), wish);
    expect(await seen(1_001)).toEqual(['under_way', 1_000]);
    await takeRows(at(1_100), id, 0, first);
    expect(await seen(1_200)).toEqual(['under_way', 1_100]);
    await finishImport(at(1_200), id);
    await beginImport(at(5_000), wish);
    expect(await seen(9_000)).toEqual(['done', 1_100]);
    await undoImport(at(9_000), id, null);
    expect(await seen(9_001)).toEqual(['undone', 9_000]);
  });

  it('lists imports, newest first, a page at a time', async () => {
    const id = await begin({ lists: ['daily', 'weekly'], file: 'newest.csv' });
    const [newest, next] = await imports(parts, { limit: 2 });
    expect(newest).toMatchObject({
      ...{ id, file: 'newest.csv', lists: ['daily', 'weekly'], source: 'Box on our old site', key: 'editor' },
      ...{ rows: 0, counts: counted(), state: 'under_way', finishedAt: null, undoneAt: null },
    });
    expect((await imports(parts, { before: id, limit: 1 }))[0]?.id).toBe(next?.id);
  });
});

describe('a batch that breaks off', () => {
  /** A shell whose database breaks after some sets. */
  const breaking = (sets: number): Importing => {
    let left = sets;
    const { database } = desk;
    return {
      ...parts,
      subscribing: desk.openShell({
        database: {
          ...database,
          transaction: (work) =>
            database.transaction(async (tx) => {
              const result = await work(tx);
              if (left === 0) throw new Error('the connection broke before the commit');
              left -= 1;
              return result;
            }),
        },
      }),
    };
  };

  it('counts every row of its repeat as it was counted the first time', async () => {
    const emails = crowd('broken', 600);
    const id = await begin();
    const rows = rowsOf(emails);
    await expect(takeRows(breaking(1), id, 0, rows)).rejects.toThrow('broke');
    // Between, somebody leaves whom it had subscribed.
    const left = emails[3] ?? '';
    await desk.run({ act: 'leave', email: left, list: null });
    expect(await takeRows(parts, id, 0, rows)).toMatchObject({
      rows: 600,
      counts: counted({ created: 600 }),
    });
    expect(await statesOf([left])).toEqual(['unsubscribed']);
    expect(await statesOf(emails)).toEqual(['subscribed', 'unsubscribed']);
  });

  it('does not take a newer consent away by repeating an opt-out without a time', async () => {
    const email = 'returned@crowd.example';
    const id = await begin();
    const rows = [...rowsOf([email], { state: 'unsubscribed' }), ...rowsOf(crowd('after', 510))];
    await expect(takeRows(breaking(1), id, 0, rows)).rejects.toThrow('broke');
    await desk.run({ act: 'sign up', email, lists: ['daily'] });
    await desk.run({ act: 'confirm', email, nth: 0 });
    expect((await takeRows(parts, id, 0, rows)).counts).toEqual(counted({ created: 510, suppressed: 1 }));
    expect(await statesOf([email])).toEqual(['subscribed']);
  });

  it('loses none of the neighbours of a row that the database refuses', async () => {
    const emails = crowd('refused', 40);
    const { database } = desk;
    // What a row can hold that our own checks let pass is not known, or they would not.
    const refusing: Importing = {
      ...parts,
      subscribing: desk.openShell({
        database: {
          ...database,
          transaction: (work) =>
            database.transaction((tx) =>
              work({
                query: (text, parameters = []) =>
                  tx.query(
                    text,
                    parameters.map((one) =>
                      typeof one === 'string' && one.startsWith('{')
                        ? one.replace('"typed":"refused17@crowd.example"', '"typed":null')
                        : one,
                    ),
                  ),
              }),
            ),
        },
      }),
    };
    const id = await begin();
    const [before, rows] = [rowsOf(['before@crowd.example', 'no address']), rowsOf([...emails, 'nor this'])];
    await takeRows(refusing, id, 0, before);
    const taken = await takeRows(refusing, id, 2, rows);
    expect(taken.counts).toEqual(counted({ created: 40, rejected: 3 }));
    const unacceptable = { line: null, reason: expect.stringContaining('address') };
    expect(taken.rejected).toEqual([
      { row: 19, line: null, reason: 'The database refuses this row.' },
      { row: 42, ...unacceptable },
    ]);
    expect((await readersOf(database, emails)).size).toBe(39);
    // Whoever sends the file once more is told of the same rows.
    await finishImport(parts, id);
    expect((await takeRows(parts, id, 0, before)).rejected).toEqual([{ row: 1, ...unacceptable }]);
    expect((await takeRows(parts, id, 2, rows)).rejected).toEqual(taken.rejected);
  });

  it('is done and counted once when two send it at the same time', async () => {
    const other = inject('server') === null ? desk.database : await desk.openDatabase();
    try {
      const emails = crowd('both', 550);
      const id = await begin();
      const theirs = { ...parts, database: other, subscribing: desk.openShell({ database: other }) };
      const answers = await Promise.all(
        [parts, theirs, parts].map((with_) => takeRows(with_, id, 0, rowsOf(emails))),
      );
      for (const answer of answers) {
        expect(answer).toEqual({ rows: 550, counts: counted({ created: 550 }), rejected: [] });
      }
      const readers = [...(await readersOf(desk.database, emails)).values()];
      expect(readers.map(({ events }) => events.length)).toEqual(emails.map(() => 1));
    } finally {
      if (other !== desk.database) await other.close();
    }
  });

  it('lets readers sign up meanwhile, and takes the same people in one order with them', async () => {
    const emails = crowd('meanwhile', 600);
    const id = await begin();
    const signUps = await Promise.all(
      emails.slice(0, 30).map((email) => desk.command({ act: 'sign up', email, lists: ['daily'] })),
    );
    const [taken] = await Promise.all([
      takeRows(parts, id, 0, rowsOf(emails)),
      ...signUps.map((command) => desk.subscribing.run(command)),
    ]);
    expect(taken.counts.created + taken.counts.updated).toBe(600);
    expect(await statesOf(emails)).toEqual(['subscribed']);
  });
});

describe('nobody is raised who is gone for good (C-22, C-26, I6)', () => {
  it.each([
    ['the key that signs now', [secret]],
    ['a key that was rotated since', ['another secret of thirty-two chars!', secret]],
  ] as const)('knows an erased address by %s', async (_, [first, ...others]) => {
    const email = `erased${others.length}@crowd.example`;
    await desk.run({ act: 'sign up', email, lists: ['daily'] });
    await desk.run({ act: 'ask erasure', email });
    await desk.run({ act: 'erase', email, nth: 0 });
    const subscribing = desk.openShell({ secretKeys: [first, ...others] });
    const before = await traces();
    for (const state of ['subscribed', 'unsubscribed', 'cleaned']) {
      const rows = rowsOf([email], { state });
      const id = await begin();
      expect((await previewRows({ ...parts, subscribing }, ['daily'], rows)).counts.suppressed).toBe(1);
      expect((await takeRows({ ...parts, subscribing }, id, 0, rows)).counts).toEqual(
        counted({ suppressed: 1 }),
      );
    }
    expect(await traces()).toEqual(before);
  });
});

it('an opt-out from a list that was archived since ends what stands there (I2)', async () => {
  await desk.addLists('ending');
  const emails = ['reader@ending.example'];
  const first = await begin({ lists: ['ending'] });
  await takeRows(parts, first, 0, rowsOf(emails, { consentedAt: '2021-03-04' }));
  expect(await statesOf(emails)).toEqual(['subscribed']);
  await archiveList(desk.database, 'ending', desk.now());
  const second = await begin();
  const left = rowsOf(emails, { state: 'unsubscribed', list: 'ending' });
  expect((await takeRows(parts, second, 0, left)).counts).toEqual(counted({ suppressed: 1 }));
  expect(await statesOf(emails)).toEqual(['unsubscribed']);
});

describe('undoing an import', () => {
  it('takes back, page by page, what rests on it alone, and the right file may follow', async () => {
    const emails = crowd('undone', 1050);
    const wish = wishOf('undone');
    const { id } = await beginImport(parts, wish);
    await takeRows(parts, id, 0, rowsOf(emails.slice(0, 1030)));
    await takeRows(parts, id, 1030, rowsOf(emails.slice(1030), { state: 'unsubscribed' }));
    const left = emails[0] ?? '';
    await desk.run({ act: 'leave', email: left, list: null });

    const first = await undoImport(parts, id, null);
    expect(first).toEqual({ undone: 999, kept: 1, after: 999 });
    // Whoever did not hear the answer asks again.
    expect(await undoImport(parts, id, null)).toEqual(first);
    expect(await findImport(parts, id)).toMatchObject({ state: 'undoing', activeAt: desk.now() });
    // Its rows are neither all there nor all gone.
    await expect(beginImport(parts, wish)).rejects.toMatchObject({ fault: { why: 'half_undone', id } });
    expect(await undoImport(parts, id, first.after)).toEqual({ undone: 30, kept: 20, after: null });
    expect(await statesOf(emails)).toEqual(['unsubscribed']);
    for (const reader of (await readersOf(desk.database, emails)).values()) {
      expect(faultInChain(ledgerOf(reader))).toBeNull();
    }
    expect((await imports(parts)).find((one) => one.id === id)).toMatchObject({
      state: 'undone',
      undoneAt: desk.now(),
    });

    const again = await beginImport(parts, wish);
    expect(again).toMatchObject({ rows: 0, finishedAt: null });
    expect(again.id).not.toBe(id);
    expect((await takeRows(parts, again.id, 0, rowsOf(emails))).counts).toEqual(
      counted({ updated: 1029, suppressed: 21 }),
    );
    expect(await statesOf([left])).toEqual(['unsubscribed']);
  });

  it('leaves nobody subscribed whom a page passed over, whatever was asked for', async () => {
    const emails = crowd('passed-over', 1_003);
    const id = await begin();
    await takeRows(parts, id, 0, rowsOf(emails));
    expect(await undoImport(parts, id, 1_000)).toEqual({ undone: 1_000, kept: 0, after: 999 });
    expect(await statesOf(emails)).toEqual(['subscribed', 'unsubscribed']);
    expect(await findImport(parts, id)).toMatchObject({ state: 'undoing' });
    expect(await undoImport(parts, id, 99_999)).toEqual({ undone: 3, kept: 0, after: null });
    expect(await statesOf(emails)).toEqual(['unsubscribed']);
    expect(await findImport(parts, id)).toMatchObject({ state: 'undone' });
  });

  it('lets a file be imported again that vouches for the same people', async () => {
    // After all that was undone before.
    desk.wait(day);
    const [ann = '', bob = '', cat = '', dan = '', eve = ''] = crowd('vouched', 5);
    const wrong = await begin();
    await takeRows(parts, wrong, 0, rowsOf([ann, bob, cat]));
    desk.wait(1);
    const wish = wishOf('the right one');
    const right = await beginImport(parts, wish);
    await takeRows(parts, right.id, 0, rowsOf([bob, cat, dan]));
    await finishImport(parts, right.id);
    const half = wishOf('one that broke off');
    const brokenOff = await beginImport(parts, half);
    await takeRows(parts, brokenOff.id, 0, rowsOf([bob, eve]));
    expect(await beginImport(parts, wish)).toMatchObject({ id: right.id, finishedAt: desk.now() });
    await desk.run({ act: 'leave', email: cat, list: null });
    desk.wait(1);
    await undoImport(parts, wrong, null);
    expect(await statesOf([bob])).toEqual(['unsubscribed']);

    desk.wait(1);
    const { counts: promised } = await previewRows(parts, ['daily'], rowsOf([bob, cat, dan]));
    expect(promised).toEqual(counted({ updated: 1, suppressed: 1, unchanged: 1 }));
    const again = await beginImport(parts, wish);
    expect(again).toMatchObject({ rows: 0, finishedAt: null });
    expect((await takeRows(parts, again.id, 0, rowsOf([bob, cat, dan]))).counts).toEqual(promised);
    await finishImport(parts, again.id);
    expect(await statesOf([bob, dan])).toEqual(['subscribed']);
    expect(await statesOf([cat])).toEqual(['unsubscribed']);
    // Now it is there.
    expect(await beginImport(parts, wish)).toMatchObject({ id: again.id, finishedAt: desk.now() });

    // What broke off before is begun anew as well, and is not waited for.
    const anew = await beginImport(parts, half);
    expect(anew).toMatchObject({ rows: 0 });
    expect(anew.id).not.toBe(brokenOff.id);
    expect(await findImport(parts, brokenOff.id)).toMatchObject({ state: 'done', rows: 2 });
    expect(await beginImport(parts, half)).toMatchObject({ id: anew.id });
  });

  it('has Mailchimp follow, as an opt-out does', async () => {
    let told = 0;
    const subscribing = desk.openShell({
      onSyncDue: () => {
        told += 1;
      },
    });
    const email = 'followed@undone.example';
    const id = await begin();
    await takeRows({ ...parts, subscribing }, id, 0, rowsOf([email]));
    await undoImport({ ...parts, subscribing }, id, null);
    expect(told).toBe(2);
    const reader = (await readersOf(desk.database, [addressOf(email).key])).get(email);
    expect(reader?.contact).toMatchObject({ wanted: 2, optOut: true });
  });
});
