import { isIP } from 'node:net';
import { languageOf } from '../../../languages/language.ts';
import { parseAddress } from '../../../subscribing/address.ts';
import type { Columns, Field } from './columns.ts';
import type { FileRecord } from './records.ts';
import { readTime } from './times.ts';

/** How a person stands towards a list that an import knows. */
export type ImportState = 'subscribed' | 'unsubscribed' | 'cleaned' | 'complained';

/** One person, on those lists that the file names, if it does. */
export interface ImportRow {
  line: number;
  /** As it stands in the file; it has passed `parseAddress`. */
  email: string;
  firstName: string | null;
  locale: string | null;
  state: ImportState;
  /** Times are ISO 8601 in UTC. */
  consentedAt: string | null;
  consentIp: string | null;
  consentSource: string | null;
  /** When someone left or bounced; null also when nobody wrote it down. */
  endedAt: string | null;
  list: string | null;
}

/** A row that can be taken, or why it cannot. */
export type ReadRow = { row: ImportRow } | { reason: string };

/** How the rows of a file are to be read. */
export interface Reading {
  columns: Columns;
  /** How many cells a row has. */
  width: number;
  /** The state of all of them, as the file's name says; else it stands in a column, or everybody is subscribed. */
  stateOfFile: string | null;
  now: Date;
}

const stateWords: Record<ImportState, string[]> = {
  subscribed: [
    'subscribed',
    'active',
    'confirmed',
    'enabled',
    'abonniert',
    'angemeldet',
    'aktiv',
    'bestätigt',
  ],
  unsubscribed: ['unsubscribed', 'optedout', 'optout', 'abgemeldet', 'ausgetragen'],
  cleaned: ['cleaned', 'bounced', 'blocklisted'],
  complained: ['complained'],
};
const states = new Map(
  Object.entries(stateWords).flatMap(([state, words]) => words.map((word) => [word, state as ImportState])),
);

const neverConsented = new Map([
  ['nonsubscribed', 'never agreed to get newsletters (nonsubscribed), so is left out'],
  ['transactional', 'never agreed to get newsletters (transactional), so is left out'],
  ['pending', 'never confirmed (pending), so is left out'],
  ['undone', 'came by an import that was taken back (undone), so is left out'],
  ['archived', 'was archived, which does not say whether the consent still stands: left out'],
]);

/**
 * Reads a row. Whoever left is taken whatever else the row says, as far as the address can be read: a fault in a name
 * or a time must not keep anybody on a list.
 */
export function readRow({ line, cells, fault }: FileRecord, reading: Reading): ReadRow {
  if (fault !== undefined) return { reason: fault };
  const { columns, now } = reading;

  const email = cellOf(cells, columns, 'email');
  if (email === null) return { reason: 'the email address is missing' };
  const address = parseAddress(email);
  if (!address.ok) return { reason: languageOf('en').text(address.fault.key, { ...address.fault.values }) };

  const ended = cellOf(cells, columns, 'ended_at');
  const said = stateOf(reading, cellOf(cells, columns, 'state'), ended);
  const found = asBlocked(said, cellOf(cells, columns, 'mail_block'));
  if ('reason' in found) return found;

  const texts = {
    firstName: textOf(cells, columns, 'first_name'),
    locale: textOf(cells, columns, 'locale'),
    list: textOf(cells, columns, 'list', longestLists),
    consentSource: textOf(cells, columns, 'consent_source', longestSource),
  };
  const proof = {
    consentedAt: timeOf(cellOf(cells, columns, 'consented_at'), now),
    consentIp: ipOf(cellOf(cells, columns, 'consent_ip')),
  };
  const endedAt = timeOf(ended, now);
  if (found.state === 'subscribed') {
    const reason = faultOf(cells, reading, Object.values(texts), { ...proof, endedAt });
    if (reason !== null) return { reason };
    return { row: { line, email, ...texts, state: found.state, ...orNull(proof), endedAt: null } };
  }
  // When an address was blocked that did not leave before, nobody wrote down.
  const leftAt = isOn(said) ? null : endedAt;
  const changedAt = 'state' in said && !isOn(said) ? timeOf(cellOf(cells, columns, 'changed_at'), now) : null;
  // Who is in a file of those who left has left the audience, whichever groups of it they were in.
  const list = reading.stateOfFile === null ? texts.list : null;
  const row = {
    line,
    email,
    ...legible({ ...texts, list }),
    ...orNull(proof),
    consentSource: null,
    endedAt: leftAt ?? changedAt ?? null,
  };
  return { row: { ...row, state: found.state } };
}

