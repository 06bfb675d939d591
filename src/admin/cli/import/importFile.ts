import { createHash } from 'node:crypto';
import { Failure } from '../call.ts';
import { list, type Mapping, parseMapping, placeOf } from './columns.ts';
import { openZip } from './mailchimpZip.ts';
import { examine, type Part } from './part.ts';
import type { FileRecord } from './records.ts';
import { type ReadRow, readRow } from './rows.ts';
import { openSource } from './source.ts';

/** Where a row stands. */
export interface Origin {
  file: string;
  line: number;
  /** Its cells as they are in the file, under `ImportFile.columns`. */
  raw(): string[];
}

/** A row that can be taken, or one that cannot, with the reason for a person. */
export type Entry = { origin: Origin } & ReadRow;

/** A file of addresses, opened: what was found in it, and its rows. */
export interface ImportFile {
  /** SHA-256 over the bytes of the file and the options. */
  digest: string;
  /** Which column was taken for what, such as `email <- Email Address`, for each file of a zip. */
  guess: { file: string; columns: string[] }[];
  /** What a zip holds besides. */
  leftOut: string[];
  /** The names of all columns, for a file of rejects. */
  columns: string[];
  /**
   * Whoever left first, over all files; then who is subscribed. A reject comes once, where it is first met.
   * @param now what lies after it is no time: the same again gives the same rows in the same order
   */
  entries(now: Date): AsyncGenerator<Entry, void, undefined>;
  /** How much of the reading is done, from 0 to 1. */
  progress(): number;
  close(): void;
}

/** What tells one import of a file from another. */
export interface ImportOptions {
  /** What `--map` says. */
  map?: string | undefined;
  /** Whatever else does, such as the lists: for the digest. */
  scope?: readonly string[];
}

/** Keeps what a file's name says of its rows, so that corrected rejects can be imported as they are. */
const stateColumn = 'subscription_state';

/**
 * Opens CSV, our JSON lines, or a zip of Mailchimp's, and reads it once to know how it is to be read. Memory stays the
 * same however long it is.
 * @throws Failure with what to do, when nothing in it can be imported
 */
export async function openImport(file: string, options: ImportOptions = {}): Promise<ImportFile> {
  const { map, scope = [] } = options;
  const mapping: Mapping = map === undefined ? new Map() : parseMapping(map);
  let bytesRead = 0;
  const count = (bytes: number) => {
    bytesRead += bytes;
  };
  const { source, isZip, hash } = await openSource(file, count);
  const { sources, leftOut, close } = isZip
    ? await openZip(file, count)
    : { sources: [source], leftOut: [], close: () => undefined };
  try {
    const parts: Part[] = [];
    for (const each of sources) {
      const part = await examine(each, mapping);
      if (part !== null) parts.push(part);
    }
    if (parts.length === 0) throw new Failure(`${file} is empty`);
    checkMapping(mapping, parts);

    const columns = unionOf(parts);
    const passes = passesOver(parts);
    const bytesInAll = passes.reduce((sum, { part }) => sum + part.size, 0);
    return {
      digest: createHash('sha256')
        .update(hash)
        .update(JSON.stringify([[...mapping].sort(), scope]))
        .digest('hex'),
      guess: parts.map(({ file, guess }) => ({ file, columns: guess })),
      leftOut,
      columns,
      entries(now) {
        bytesRead = 0;
        return entriesOf(passes, columns, now);
      },
      progress: () => Math.min(bytesRead / bytesInAll, 1),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

interface Pass {
  part: Part;
  /** Whether it looks for who is subscribed, or for who left. */
  subscribed: boolean;
}

/** Those that find anything, in their order. */
function passesOver(parts: readonly Part[]): Pass[] {
  const find = ({ state, columns }: Part, subscribed: boolean) =>
    state === null
      ? subscribed || columns.has('state') || columns.has('ended_at') || columns.has('mail_block')
      : (state === 'subscribed') === subscribed;
  return [false, true].flatMap((subscribed) =>
    parts.filter((part) => find(part, subscribed)).map((part) => ({ part, subscribed })),
  );
}

async function* entriesOf(
  passes: readonly Pass[],
  columns: readonly string[],
  now: Date,
): AsyncGenerator<Entry, void, undefined> {
  const met = new Set<Part>();
  for (const { part, subscribed } of passes) {
    const reading = { columns: part.columns, width: part.names.length, stateOfFile: part.state, now };
    for await (const records of part.records()) {
      for (const record of records) {
        const read = readRow(record, reading);
        const isDue = 'row' in read ? (read.row.state === 'subscribed') === subscribed : !met.has(part);
        if (isDue) yield { origin: originOf(part, record, columns), ...read };
      }
    }
    met.add(part);
  }
}

function originOf(part: Part, { line, cells }: FileRecord, columns: readonly string[]): Origin {
  return {
    file: part.file,
    line,
    raw() {
      const { names, state } = part;
      const byName = new Map(names.map((name, place) => [name, cells[place] ?? '']));
      if (state !== null) byName.set(stateColumn, state);
      return [...columns.map((column) => byName.get(column) ?? ''), ...cells.slice(names.length)];
    },
  };
}

function unionOf(parts: readonly Part[]): string[] {
  const names = parts.flatMap((part) => part.names);
  const state = parts.some((part) => part.state !== null) ? [stateColumn] : [];
  return [...new Set([...names, ...state])];
}

/** A column must be in one of the files at least. */
function checkMapping(mapping: Mapping, parts: readonly Part[]): void {
  for (const [field, column] of mapping) {
    if (column === '' || parts.some(({ names }) => placeOf(column, names) !== null)) continue;
    const names = new Set(parts.flatMap((part) => part.names));
    throw new Failure(`--map ${field}=${column}: there is no such column; there are ${list([...names])}`);
  }
}
