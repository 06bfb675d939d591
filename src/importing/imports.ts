import { z } from 'zod';
import type { Import } from '../generated/prisma/client.ts';
import type { Database } from '../platform/database.ts';
import type { RowOutcome } from '../subscribing/commands.ts';

// What an import is, and how it stands.

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

type Parts = { database: Database; now: () => Date };

/**
 * Imports, newest first.
 * @param before the id of the last one of the page before
 */
export async function imports(
  { database, now }: Parts,
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
export async function findImport({ database, now }: Parts, id: string): Promise<ImportState> {
  return stateOf({ database, now }, await importOf(database, id));
}

/** An import as operators see it. */
export async function stateOf({ database, now }: Parts, stored: Import): Promise<ImportState> {
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

/** @throws ImportError when there is no such import */
export async function importOf(database: Database, id: string): Promise<Import> {
  const found = z.uuid().safeParse(id).success
    ? await database.prisma.import.findUnique({ where: { id } })
    : null;
  if (found === null) throw new ImportError({ why: 'unknown_import' });
  return found;
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
export const countsOf = (stored: unknown): Counts => countsShape.parse(stored);
