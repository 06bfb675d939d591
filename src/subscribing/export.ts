import type { SubscriptionState } from '../generated/prisma/enums.ts';
import { csvHead, csvLine } from '../platform/csv.ts';
import type { Sql } from '../platform/database.ts';

/** A person on a list, as an export tells it and an import reads it again. */
export const exportColumns = [
  'email',
  'list',
  'state',
  'first_name',
  'locale',
  'consented_at',
  'consent_ip',
  'consent_source',
  'changed_at',
] as const;

type ExportedRow = Record<(typeof exportColumns)[number], string | null>;

/** How many rows are read at a time. */
const pageSize = 5_000;

/**
 * Writes everybody on every list, a row each, page by page: memory is one page, whatever the number.
 * @param list a slug; null: all lists
 * @param state null: all, those who left too, so that an import elsewhere can keep their opt-outs
 * @yields CSV that spreadsheets are safe with, the columns first; or JSON lines
 */
export async function* exportSubscribers(
  sql: Sql,
  { list, state, format }: { list: string | null; state: SubscriptionState | null; format: 'csv' | 'jsonl' },
): AsyncGenerator<string> {
  let head = format === 'csv' ? csvHead(exportColumns) : '';
  let last = { person: '00000000-0000-0000-0000-000000000000', listId: 0 };
  for (;;) {
    const rows = await sql.query<ExportedRow & typeof last>(
      `SELECT person.email, list.slug AS list, subscription.state, person.first_name, person.locale,
              ${inUtc("CASE WHEN consent.kind = 'imported' THEN evidence.given_at ELSE consent.at END")} AS consented_at,
              evidence.ip AS consent_ip,
              CASE WHEN consent.kind = 'imported' THEN wording.text ELSE request.page END AS consent_source,
              ${inUtc('subscription.changed_at')} AS changed_at,
              subscription.subscriber_id AS person, subscription.list_id AS "listId"
         FROM subscriptions subscription
         JOIN subscribers person ON person.id = subscription.subscriber_id AND person.ledger_salt IS NOT NULL
         JOIN mailing_lists list ON list.id = subscription.list_id
         LEFT JOIN consent_events consent
           ON consent.subscriber_id = subscription.subscriber_id AND consent.seq = subscription.consent_seq
         LEFT JOIN consent_evidence evidence
           ON evidence.subscriber_id = consent.subscriber_id AND evidence.seq = consent.seq
         LEFT JOIN consent_evidence request
           ON request.subscriber_id = consent.subscriber_id AND request.seq = consent.request_seq
         LEFT JOIN consent_wordings wording ON wording.version = consent.wording_version
        WHERE (subscription.subscriber_id, subscription.list_id) > ($1::uuid, $2::int)
          AND ($3::text IS NULL OR list.slug = $3) AND ($4::text IS NULL OR subscription.state::text = $4)
        ORDER BY subscription.subscriber_id, subscription.list_id
        LIMIT ${pageSize}`,
      [last.person, last.listId, list, state],
    );
    yield head + rows.map(format === 'csv' ? csvRow : jsonLine).join('');
    head = '';
    const end = rows.at(-1);
    if (end === undefined) return;
    last = { person: end.person, listId: end.listId };
  }
}

const inUtc = (time: string) => `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const csvRow = (row: ExportedRow) => csvLine(exportColumns.map((column) => row[column]));

function jsonLine(row: ExportedRow): string {
  return `${JSON.stringify(Object.fromEntries(exportColumns.map((column) => [column, row[column]])))}\n`;
}
