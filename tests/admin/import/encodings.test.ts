import { expect, it } from 'vitest';
import { put, read } from './reading.ts';

const text = 'E-Mail,Vorname\r\na@daily.example,Jürgen\r\nb@daily.example,Zoë\r\n';
const bytes = (...values: number[]) => Buffer.from(values);
const utf16be = (of: string) => Buffer.from(of, 'utf16le').swap16();

const encodings = {
  'UTF-8': Buffer.from(text),
  'UTF-8 with a mark': Buffer.concat([bytes(0xef, 0xbb, 0xbf), Buffer.from(text)]),
  'UTF-16 LE with a mark': Buffer.concat([bytes(0xff, 0xfe), Buffer.from(text, 'utf16le')]),
  'UTF-16 BE with a mark': Buffer.concat([bytes(0xfe, 0xff), utf16be(text)]),
  'UTF-16 LE': Buffer.from(text, 'utf16le'),
  'UTF-16 BE': utf16be(text),
  'Latin-1': Buffer.from(text, 'latin1'),
};
for (const [name, content] of Object.entries(encodings))
  it(`${name} is read`, async () => {
    const { rows, rejects, guess } = await read(await put(content));
    expect(rejects).toEqual([]);
    expect(guess).toEqual(['email <- E-Mail', 'first_name <- Vorname']);
    expect(rows.map(({ firstName }) => firstName)).toEqual(['Jürgen', 'Zoë']);
  });

it('Windows-1252 is read with the characters that Latin-1 does not have', async () => {
  const content = Buffer.concat([
    Buffer.from('email,first_name\na@daily.example,D'),
    bytes(0x92),
    Buffer.from('Arcy\n'),
  ]);
  expect((await read(await put(content))).rows).toMatchObject([{ firstName: 'D’Arcy' }]);
});

const filler = `p@daily.example,P,${'n'.repeat(1000)}\n`.repeat(5500);

it('a first umlaut after five megabytes still tells that a file is Latin-1', async () => {
  expect(filler.length).toBeGreaterThan(5 * 2 ** 20);
  const content = Buffer.from(`email,first_name,notes\n${filler}z@daily.example,Jürgen\n`, 'latin1');
  expect((await read(await put(content))).rows.at(-1)).toMatchObject({ firstName: 'Jürgen' });
});

it('UTF-8 with one bad byte far into the file stays UTF-8, and that row is told instead of garbled', async () => {
  const content = Buffer.concat([
    Buffer.from(`email,first_name,notes\na@daily.example,Jürgen\n${filler}y@daily.example,Zo`),
    bytes(0xeb),
    Buffer.from('\nz@daily.example,Zoë\n'),
  ]);
  const { rows, rejects } = await read(await put(content));
  expect(rejects).toMatchObject([{ line: 5503, raw: ['y@daily.example', 'Zo\uFFFD', ''] }]);
  expect(rejects[0]?.reason).toContain('save the file as UTF-8');
  expect([rows[0]?.firstName, rows.at(-1)?.firstName]).toEqual(['Jürgen', 'Zoë']);
});
