import { type ConsentWording, offeredConsentWording } from '../consent/wordings.ts';
import type { Database } from '../platform/database.ts';
import type { OfferedList } from './commands.ts';
import { offeredLists } from './lists.ts';

/** What a form shows: the lists on offer and the words of consent under them. */
export interface Offer {
  consent: ConsentWording;
  lists: OfferedList[];
}

/** @returns how to read the offer. Requests that come while it is being read share that reading. */
export function openOffer(database: Database): () => Promise<Offer> {
  let reading: Promise<Offer> | null = null;

  async function read(): Promise<Offer> {
    const [consent, lists] = await Promise.all([offeredConsentWording(database), offeredLists(database)]);
    return { consent, lists };
  }

  return () => {
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
}
