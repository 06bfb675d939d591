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
  return csvHead(columns) + rows.map((row) => csvLine(columns.map((column) => row[column]))).join('');
}

/** How such a file begins, for one that is written line by line. */
export function csvHead(columns: readonly string[]): string {
  return `\uFEFF${csvLine(columns)}`;
}

/** One line of such a file, with its end. */
export function csvLine(fields: readonly (string | number | null)[]): string {
  return `${fields.map(field).join(',')}\r\n`;
}

/** What a field of such a file says: takes away the apostrophe that made it safe. */
export function plainField(text: string): string {
  return text.startsWith("'") && formula.test(text) ? text.slice(1) : text;
}

function field(value: string | number | null): string {
  const text = String(value ?? '');
  return `"${(formula.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

/** With apostrophes of its own before it too: these get one more, or nobody could tell them from ours. */
const formula = /^'*(?:[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\0])/u;
