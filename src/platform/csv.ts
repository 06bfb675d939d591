/**
 * Writes CSV by RFC 4180: CRLF, every field quoted, the names of the columns first. A byte order mark stands before
 * it, without which spreadsheets take UTF-8 for another encoding; and what they would take for a formula gets an
 * apostrophe (A-16), for addresses may well begin with `=` or `+`.
 * @param rows fields by column; null is empty
 */
export function csvOf<Column extends string>(
  columns: readonly Column[],
  rows: readonly Record<Column, string | number | null>[],
): string {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return `\uFEFF${lines.map((line) => `${line.map(field).join(',')}\r\n`).join('')}`;
}

function field(value: string | number | null): string {
  const text = String(value ?? '');
  const safe = /^[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n\0]/u.test(text)
    ? `'${text}`
    : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
