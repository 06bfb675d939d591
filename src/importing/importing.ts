import { v7 as uuid } from 'uuid';
import { z } from 'zod';
import { sha256 } from '../consent/ledger.ts';
import { keepConsentSource } from '../consent/wordings.ts';
import type { Import } from '../generated/prisma/client.ts';
import type { Database, Sql } from '../platform/database.ts';
import type { ImportPerson, OfferedList, RowOutcome, UndoImport } from '../subscribing/commands.ts';
import { offeredLists } from '../subscribing/lists.ts';
import type { Failed, Subscribing } from '../subscribing/subscribing.ts';
import { type ImportRow, type JudgedRow, judgeRow, type RejectedRow } from './rows.ts';

// People are brought in from a file in batches. How far an import is stands in its row, and what each row made beside
// it, so that whatever breaks off goes on where it was and nothing is counted twice.

export interface Importing {
  database: Database;
  subscribing: Subscribing;
  now: () => Date;
}

/** How many rows came to what. */
export type Counts = Record<RowOutcome | 'rejected', number>;

/** An import as operators see it. */
export interface ImportState {
  id: string;
  file: string;
  /** Slugs. */
  lists: string[];
  /** Where consent comes from, as the operator said. */
  source: string;
  key: string;
  createdAt: Date;
  /** Rows taken so far: the next batch begins there. */
  rows: number;
  counts: Counts;
  /**
   * An import that is silent for longer than any script of ours waits has broken off, and can be gone on with. One
   * that is being undone was taken back in part.
   */
  state: 'under_way' | 'broken_off' | 'done' | 'undoing' | 'undone';
  /** When it was last begun, gone on with or taken back, or a batch came. */
  activeAt: Date;
  finishedAt: Date | null;
  undoneAt: Date | null;
}

/** Milliseconds. */
const longestSilence = 120_000;

/** Why an import cannot do what is asked. */
export type ImportFault =
  /** It was never on offer, or is archived. */
  | { why: 'unknown_list'; list: string }
  | { why: 'unknown_import' }
  /** It takes no more rows. */
  | { why: 'finished' }
  /** It was taken back in part: its rows are neither all there nor all gone. */
  | { why: 'half_undone'; id: string }
  /** A batch begins after the rows taken so far: those between are missing. */
  | { why: 'gap'; rows: number };

export class ImportError extends Error {
  readonly fault: ImportFault;

  constructor(fault: ImportFault) {
    super(`the import is refused: ${fault.why}`);
    this.fault = fault;
  }
}

/**
 * Begins an import, or goes on with the one of the same file and wish. One that is finished, and not undone, is
 * answered as such: its rows are there already.
 * @param digest of the file; `lists`: slugs; `source`: where consent comes from; `key`: the name of the key that asks
 * @throws ImportError for a list that is not on offer, or while the one before is taken back in part
 */
export async function beginImport(
  { database, now }: Importing,
  wish: { digest: string; file: string; lists: string[]; source: string; key: string },
): Promise<Pick<ImportState, 'id' | 'createdAt' | 'rows' | 'counts' | 'finishedAt'>> {
  const lists = await listsOf(database, wish.lists);
  const listIds = lists.map(({ id }) => id);
  const digest = sha256(JSON.stringify([wish.digest, listIds.toSorted(ascending), wish.source]));
  return database.exclusively(`import ${digest}`, async () => {
    const earlier = await database.prisma.import.findFirst({
      where: { digest, undoneAt: null },
      orderBy: { createdAt: 'desc' },
    });
    if (earlier !== null && earlier.undoBegunAt !== null)
      throw new ImportError({ why: 'half_undone', id: earlier.id });
    const wordingVersion = await keepConsentSource(database, wish.source);
    const { file, key } = wish;
    if (earlier !== null) await touch(database, earlier.id, now());
    const { id, createdAt, rows, counts, finishedAt } =
      earlier ??
      (await database.prisma.import.create({
        data: { id: uuid(), digest, file, listIds, wordingVersion, key, createdAt: now(), activeAt: now() },
      }));
    return { id, createdAt, rows, counts: countsOf(counts), finishedAt };
  });
}

const ascending = (a: number, b: number) => a - b;

/** What became of a batch: how far the import is with it, and which of its rows were refused. */
export interface Taken {
  rows: number;
  counts: Counts;
  rejected: RejectedRow[];
}

/**
 * Takes a batch of rows. A repeat is answered like the first time and does nothing; after a crash it does what is
 * missing. Rows that cannot be taken are rejected by themselves.
 * @param from the place of its first row in the import, from 0
 * @throws ImportError when there is no such import, it is finished, or rows before `from` are missing
 */
