import { IntlMessageFormat } from 'intl-messageformat';
import ar from './ar.json' with { type: 'json' };
import de from './de.json' with { type: 'json' };
import en from './en.json' with { type: 'json' };
import es from './es.json' with { type: 'json' };
import fr from './fr.json' with { type: 'json' };
import it from './it.json' with { type: 'json' };
import pl from './pl.json' with { type: 'json' };
import pt from './pt.json' with { type: 'json' };
import ru from './ru.json' with { type: 'json' };

/** A sentence, by what it is for. English has them all; a test sees to it that the other languages do too. */
export type MessageKey = keyof typeof en;

const messages = { en, de, fr, es, pt, it, pl, ru, ar };

/** A language that readers can be spoken to in. */
export type Locale = keyof typeof messages;

/** What a message's placeholders stand for. */
export type Values = Record<string, string | number | Date>;

/** How one language speaks. */
export interface Language {
  locale: Locale;
  /** For the `dir` attribute (W-06). */
  dir: 'ltr' | 'rtl';
  /**
   * A whole sentence in this language (ICU MessageFormat). @throws when a placeholder has no value
   */
  text(key: MessageKey, values?: Values): string;
  /** Names as one phrase, such as "A, B and C", to stand in a sentence. */
  names(of: readonly { name: string }[]): string;
}

/** Moments are told in UTC: nobody knows where a mail is read. */
const formats = {
  date: {
    moment: {
      day: 'numeric',
      month: 'long',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      timeZone: 'UTC',
      timeZoneName: 'short',
    },
  },
} as const;

const rightToLeft = new Set<string>(['ar']);

/** `en` alone means American English to `Intl`; ours is British, with dates that nobody misreads. */
const intlTags: Partial<Record<Locale, string>> = { en: 'en-GB' };

function speak(locale: Locale): Language {
  const tag = intlTags[locale] ?? locale;
  const dir = rightToLeft.has(locale) ? 'rtl' : 'ltr';
  const phrase = new Intl.ListFormat(tag, { type: 'conjunction' });
  const parsed = new Map<MessageKey, IntlMessageFormat>();
  // A name in a script of the other direction must not turn the sentence around it (W-06).
  const isolated = <T>(value: T) =>
    typeof value === 'string' && (dir === 'rtl' || /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(value))
      ? `\u2068${value}\u2069`
      : value;

  return {
    locale,
    dir,
    text(key, values = {}) {
      let message = parsed.get(key);
      if (message === undefined) {
        // Sentences are text wherever they stand; a tag in one is no markup.
        message = new IntlMessageFormat(messages[locale][key], tag, formats, { ignoreTag: true });
        parsed.set(key, message);
      }
      const given = Object.entries(values).map(([name, value]) => [name, isolated(value)]);
      return String(message.format(Object.fromEntries(given)));
    },
    names: (of) => phrase.format(of.map(({ name }) => isolated(name))),
  };
}

/** Every language, the one of the contract first. */
export const locales = Object.keys(messages) as Locale[];

const spoken = new Map(locales.map((locale) => [locale, speak(locale)]));

/** A language that we have. */
export function languageOf(locale: Locale): Language {
  const language = spoken.get(locale);
  if (language === undefined) throw new Error('a locale without messages');
  return language;
}

/** Our language for a tag such as `pt-BR` or `de_AT`; null when it is none of ours, or no tag at all. */
export function closestLocale(tag: string | null | undefined): Locale | null {
  const primary = tag?.split(/[-_]/)[0]?.toLowerCase();
  return locales.find((locale) => locale === primary) ?? null;
}
