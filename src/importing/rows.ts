import { isIP } from 'node:net';
import { z } from 'zod';
import { languageOf } from '../languages/language.ts';
import { parseAddress } from '../subscribing/address.ts';
import type { ImportPerson, OfferedList } from '../subscribing/commands.ts';
import type { KnownList } from '../subscribing/lists.ts';
import { isFirstName, isLanguageTag } from '../subscribing/profile.ts';

/** Rows that one batch has at most. */
export const largestBatch = 5_000;

const field = z.string().max(2_048).nullish();

/** A row of a file as it is read: texts, of which nothing is believed yet. */
export const importRow = z.strictObject({
  /** Where it stands in the file, for whoever is told that it is refused. */
  line: z.int().positive().nullish(),
  email: z.string().max(2_048),
  firstName: field,
  /** A language tag, such as `de` or `pt-BR`. */
  locale: field,
  /** `cleaned`: the address bounced over there; `complained`: its owner reported a mail as spam. */
  state: z.enum(['subscribed', 'unsubscribed', 'cleaned', 'complained']).default('subscribed'),
  /** When consent was given, and from which IP address. */
  consentedAt: field,
  consentIp: field,
  /** Where it was given, if the row says so itself: kept beside what the operator says of the whole import. */
  consentSource: field,
  /** When it was taken back. */
  endedAt: field,
  /**
   * The lists that the row is for, by slug or by name, parted by commas, semicolons or bars. Without one it is for those
   * of the import, and an opt-out is from every list if the import has none.
   */
  list: field,
});

export const importRows = z.array(importRow).max(largestBatch);

export type ImportRow = z.output<typeof importRow>;

export interface RejectedRow {
  /** Its place in the import, from 0. */
  row: number;
  line: number | null;
  reason: string;
}

/** What a command needs of a row. */
export type JudgedRow = Pick<
  ImportPerson,
  'address' | 'lists' | 'state' | 'givenAt' | 'ip' | 'source' | 'firstName' | 'locale'
>;

/**
 * Judges a row. A name that no form would take, and what is no IP address, are left out, and so is the language of
 * whoever left (I2); whatever else consent or the person depend on must be right.
 * @param lists those of the import
 * @param known all that a row may name; from an archived one people can only leave
 * @returns why the row is rejected, as text, if it is
 */
export function judgeRow(
  row: ImportRow,
  { lists, known, now }: { lists: readonly KnownList[]; known: readonly KnownList[]; now: Date },
): JudgedRow | string {
  const parsed = parseAddress(row.email);
  if (!parsed.ok) return english.text(parsed.fault.key, parsed.fault.values);

  const own = listsOf(row, lists, known);
  if (typeof own === 'string') return own;

  const given = row.state === 'subscribed' ? row.consentedAt : row.endedAt;
  const givenAt = given ? readTime(given) : null;
  if (givenAt === undefined) return `“${given}” is no time.`;
  if (row.state === 'subscribed' && givenAt !== null && givenAt > now) {
    return 'The time of consent lies in the future.';
  }
  const isLanguage = row.locale ? isLanguageTag(row.locale) : false;
  if (row.locale && !isLanguage && row.state === 'subscribed') return `“${row.locale}” is no language tag.`;

  const firstName = row.firstName?.trim() ?? '';
  return {
    address: parsed.address,
    lists: own,
    state: row.state,
    givenAt,
    source: (row.state === 'subscribed' && row.consentSource?.trim()) || null,
    ip: row.consentIp && isIP(row.consentIp) !== 0 ? row.consentIp : null,
    firstName: isFirstName(firstName) ? firstName : null,
    locale: row.locale && isLanguage ? row.locale : english.locale,
  };
}

/** The lists that a row is for, or why it is for none, as text. */
function listsOf(
  row: ImportRow,
  lists: readonly KnownList[],
  known: readonly KnownList[],
): OfferedList[] | string {
  const isOptOut = row.state !== 'subscribed';
  const open = (all: readonly KnownList[]) => all.filter(({ archived }) => isOptOut || !archived);
  const unnamed = isOptOut && lists.length === 0 ? known : lists;
  const own = row.list ? named(row.list, open(known)) : open(unnamed);
  if (typeof own === 'string') return `There is no mailing list ${own} on offer.`;
  return own.length > 0 ? own : 'No mailing list is named, neither by the row nor for the whole import.';
}

/** The lists that a cell names, or what it names in vain. A name may hold what parts others, as Mailchimp escapes it. */
function named(cell: string, lists: readonly OfferedList[]): OfferedList[] | string {
  const find = (text: string) =>
    lists.find(({ slug }) => slug === text) ??
    lists.find(({ name }) => name.toLowerCase() === text.toLowerCase());
  const whole = find(cell.trim());
  if (whole !== undefined) return [whole];
  const found = new Set<OfferedList>();
  for (const part of cell.split(/(?<!\\)[,;|]/)) {
    const text = part.replaceAll('\\', '').trim();
    const list = find(text);
    if (list !== undefined) found.add(list);
    else if (text !== '') return text;
  }
  return [...found];
}

const english = languageOf('en');

/** A time as systems export it (ISO 8601, with a space too), UTC unless it says otherwise. */
function readTime(text: string): Date | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|[+-]\d\d:?\d\d)?)?$/i.exec(
    text.trim(),
  );
  if (parts === null) return undefined;
  const [, day = '', clock = '00:00', zone = 'Z'] = parts;
  const time = new Date(`${day}T${clock}${zone.toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')}`);
  // 30 February is read as 2 March.
  const isReal = new Date(`${day}T00:00Z`).toJSON()?.startsWith(day);
  return isReal && !Number.isNaN(time.getTime()) ? time : undefined;
}
