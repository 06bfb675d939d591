import type { SubscriptionState } from '../generated/prisma/enums.ts';
import { csvHead, csvLine } from '../platform/csv.ts';
import type { Engine } from '../platform/database.ts';

/**
 * A person on a list, as an export tells it and an import reads it again. `state` is `undone` of whom only an import
 * that was taken back ended: that is no opt-out. `ended_at` is when they last opted out, also of whoever asked again
 * or is back since.
 */
export const exportColumns = [
  'email',
  'list',
  'state',
  'first_name',
  'locale',
  'consented_at',
  'consent_ip',
  'consent_source',
  'ended_at',
  'mail_block',
  'changed_at',
] as const;

type ExportedRow = Record<(typeof exportColumns)[number], string | null>;

const inUtc = (time: string) => `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * Who is on which list, with the columns of an export; also `person` and `listId`, which tell the rows apart. Of
 * whoever was erased there is no address.
 * @param from the table `subscriptions`, or a part of it
 */
export const exportedRows = (from: string) => `
  SELECT person.email, list.slug AS list,
         CASE WHEN subscription.state = 'unsubscribed' AND ending.kind = 'import_undone' THEN 'undone'
              ELSE subscription.state::text END AS state,
         person.first_name, person.locale,
         ${inUtc("CASE WHEN consent.kind = 'imported' THEN evidence.given_at ELSE consent.at END")} AS consented_at,
         evidence.ip AS consent_ip,
         CASE WHEN consent.kind = 'imported' THEN coalesce(evidence.page, wording.text)
              ELSE request.page END AS consent_source,
         ${inUtc("CASE WHEN ending.kind = 'unsubscribed' THEN coalesce(left_there.given_at, ending.at) END")} AS ended_at,
         person.mail_block, ${inUtc('subscription.changed_at')} AS changed_at,
         subscription.subscriber_id AS person, subscription.list_id AS "listId"
    FROM ${from} subscription
    JOIN mailing_lists list ON list.id = subscription.list_id
    LEFT JOIN subscribers person ON person.id = subscription.subscriber_id AND person.ledger_salt IS NOT NULL
    LEFT JOIN consent_events consent
      ON consent.subscriber_id = subscription.subscriber_id AND consent.seq = subscription.consent_seq
    LEFT JOIN consent_evidence evidence
      ON evidence.subscriber_id = consent.subscriber_id AND evidence.seq = consent.seq
    LEFT JOIN consent_evidence request
      ON request.subscriber_id = consent.subscriber_id AND request.seq = consent.request_seq
    LEFT JOIN consent_wordings wording ON wording.version = consent.wording_version
    LEFT JOIN consent_events ending
      ON ending.subscriber_id = subscription.subscriber_id AND ending.seq = subscription.ended_seq
    LEFT JOIN consent_evidence left_there
      ON left_there.subscriber_id = ending.subscriber_id AND left_there.seq = ending.seq`;

/** What tells a row of an export from the others: they come in this order. */
interface Place {
  person: string;
  listId: number;
}

/** How many rows are read at a time. */
const pageSize = 5_000;

const pageQuery = `
  WITH page AS MATERIALIZED (
    SELECT * FROM subscriptions
     WHERE (subscriber_id, list_id) > ($1::uuid, $2::int)
       AND ($3::text IS NULL OR list_id = (SELECT id FROM mailing_lists WHERE slug = $3))
       AND ($4::text IS NULL OR state::text = $4)
     ORDER BY subscriber_id, list_id
     LIMIT ${pageSize})
  ${exportedRows('page')}
   ORDER BY subscription.subscriber_id, subscription.list_id`;

/**
 * Writes everybody on every list, a row each, page by page: memory is two pages, whatever the number.
 * @param list a slug; null: all lists
 * @param state null: all, those who left too, so that an import elsewhere can keep their opt-outs
 * @yields CSV that spreadsheets are safe with, the columns first; or JSON lines
 */
export async function* exportSubscribers(
  database: Pick<Engine, 'transaction'>,
  { list, state, format }: { list: string | null; state: SubscriptionState | null; format: 'csv' | 'jsonl' },
): AsyncGenerator<string> {
  const read = (last: Place) =>
    database.transaction(async (tx) => {
      // A page is looked up by the indexes: what reads whole tables would read them again for each.
      await tx.query('SET LOCAL enable_hashjoin = off');
      await tx.query('SET LOCAL enable_mergejoin = off');
      return tx.query<ExportedRow & Place>(pageQuery, [last.person, last.listId, list, state]);
    });

  let head = format === 'csv' ? csvHead(exportColumns) : '';
  let ahead = read({ person: '00000000-0000-0000-0000-000000000000', listId: 0 });
  for (;;) {
    const rows = await ahead;
    const last = rows.at(-1);
    if (last !== undefined) {
      ahead = read(last);
      // Awaited when this page is written; a failure is not lost until then.
      ahead.catch(() => {});
    }
    const told = rows.filter(({ email }) => email !== null);
    yield head + told.map(format === 'csv' ? csvRow : jsonLine).join('');
    head = '';
    if (last === undefined) return;
  }
}

const csvRow = (row: ExportedRow) => csvLine(exportColumns.map((column) => row[column]));

function jsonLine(row: ExportedRow): string {
  return `${JSON.stringify(Object.fromEntries(exportColumns.map((column) => [column, row[column]])))}\n`;
}
