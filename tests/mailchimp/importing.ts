import { v7 as uuid } from 'uuid';
import { beginImport, takeRows } from '../../src/importing/importing.ts';
import { importRows } from '../../src/importing/rows.ts';
import type { Newsroom } from './newsroom.ts';

/** Subscribes people by an import, as far as the rules allow: nobody who is on a list or left it. */
export async function importPeople(
  newsroom: Newsroom,
  emails: readonly string[],
  { lists, givenAt = null }: { lists: readonly string[]; givenAt?: Date | null },
): Promise<void> {
  const { id } = await beginImport(newsroom, {
    digest: uuid(),
    file: 'people.csv',
    lists: [...lists],
    source: 'The form of the old site.',
    key: 'tests',
  });
  const consentedAt = givenAt?.toISOString() ?? null;
  for (let from = 0; from < emails.length; from += 1_000) {
    const rows = emails.slice(from, from + 1_000).map((email) => ({ email, consentedAt }));
    const { rejected } = await takeRows(newsroom, id, from, importRows.parse(rows));
    if (rejected[0] !== undefined) throw new Error(rejected[0].reason);
  }
}

/** Takes back what imports brought to these people and nothing since replaced. */
export async function undoImports(
  { database, subscribing }: Newsroom,
  emails: readonly string[],
): Promise<void> {
  const rows = await database.query<{ importId: string; subscriberId: string; seq: number }>(
    `SELECT imported.import_id AS "importId", imported.subscriber_id AS "subscriberId", imported.seq
       FROM imported_rows imported JOIN subscribers person ON person.id = imported.subscriber_id
      WHERE person.key = ANY ($1::text[])`,
    [emails.map((email) => email.toLowerCase())],
  );
  await subscribing.runAll(rows.map((row) => ({ type: 'undo_import' as const, ...row })));
}
