import { readdirSync, readFileSync } from 'node:fs';
import { IntlMessageFormat } from 'intl-messageformat';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

/** A sentence of a language beside the English one that it translates. */
interface Translation {
  locale: string;
  key: string;
  text: string;
  english: string;
}

const folder = new URL('../../src/languages/', import.meta.url);
const locales = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

const messages = new Map(locales.map((locale) => [locale, read(locale)]));

function read(locale: string) {
  const json: unknown = JSON.parse(readFileSync(new URL(`${locale}.json`, folder), 'utf8'));
  return z.record(z.string(), z.string()).parse(json);
}

function messagesOf(locale: string) {
  const found = messages.get(locale);
  if (found === undefined) throw new Error(`no messages in ${locale}`);
  return found;
}

const english = messagesOf('en');

function translationsInto(locale: string): Translation[] {
  return Object.entries(messagesOf(locale)).map(([key, text]) => ({
    locale,
    key,
    text,
    english: english[key] ?? '',
  }));
}

/** Words that another language took over from English as they are. */
const borrowed: Record<string, string[]> = { 'preferences.legend': ['fr', 'pt'] };

type Elements = ReturnType<IntlMessageFormat['getAst']>;

const elementsOf = ({ text, locale }: { text: string; locale: string }): Elements =>
  new IntlMessageFormat(text, locale, {}, { ignoreTag: true }).getAst();

/** Names of the parser's numbered types; those of text between placeholders are empty. */
const kinds = ['', 'argument', 'number', 'date', 'time', 'select', 'plural', '', 'tag'];

/** Each placeholder with its type and format, such as `date at moment`. */
function placeholders(elements: Elements): string[] {
  const all = elements.flatMap((element) => {
    const kind = kinds[element.type] ?? '';
    const own =
      kind !== '' && 'value' in element ? [`${kind} ${element.value} ${styleOf(element)}`.trim()] : [];
    const within = branches(element).flatMap(([, inner]) => placeholders(inner));
    return [...own, ...within];
  });
  return [...new Set(all)].sort();
}

function styleOf(element: Elements[number]): string {
  if (!('style' in element)) return '';
  return typeof element.style === 'string' ? element.style : JSON.stringify(element.style ?? '');
}

/** What a plural or a select chooses from. */
function branches(element: Elements[number]): [string, Elements][] {
  return 'options' in element
    ? Object.entries(element.options).map(([name, { value }]) => [name, value])
    : [];
}

/** The forms that each plural of a message gives. */
function pluralForms(elements: Elements): string[][] {
  return elements.flatMap((element) => {
    const chosen = branches(element);
    const within = chosen.flatMap(([, inner]) => pluralForms(inner));
    return kinds[element.type] === 'plural' ? [chosen.map(([name]) => name), ...within] : within;
  });
}

/** What reads the same in every language: names, codes, limits, the domain that is kept for examples. */
const invariable = /Mailchimp|example\.com|pt-BR|http\(s\)|%2B|CSV|JSON|\b64\b|\b254\b|@/g;

const invariableIn = (text: string) => [...new Set(text.match(invariable))].sort();

/** What every sentence keeps; each rule is true of a good one. */
const rules = {
  'says something': ({ text }) => text !== '',
  'is translated': ({ locale, key, text, english }) =>
    locale === 'en' || (text === english) === (borrowed[key]?.includes(locale) ?? false),
  'is a message that formats': (translation) => elementsOf(translation).length > 0,
  'has the placeholders of the English one': (translation) =>
    isSame(
      placeholders(elementsOf(translation)),
      placeholders(elementsOf({ text: translation.english, locale: 'en' })),
    ),
  'has every plural form of its language (W-06)': (translation) => {
    const { pluralCategories } = new Intl.PluralRules(translation.locale).resolvedOptions();
    return pluralForms(elementsOf(translation)).every((given) =>
      pluralCategories.every((category) => given.includes(category)),
    );
  },
  'has typographic quotes and apostrophes': ({ text }) => !/['"`]/.test(text),
  'has no markup': ({ text }) => !/[<>]|&\w+;/.test(text),
  'is spaced well': ({ text }) => text === text.trim() && !/\s\s/.test(text),
  'has French spaces that do not break': ({ locale, text }) =>
    locale !== 'fr' || !/[^\u00a0][!?:;»]|«[^\u00a0]/.test(text.replaceAll(/\{[^}]*\}/g, 'x')),
  'closes every change of direction': ({ text }) =>
    /^([^\u2068\u2069]|\u2068[^\u2068\u2069]+\u2069)*$/.test(text),
  'keeps names, codes and limits': ({ text, english }) => isSame(invariableIn(text), invariableIn(english)),
} satisfies Record<string, (translation: Translation) => boolean>;

