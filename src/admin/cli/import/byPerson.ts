import { DatabaseSync } from 'node:sqlite';
import { parseAddress } from '../../../subscribing/address.ts';
import { Failure } from '../call.ts';
import type { Origin } from './importFile.ts';
import type { ImportRow } from './rows.ts';

/** A row that can be taken. */
export interface Placed {
  origin: Origin;
  row: ImportRow;
}

/**
 * Reads all rows, and gives them back person by person: people in the order in which they first come, the rows of each
 * as they stand in the file. They wait in a private file of SQLite's, which is gone with the script, so that memory
 * stays the same however many there are.
 * @param largest rows of a batch
 * @yields batches; nobody stands in two, but who stands in more rows than one takes
 * @throws Failure when there is no room for them
 */
export async function* batchesByPerson(
  rows: AsyncIterable<Placed>,
  largest: number,
): AsyncGenerator<Placed[], void, undefined> {
  // Without a name it is a temporary one, of which only the cache is in memory.
  const database = new DatabaseSync('');
  try {
    const kept = keepIn(database);
    for await (const placed of rows) kept.add(placed);
    yield* batchesOf(kept.people(), largest);
  } finally {
    database.close();
  }
}

function keepIn(database: DatabaseSync): { add(placed: Placed): void; people(): Generator<Placed[]> } {
  database.exec(`
    PRAGMA journal_mode = OFF;
    CREATE TABLE people (key TEXT PRIMARY KEY, first INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE entries (first INTEGER, n INTEGER, entry TEXT NOT NULL, PRIMARY KEY (first, n)) WITHOUT ROWID;
    BEGIN;`);
  const meet = database.prepare(
    'INSERT INTO people VALUES (?, ?) ON CONFLICT DO UPDATE SET first = first RETURNING first',
  );
  const keep = database.prepare('INSERT INTO entries VALUES (?, ?, ?)');
  let n = 0;
  return {
    add({ origin: { file, line, raw }, row }) {
      const parsed = parseAddress(row.email);
      try {
        const met = meet.get(parsed.ok ? parsed.address.key : row.email, ++n);
        keep.run(met?.['first'] ?? n, n, JSON.stringify({ file, line, cells: raw(), row }));
      } catch (error) {
        throw new Failure(
          `A dry run puts the rows into the folder of temporary files (TMPDIR), and that failed: ${error instanceof Error ? error.message : 'no room'}`,
        );
      }
    },
    *people() {
      let person: Placed[] = [];
      let current: unknown = null;
      for (const { first, entry } of database.prepare('SELECT first, entry FROM entries').iterate()) {
        if (first !== current && person.length > 0) {
          yield person;
          person = [];
        }
        current = first;
        person.push(placedOf(String(entry)));
      }
      if (person.length > 0) yield person;
    },
  };
}

function placedOf(entry: string): Placed {
  const { file, line, cells, row }: Omit<Origin, 'raw'> & { cells: string[]; row: ImportRow } =
    JSON.parse(entry);
  return { origin: { file, line, raw: () => cells }, row };
}

function* batchesOf(people: Iterable<Placed[]>, largest: number): Generator<Placed[]> {
  let batch: Placed[] = [];
  for (const person of people) {
    if (batch.length > 0 && batch.length + person.length > largest) {
      yield batch;
      batch = [];
    }
    for (const placed of person) {
      batch.push(placed);
      if (batch.length < largest) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
