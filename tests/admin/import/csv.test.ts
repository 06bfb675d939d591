import fc from 'fast-check';
import { expect, it } from 'vitest';
import { csvRecords, type FileRecord } from '../../../src/admin/cli/import/records.ts';
import { put, read } from './reading.ts';

async function records(pieces: Iterable<string>): Promise<FileRecord[]> {
  const found: FileRecord[] = [];
  for await (const some of csvRecords(
    (async function* () {
      yield* pieces;
    })(),
    ',',
  ))
    found.push(...some);
  return found;
}

for (const [name, delimiter] of Object.entries({ comma: ',', semicolon: ';', tab: '\t', pipe: '|' }))
  it(`cells may be parted by a ${name}, and hold the others in quotes`, async () => {
    const others = [',', ';', '\t', '|'].filter((other) => other !== delimiter).join('');
    const lines = [
      ['Email', 'Vorname', 'Notiz'],
      ['ada@daily.example', 'Ada', `"${others}${others}"`],
    ];
    const { rows } = await read(await put(lines.map((cells) => cells.join(delimiter)).join('\n')));
    expect(rows).toMatchObject([{ line: 2, email: 'ada@daily.example', firstName: 'Ada' }]);
  });

it('a first line sep=; is heard', async () => {
  const { rows } = await read(await put('sep=;\r\nEmail;Vorname\r\nada@daily.example;A,b,c\r\n'));
  expect(rows).toMatchObject([{ line: 3, firstName: 'A,b,c' }]);
});

for (const [name, end] of Object.entries({ LF: '\n', 'CR LF': '\r\n', CR: '\r' }))
  it(`lines may end with ${name}, and a row stands where it begins, quoted line breaks counted`, async () => {
    const file = ['email,first_name', 'a@daily.example,"A', 'B"', '', 'b@daily.example,"say ""hi"""', ''];
    const { rows } = await read(await put(file.join(end)));
    expect(rows).toMatchObject([
      { line: 2, firstName: `A${end}B` },
      { line: 5, firstName: 'say "hi"' },
    ]);
  });

it('empty lines, trailing delimiters, short rows and duplicates are no faults', async () => {
  const lines = [
    'email,first_name,locale,,',
    '',
    'a@daily.example,Ada,en,,,,',
    ',,,,',
    ' a@daily.example ',
    '   ',
  ];
  const { rows, rejects } = await read(await put(lines.join('\n')));
  expect(rejects).toEqual([]);
  expect(rows).toMatchObject([
    { line: 3, email: 'a@daily.example', firstName: 'Ada', locale: 'en' },
    { line: 5, email: 'a@daily.example', firstName: null, locale: null },
  ]);
});

it('a row with too many cells is rejected, as it may say something of the wrong column', async () => {
  const { rejects, emails } = await read(
    await put('email,first_name,locale\na@daily.example,Lovelace, Ada,en\nb@daily.example,B,en\n'),
  );
  expect(emails).toEqual(['b@daily.example']);
  expect(rejects).toMatchObject([{ line: 2, raw: ['a@daily.example', 'Lovelace', 'Ada', 'en'] }]);
  expect(rejects[0]?.reason).toContain('4 cells where 3 are expected');
});

it('a quote out of place spoils its own line at most', async () => {
  const file = [
    'email,first_name',
    'a@daily.example,"Ada',
    'b@daily.example,"Bob"',
    'c@daily.example,5" Carl',
    'd@daily.example,"D" Dora',
    'e@daily.example,"Eve',
  ];
  const { rows, rejects } = await read(await put(file.join('\r\n')));
  expect(rows.map(({ line, firstName }) => [line, firstName])).toEqual([
    [3, 'Bob'],
    [4, '5" Carl'],
    [5, '"D" Dora'],
  ]);
  expect(rejects.map(({ line, raw }) => [line, raw[0]])).toEqual([
    [2, 'a@daily.example,"Ada'],
    [6, 'e@daily.example,"Eve'],
  ]);
  expect(rejects[0]?.reason).toContain('quotation mark');
});

it('a quote that nothing closes takes no more than its line with it, however long the file is', async () => {
  const many = Array.from({ length: 15_000 }, (_, index) => `p${index}@daily.example,P`);
  const { rows, rejects } = await read(
    await put(['email,first_name', 'x@daily.example,"X', ...many].join('\n')),
  );
  expect(rejects).toMatchObject([{ line: 2 }]);
  expect(rows).toHaveLength(many.length);
  expect(rows.at(-1)).toMatchObject({ line: 15_002, email: 'p14999@daily.example' });
});

it('a file that is one endless line is no list of addresses (A-15)', async () => {
  await expect(read(await put(`email\n${'x'.repeat(2 ** 21)}`))).rejects.toThrow('line 2 does not end');
});

it('what is read does not depend on where the file is cut into pieces', async () => {
  const alphabet = fc.constantFrom('a', ' ', ',', '"', '""', '\r', '\n', '\r\n', 'ü', '😀', "'", '=');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: alphabet, maxLength: 8 }), { maxLength: 8 }),
      async (pieces) => {
        expect(await records(pieces)).toEqual(await records([pieces.join('')]));
      },
    ),
    { numRuns: 200 },
  );
});

it('every row of a well-formed file comes out as it went in, on its line', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'b', ',', '"', '\r\n', '\n', 'ü', '@'), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 6 }),
      fc.constantFrom('\n', '\r\n'),
      async (rows, end) => {
        const text = rows
          .map((cells) => cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(',') + end)
          .join('');
        const lines = rows.map((_, index) => {
          const before = rows.slice(0, index).flat().join('');
          return 1 + index + (before.match(/\r\n|\r|\n/g)?.length ?? 0);
        });
        const found = await records([text.slice(0, 7), text.slice(7)]);
        expect(found).toEqual(rows.map((cells, index) => ({ line: lines[index], cells })));
      },
    ),
  );
});
