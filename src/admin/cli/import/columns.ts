import { parseAddress } from '../../../subscribing/address.ts';
import { Failure } from '../call.ts';

/** What an import can take from a file. */
export type Field = keyof typeof headings;

/**
 * Where each field stands in a file, as places in a row. Of several, the first that is not empty counts; of none,
 * the field is not in the file.
 */
export type Columns = ReadonlyMap<Field, readonly number[]>;

/** What `--map` says: the name of a column for a field, or '' for none. */
export type Mapping = ReadonlyMap<Field, string>;

/**
 * Names of columns, in letters and digits alone, the surest first. Names that stand together complete each other: in
 * Mailchimp's exports, who joined without a confirmation has only the time of opting in.
 */
const headings = {
  email: ['email', 'emailaddress', 'emailadresse', 'mail', 'mailadresse', 'subscriberemail', 'useremail'],
  first_name: ['firstname', 'vorname', 'fname', 'givenname', 'forename'],
  locale: ['locale', 'language', 'sprache', 'lang'],
  list: ['list', 'listslug', 'liste', 'mailinglist'],
  state: ['subscriptionstate', 'subscriptionstatus', 'subscriberstatus', 'abostatus', 'status', 'state'],
  consented_at: [
    ['confirmtime', 'optintime'],
    'consentedat',
    'consenttime',
    'consentdate',
    'confirmedat',
    'optinat',
    'optindate',
    'subscribedat',
    'subscribedon',
    'subscribedate',
    'signupdate',
    'angemeldetam',
    'anmeldedatum',
    'einwilligungam',
    'createdat',
  ],
  consent_ip: [['confirmip', 'optinip'], 'consentip', 'signupip', 'ipaddress', 'ipadresse', 'ip'],
  consent_source: ['consentsource'],
  ended_at: [
    ['unsubtime', 'cleantime'],
    'endedat',
    'unsubscribedat',
    'unsubscribedon',
    'unsubscribetime',
    'unsubscribedate',
    'optouttime',
    'optoutdate',
    'abgemeldetam',
    'abmeldedatum',
  ],
  mail_block: ['mailblock'],
  changed_at: ['changedat', 'lastchanged'],
} as const satisfies Record<string, (string | string[])[]>;

const fields = Object.keys(headings) as Field[];
const isField = (name: string): name is Field => Object.hasOwn(headings, name);

/** In letters and digits alone, so that `E-Mail Adresse` and `email_adresse` are one. */
const normal = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** Whether a first row is data already, as an address stands in it. */
export const isData = (cells: readonly string[]) =>
  cells.some((cell) => /^[^\s@]+@[^\s@]+$/.test(cell.trim()));

/** Names for the columns of a file: those of its header, each a different one, or `column_1` and so on. */
export function namesOf(header: readonly string[] | null, width: number): string[] {
  const names: string[] = [];
  for (let place = 0; place < Math.max(width, header?.length ?? 0); place++) {
    const name = header?.[place]?.trim() || `column_${place + 1}`;
    names.push(names.includes(name) ? `${name} (${place + 1})` : name);
  }
  return names;
}

/**
 * Guesses the columns by their names, in English and German; that of the addresses by its content if need be.
 * @param sample the first rows of data
 */
export function guessColumns(names: readonly string[], sample: readonly (readonly string[])[]): Columns {
  const places = names.map(normal);
  const found = new Map<Field, number[]>();
  for (const field of fields) {
    for (const heading of headings[field]) {
      const matches = [heading].flat().map((name) => places.indexOf(name));
      const there = matches.filter((place) => place !== -1);
      if (there.length > 0 && !found.has(field)) found.set(field, there);
    }
  }
  if (!found.has('email')) {
    const place = addressColumn(names.length, sample);
    if (place !== null) found.set('email', [place]);
  }
  return found;
}

/** The one column whose cells are addresses, most of them; null when there is none, or more than one. */
function addressColumn(width: number, sample: readonly (readonly string[])[]): number | null {
  const good = Array.from({ length: width }, (_, place) => place).filter((place) => {
    const cells = sample.map((row) => row[place]?.trim() ?? '').filter((cell) => cell !== '');
    return cells.filter((cell) => parseAddress(cell).ok).length * 2 > cells.length;
  });
  return good.length === 1 ? (good[0] ?? null) : null;
}

/**
 * Reads what `--map` says, such as `email=E-Mail,first_name=Rufname`; `locale=` means that no column holds it.
 * @throws Failure
 */
export function parseMapping(text: string): Mapping {
  const mapping = new Map<Field, string>();
  // A comma in the name of a column is one of the name.
  for (const part of text.split(/,(?=[^,=]*=)/)) {
    const [name = '', ...rest] = part.split('=').map((piece) => piece.trim());
    const column = rest.join('=');
    if (!isField(name) || rest.length === 0)
      throw new Failure(
        `--map: “${name || part.trim()}” is no field; it is FIELD=COLUMN,… with ${list(fields)}`,
      );
    if (mapping.has(name)) throw new Failure(`--map: ${name} is there twice`);
    mapping.set(name, column);
  }
  return mapping;
}

/** The place of the column that `--map` names; null when the file has none of this name. */
export function placeOf(column: string, names: readonly string[]): number | null {
  const exact = names.indexOf(column.trim());
  const place = exact === -1 ? names.findIndex((name) => normal(name) === normal(column)) : exact;
  return place === -1 ? null : place;
}

/** Puts what `--map` says in the place of what was guessed. A column that this file does not have changes nothing. */
export function mapColumns(
  guessed: Columns,
  mapping: Mapping,
  names: readonly string[],
): Map<Field, readonly number[]> {
  const columns = new Map(guessed);
  for (const [field, column] of mapping) {
    const place = placeOf(column, names);
    if (column === '') columns.delete(field);
    else if (place !== null) columns.set(field, [place]);
  }
  return columns;
}

/** What was found, a line a field, such as `email <- Email Address`. */
export function describeColumns(columns: Columns, names: readonly string[]): string[] {
  return fields.flatMap((field) => {
    const places = columns.get(field);
    return places === undefined ? [] : [`${field} <- ${places.map((place) => names[place]).join(', else ')}`];
  });
}

/** Names in a line for the person at the terminal. */
export const list = (names: readonly string[]) => names.map((name) => `“${name}”`).join(', ');
