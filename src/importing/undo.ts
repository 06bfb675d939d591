import type { UndoImport } from '../subscribing/commands.ts';
import { finishImport, type Importing } from './importing.ts';

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
