import type { Sql } from '../platform/database.ts';
import type { Outcome, UndoImport } from '../subscribing/commands.ts';
import { finishImport, type Importing } from './importing.ts';
import { importOf } from './imports.ts';

/** What became of a page of rows, or would. */
export interface UndonePage {
  /** How many rows were taken back, and how many left as they are. */
  undone: number;
  kept: number;
  /** Where the next page begins; null when all is done. */
  after: number | null;
}

/**
 * Takes back a page of what an import did: whoever is subscribed by its word alone is not any more. What was
 * confirmed or left since stays, and so do opt-outs. It takes no more rows from then on.
 * @param after where the page before ended; null begins. Any page may be repeated, and none is left out: the last one
 * goes back to what was passed over
 * @throws ImportError when there is no such import
 */
export async function undoImport(
  parts: Importing,
  importId: string,
  after: number | null,
): Promise<UndonePage> {
  const { database, subscribing, now } = parts;
  return database.exclusively(`import ${importId}`, async () => {
    await finishImport(parts, importId);
    await database.query(
      'UPDATE imports SET undo_begun_at = coalesce(undo_begun_at, $2), active_at = $2 WHERE id = $1::uuid',
      [importId, now().toISOString()],
    );
    let rows = await pageAfter(database, importId, after ?? -1);
    if (rows.length < undoPage) {
      const passedOver = await firstStanding(database, importId, after ?? -1);
      if (passedOver !== null) rows = await pageAfter(database, importId, passedOver - 1);
    }
    const outcomes = await subscribing.runAll(commandsOf(importId, rows));
    const failed = outcomes.find((outcome) => outcome.type === 'failed');
    if (failed !== undefined) throw failed.error;
    const page = pageOf(rows, outcomes);
    if (page.after === null) {
      await database.query('UPDATE imports SET undone_at = coalesce(undone_at, $2) WHERE id = $1::uuid', [
        importId,
        now().toISOString(),
      ]);
    }
    return page;
  });
}

/**
 * What taking back a page of an import would come to. Changes nothing.
 * @param after where the page before ended; null begins
 * @throws ImportError when there is no such import
 */
export async function previewUndo(
  { database, subscribing }: Pick<Importing, 'database' | 'subscribing'>,
  importId: string,
  after: number | null,
): Promise<UndonePage> {
  await importOf(database, importId);
  const rows = await pageAfter(database, importId, after ?? -1);
  return pageOf(rows, await subscribing.previewAll(commandsOf(importId, rows)));
}

interface ImportedRow {
  row: number;
  subscriberId: string;
  seq: number;
}

const undoPage = 1_000;

const commandsOf = (importId: string, rows: readonly ImportedRow[]) =>
  rows.map(({ subscriberId, seq }): UndoImport => ({ type: 'undo_import', importId, subscriberId, seq }));

function pageOf(
  rows: readonly ImportedRow[],
  outcomes: readonly (Outcome | { type: 'failed' })[],
): UndonePage {
  const undone = outcomes.filter((outcome) => outcome.type === 'undone' && outcome.lists.length > 0).length;
  const isLast = rows.length < undoPage;
  return { undone, kept: rows.length - undone, after: isLast ? null : (rows.at(-1)?.row ?? null) };
}

const pageAfter = (sql: Sql, importId: string, after: number) =>
  sql.query<ImportedRow>(
    `SELECT row, subscriber_id AS "subscriberId", seq FROM imported_rows
      WHERE import_id = $1::uuid AND row > $2 ORDER BY row LIMIT $3`,
    [importId, after, undoPage],
  );

/** The first of the rows up to here by whose word alone somebody is still subscribed; null when there is none. */
async function firstStanding(sql: Sql, importId: string, upTo: number): Promise<number | null> {
  const [first] = await sql.query<{ row: number }>(
    `SELECT imported.row FROM imported_rows imported
       JOIN subscriptions subscription
         ON subscription.subscriber_id = imported.subscriber_id AND subscription.consent_seq = imported.seq
      WHERE imported.import_id = $1::uuid AND imported.row <= $2 AND subscription.state = 'subscribed'
      ORDER BY imported.row LIMIT 1`,
    [importId, upTo],
  );
  return first?.row ?? null;
}
