import { existsSync } from 'node:fs';
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Failure } from '../../../src/admin/cli/call.ts';
import { openImport } from '../../../src/admin/cli/import/importFile.ts';
import { openRejects } from '../../../src/admin/cli/import/rejects.ts';
import { csvOf } from '../../../src/platform/csv.ts';
import { exportColumns } from '../../../src/subscribing/export.ts';
import { now, put, putZip, read } from './reading.ts';

async function rejectsOf(file: string, name: string) {
  const opened = await openImport(file);
  const rejected = path.join(path.dirname(file), name);
  const rejects = await openRejects(file, rejected, opened.columns);
  for await (const { origin, ...entry } of opened.entries(now))
    if ('reason' in entry) await rejects.write(origin, entry.reason);
  const reasons = await rejects.close();
  return { file: rejected, reasons, count: reasons.reduce((sum, [, rows]) => sum + rows, 0) };
}

it('rejects are written with their place, their reason and their cells, and no formula among them (A-16)', async () => {
  const file = await put(
    'email,first_name\n=cmd,"Ada ""A"""\na@daily.example,Ada\nb@daily.example,B,surplus\n',
  );
  const rejects = await rejectsOf(file, 'rejects.csv');
  expect(rejects.count).toBe(2);
  expect(await readFile(rejects.file, 'utf8')).toBe(
    [
      '\uFEFF"file","line","reason","email","first_name"',
      `"people.csv","2","The email address has no @. It should look like name@example.com.","'=cmd","Ada ""A"""`,
      '"people.csv","4","the row has 3 cells where 2 are expected: put quotes around the one that holds the delimiter","b@daily.example","B","surplus"',
      '',
    ].join('\r\n'),
  );
  expect((await stat(rejects.file)).mode & 0o077).toBe(0);
});

it('rejects are counted by their reason, the most frequent first, and no more reasons than one can keep', async () => {
  const rows = ['nobody', 'a@b', 'nobody.else', 'a@daily.example,x,y'];
  const { reasons } = await rejectsOf(await put(`email,first_name\n${rows.join('\n')}\n`), 'rejects.csv');
  expect(reasons).toEqual([
    [expect.stringContaining('has no @'), 2],
    [expect.any(String), 1],
    [expect.stringContaining('has 3 cells'), 1],
  ]);
});

it('no file is made where nothing is rejected', async () => {
  const rejects = await rejectsOf(await put('email\na@daily.example\n'), 'rejects.csv');
  expect(rejects.count).toBe(0);
  expect(existsSync(rejects.file)).toBe(false);
});

it('what somebody made of the rejects of before is never touched', async () => {
  const file = await put('email\nnobody\n');
  const again = async (wished?: string) => {
    await using rejects = await openRejects(file, wished, ['email']);
    await rejects.write({ file: 'people.csv', line: 2, raw: () => ['nobody'] }, 'no address');
    return rejects.path;
  };
  const first = await again();
  expect(first).toBe(`${file}.rejects.csv`);
  await writeFile(first, 'email\nsomebody@daily.example\n');
  expect([await again(), await again()]).toEqual([`${file}.rejects-2.csv`, `${file}.rejects-3.csv`]);
  expect(await readFile(first, 'utf8')).toBe('email\nsomebody@daily.example\n');

  await expect(again(first)).rejects.toThrow(`--rejects ${first} is there already and holds something`);
  await expect(again(path.relative('.', file))).rejects.toThrow('is the file that is to be imported');
  const link = `${file}.link`;
  await symlink(file, link);
  await expect(again(link)).rejects.toThrow('is the file that is to be imported');
  expect(await readFile(file, 'utf8')).toBe('email\nnobody\n');
  await expect(again('/nonexistent/x.csv')).rejects.toThrow('name another place with --rejects');
  await expect(again(path.dirname(file))).rejects.toThrow(Failure);

  // An empty one is as good as none, and stays empty where nothing is rejected.
  const empty = `${file}.empty`;
  await writeFile(empty, '');
  await (await openRejects(file, empty, ['email'])).close();
  expect((await stat(empty)).size).toBe(0);
  expect(await again(empty)).toBe(empty);
  expect(await readFile(empty, 'utf8')).toContain('nobody');
});

