import { z } from 'zod';
import { isKnownConsentWording } from '../consent/wordings.ts';
import type { Database } from '../platform/database.ts';
import { parseAddress } from '../subscribing/address.ts';
import type { OfferedList, SignUp } from '../subscribing/commands.ts';
import type { FieldError } from './problems.ts';

/** The fields of a sign-up as they arrive, from a form or as JSON; every one still a stranger's text. */
export interface TypedSignUp {
  email?: string | undefined;
  lists?: string[] | undefined;
  consentVersion?: string | undefined;
  source?: string | undefined;
  locale?: string | undefined;
  firstName?: string | undefined;
  redirect?: string | undefined;
}

const noListChosen = 'Please select at least one mailing list.';

// JSON can carry what is no text: NUL and halves of characters, which the database would refuse.
const string = z
  .string('must be one text')
  .refine((value) => value.isWellFormed() && !value.includes('\0'), 'holds a character that is not text');

// A form names a field once or several times, and browsers send empty ones.
const text = z.preprocess(
  (value) => (value === '' || value === null ? undefined : value),
  string.max(2048, 'is too long').optional(),
);
const slugs = z.preprocess(
  (value) => [value ?? []].flat().filter((slug) => slug !== ''),
  z.array(string.max(100, 'must be names of lists')).max(100, 'are too many'),
);

const shape = z.object({
  email: text,
  lists: slugs,
  'lists[]': slugs,
  consentVersion: text,
  source: text,
  locale: text,
  firstName: text,
  redirect: text,
});

/**
 * Reads the body of a sign-up. Unknown fields are ignored; a field of a wrong type is an error, and
 * what is sound of the others is kept, to be shown again.
 */
export function readTyped(body: unknown): { typed: TypedSignUp; errors: FieldError[] } {
  const read = shape.safeParse(body);
  if (read.success) {
    const { 'lists[]': bracketed, ...typed } = read.data;
    return { typed: { ...typed, lists: [...typed.lists, ...bracketed] }, errors: [] };
  }
  const fields = z.record(z.string(), z.unknown()).safeParse(body);
  if (!fields.success) {
    return { typed: {}, errors: [{ field: 'body', message: 'The body must hold the fields of the form.' }] };
  }
  const faults = new Map(read.error.issues.map(({ path: [field], message }) => [String(field), message]));
  const sound = Object.entries(fields.data).filter(([field]) => !faults.has(field));
  return {
    typed: readTyped(Object.fromEntries(sound)).typed,
    errors: [...faults].map(([field, message]) => ({
      field: field.replace('[]', ''),
      message: `The field ${field} ${message}.`,
    })),
  };
}

/**
 * The consent wording that a form showed: the one it names, the one on offer if it names none.
 * @returns its version, or null when we never offered what it names (C-03)
 */
export async function shownWording(
  database: Database,
  named: string | undefined,
  offered: { version: string },
): Promise<string | null> {
  if (named === undefined || named === offered.version) return offered.version;
  return (await isKnownConsentWording(database, named)) ? named : null;
}

export const unknownWording: FieldError = {
  field: 'consentVersion',
  message: 'This form shows a consent text that is not known here. Please reload the page.',
};

const localePattern = /^[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

/**
 * Checks a sign-up against what is on offer.
 * @returns what a command needs, or every fault with its field, in words for the reader
 */
export function checkSignUp(
  typed: TypedSignUp,
  offered: readonly OfferedList[],
):
  | { ok: true; signUp: Pick<SignUp, 'address' | 'lists' | 'firstName' | 'page'> & { locale: string | null } }
  | { ok: false; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const fault = (field: string, message: string) => errors.push({ field, message });

  const asked = new Set(typed.lists);
  const lists = offered.filter((list) => asked.has(list.slug));
  if (asked.size === 0) fault('lists', noListChosen);
  else if (lists.length < asked.size) {
    fault('lists', 'At least one of these mailing lists does not exist or is closed. Please choose again.');
  }

  const address = parseAddress(typed.email ?? '');
  if (!address.ok) fault('email', address.message);

  const firstName = typed.firstName?.trim() || null;
  if (firstName !== null && (firstName.length > 64 || unprintable.test(firstName))) {
    fault('firstName', 'Please give a first name of at most 64 characters on one line.');
  }
  if (typed.locale !== undefined && !localePattern.test(typed.locale)) {
    fault('locale', 'The locale must be a language tag such as en or pt-BR.');
  }
  const page = typed.source ?? null;
  if (page !== null && !isWebPage(page)) fault('source', 'The source must be the http(s) address of a page.');

  if (errors.length > 0 || !address.ok) return { ok: false, errors };
  return {
    ok: true,
    signUp: { address: address.address, lists, firstName, page, locale: typed.locale ?? null },
  };
}

function isWebPage(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && !unprintable.test(text);
}
