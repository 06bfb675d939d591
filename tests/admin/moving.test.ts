import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { key, operator } from '../harness/admin.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';
import { day } from '../subscribing/model.ts';
import { put } from './import/reading.ts';

// People move to another Footnote by export and import, and everything that protects them moves along.

let here: Footnote;
let there: Footnote;
beforeAll(async () => {
  const start = () =>
    Footnote.start({ ADMIN_API_KEY: key, MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-thirty-two-characters' });
  [here, there] = await Promise.all([start(), start()]);
});
afterAll(() => Promise.all([here.stop(), there.stop()]));

async function run(footnote: Footnote, ...words: string[]): Promise<string> {
  const { out, err, code } = await operator(footnote)(...words);
  expect({ err, code }).toEqual({ err: '', code: 0 });
  return out;
}

const list = ['--list', 'morning-briefing'];

/** Imports a file. @returns its id and its counts */
async function bring(footnote: Footnote, content: string, source: string, ...words: string[]) {
  const file = await put(content, 'moving.csv');
  const wish = ['subscribers', 'import', file, ...words, '--consent-source', source, '--json'];
  const lines = (await run(footnote, ...wish)).trim().split('\n');
  const { import: id }: { import: string } = JSON.parse(lines[0] ?? '');
  const counts: Record<string, number> = JSON.parse(lines.at(-1) ?? '');
  return { id, counts };
}

/** What an export says of each person, without what is empty. */
async function exported(footnote: Footnote) {
  const text = await run(footnote, 'subscribers', 'export');
  const rows: Record<string, string>[] = parse(text, { bom: true, columns: true });
  const people = rows.map(({ email = '', changed_at: _, list: __, locale: ___, ...row }) => [
    email.split('@')[0],
    Object.fromEntries(Object.entries(row).filter(([, cell]) => cell !== '')),
  ]);
  return { text, people: Object.fromEntries(people) as Record<string, Record<string, string>> };
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

it('who left, bounced or complained stays out at another Footnote, and whoever is on has their own proof (I1, I2)', async () => {
  const email = (name: string) => `${name}@moving.example`;
  await run(here, 'setup');

  await here.subscribe(email('confirmed'), undefined, { source: 'https://news.example/article' });
  await here.signUp(email('asked')).expect(202);
  for (const name of ['asks-again', 'left', 'back']) {
    const { unsubscribe } = await here.subscribe(email(name));
    await here.http.post(unsubscribe).expect(200);
  }
  await here.subscribe(email('back'));
  await here.signUp(email('asks-again')).expect(202);

  for (const name of ['bounced', 'complained']) await here.subscribe(email(name));
  await here.service.sync?.idle();
  const { people } = here.sandbox.audience;
  people.markCleaned(email('bounced'));
  people.complain(email('complained'));
  await eventually(async () => {
    const { subscribers } = (
      await here.http
        .post('/admin/api/subscribers/search')
        .auth(key, { type: 'bearer' })
        .send({ list: 'morning-briefing', state: 'unsubscribed' })
    ).body;
    expect(
      subscribers.flatMap(({ mailBlock }: { mailBlock: string | null }) => mailBlock ?? []).sort(),
    ).toEqual(['bounced', 'complained']);
  });

  const imported = `email,status,consented_at,ended_at\n${email('imported')},subscribed,2022-02-03,\n${email('long-ago')},unsubscribed,,2021-03-04\n`;
  await bring(here, imported, 'Our old shop', ...list);
  const mistake = await bring(here, `email\n${email('mistaken')}\n`, 'The wrong file', ...list);
  await run(here, 'imports', 'undo', mistake.id);

  const before = await exported(here);
  expect(before.people).toEqual({
    confirmed: expect.objectContaining({
      state: 'subscribed',
      consent_source: 'https://news.example/article',
    }),
    asked: { state: 'pending' },
    'asks-again': expect.objectContaining({ state: 'pending', ended_at: expect.stringMatching(time) }),
    left: expect.objectContaining({ state: 'unsubscribed', ended_at: expect.stringMatching(time) }),
    back: expect.objectContaining({ state: 'subscribed', ended_at: expect.stringMatching(time) }),
    bounced: expect.objectContaining({ state: 'unsubscribed', mail_block: 'bounced' }),
    complained: expect.objectContaining({ state: 'unsubscribed', mail_block: 'complained' }),
    imported: {
      state: 'subscribed',
      consented_at: '2022-02-03T00:00:00.000Z',
      consent_source: 'Our old shop',
    },
    'long-ago': { state: 'unsubscribed', ended_at: '2021-03-04T00:00:00.000Z' },
    mistaken: expect.objectContaining({ state: 'undone', consent_source: 'The wrong file' }),
  });

  // One who left here long ago agreed there since; the other way round, an opt-out counts.
  const known = `email,consented_at\n${email('long-ago')},2023-05-06\n${email('left')},2023-05-06\n`;
  there.advance(day);
  await bring(there, known, 'A box on paper', ...list);
  const moved = await bring(there, before.text, 'Moved from the other Footnote');
  expect(moved.counts).toEqual({ created: 3, updated: 0, unchanged: 0, suppressed: 5, rejected: 2 });

  const after = await exported(there);
  const { asked: _, mistaken: __, 'asks-again': asksAgain, back, left, ...others } = before.people;
  expect(after.people).toMatchObject({
    confirmed: others['confirmed'],
    imported: others['imported'],
    'asks-again': { state: 'unsubscribed', ended_at: asksAgain?.['ended_at'] },
    back: { state: 'subscribed', consented_at: back?.['consented_at'] },
    left: { state: 'unsubscribed', ended_at: left?.['ended_at'] },
    bounced: { state: 'unsubscribed', ended_at: others['bounced']?.['ended_at'], mail_block: 'bounced' },
    complained: { state: 'unsubscribed', mail_block: 'complained' },
    'long-ago': { state: 'subscribed', consented_at: '2023-05-06T00:00:00.000Z' },
  });
  expect(Object.keys(after.people)).toHaveLength(8);

  const proof = await run(there, 'consent', 'prove', email('imported'), '--format', 'json');
  expect(JSON.parse(proof).events).toMatchObject([
    { consentText: { text: 'Moved from the other Footnote' }, evidence: { page: 'Our old shop' } },
  ]);

  const older = Object.keys(before.people).map((name) => `${email(name)},2020-01-02\n`);
  const raised = await bring(there, `email,consented_at\n${older.join('')}`, 'An older file', ...list);
  // Who asked but never confirmed, and who was there by mistake, never left.
  expect(raised.counts).toEqual({ created: 2, updated: 0, unchanged: 4, suppressed: 4, rejected: 0 });
  expect((await exported(there)).people).toMatchObject(after.people);
});