it('rejects that were corrected can be imported, in the state that their file had (I1, I2)', async () => {
  const zip = await putZip({
    'subscribed_email_audience_export_1.csv': 'Email Address,First Name\n+a@@daily.example,=Ada\n',
    'unsubscribed_email_audience_export_1.csv': 'Email Address,UNSUB_TIME\nu@@daily.example,2024-01-02\n',
    'nonsubscribed_email_audience_export_1.csv': 'Email Address,Shop\nn@@daily.example,1\n',
  });
  const { file, count } = await rejectsOf(zip, 'rejects-of-zip.csv');
  expect(count).toBe(3);
  const corrected = await put((await readFile(file, 'utf8')).replaceAll('@@', '@'));
  const { rows, rejects } = await read(corrected);
  expect(rows).toMatchObject([
    { email: 'u@daily.example', state: 'unsubscribed', endedAt: '2024-01-02T00:00:00.000Z' },
    { email: '+a@daily.example', state: 'subscribed', firstName: '=Ada' },
  ]);
  expect(rejects).toHaveLength(1);
});

const exported = [
  [
    '+1@daily.example',
    'daily',
    'subscribed',
    '=Ada',
    'en',
    '2024-01-02T03:04:05.678Z',
    '192.0.2.1',
    'form',
    null,
    null,
    '2024-05-06T07:08:09.000Z',
  ],
  [
    "'=x@daily.example",
    'daily',
    'subscribed',
    "'-Bo",
    null,
    '2024-01-02T03:04:05.678Z',
    null,
    'form',
    null,
    null,
    '2024-05-06T07:08:09.000Z',
  ],
  [
    'u@daily.example',
    'weekly',
    'unsubscribed',
    'U\n"u"',
    null,
    null,
    null,
    null,
    '2022-05-06T07:08:09.000Z',
    null,
    '2024-05-06T07:08:09.000Z',
  ],
  [
    'p@daily.example',
    'weekly',
    'pending',
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    '2024-05-06T07:08:09.000Z',
  ],
].map((cells) => Object.fromEntries(exportColumns.map((column, index) => [column, cells[index] ?? null])));

const back = [
  {
    email: 'u@daily.example',
    list: 'weekly',
    state: 'unsubscribed',
    firstName: 'U\n"u"',
    endedAt: '2022-05-06T07:08:09.000Z',
  },
  {
    email: '+1@daily.example',
    list: 'daily',
    state: 'subscribed',
    firstName: '=Ada',
    locale: 'en',
    consentedAt: '2024-01-02T03:04:05.678Z',
    consentIp: '192.0.2.1',
    consentSource: 'form',
    endedAt: null,
  },
  { email: "'=x@daily.example", list: 'daily', state: 'subscribed', firstName: "'-Bo", endedAt: null },
];

it('our own export comes back as it went out: CSV', async () => {
  const rows = exported.map((row) =>
    Object.fromEntries(exportColumns.map((column) => [column, row[column] ?? null])),
  );
  const { rejects, ...found } = await read(await put(csvOf(exportColumns, rows as never)));
  expect(found.rows).toMatchObject(back);
  expect(rejects).toMatchObject([{ line: 6, reason: expect.stringContaining('pending') }]);
});

it('our own export comes back as it went out: JSON lines', async () => {
  const lines = [...exported.map((row) => JSON.stringify(row)), '', '{"email":', '[]'];
  const { rows, rejects } = await read(await put(lines.join('\n'), 'people.jsonl'));
  expect(rows).toMatchObject(back);
  expect(rejects).toMatchObject([
    { line: 4, reason: expect.stringContaining('pending') },
    {
      line: 6,
      reason: 'this line is no JSON object of texts',
      raw: ['{"email":', ...Array(exportColumns.length - 1).fill('')],
    },
    { line: 7 },
  ]);
});
