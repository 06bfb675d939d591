import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DomUtils, parseDocument } from 'htmlparser2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { csvOf, plainField } from '../../src/platform/csv.ts';
import { exportColumns } from '../../src/subscribing/export.ts';
import { key, operator } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';
import { scratchFolder } from '../harness/scratch.ts';
import { runTool } from './target.ts';

// What editors do with an export is open it in a spreadsheet, which takes what begins like a formula for one (A-16).

type Element = ReturnType<typeof DomUtils.getElementsByTagName>[number];

interface Cell {
  text: string;
  isFormula: boolean;
}

let folder: string;
let footnote: Footnote;
beforeAll(async () => {
  folder = await scratchFolder('spreadsheet');
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
});
afterAll(async () => {
  await footnote.stop();
  await rm(folder, { recursive: true });
});

/** Opens CSV in LibreOffice. @returns the cells that it shows, row by row */
async function opened(name: string, csv: string): Promise<Cell[][]> {
  await writeFile(path.join(folder, `${name}.csv`), csv);
  await runTool(
    'soffice',
    [
      `-env:UserInstallation=file://${folder}/profile`,
      ...['--headless', '--convert-to', 'fods'],
      // Commas, quotation marks, UTF-8; and everything is read as if a person had typed it.
      '--infilter=CSV:44,34,76,1,,0,false,true,false,false,false,-1',
      `${name}.csv`,
    ],
    { folder, seconds: 150 },
  );
  const sheet = await readFile(path.join(folder, `${name}.fods`), 'utf8');
  return DomUtils.getElementsByTagName('table:table-row', parseDocument(sheet, { xmlMode: true }).children)
    .map((row) => DomUtils.getElementsByTagName('table:table-cell', row.children).flatMap(cellsOf))
    .filter((cells) => cells.length > 0);
}

/** Alike neighbours are one element; those at the end of a row are empty and go on to the end of the sheet. */
function cellsOf({ attribs, children }: Element): Cell[] {
  const times = Number(attribs['table:number-columns-repeated'] ?? 1);
  if (times > 100) return [];
  const text = DomUtils.getElementsByTagName('text:p', children)
    .map((line) => line.children.map(textOf).join(''))
    .join('\n');
  return Array.from({ length: times }, () => ({ text, isFormula: 'table:formula' in attribs }));
}

/** Spaces in a row, and tabs, are elements. */
function textOf(node: Element['children'][number]): string {
  if (DomUtils.isText(node)) return node.data;
  if (!DomUtils.isTag(node)) return '';
  if (node.name === 'text:tab') return '\t';
  if (node.name === 'text:s') return ' '.repeat(Number(node.attribs['text:c'] ?? 1));
  return node.children.map(textOf).join('');
}

const quoted = (texts: readonly string[]) =>
  `\uFEFF${texts.map((text) => `"${text.replaceAll('"', '""')}"\r\n`).join('')}`;

const formulas = [
  '=1+1',
  "=cmd|' /C calc'!A0",
  '=HYPERLINK("https://evil.example";"Click")',
  '@SUM(1+1)*2',
  '+1+1',
  '-2+3',
];

it('takes formulas for formulas where nobody keeps it from that', async () => {
  const rows = await opened('control', quoted(formulas));
  expect(rows.flat().filter(({ isFormula }) => isFormula).length).toBeGreaterThan(1);
});

it('shows every text of a file of ours as a text', async () => {
  const texts = [
    ...formulas,
    ...formulas.map((formula) => `\t${formula}`),
    ...formulas.map((formula) => `two\nlines ${formula}`),
    ...['\n=1+1', '\uff1d1+1', "'=1+1", "''=1+1", "'plain", ' =1+1', 'a  b', 'tab\tinside'],
    ...['"quoted"', 'comma, semicolon; "both"', 'Jörg Größe', 'Żółć', '😀 👩‍👩‍👧', 'עברית'],
  ];
  const [head = [], ...rows] = await opened(
    'texts',
    csvOf(
      ['text'],
      texts.map((text) => ({ text })),
    ),
  );
  expect(head).toEqual([{ text: 'text', isFormula: false }]);
  expect(rows.map(([cell]) => ({ ...cell, text: plainField(cell?.text ?? '') }))).toEqual(
    texts.map((text) => ({ text, isFormula: false })),
  );
});

it('shows everybody of an export as they are, whatever their address and name', async () => {
  const people = [
    ['=cmd|x@reader.example', '=1+1'],
    ['+1@reader.example', '+49 30'],
    ['-x@reader.example', '-x'],
    ['=1+1@reader.example', '@x'],
    ["'=1@reader.example", "'=1+1"],
    ["o'neil@reader.example", "O'Neil"],
    ['umlauts@reader.example', 'Jörg Größe'],
    ['emoji@reader.example', '😀 ❤️'],
    ['quote@reader.example', 'Bo "the =1" Diddley, Jr.'],
    ['many@reader.example', 'a; b  c'],
  ] as const;
  const source = '=HYPERLINK("https://evil.example","The form of our old site")';
  const file = path.join(folder, 'people.csv');
  await writeFile(
    file,
    csvOf(
      ['email', 'first_name'],
      people.map(([email, first_name]) => ({ email, first_name })),
    ),
  );
  const admin = operator(footnote);
  const imported = await admin(
    'subscribers',
    'import',
    file,
    '--list',
    'weekend-reads',
    '--consent-source',
    source,
  );
  expect(imported).toMatchObject({ code: 0, err: '' });

  const [head = [], ...rows] = await opened('export', (await admin('subscribers', 'export')).out);
  expect(head.map(({ text }) => text)).toEqual(exportColumns);
  expect(rows.flat().filter(({ isFormula }) => isFormula)).toEqual([]);
  const place = (column: (typeof exportColumns)[number]) => exportColumns.indexOf(column);
  const shown = rows.map((cells) =>
    (['email', 'first_name', 'consent_source'] as const).map((column) =>
      plainField(cells[place(column)]?.text ?? ''),
    ),
  );
  expect(shown.sort()).toEqual(people.map(([email, name]) => [email, name, source]).sort());
});
