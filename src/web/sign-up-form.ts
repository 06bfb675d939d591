import { z } from 'zod';
import { isKnownConsentWording } from '../consent/wordings.ts';
import type { Language, MessageKey, Values } from '../languages/language.ts';
import type { Database } from '../platform/database.ts';
import { isText } from '../platform/text.ts';
import { parseAddress } from '../subscribing/address.ts';
import type { OfferedList, SignUp } from '../subscribing/commands.ts';
import { isFirstName, isLanguageTag, isSeen, longestName } from '../subscribing/profile.ts';
import type { FieldError } from './pages/fields.tsx';

/** What is wrong with a field, before it is put into words. */
export interface Fault {
  field: string;
  key: MessageKey;
  values?: Values;
}

/** Faults as the reader is told of them. */
export function inWords(faults: readonly Fault[], language: Language): FieldError[] {
  return faults.map(({ field, key, values }) => ({ field, message: language.text(key, values) }));
}

/** The fields of a sign-up as they arrive, from a form or as JSON; every one still a stranger's text. */
export interface TypedSignUp {
  email?: string | undefined;
  lists?: string[] | undefined;
  consentVersion?: string | undefined;
  source?: string | undefined;
  locale?: string | undefined;
  firstName?: string | undefined;
  redirect?: string | undefined;
  /** Of the preference page: the lists that it showed. */
  shown?: string[] | undefined;
  /** What the guard looks at: the field that readers do not see, and what shows that a form was ours. */
  message?: string | undefined;
  nonce?: string | undefined;
  altcha?: string | undefined;
}

const string = z.string().refine(isText);

// A form names a field once or several times, and browsers send empty ones.
const text = z.preprocess(
  (value) => (value === '' || value === null ? undefined : value),
  string.max(2048).optional(),
);
const slugs = z.preprocess(
  (value) => [value ?? []].flat().filter((slug) => slug !== ''),
  z.array(string.max(100)).max(100),
);

/** What a form sends, as the description of the API tells it too. */
export const signUpBody = z.object({
  email: text.meta({ description: 'Required', example: 'reader@example.com' }),
  lists: slugs.meta({
    description: 'Required: slugs of mailing lists; a form repeats the field',
    example: ['morning-briefing'],
  }),
  'lists[]': slugs.meta({ description: 'The same, as some forms name it' }),
  consentVersion: text.meta({
    description: 'Which consent text was shown; without it, the one on offer',
  }),
  source: text.meta({ description: 'Address of the page with the form' }),
  locale: text.meta({ description: "The reader's language", example: 'en' }),
  firstName: text.meta({ description: '64 characters at most; used only once confirmed' }),
  redirect: text.meta({ description: 'Plain forms: where to go afterwards, on a site in ALLOWED_ORIGINS' }),
  shown: slugs.optional().meta({ description: 'Of the preference page: the lists that it showed' }),
  message: text.meta({ description: 'A trap for what fills in every field: leave it out' }),
  nonce: text.meta({ description: 'From `GET /nonce`; without it, stricter limits' }),
  altcha: text.meta({ description: 'A solved challenge, where ALTCHA is on' }),
});

/**
 * Reads the body of a sign-up. Unknown fields are ignored; a field of a wrong type is an error, and
 * what is sound of the others is kept, to be shown again.
 */
export function readTyped(body: unknown): { typed: TypedSignUp; faults: Fault[] } {
  const read = signUpBody.safeParse(body);
  if (read.success) {
    const { 'lists[]': bracketed, ...typed } = read.data;
    return { typed: { ...typed, lists: [...typed.lists, ...bracketed] }, faults: [] };
  }
  const fields = z.record(z.string(), z.unknown()).safeParse(body);
  if (!fields.success) {
    return { typed: {}, faults: [{ field: 'body', key: 'fault.body' }] };
  }
  const faults = new Map(read.error.issues.map((issue) => [String(issue.path[0]), keyOf(issue)]));
  const sound = Object.entries(fields.data).filter(([field]) => !faults.has(field));
  return {
    typed: readTyped(Object.fromEntries(sound)).typed,
    faults: [...faults].map(([field, key]) => ({ field: field.replace('[]', ''), key, values: { field } })),
  };
}

function keyOf(issue: z.core.$ZodIssue): MessageKey {
  if (issue.code === 'too_big') return issue.origin === 'array' ? 'fault.field.many' : 'fault.field.long';
  return issue.code === 'custom' ? 'fault.field.characters' : 'fault.field.type';
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

export const unknownWording: Fault = { field: 'consentVersion', key: 'fault.consentVersion' };

/**
 * Checks a sign-up against what is on offer.
 * @returns what a command needs, or every fault with its field
 */
export function checkSignUp(
  typed: TypedSignUp,
  offered: readonly OfferedList[],
):
  | { ok: true; signUp: Pick<SignUp, 'address' | 'lists' | 'firstName' | 'page'> & { locale: string | null } }
  | { ok: false; faults: Fault[] } {
  const faults: Fault[] = [];

  const asked = new Set(typed.lists);
  const lists = offered.filter((list) => asked.has(list.slug));
  if (asked.size === 0) faults.push({ field: 'lists', key: 'fault.lists.none' });
  else if (lists.length < asked.size) {
    faults.push({ field: 'lists', key: 'fault.lists.unknown' });
  }

  const address = parseAddress(typed.email ?? '');
  if (!address.ok) faults.push({ field: 'email', ...address.fault });

  const firstName = typed.firstName?.trim() || null;
  if (firstName !== null && !isFirstName(firstName)) {
    faults.push({ field: 'firstName', key: 'fault.firstName', values: { max: longestName } });
  }
  if (typed.locale !== undefined && !isLanguageTag(typed.locale)) {
    faults.push({ field: 'locale', key: 'fault.locale' });
  }
  const page = typed.source ?? null;
  if (page !== null && !isWebPage(page)) faults.push({ field: 'source', key: 'fault.source' });

  if (faults.length > 0 || !address.ok) return { ok: false, faults };
  return {
    ok: true,
    signUp: { address: address.address, lists, firstName, page, locale: typed.locale ?? null },
  };
}

function isWebPage(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && isSeen(text);
}
