import { v7 as uuid } from 'uuid';
import { sha256 } from '../consent/ledger.ts';
import { keepConsentSource } from '../consent/wordings.ts';
import type { Database, Sql } from '../platform/database.ts';
import type { ImportPerson, RowOutcome } from '../subscribing/commands.ts';
import { type KnownList, knownLists } from '../subscribing/lists.ts';
import type { Failed, Subscribing } from '../subscribing/subscribing.ts';
import { type Counts, countsOf, ImportError, type ImportState, importOf, stateOf } from './imports.ts';
import { type ImportRow, type JudgedRow, judgeRow, type RejectedRow } from './rows.ts';

// People are brought in from a file in batches. How far an import is stands in its row, and what each row made beside
// it, so that whatever breaks off goes on where it was and nothing is counted twice.

export interface Importing {
  database: Database;
  subscribing: Subscribing;
  now: () => Date;
}

/**
 * Begins an import, or goes on with the one of the same file and wish. One that is finished, and not undone, is
 * answered as such: its rows are there already. Unless another was undone since: that may have taken back people of
 * whom this one had nothing to add, so all of it is done anew.
 * @param digest of the file; `lists`: slugs; `source`: where consent comes from; `key`: the name of the key that asks
 * @throws ImportError for a list that is not on offer, or while the one before is taken back in part
 */
export async function beginImport(
  { database, now }: Importing,
  wish: { digest: string; file: string; lists: string[]; source: string; key: string },
): Promise<Pick<ImportState, 'id' | 'createdAt' | 'rows' | 'counts' | 'finishedAt'>> {
  const listIds = listsOf(await knownLists(database), wish.lists).map(({ id }) => id);
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
    const standing = earlier === null || (await isOutdated(database, earlier.createdAt)) ? null : earlier;
    if (standing !== null) await touch(database, standing.id, now());
    // Nobody goes on with what broke off and is outdated.
    else if (earlier !== null) await finishImport({ database, now }, earlier.id);
    const { id, createdAt, rows, counts, finishedAt } =
      standing ??
      (await database.prisma.import.create({
        data: { id: uuid(), digest, file, listIds, wordingVersion, key, createdAt: now(), activeAt: now() },
      }));
    return { id, createdAt, rows, counts: countsOf(counts), finishedAt };
  });
}

/** Whether an import was taken back, all or in part, since then. */
async function isOutdated(database: Database, since: Date): Promise<boolean> {
  const after = { gt: since };
  return (
    (await database.prisma.import.count({ where: { OR: [{ undoBegunAt: after }, { undoneAt: after }] } })) > 0
  );
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
    const known = await knownLists(database);
    const lists = known.filter(({ id }) => current.listIds.includes(id));
    const { judged, rejected } = judge(rows, from, { lists, known, now: now() });
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
  const known = await knownLists(database);
  const { judged, rejected } = judge(rows, 0, { lists: listsOf(known, lists), known, now: now() });
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
export async function finishImport(
  { database, now }: Pick<Importing, 'database' | 'now'>,
  importId: string,
): Promise<ImportState> {
  await database.query('UPDATE imports SET finished_at = coalesce(finished_at, $2) WHERE id = $1::uuid', [
    importId,
    now().toISOString(),
  ]);
  return stateOf({ database, now }, await importOf(database, importId));
}

/** The lists of these slugs. @throws ImportError when one of them is not on offer */
function listsOf(known: readonly KnownList[], slugs: readonly string[]): KnownList[] {
  const offered = known.filter(({ archived }) => !archived);
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