export async function takeRows(
  parts: Importing,
  importId: string,
  from: number,
  rows: readonly ImportRow[],
): Promise<Taken> {
  const { database, subscribing, now } = parts;
  // One batch after the other, whoever sends them.
  return database.exclusively(`import ${importId}`, async () => {
    const current = await importOf(database, importId);
    const offered = await offeredLists(database);
    const lists = offered.filter(({ id }) => current.listIds.includes(id));
    const { judged, rejected } = judge(rows, from, { lists, offered, now: now() });
    await touch(database, importId, now());
    if (from < current.rows) {
      const refused = current.refusedRows.filter((row) => row >= from && row < from + rows.length);
      rejectRefused(rejected, refused, rows, from);
      return { rows: current.rows, counts: countsOf(current.counts), rejected };
    }
    if (current.finishedAt !== null) throw new ImportError({ why: 'finished' });
    if (from > current.rows) throw new ImportError({ why: 'gap', rows: current.rows });

    // What a batch that broke off did is not done again, nor judged by what happened since.
    const done = await database.query<{ row: number; outcome: RowOutcome }>(
      'SELECT row, outcome FROM imported_rows WHERE import_id = $1::uuid AND row >= $2',
      [importId, from],
    );
    const isDone = new Set(done.map(({ row }) => row));
    const commands = commandsOf(
      judged.filter(({ row }) => !isDone.has(row)),
      importId,
      current.wordingVersion,
    );
    const outcomes = await subscribing.runAll(commands);
    const counts = countsOf(current.counts);
    for (const { outcome } of done) counts[outcome] += 1;
    const refused = count(counts, commands, outcomes);
    rejectRefused(rejected, refused, rows, from);
    counts.rejected += rejected.length;

    const next = from + rows.length;
    await database.query(
      `UPDATE imports SET rows = $2, counts = $3::jsonb, refused_rows = refused_rows || $5::int[]
        WHERE id = $1::uuid AND rows = $4`,
      [importId, next, JSON.stringify(counts), from, refused],
    );
    return { rows: next, counts, rejected };
  });
}

/**
 * What taking these rows would do, with nothing written. Rows that meet a person again are judged after each other
 * within one call.
 * @param lists slugs
 * @throws ImportError for a list that is not on offer
 */
export async function previewRows(
  { database, subscribing, now }: Importing,
  lists: string[],
  rows: readonly ImportRow[],
): Promise<Omit<Taken, 'rows'>> {
  const own = await listsOf(database, lists);
  const offered = await offeredLists(database);
  const { judged, rejected } = judge(rows, 0, { lists: own, offered, now: now() });
  const commands = commandsOf(judged, '', '');
  const outcomes = await subscribing.previewAll(commands);
  const counts = countsOf({});
  rejectRefused(rejected, count(counts, commands, outcomes), rows, 0);
  counts.rejected += rejected.length;
  return { counts, rejected };
}

/** Notes that somebody is at it, whatever becomes of the batch. */
async function touch(sql: Sql, importId: string, at: Date): Promise<void> {
  await sql.query('UPDATE imports SET active_at = $2 WHERE id = $1::uuid AND finished_at IS NULL', [
    importId,
    at.toISOString(),
  ]);
}

/** Says that the file ends here. @throws ImportError when there is no such import */
export async function finishImport({ database, now }: Importing, importId: string): Promise<ImportState> {
  await database.query('UPDATE imports SET finished_at = coalesce(finished_at, $2) WHERE id = $1::uuid', [
    importId,
    now().toISOString(),
  ]);
  return stateOf({ database, now }, await importOf(database, importId));
}

/**
 * Takes back a page of what an import did: whoever is subscribed by its word alone is not any more. What was
 * confirmed or left since stays, and so do opt-outs. It takes no more rows from then on.
 * @param after where the page before ended; null begins. Any page may be repeated
 * @returns how many rows of the page were taken back, how many left as they are, and where the next page begins:
 * null when all is done
 * @throws ImportError when there is no such import
 */
export async function undoImport(
  parts: Importing,
  importId: string,
  after: number | null,
): Promise<{ undone: number; kept: number; after: number | null }> {
  const { database, subscribing, now } = parts;
  return database.exclusively(`import ${importId}`, async () => {
    await finishImport(parts, importId);
    await database.query(
      'UPDATE imports SET undo_begun_at = coalesce(undo_begun_at, $2), active_at = $2 WHERE id = $1::uuid',
      [importId, now().toISOString()],
    );
    const rows = await database.query<{ row: number; subscriberId: string; seq: number }>(
      `SELECT row, subscriber_id AS "subscriberId", seq FROM imported_rows
        WHERE import_id = $1::uuid AND row > $2 ORDER BY row LIMIT $3`,
      [importId, after ?? -1, undoPage],
    );
    const commands = rows.map(
      ({ subscriberId, seq }): UndoImport => ({ type: 'undo_import', importId, subscriberId, seq }),
    );
    const outcomes = await subscribing.runAll(commands);
    const failed = outcomes.find((outcome) => outcome.type === 'failed');
    if (failed !== undefined) throw failed.error;
    const undone = outcomes.filter((outcome) => outcome.type === 'undone' && outcome.lists.length > 0).length;
    const isLast = rows.length < undoPage;
    if (isLast) {
      await database.query('UPDATE imports SET undone_at = coalesce(undone_at, $2) WHERE id = $1::uuid', [
        importId,
        now().toISOString(),
      ]);
    }
    return { undone, kept: rows.length - undone, after: isLast ? null : (rows.at(-1)?.row ?? null) };
  });
}

