import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import en from '../../src/languages/en.json' with { type: 'json' };
import { closestLocale, languageOf, locales, type MessageKey } from '../../src/languages/language.ts';

const at = new Date('2026-11-03T14:05:00Z');
const isolated = (name: string) => `\u2068${name}\u2069`;

describe('the languages', () => {
  it('are those that have a file, English first', () => {
    const files = readdirSync(new URL('../../src/languages/', import.meta.url));
    const named = files.flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : []));
    expect([...locales].sort()).toEqual(named.sort());
    expect(locales[0]).toBe('en');
  });

  it.each([
    ['de', 'de'],
    ['pt-BR', 'pt'],
    ['pt-PT', 'pt'],
    ['de_AT', 'de'],
    ['FR-ca', 'fr'],
    ['ar-EG', 'ar'],
    ['pl-Latn-PL', 'pl'],
  ])('serve the tag %s with %s', (tag, locale) => {
    expect(closestLocale(tag)).toBe(locale);
  });

  it.each(['nl', 'deu', 'constructor', 'e', '', '-', '*', 'x-de', null, undefined])(
    'have none for %s',
    (tag) => {
      expect(closestLocale(tag)).toBeNull();
    },
  );

  it('run from right to left in Arabic alone (W-06)', () => {
    expect(locales.filter((locale) => languageOf(locale).dir === 'rtl')).toEqual(['ar']);
  });
});

describe.each(locales)('every sentence in %s', (locale) => {
  const keys = Object.keys(en).filter((key): key is MessageKey => key in en);
  const words = ['field', 'list', 'lists', 'publication', 'ending'];

  it.each([0, 1, 2, 3, 11, 21, 100, 1_000_000])('is complete, with %d where it counts', (count) => {
    const values = {
      ...Object.fromEntries(words.map((word) => [word, 'Nowa'])),
      days: count,
      max: count,
      at,
      until: at,
    };
    const counted = new Intl.NumberFormat(locale === 'en' ? 'en-GB' : locale).format(count);
    for (const key of keys) {
      const text = languageOf(locale).text(key, values);
      expect(text, key).not.toMatch(/[{}#]|undefined|Invalid/);
      if (/\{(at|until), date/.test(en[key])) expect(text, key).toMatch(/2026.*05.*UTC/);
      if (words.some((word) => en[key].includes(`{${word}}`))) expect(text, key).toContain('Nowa');
      if (en[key].includes('{max, number}')) expect(text, key).toContain(counted);
    }
  });

  it('refuses to be said without the value of a placeholder', () => {
    expect(() => languageOf(locale).text('preferences.left')).toThrow(/lists/);
  });
});

describe('a sentence', () => {
  it('tells a moment in UTC, the day first and the month in words', () => {
    expect(languageOf('en').text('mail.confirmation.until', { until: at })).toBe(
      'The link works until 3 November 2026 at 14:05 UTC.',
    );
    expect(languageOf('de').text('mail.confirmation.until', { until: at })).toBe(
      'Der Link gilt bis zum 3. November 2026 um 14:05 UTC.',
    );
  });

  it.each([
    ['en', 1, '1 day only'],
    ['en', 7, '7 days only'],
    ['de', 1, '1 Tag.'],
    ['de', 7, '7 Tage.'],
    ['fr', 1_000_000, 'de jours.'],
    ['ru', 1, '1 день.'],
    ['ru', 2, '2 дня.'],
    ['ru', 7, '7 дней.'],
    ['ru', 21, '21 день.'],
  ] as const)('counts by the rules of %s: %d', (locale, days, counted) => {
    expect(languageOf(locale).text('linkProblem.expired.message', { days })).toContain(counted);
  });

  it.each(['<b>Morning</b>', '{list}', 'L’été # 1', "it's {a, b"])('takes the name %s as it is', (list) => {
    expect(languageOf('en').text('unsubscribe.leaveOne', { list })).toBe(`Unsubscribe from ${list}`);
  });
});

describe('names as one phrase', () => {
  const three = ['Morning', 'Markets', 'Books & more'].map((name) => ({ name }));

  it('join by the custom of the language', () => {
    expect(languageOf('en').names(three)).toBe('Morning, Markets and Books & more');
    expect(languageOf('de').names(three)).toBe('Morning, Markets und Books & more');
    expect(languageOf('fr').names(three.slice(0, 2))).toBe('Morning et Markets');
  });

  it('are the name itself when there is one, and nothing when there is none', () => {
    expect(languageOf('en').names(three.slice(0, 1))).toBe('Morning');
    expect(languageOf('en').names([])).toBe('');
  });
});

describe('a name whose script may run the other way (W-06)', () => {
  it('is held apart in Arabic, so that it turns nothing around it', () => {
    const sentence = languageOf('ar').text('unsubscribe.leaveOne', { list: 'C++ (news)' });
    expect(sentence).toContain(isolated('C++ (news)'));
  });

  it('is held apart from its neighbours in an Arabic phrase too', () => {
    const phrase = languageOf('ar').names([{ name: 'Morning' }, { name: 'Markets' }]);
    expect(phrase).toContain(isolated('Morning'));
    expect(phrase).toContain(isolated('Markets'));
  });

  it.each(['الصباح', 'בוקר'])('is held apart in English when it is %s', (list) => {
    expect(languageOf('en').text('unsubscribe.leaveOne', { list })).toBe(
      `Unsubscribe from ${isolated(list)}`,
    );
    expect(languageOf('en').names([{ name: 'Markets' }, { name: list }])).toBe(
      `Markets and ${isolated(list)}`,
    );
  });

  it('stands bare where both run the same way', () => {
    expect(languageOf('ru').names([{ name: 'Morning' }])).toBe('Morning');
    expect(languageOf('de').text('unsubscribe.leaveOne', { list: 'Morning' })).toBe('„Morning“ abbestellen');
  });
});
