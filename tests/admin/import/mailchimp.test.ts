import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { put, putZip, read } from './reading.ts';

const standard =
  'MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS';
const rest =
  ',2,"2024-01-02 03:04:05",192.0.2.1,"2024-01-02 03:05:06",192.0.2.2,,,,,,,,"2024-03-04 05:06:07",1,abc,,"""VIP"""';
const person = (email: string, name: string) => `${email},${name},L,"Daily, Weekly"`;
const subscribed = [
  `"Email Address","First Name","Last Name",Newsletters,${standard}`,
  `${person('a@daily.example', 'Ada')}${rest}`,
  `${person('b@daily.example', 'Bob')},2,,,"2024-01-02 03:05:06",,,,,,,,,"2024-03-04 05:06:07",2,abd,,`,
  `${person('d@daily.example', 'Dan')},2,"2024-01-02 03:04:05",192.0.2.1,,,,,,,,,,"2024-03-04 05:06:07",3,abe,,`,
];
const leaving = (columns: string, email: string, values: string) => [
  `"Email Address","First Name","Last Name",Newsletters,${columns},${standard}`,
  `${person(email, 'X')},${values}${rest}`,
];
const contents = (names: (kind: string) => string) => ({
  [names('subscribed')]: subscribed.join('\n'),
  [names('nonsubscribed')]: leaving('Shop', 'n@daily.example', '1').join('\n'),
  [names('cleaned')]: leaving(
    'CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID',
    'c@daily.example',
    '"2024-02-03 04:05:06",T,1',
  ).join('\n'),
  [names('unsubscribed')]: leaving(
    'UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER',
    'u@daily.example',
    '"2024-02-02 02:02:02","T, 1",1,NORMAL,',
  ).join('\n'),
});

for (const [name, names] of Object.entries({
  new: (kind: string) => `${kind}_email_audience_export_1a2b3c4d5e.csv`,
  old: (kind: string) => `${kind}_segment_export_1a2b3c4d5e.csv`,
  'very old': (kind: string) => `members/${kind}_members_export_1a2b3c4d5e.csv`,
}))
  it(`an export with ${name} names is read, who left first (I2), and who never consented is left out (I1)`, async () => {
    const { rows, rejects, opened } = await read(await putZip(contents(names)));
    expect(rows.map(({ email, state, endedAt }) => [email, state, endedAt])).toEqual([
      ['c@daily.example', 'cleaned', '2024-02-03T04:05:06.000Z'],
      ['u@daily.example', 'unsubscribed', '2024-02-02T02:02:02.000Z'],
      ['a@daily.example', 'subscribed', null],
      ['b@daily.example', 'subscribed', null],
      ['d@daily.example', 'subscribed', null],
    ]);
    expect(rows.slice(2).map(({ consentedAt, consentIp }) => [consentedAt, consentIp])).toEqual([
      ['2024-01-02T03:05:06.000Z', '192.0.2.2'],
      ['2024-01-02T03:05:06.000Z', null],
      ['2024-01-02T03:04:05.000Z', '192.0.2.1'],
    ]);
    expect(rejects).toMatchObject([{ file: names('nonsubscribed'), line: 2 }]);
    expect(rejects[0]?.reason).toContain('never agreed');
    expect(opened.progress()).toBe(1);
  });

it('one of its files alone says by its name who left (I2), also when it was saved twice', async () => {
  const csv = leaving('Status', 'u@daily.example', 'subscribed').join('\n');
  const file = await put(csv, 'unsubscribed_email_audience_export_1a2b (1).csv');
  for (const map of ['state=', 'state=Status', 'ended_at=']) {
    const { rows, guess } = await read(file, { map });
    expect(rows, map).toMatchObject([{ state: 'unsubscribed', endedAt: '2024-03-04T05:06:07.000Z' }]);
    expect(guess).toContain('state <- the name of the file: unsubscribed');
    expect(guess).not.toContain('state <- Status');
  }
});

it('files that are no export of an audience are passed over, and told', async () => {
  const zip = await putZip({
    'audiences/subscribed_email_audience_export_1.csv': subscribed.join('\n'),
    'campaigns/opens.csv': 'Email\nreader@daily.example\n',
    '__MACOSX/audiences/._subscribed_email_audience_export_1.csv': 'x',
    'sms_only_audience_export_1.csv': 'Phone\n1\n',
    'unsubscribed_email_audience_export_1.csv': '',
  });
  const { emails, opened } = await read(zip);
  expect(emails).toEqual(['a@daily.example', 'b@daily.example', 'd@daily.example']);
  expect(opened.leftOut.sort()).toEqual([
    '__MACOSX/audiences/._subscribed_email_audience_export_1.csv',
    'campaigns/opens.csv',
    'sms_only_audience_export_1.csv',
  ]);
});

it('a zip of one CSV is read, whatever its name', async () => {
  expect((await read(await putZip({ 'people.csv': 'email\na@daily.example\n' }))).emails).toEqual([
    'a@daily.example',
  ]);
});

const csv = 'email\na@daily.example\n';
const faults: [name: string, file: () => Promise<string>, message: string][] = [
  ['a zip without any CSV', () => putZip({ 'a.txt': 'x' }), 'without any CSV'],
  ['an empty zip', () => putZip({}), 'without any CSV'],
  ['a workbook', () => putZip({ 'xl/workbook.xml': '<x/>' }), 'is a workbook of Excel: save it as CSV'],
  ['CSVs of unknown kinds', () => putZip({ 'a.csv': csv, 'b.csv': csv }), 'import them one by one'],
  [
    'a zip cut short',
    async () => put((await readFile(await putZip({ 'a.csv': csv }))).subarray(0, 60)),
    'cannot be read',
  ],
  ['an encrypted zip', () => patched(8, 1), 'protected by a password'],
  ['an unusual packing', () => patched(10, 12), 'packed in an unusual way'],
  ['a zip bomb (A-15)', () => putZip({ 'a.csv': Buffer.alloc(2 ** 22) }), 'more than 200 times its size'],
  ['a zip that lies about its size (A-15)', () => patched(24, 3), 'cannot be read'],
  ['an empty file', () => put(''), 'is empty'],
  ['a file of blanks', () => put('\n \n'), 'is empty'],
  ['a folder', async () => '/', 'is no file'],
  ['no file', async () => '/nowhere.csv', 'cannot be read'],
];
for (const [name, file, message] of faults)
  it(`${name} is refused with what to do`, async () => {
    await expect(read(await file())).rejects.toThrow(message);
  });

/** A zip whose central directory says something else. */
async function patched(offset: number, value: number): Promise<string> {
  const file = await putZip({ 'a.csv': csv.repeat(100) });
  const bytes = await readFile(file);
  bytes.writeUInt16LE(value, bytes.indexOf('PK\x01\x02') + offset);
  await writeFile(file, bytes);
  return file;
}

it('a group of the audience says who is on which list, and those who left have left every one of them (I2)', async () => {
  const file = await putZip(contents((kind) => `${kind}_email_audience_export_1a2b3c4d5e.csv`));
  const { rows } = await read(file, { map: 'list=Newsletters' });
  expect(rows.map(({ state, list }) => [state, list])).toEqual([
    ['cleaned', null],
    ['unsubscribed', null],
    ['subscribed', 'Daily, Weekly'],
    ['subscribed', 'Daily, Weekly'],
    ['subscribed', 'Daily, Weekly'],
  ]);
});
