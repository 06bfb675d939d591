import { z } from 'zod';
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

// A form names a field once or several times, and browsers send empty ones.
const text = z.preprocess(
  (value) => (value === '' || value === null ? undefined : value),
  z.string('must be one text').max(2048, 'is too long').optional(),
);
const slugs = z.preprocess(
  (value) => (typeof value === 'string' ? [value] : value),
  z
    .array(z.string('must be names of lists').max(100), 'must be names of lists')
    .max(100, 'are too many')
    .optional(),
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

/** Reads the body of a sign-up. Unknown fields are ignored; a field of a wrong type is an error. */
export function readTyped(body: unknown): { typed: TypedSignUp; errors: FieldError[] } {
  const read = shape.safeParse(body);
  if (read.success) {
    const { 'lists[]': bracketed = [], ...typed } = read.data;
    return { typed: { ...typed, lists: [...(typed.lists ?? []), ...bracketed] }, errors: [] };
  }
  const errors = read.error.issues.map(({ path: [field], message }) =>
    field === undefined
      ? { field: 'body', message: 'must be an object with the fields of the form' }
      : { field: String(field).replace('[]', ''), message: `${String(field)} ${message}.` },
  );
  return { typed: {}, errors };
}

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
