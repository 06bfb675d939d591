import { type ConsentWording, offeredConsentWording } from '../consent/wordings.ts';
import type { Locale } from '../languages/language.ts';
import type { Database } from '../platform/database.ts';
import type { OfferedList } from './commands.ts';
import { offeredLists } from './lists.ts';

/** What a form shows: the lists on offer and the words of consent under them. */
export interface Offer {
  consent: ConsentWording;
  lists: OfferedList[];
}

/**
 * @returns how to read what is offered in a language. Requests that come while it is being read share that
 * reading.
 */
export function openOffer(database: Database): (locale: Locale) => Promise<Offer> {
  const readings = new Map<Locale, Promise<Offer>>();

  async function read(locale: Locale): Promise<Offer> {
    const [consent, lists] = await Promise.all([
      offeredConsentWording(database, locale),
      offeredLists(database),
    ]);
    return { consent, lists };
  }

  return (locale) => {
    const reading = readings.get(locale) ?? read(locale).finally(() => readings.delete(locale));
    readings.set(locale, reading);
    return reading;
  };
}
