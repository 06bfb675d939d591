import type { UndoImport } from '../subscribing/commands.ts';
import type { Importing } from './importing.ts';
import { importOf } from './imports.ts';

/**
 * What taking back a page of an import would come to, counted as `undoImport` counts. Changes nothing.
 * @param after where the page before ended; null begins
 * @throws ImportError when there is no such import
 */
export async function previewUndo(
  { database, subscribing }: Pick<Importing, 'database' | 'subscribing'>,
  importId: string,
  after: number | null,
): Promise<{ undone: number; kept: number; after: number | null }> {
  await importOf(database, importId);
  const rows = await database.query<{ row: number; subscriberId: string; seq: number }>(
    `SELECT row, subscriber_id AS "subscriberId", seq FROM imported_rows
      WHERE import_id = $1::uuid AND row > $2 ORDER BY row LIMIT $3`,
    [importId, after ?? -1, page],
  );
  const outcomes = await subscribing.previewAll(
    rows.map(({ subscriberId, seq }): UndoImport => ({ type: 'undo_import', importId, subscriberId, seq })),
  );
  const undone = outcomes.filter((outcome) => outcome.type === 'undone' && outcome.lists.length > 0).length;
  const isLast = rows.length < page;
  return { undone, kept: rows.length - undone, after: isLast ? null : (rows.at(-1)?.row ?? null) };
}

const page = 1_000;