const isSame = (some: string[], others: string[]) => some.join('\n') === others.join('\n');

describe.each(locales)('the sentences in %s', (locale) => {
  it('are those of English, in the same order', () => {
    expect(Object.keys(messagesOf(locale))).toEqual(Object.keys(english));
  });

  it.each(Object.entries(rules))('%s', (_, isKept) => {
    expect(translationsInto(locale).filter((translation) => !isKept(translation))).toEqual([]);
  });

  it('begin the consent text with the words that a form without a choice answers', () => {
    const { consent, 'fault.lists.none': noneChosen } = messagesOf(locale);
    expect(consent?.startsWith(`${noneChosen} `)).toBe(true);
  });
});

describe('the English sentences of the contract', () => {
  it('stay word for word', () => {
    expect(english).toMatchObject({
      'signUp.title': 'Sign up to our free newsletters',
      'signUp.legend': 'Get the best updates straight to your inbox',
      'fault.lists.none': 'Please select at least one mailing list.',
      consent:
        'Please select at least one mailing list. You can unsubscribe at any time by clicking the link in the ' +
        'footer of our emails. We use Mailchimp as our marketing platform. By subscribing, you acknowledge that ' +
        'your information will be transferred to Mailchimp for processing.',
    });
  });
});

describe('each rule', () => {
  const { 'linkProblem.expired.message': days = '', 'mail.confirmation.until': until = '' } = english;
  const polishDays = '{days, plural, one {# dzień} few {# dni} many {# dni} other {# dnia}}';

  it.each<[keyof typeof rules, string, string, string]>([
    ['says something', 'de', '', 'Save'],
    ['is translated', 'de', 'Save', 'Save'],
    ['has the placeholders of the English one', 'de', 'Sie erhalten {list} nicht mehr.', 'No {lists}.'],
    ['has the placeholders of the English one', 'de', 'Sie erhalten nichts mehr.', 'No {lists}.'],
    ['has the placeholders of the English one', 'de', 'Bis zum {until}.', until],
    ['has the placeholders of the English one', 'de', 'Bis zum {until, date, short}.', until],
    ['has the placeholders of the English one', 'de', 'Bis zum {until, time, moment}.', until],
    [
      'has the placeholders of the English one',
      'de',
      '{days, plural, one {# Tag} other {{more} Tage}}',
      days,
    ],
    ['has every plural form of its language (W-06)', 'pl', polishDays.replace('few {# dni} ', ''), days],
    ['has every plural form of its language (W-06)', 'ar', polishDays, days],
    ['has typographic quotes and apostrophes', 'fr', "Annuler l'envoi", 'Undo'],
    ['has typographic quotes and apostrophes', 'de', 'Das Feld "x"', 'The field'],
    ['has no markup', 'de', 'Ein <b>Klick</b>', 'One click'],
    ['has no markup', 'de', 'Ein&nbsp;Klick', 'One click'],
    ['is spaced well', 'de', 'Ein  Klick', 'One click'],
    ['is spaced well', 'de', 'Ein Klick ', 'One click'],
    ['has French spaces that do not break', 'fr', 'Vraiment ?', 'Really?'],
    ['has French spaces that do not break', 'fr', '{publication}: vraiment', 'Really?'],
    ['has French spaces that do not break', 'fr', 'Recevoir « {list}\u00a0»', 'Get it'],
    ['closes every change of direction', 'ar', 'مثل \u2068name@example.com.', 'Such as name@example.com.'],
    ['closes every change of direction', 'ar', 'مثل name@example.com\u2069.', 'Such as name@example.com.'],
    ['keeps names, codes and limits', 'de', 'Wir nutzen MailChimp.', 'We use Mailchimp.'],
    ['keeps names, codes and limits', 'de', 'Höchstens 46 Zeichen.', 'At most 64 characters.'],
  ])('“%s” sees what is wrong in %s: %s', (rule, locale, text, english) => {
    expect(rules[rule]({ locale, key: 'spoiled', text, english })).toBe(false);
  });

  it.each(['{lists', '{lists, plural, one {#}}', 'Bis {until, date moment}'])('does not parse %s', (text) => {
    expect(() =>
      rules['is a message that formats']({ locale: 'de', key: 'spoiled', text, english: '' }),
    ).toThrow();
  });

  it('lets no sentence count as borrowed that is translated', () => {
    const translated = { locale: 'fr', key: 'preferences.legend', text: 'Lettres', english: 'Newsletters' };
    expect(rules['is translated'](translated)).toBe(false);
  });
});
