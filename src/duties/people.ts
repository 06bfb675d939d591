import type { Sql } from '../platform/database.ts';
import type { ExpirePerson } from '../subscribing/commands.ts';
import type { Work } from './duty.ts';

/** As many people are looked at by one statement, whatever their number. */
const pageSize = 2_000;

/**
 * Goes through all people, in pages of a size that holds nobody up.
 * @param query answers with rows of a page: `page` is a table of theirs, its `id`s taken from `subscribers`
 * @yields the rows of each page
 */
export async function* everybody<Row>(
  sql: Sql,
  query: string,
  parameters: readonly unknown[],
): AsyncGenerator<Row[]> {
  let last: string | null = null;
  do {
    const [found]: { last: string | null; rows: Row[] }[] = await sql.query(
      `WITH page AS MATERIALIZED (
         SELECT * FROM subscribers WHERE $1::uuid IS NULL OR id > $1::uuid ORDER BY id LIMIT ${pageSize}
       )
       SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last,
              coalesce((SELECT jsonb_agg(row) FROM (${query}) row), '[]') AS rows`,
      [last, ...parameters],
    );
    last = found?.last ?? null;
    yield found?.rows ?? [];
  } while (last !== null);
}

/**
 * Has everybody expire of whom a look at the tables says that their time is over: the rules look again and say
 * whether it is.
 * @param condition on `person`; `$2` is the time before which all must have happened
 * @returns how many did
 */
export async function expireEverybody(
  { database, subscribing, signal }: Pick<Work, 'database' | 'subscribing' | 'signal'>,
  { why, before, condition }: Pick<ExpirePerson, 'why' | 'before'> & { condition: string },
): Promise<number> {
  let expired = 0;
  const query = `
    SELECT person.id FROM page person
      JOIN consent_events last ON last.subscriber_id = person.id AND last.seq = person.ledger_seq
     WHERE person.ledger_salt IS NOT NULL AND last.at < $2::timestamptz AND ${condition}`;
  for await (const people of everybody<{ id: string }>(database, query, [before.toISOString()])) {
    signal.throwIfAborted();
    const outcomes = await subscribing.runAll(
      people.map(({ id: subscriberId }) => ({ type: 'expire_person', subscriberId, why, before })),
    );
    for (const outcome of outcomes) {
      if (outcome.type === 'failed') throw outcome.error;
      if (outcome.type === 'erased') expired += 1;
    }
  }
  return expired;
}