/** Of several columns, the first that is not empty. */
function cellOf(cells: readonly string[], columns: Columns, field: Field): string | null {
  for (const place of columns.get(field) ?? []) {
    const text = cells[place]?.trim();
    if (text) return text;
  }
  return null;
}

/** Longer than any name, language tag or list. */
const longestText = 200;
/** Longer than some dozens of lists. */
const longestLists = 1_500;
/** Longer than a sentence, or the address of a page. */
const longestSource = 1_000;

/** The beginning of a long one: as wrong as all of it to the server, which would refuse a batch that is too large. */
const textOf = (cells: readonly string[], columns: Columns, field: Field, longest = longestText) =>
  cellOf(cells, columns, field)?.slice(0, longest) ?? null;

type FoundState = { state: ImportState } | { reason: string };

const isOn = (found: FoundState) => 'state' in found && found.state === 'subscribed';

function stateOf({ stateOfFile, columns }: Reading, said: string | null, endedAt: string | null): FoundState {
  if (stateOfFile === null && !columns.has('state')) {
    return { state: endedAt === null ? 'subscribed' : 'unsubscribed' };
  }
  const word = stateOfFile ?? said;
  if (word === null) return { reason: 'the state is missing' };
  const plain = plainOf(word);
  const state = states.get(plain);
  if (state !== undefined) return { state };
  // Who asked again after they left, and did not confirm, is who left (I2).
  if (plain === 'pending' && endedAt !== null) return { state: 'unsubscribed' };
  const reason = neverConsented.get(plain);
  return {
    reason:
      reason ??
      `the state “${word}” is none of subscribed, unsubscribed and cleaned; if this column is something else, say --map state=`,
  };
}

const plainOf = (word: string) => word.toLowerCase().replace(/[^\p{L}]/gu, '');

/** An address that must get no mail is not subscribed, whatever else the row says. */
function asBlocked(said: FoundState, block: string | null): FoundState {
  if (block === null) return said;
  const state = states.get(plainOf(block));
  if (state === 'cleaned' || state === 'complained') return { state };
  return isOn(said) ? { reason: `the mail block “${block}” is neither bounced nor complained` } : said;
}

/** What keeps a subscribed row from being taken. Null and undefined: empty, and not to be read. */
function faultOf(
  cells: readonly string[],
  { width }: Reading,
  texts: readonly (string | null)[],
  read: Record<'consentedAt' | 'consentIp' | 'endedAt', string | null | undefined>,
): string | null {
  if (cells.slice(width).some((cell) => cell.trim() !== ''))
    return `the row has ${cells.length} cells where ${width} are expected: put quotes around the one that holds the delimiter`;
  if (texts.some(isGarbled))
    return 'the row holds characters that cannot be read: save the file as UTF-8 and look at this row';
  if (read.consentedAt === undefined) return 'consent time cannot be read';
  if (read.consentIp === undefined) return 'consent IP cannot be read';
  if (read.endedAt !== null && (read.consentedAt ?? '') <= (read.endedAt ?? '~'))
    return 'the row says subscribed, and also when the person left, which is not before the consent';
  return null;
}

const isGarbled = (text: string | null) => /[\0\uFFFD]/.test(text ?? '');

const legible = ({ firstName, locale, list }: Pick<ImportRow, 'firstName' | 'locale' | 'list'>) => ({
  firstName: isGarbled(firstName) ? null : firstName,
  locale: isGarbled(locale) ? null : locale,
  list,
});

const orNull = ({
  consentedAt,
  consentIp,
}: Record<'consentedAt' | 'consentIp', string | null | undefined>) => ({
  consentedAt: consentedAt ?? null,
  consentIp: consentIp ?? null,
});

/** Undefined when it cannot be read. */
const timeOf = (text: string | null, now: Date) =>
  text === null ? null : (readTime(text, now) ?? undefined);
const ipOf = (text: string | null) => (text === null || isIP(text) !== 0 ? text : undefined);
