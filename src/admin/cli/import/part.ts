import { Failure } from '../call.ts';
import {
  type Columns,
  describeColumns,
  guessColumns,
  isData,
  list,
  type Mapping,
  mapColumns,
  namesOf,
} from './columns.ts';
import { decoded, judge } from './decode.ts';
import { declaredDelimiter, guessDelimiter } from './delimiter.ts';
import { mailchimpState } from './mailchimpZip.ts';
import { csvRecords, type FileRecord, jsonObject, jsonRecords } from './records.ts';
import type { Source } from './source.ts';

/** One table of addresses: a file, or one of a zip. */
export interface Part {
  file: string;
  /** In bytes. */
  size: number;
  names: string[];
  columns: Columns;
  /** What was found, such as `email <- Email Address`. */
  guess: string[];
  /** The state of everybody in it, as the file's name says; null when it does not. */
  state: string | null;
  /** Its rows from the beginning, as often as it is asked. Empty ones are none. */
  records(): AsyncGenerator<FileRecord[], void, undefined>;
}

/**
 * Reads a table once to know its encoding, and its head to know its columns.
 * @returns null when nothing is in it
 * @throws Failure when no column holds addresses
 */
export async function examine({ file, size, bytes }: Source, mapping: Mapping): Promise<Part | null> {
  const { encoding, head } = await judge(bytes);
  if (head.trim() === '') return null;
  const text = () => decoded(bytes(), encoding);
  const { names, header, sample, recordsOf } = await shapeOf(head);
  const columns = mapColumns(guessColumns(names, sample), mapping, names);
  // Mailchimp's name counts: a column called status is something else there, and nothing turns who left around.
  const state = mailchimpState(file)?.state ?? null;
  if (state !== null) columns.delete('state');
  if (!columns.has('email')) {
    throw new Failure(
      `${file}: which column holds the addresses? Say --map email=COLUMN with one of ${list(names)}`,
    );
  }
  return {
    file,
    size,
    names,
    columns,
    state,
    guess: [
      ...describeColumns(columns, names),
      ...(state === null ? [] : [`state <- the name of the file: ${state}`]),
    ],
    async *records() {
      for await (const records of recordsOf(text())) {
        yield records.filter((record) => record.line > header && !isEmpty(record));
      }
    },
  };
}

interface Shape {
  names: string[];
  /** The line of the header, or before the first row. */
  header: number;
  sample: string[][];
  recordsOf(text: AsyncIterable<string>): AsyncGenerator<FileRecord[], void, undefined>;
}

async function shapeOf(head: string): Promise<Shape> {
  const object = jsonObject(head.trimStart().split('\n')[0] ?? '');
  if (object !== null) {
    const names = Object.keys(object);
    return { names, header: 0, sample: [], recordsOf: (text) => jsonRecords(text, names) };
  }
  const declared = declaredDelimiter(head);
  const delimiter = declared ?? guessDelimiter(head);
  const records: FileRecord[] = [];
  for await (const found of csvRecords(once(head), delimiter)) records.push(...found);
  const isContent = (record: FileRecord) => !isEmpty(record) && (declared === null || record.line > 1);
  const [first, ...following] = records.filter(isContent);
  const cells = first?.cells ?? [];
  const sample = following.slice(0, 200).filter(({ fault }) => fault === undefined);
  const recordsOf = (text: AsyncIterable<string>) => csvRecords(text, delimiter);
  if (first === undefined || !isData(cells)) {
    const names = namesOf(cells, 0);
    return { names, header: first?.line ?? 0, sample: sample.map(({ cells }) => cells), recordsOf };
  }
  const rows = [cells, ...sample.map(({ cells }) => cells)];
  const names = namesOf(null, Math.max(...rows.map(({ length }) => length)));
  return { names, header: first.line - 1, sample: rows, recordsOf };
}

async function* once(text: string): AsyncGenerator<string, void, undefined> {
  yield text;
}

const isEmpty = ({ cells }: FileRecord) => cells.every((cell) => cell.trim() === '');
