import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { plainField } from '../../../platform/csv.ts';
import { jsonIn } from '../../../platform/text.ts';
import { Failure } from '../call.ts';
import type { Delimiter } from './delimiter.ts';

/** What stands in one line of a file, or in several where quotes hold line breaks. */
export interface FileRecord {
  /** Where it begins, from 1. */
  line: number;
  cells: string[];
  /** Why it could not be taken apart; its text is the only cell then. */
  fault?: string;
}

type Records = AsyncGenerator<FileRecord[], void, undefined>;

/** More than any real record, in bytes: a quote that is open for longer was never closed. */
const longest = 256 * 1024;

const outOfPlace =
  'a quotation mark in this line is not closed or stands out of place: double it or take it out';

/**
 * Takes CSV apart as its text comes in, whatever its line breaks. A quote out of place spoils its own line only: the
 * record that it would swallow is given up, and the next line is a new beginning.
 * @throws Failure when a line never ends
 */
export async function* csvRecords(text: AsyncIterable<string>, delimiter: Delimiter): Records {
  let line = 1;
  let rest: Buffer = Buffer.alloc(0);
  const take = (isLast: boolean): FileRecord[] => {
    const records: FileRecord[] = [];
    for (;;) {
      const { found, fault } = parseWhole(rest, delimiter, isLast);
      let start = 0;
      for (const { cells, lines, end } of found) {
        records.push({ line, cells: cells.map(plainField) });
        line += lines === 1 ? 1 : breaksIn(rest.toString('utf8', start, end));
        start = end;
      }
      rest = rest.subarray(start);
      const isSpoilt = fault === 'broken' || (fault === 'open' && (isLast || rest.length > longest));
      const end = isSpoilt ? endOfLine(rest, isLast) : null;
      if (end === null) break;
      records.push(lenientRecord(rest.toString('utf8', 0, end), delimiter, line));
      line += 1;
      rest = rest.subarray(end);
    }
    if (rest.length > 4 * longest)
      throw new Failure(`line ${line} does not end: is this a list of addresses?`);
    return records;
  };
  for await (const piece of text) {
    rest = Buffer.concat([rest, Buffer.from(piece)]);
    yield take(false);
  }
  yield take(true);
}

/**
 * Takes JSON lines apart: an object a line.
 * @param columns whose values are the cells, in this order
 * @throws Failure when a line never ends
 */
export async function* jsonRecords(text: AsyncIterable<string>, columns: readonly string[]): Records {
  let line = 1;
  let rest = '';
  const take = (lines: string[]): FileRecord[] =>
    lines.map((text) => {
      const object = jsonObject(text);
      const at = { line, cells: object === null ? [text] : columns.map((column) => object[column] ?? '') };
      line += 1;
      return object === null && text.trim() !== ''
        ? { ...at, fault: 'this line is no JSON object of texts' }
        : at;
    });
  for await (const piece of text) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > 4 * longest)
      throw new Failure(`line ${line} does not end: is this a list of addresses?`);
    yield take(lines);
  }
  yield take([rest]);
}

const texts = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.null()]).transform((value) => String(value ?? '')),
);

/** An object of texts; null when it is none. */
export const jsonObject = (text: string): Record<string, string> | null =>
  texts.safeParse(jsonIn(text)).data ?? null;

interface Parsed {
  cells: string[];
  /** How many it goes over, roughly: CR LF in quotes counts twice. */
  lines: number;
  /** The place of the byte behind it. */
  end: number;
}

/**
 * Parses the records that are there to their end; the last one may go on in the next piece.
 * @returns with a fault when what follows has a quote that is open at the end, or one that is out of place
 */
function parseWhole(
  bytes: Buffer,
  delimiter: Delimiter,
  isLast: boolean,
): { found: Parsed[]; fault: 'open' | 'broken' | null } {
  const found: Parsed[] = [];
  let linesBefore = 0;
  try {
    parse(bytes, {
      ...shape(delimiter),
      on_record: (cells: string[], { lines, bytes: end }) => {
        found.push({ cells, lines: lines - linesBefore, end });
        linesBefore = lines;
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { found, fault: error.code === 'CSV_QUOTE_NOT_CLOSED' ? 'open' : 'broken' };
  }
  if (!isLast) found.pop();
  return { found, fault: null };
}

/** Takes a line alone, with quotes anywhere. */
function lenientRecord(text: string, delimiter: Delimiter, line: number): FileRecord {
  try {
    const [cells] = parse(text, { ...shape(delimiter), trim: false, relax_quotes: true });
    return { line, cells: (cells ?? []).map(plainField) };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { line, cells: [text.trimEnd()], fault: outOfPlace };
  }
}

const shape = (delimiter: Delimiter) => ({
  delimiter,
  record_delimiter: ['\r\n', '\n', '\r'],
  relax_column_count: true,
  // Around quotes; what is trimmed within, the reader of the cells decides.
  trim: true,
});

const breaksIn = (text: string) => text.match(/\r\n|\r|\n/g)?.length ?? 0;

/** The place behind the first line break; null when it may still come. */
function endOfLine(bytes: Buffer, isLast: boolean): number | null {
  const index = bytes.findIndex((byte) => byte === 10 || byte === 13);
  if (index === -1) return isLast && bytes.length > 0 ? bytes.length : null;
  if (bytes[index] === 10) return index + 1;
  if (index + 1 === bytes.length && !isLast) return null;
  return bytes[index + 1] === 10 ? index + 2 : index + 1;
}
