import { mailQueue } from '../mail/deliver.ts';
import type { Database, Sql } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { openQueue, type Queue } from '../platform/queue.ts';
import { type Table, tablesOf } from './tables.ts';

// Everything goes over in one transaction of the new database, page by page, and is compared before it commits.
// Jobs are not moved: those of owed mails are made anew, schedules are made at every start, and what the lane to
// Mailchimp owes stands in its own table.

/** What was moved of a table. */
export interface Moved {
  table: string;
  rows: number;
  /** Of all rows, whatever their order. */
  digest: string;
}

export interface Move {
  tables: Moved[];
  /** Mails that were owed, and are queued there. */
  owedMails: number;
}

const pageSize = 500;

/**
 * Moves everything from an embedded database to a PostgreSQL in which nobody is yet; the old one stays as it is. Needs
 * no more rights there than Footnote itself.
 * @throws when there are people or lists already, or when what arrived is not what left; nothing was changed then
 */
export async function move(from: Database, to: Database, log: Log): Promise<Move> {
  const queue = await openQueue(to, { mail: mailQueue }, { worker: false, log });
  try {
    // Whoever starts meanwhile waits here for its migrations.
    return await to.exclusively('migrations', () =>
      to.transaction((tx) => from.transaction((source) => moveAll(source, tx, queue))),
    );
  } finally {
    await queue.stop();
  }
}

async function moveAll(from: Sql, to: Sql, queue: Queue): Promise<Move> {
  for (const sql of [from, to]) await sql.query(`SET LOCAL timezone = 'UTC'`);
  const tables = await tablesOf(from);
  if (JSON.stringify(tables) !== JSON.stringify(await tablesOf(to)))
    throw new Error('the tables of the two databases differ: are both of this version of Footnote?');
  await refuseInhabited(to);

  // The rules judge what happens, and this is no happening. Foreign keys stay on: they are looked at all the same.
  for (const { name } of tables) await to.query(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
  await to.query(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
  const moved: Moved[] = [];
  for (const table of tables) {
    await copyRows(from, to, table);
    const [left, arrived] = [await digestOf(from, table), await digestOf(to, table)];
    if (left.rows !== arrived.rows || left.digest !== arrived.digest)
      throw new Error(
        `of ${left.rows} rows in ${table.name}, ${arrived.rows} arrived, or not as they were: nothing was moved`,
      );
    moved.push(left);
  }
  for (const { name } of tables) await to.query(`ALTER TABLE ${name} ENABLE TRIGGER USER`);
  await moveSequences(from, to, tables);
  return { tables: moved, owedMails: await queueOwedMails(to, queue) };
}

/** A start leaves wordings and the like; people and lists are somebody's work. */
async function refuseInhabited(to: Sql): Promise<void> {
  const [row] = await to.query<{ people: boolean; lists: boolean }>(
    'SELECT EXISTS (SELECT FROM subscribers) AS people, EXISTS (SELECT FROM mailing_lists) AS lists',
  );
  if (row === undefined || row.people || row.lists)
    throw new Error(
      `there are ${row?.people ? 'people' : 'mailing lists'} in that database already: name one that is empty`,
    );
}

/** Rows go over as their text, which says every value exactly. */
async function copyRows(from: Sql, to: Sql, { name }: Table): Promise<void> {
  await from.query(`DECLARE leaving NO SCROLL CURSOR FOR SELECT leaver::text AS row FROM ${name} leaver`);
  for (;;) {
    const page = await from.query<{ row: string }>(`FETCH ${pageSize} FROM leaving`);
    if (page.length === 0) break;
    await to.query(
      `INSERT INTO ${name}
       SELECT (arrived.row).* FROM (SELECT text::${name} AS row FROM unnest($1::text[]) AS text OFFSET 0) arrived`,
      [page.map(({ row }) => row)],
    );
  }
  await from.query('CLOSE leaving');
}

/** The sum of the rows' hashes, so that neither their order matters nor a large table takes memory. */
async function digestOf(sql: Sql, { name }: Table): Promise<Moved> {
  const [row] = await sql.query<{ rows: number; digest: string }>(
    `SELECT count(*)::int AS rows,
            md5(coalesce(sum(('x' || left(hash, 16))::bit(64)::bigint::numeric), 0)::text || ' ' ||
                coalesce(sum(('x' || right(hash, 16))::bit(64)::bigint::numeric), 0)::text) AS digest
       FROM (SELECT md5(moved::text) AS hash FROM ${name} moved) hashes`,
  );
  return { table: name, rows: row?.rows ?? 0, digest: row?.digest ?? '' };
}

/** Numbers go on where they were, not at those that are taken. */
async function moveSequences(from: Sql, to: Sql, tables: readonly Table[]): Promise<void> {
  for (const name of tables.flatMap(({ sequences }) => sequences)) {
    const [at] = await from.query<{ value: string; called: boolean }>(
      `SELECT last_value::text AS value, is_called AS called FROM ${name}`,
    );
    if (at !== undefined)
      await to.query('SELECT setval($1::regclass, $2::bigint, $3)', [name, at.value, at.called]);
  }
}

/** A thousand at a time, each for when it is due. @returns how many */
async function queueOwedMails(to: Sql, queue: Queue): Promise<number> {
  let count = 0;
  let last = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const owed = await to.query<{ id: string; wait: number }>(
      `SELECT id, greatest(0, ceil(extract(epoch FROM due_at - clock_timestamp())))::int AS wait
         FROM mails WHERE accepted_at IS NULL AND abandoned IS NULL AND id > $1::uuid ORDER BY id LIMIT 1000`,
      [last],
    );
    const end = owed.at(-1);
    if (end === undefined) return count;
    await queue.add(
      to,
      'mail',
      owed.map(({ id, wait }) => ({ data: { mailId: id }, startAfter: wait })),
    );
    count += owed.length;
    last = end.id;
  }
}
