import { expect, it } from 'vitest';
import { parseMapping } from '../../../src/admin/cli/import/columns.ts';
import { put, read } from './reading.ts';

const headers: [header: string, guess: string[]][] = [
  ['Email,First Name', ['email <- Email', 'first_name <- First Name']],
  [
    'E-Mail-Adresse;Vorname;Sprache',
    ['email <- E-Mail-Adresse', 'first_name <- Vorname', 'locale <- Sprache'],
  ],
  [
    'EMAIL,FNAME,subscribed_at,unsubscribed_at,ip_address',
    [
      'email <- EMAIL',
      'first_name <- FNAME',
      'consented_at <- subscribed_at',
      'consent_ip <- ip_address',
      'ended_at <- unsubscribed_at',
    ],
  ],
  ['opt-in date,e-mail,Status', ['email <- e-mail', 'state <- Status', 'consented_at <- opt-in date']],
  ['name,created_at,Mail', ['email <- Mail', 'consented_at <- created_at']],
];
for (const [header, guess] of headers)
  it(`the columns of "${header}" are understood`, async () => {
    expect((await read(await put(`${header}\n`))).guess).toEqual(guess);
  });

it('without a header, the first row is data, and the column of the addresses is known by its content', async () => {
  const { rows, guess, opened } = await read(
    await put('Ada;ada@daily.example;x\nBob;bob@daily.example;y\nCarl;not an address;z\n'),
  );
  expect(guess).toEqual(['email <- column_2']);
  expect(opened.columns).toEqual(['column_1', 'column_2', 'column_3']);
  expect(rows).toMatchObject([{ line: 1, email: 'ada@daily.example' }, { line: 2 }]);
});

it('a column of addresses is known by its content also under a name that nobody knows', async () => {
  expect((await read(await put('Wer,Wo\nAda,ada@daily.example\n'))).guess).toEqual(['email <- Wo']);
});

it('--map corrects the guess, and can take a column away', async () => {
  const file = await put(
    'Email,Email,Vorname,Rufname, first\nold@daily.example,a@daily.example,Augusta,Ada,x\n',
  );
  const { rows, guess } = await read(file, { map: 'email=Email (2), first_name = rufname' });
  expect(guess).toEqual(['email <- Email (2)', 'first_name <- Rufname']);
  expect(rows).toMatchObject([{ email: 'a@daily.example', firstName: 'Ada' }]);
  expect((await read(file, { map: 'first_name=' })).rows).toMatchObject([{ firstName: null }]);
});

it('--map takes names of columns that hold a comma', () => {
  expect([...parseMapping('first_name=Name, first,email=E-Mail')]).toEqual([
    ['first_name', 'Name, first'],
    ['email', 'E-Mail'],
  ]);
});

it('--map says what is wrong with it, and what there is', async () => {
  const file = await put('Email,Vorname\na@daily.example,Ada\n');
  const opening = (map: string) => expect(read(file, { map })).rejects;
  await opening('emial=Email').toThrow(/“emial” is no field.*“email”.*“first_name”/);
  await opening('Email').toThrow('“Email” is no field');
  await opening('email=Email,email=Vorname').toThrow('email is there twice');
  await opening('first_name=Rufname').toThrow(
    '--map first_name=Rufname: there is no such column; there are “Email”, “Vorname”',
  );
});

it('a file without addresses says how to name their column', async () => {
  await expect(read(await put('Kontakt,Vorname\nAda,Ada\n'))).rejects.toThrow(
    'people.csv: which column holds the addresses? Say --map email=COLUMN with one of “Kontakt”, “Vorname”',
  );
});