const undoPage = 1_000;

/**
 * Imports, newest first.
 * @param before the id of the last one of the page before
 */
export async function imports(
  { database, now }: Pick<Importing, 'database' | 'now'>,
  { before = null, limit = 50 }: { before?: string | null; limit?: number } = {},
): Promise<ImportState[]> {
  // Ids are UUIDs of version 7, which begin with the time.
  const found = await database.prisma.import.findMany({
    ...(before !== null && { where: { id: { lt: before } } }),
    orderBy: { id: 'desc' },
    take: limit,
  });
  return Promise.all(found.map((one) => stateOf({ database, now }, one)));
}

/** @throws ImportError when there is no such import */
export async function findImport(
  { database, now }: Pick<Importing, 'database' | 'now'>,
  id: string,
): Promise<ImportState> {
  return stateOf({ database, now }, await importOf(database, id));
}

async function stateOf(
  { database, now }: Pick<Importing, 'database' | 'now'>,
  stored: Import,
): Promise<ImportState> {
  const { id, file, key, createdAt, rows, activeAt, finishedAt, undoneAt } = stored;
  const { listIds, wordingVersion } = stored;
  const [wording, lists] = await Promise.all([
    database.prisma.consentWording.findUniqueOrThrow({ where: { version: wordingVersion } }),
    database.prisma.mailingList.findMany({ where: { id: { in: listIds } }, orderBy: { position: 'asc' } }),
  ]);
  const slugs = lists.map(({ slug }) => slug);
  const counts = countsOf(stored.counts);
  return {
    ...{ id, file, key, createdAt, rows, activeAt, finishedAt, undoneAt },
    ...{ lists: slugs, source: wording.text, counts, state: standing(stored, now()) },
  };
}

function standing({ activeAt, finishedAt, undoBegunAt, undoneAt }: Import, now: Date): ImportState['state'] {
  if (undoneAt !== null) return 'undone';
  if (undoBegunAt !== null) return 'undoing';
  if (finishedAt !== null) return 'done';
  return now.getTime() - activeAt.getTime() > longestSilence ? 'broken_off' : 'under_way';
}

async function importOf(database: Database, id: string): Promise<Import> {
  const found = z.uuid().safeParse(id).success
    ? await database.prisma.import.findUnique({ where: { id } })
    : null;
  if (found === null) throw new ImportError({ why: 'unknown_import' });
  return found;
}

async function listsOf(database: Database, slugs: readonly string[]): Promise<OfferedList[]> {
  const offered = await offeredLists(database);
  const unknown = slugs.find((asked) => !offered.some(({ slug }) => slug === asked));
  if (unknown !== undefined) throw new ImportError({ why: 'unknown_list', list: unknown });
  return offered.filter(({ slug }) => slugs.includes(slug));
}

type Placed = JudgedRow & { row: number };

function judge(
  rows: readonly ImportRow[],
  from: number,
  against: Parameters<typeof judgeRow>[1],
): { judged: Placed[]; rejected: RejectedRow[] } {
  const judged: Placed[] = [];
  const rejected: RejectedRow[] = [];
  for (const [n, row] of rows.entries()) {
    const read = judgeRow(row, against);
    if (typeof read === 'string') rejected.push({ row: from + n, line: row.line ?? null, reason: read });
    else judged.push({ ...read, row: from + n });
  }
  return { judged, rejected };
}

const commandsOf = (judged: readonly Placed[], importId: string, wordingVersion: string): ImportPerson[] =>
  judged.map((row) => ({ type: 'import', importId, wordingVersion, ...row }));

/** Counts what became of the commands. @returns the places of those that the database refused */
function count(
  counts: Counts,
  commands: readonly ImportPerson[],
  outcomes: readonly (Failed | { type: string; outcome?: RowOutcome })[],
): number[] {
  const refused: number[] = [];
  for (const [n, outcome] of outcomes.entries()) {
    if ('outcome' in outcome && outcome.outcome !== undefined) counts[outcome.outcome] += 1;
    else refused.push(commands[n]?.row ?? 0);
  }
  return refused;
}

/** Adds rows that the database refused to those that we reject, each at its place. */
function rejectRefused(
  rejected: RejectedRow[],
  refused: readonly number[],
  rows: readonly ImportRow[],
  from: number,
): void {
  for (const row of refused)
    rejected.push({ row, line: rows[row - from]?.line ?? null, reason: 'The database refuses this row.' });
  rejected.sort((a, b) => a.row - b.row);
}

const tally = z.int().nonnegative().default(0);
const countsShape = z.object({
  created: tally,
  updated: tally,
  unchanged: tally,
  suppressed: tally,
  rejected: tally,
});

/** A copy of the counts as stored. */
const countsOf = (stored: unknown): Counts => countsShape.parse(stored);
