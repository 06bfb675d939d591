import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { copyOf } from '../../src/consent/copy.ts';
import { csvOf } from '../../src/platform/csv.ts';
import { eraseRows } from '../../src/subscribing/erase.ts';
import { offeredLists, saveList } from '../../src/subscribing/lists.ts';
import { type Desk, openDesk, readersOf } from '../subscribing/desk.ts';
import { addressOf, hour } from '../subscribing/model.ts';

/** Reads CSV as RFC 4180 has it. */
function read(csv: string): string[][] {
  const rows: string[][] = [];
  const field = /"((?:[^"]|"")*)"(,|\r\n)/gy;
  let row: string[] = [];
  const text = csv.replace(/^\uFEFF/, '');
  while (field.lastIndex < text.length) {
    const [, value, end] = field.exec(text) ?? expect.fail(`no field at ${field.lastIndex}`);
    row.push((value ?? '').replaceAll('""', '"'));
    if (end === '\r\n') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

describe('the copy of what is known of a person (C-25)', () => {
  let desk: Desk;
  const ann = '=Ann@Reader.example';
  const key = '=ann@reader.example';
  const agent = '=HYPERLINK("https://evil.example"), "click"';
  const page = 'https://news.example/a?b=1,2';

  beforeAll(async () => {
    desk = await openDesk();
    await desk.addLists('daily', 'weekly');
    await desk.subscribing.run({
      type: 'sign_up',
      channel: 'form',
      ip: '93.184.216.34',
      userAgent: agent,
      page,
      address: addressOf(ann),
      lists: await offeredLists(desk.database),
      wordingVersion: desk.wordingVersion,
      locale: 'en',
      firstName: 'Änn',
    });
    await desk.run({ act: 'take mail', email: ann, nth: 0 });
    desk.wait(hour);
    await desk.run({ act: 'confirm', email: ann, nth: 0 });
    // What she agreed to stays as she read it (C-13).
    await saveList(desk.database, {
      slug: 'weekly',
      name: 'The New Weekly',
      description: 'Changed.',
      position: 1,
    });
    desk.wait(hour);
    await desk.run({ act: 'leave', email: ann, list: 'weekly' });
    await desk.run({ act: 'sign up', email: 'bob@reader.example', lists: ['daily'] });
    await desk.database.query(
      `UPDATE audience_contacts SET member_status = 'subscribed', acknowledged_at = '2026-11-23T12:30:00+01:00'
        WHERE subscriber_id = $1`,
      [await idOf(key)],
    );
  });
  afterAll(() => desk.close());

  const person = async (of: string) =>
    (await readersOf(desk.database, [of])).get(of) ?? expect.fail(`nobody is ${of}`);
  const idOf = async (of: string) => (await person(of)).id;
  const copy = async (of = key) => copyOf(desk.database, await idOf(of));

  const daily = { list: 'daily', name: 'The daily', description: 'All about daily.' };
  const weekly = { list: 'weekly', name: 'The weekly', description: 'All about weekly.' };
  const here = {
    address: ann,
    ip: '203.0.113.7',
    userAgent: 'A browser',
    page: 'https://news.example/article',
    givenAt: null,
  };
  const unsaid = { consentText: null, consentLanguage: null, firstName: null };

  it('holds all of it as JSON, each consent with the words that were read', async () => {
    const { json } = await copy();
    const known: unknown = JSON.parse(json);
    expect(known).toEqual({
      address: ann,
      mailedAs: '=Ann@reader.example',
      knownSince: '2026-11-23T09:00:00.000Z',
      language: 'en',
      firstName: 'Änn',
      mailBlock: null,
      declinedAt: null,
      lists: [
        { list: 'daily', name: 'The daily', state: 'subscribed', since: '2026-11-23T10:00:00.000Z' },
        { list: 'weekly', name: 'The New Weekly', state: 'unsubscribed', since: '2026-11-23T11:00:00.000Z' },
      ],
      consentEvents: [
        {
          number: 1,
          kind: 'requested',
          at: '2026-11-23T09:00:00.000Z',
          channel: 'form',
          lists: [daily, weekly],
          consentText: 'You acknowledge the transfer.',
          consentLanguage: 'en',
          firstName: 'Änn',
          evidence: { address: ann, ip: '93.184.216.34', userAgent: agent, page, givenAt: null },
        },
        {
          number: 2,
          kind: 'mailed',
          at: '2026-11-23T09:00:00.000Z',
          channel: 'mail',
          lists: [daily, weekly],
          ...unsaid,
          evidence: { address: ann, ip: null, userAgent: null, page: null, givenAt: null },
        },
        {
          number: 3,
          kind: 'confirmed',
          at: '2026-11-23T10:00:00.000Z',
          channel: 'confirm_page',
          lists: [daily, weekly],
          ...unsaid,
          evidence: here,
        },
        {
          number: 4,
          kind: 'unsubscribed',
          at: '2026-11-23T11:00:00.000Z',
          channel: 'one_click',
          lists: [{ list: 'weekly', name: 'The New Weekly', description: 'Changed.' }],
          ...unsaid,
          evidence: here,
        },
      ],
      mails: [
        { kind: 'confirmation', dueAt: '2026-11-23T09:00:00.000Z', acceptedAt: '2026-11-23T09:00:00.000Z' },
        { kind: 'welcome', dueAt: '2026-11-23T10:00:00.000Z', acceptedAt: null },
        { kind: 'receipt', dueAt: '2026-11-23T11:00:00.000Z', acceptedAt: null },
      ],
      mailchimp: { status: 'subscribed', toldAt: '2026-11-23T11:30:00.000Z' },
    });
    expect(json).toContain('\n  "address"');
  });

  it('has a row for each consent event as CSV, and nothing in it is a formula (A-16)', async () => {
    const { csv } = await copy();
    const [columns, ...rows] = read(csv);
    expect(columns).toEqual([
      'number',
      'kind',
      'time',
      'channel',
      'lists',
      'list_names',
      'list_descriptions',
      'consent_text',
      'consent_language',
      'first_name',
      'address',
      'ip',
      'user_agent',
      'page',
      'given_at',
    ]);
    expect(rows[0]).toEqual([
      '1',
      'requested',
      '2026-11-23T09:00:00.000Z',
      'form',
      'daily\nweekly',
      'The daily\nThe weekly',
      'All about daily.\nAll about weekly.',
      'You acknowledge the transfer.',
      'en',
      'Änn',
      `'${ann}`,
      '93.184.216.34',
      `'${agent}`,
      page,
      '',
    ]);
    expect(rows.map(([number, kind]) => `${number} ${kind}`)).toEqual([
      '1 requested',
      '2 mailed',
      '3 confirmed',
      '4 unsubscribed',
    ]);
  });

  it('holds no secret, and nothing of others', async () => {
    const { json, csv } = await copy();
    const { linkKey, ledgerSalt, ledgerHash, requests, events } = await person(key);
    const secrets = [
      linkKey,
      ledgerSalt ?? expect.fail('no salt'),
      ledgerHash,
      ...requests.flatMap(({ id, tokenHash }) => [id, tokenHash]),
      ...events.flatMap(({ hash, evidenceDigest, mailHash }) => [hash, evidenceDigest, mailHash ?? hash]),
    ];
    expect(secrets.filter((secret) => json.includes(secret) || csv.includes(secret))).toEqual([]);
    expect(json + csv).not.toContain('bob');
  });

  it('of somebody who never confirmed says that Mailchimp knows nothing', async () => {
    const { json } = await copy('bob@reader.example');
    const shape = z.object({ mailchimp: z.null(), lists: z.array(z.object({ state: z.string() })) });
    expect(shape.parse(JSON.parse(json)).lists).toEqual([{ state: 'pending' }]);
  });

  it('says of an import where consent comes from, and when it was given there (C-01)', async () => {
    const email = 'imported@reader.example';
    await desk.run({ act: 'import', email, lists: ['daily'], state: 'subscribed', givenAgo: hour });
    const givenAt = new Date(desk.now().getTime() - hour).toISOString();
    const { json, csv } = await copy(email);
    expect(JSON.parse(json)).toMatchObject({
      consentEvents: [
        {
          kind: 'imported',
          channel: 'import',
          consentText: 'They ticked a box in our old shop.',
          consentLanguage: null,
          evidence: { address: email, ip: '203.0.113.8', givenAt },
        },
      ],
    });
    expect(read(csv)[1]).toEqual(expect.arrayContaining(['They ticked a box in our old shop.', givenAt]));
  });

  it('is refused for nobody, and for whoever was erased (I6)', async () => {
    await expect(copyOf(desk.database, '00000000-0000-4000-8000-000000000000')).rejects.toThrow(
      'nothing to copy',
    );
    const { id } = await person('bob@reader.example');
    await desk.database.transaction((tx) =>
      eraseRows(tx, [{ id, key: 'bob@reader.example', suppressed: true }], 'a secret', desk.now()),
    );
    await expect(copyOf(desk.database, id)).rejects.toThrow('nothing to copy');
  });
});

describe('CSV', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '\0=1'])(
    'takes the force of %j (A-16)',
    (value) => {
      expect(read(csvOf(['a'], [{ a: value }]))).toEqual([['a'], [`'${value}`]]);
    },
  );

  it('leaves everything else as it is, whatever is in it', () => {
    const row = { a: 'a "quoted", \r\nbroken; line', b: 1, c: null, d: "o'brien+news@reader.example" };
    expect(read(csvOf(['d', 'c', 'b', 'a'], [row]))).toEqual([
      ['d', 'c', 'b', 'a'],
      [row.d, '', '1', row.a],
    ]);
  });

  it('is UTF-8 for spreadsheets, too, and ends its lines by RFC 4180', () => {
    expect(csvOf(['a'], [{ a: 'é' }])).toBe('\uFEFF"a"\r\n"é"\r\n');
  });
});
