import { type Locale, languageOf, locales } from '../languages/language.ts';
import type { Database } from '../platform/database.ts';
import { sha256 } from './ledger.ts';

export interface ConsentWording {
  version: string;
  locale: string;
  text: string;
}

/** Versions are named by content, so that the same words are the same version for ever (C-03, C-13). */
export const versionOf = (...content: string[]) => sha256(JSON.stringify(content));

/** Keeps a wording for ever and offers it from now on in its locale. @returns its version */
export async function offerConsentWording(database: Database, locale: string, text: string): Promise<string> {
  const version = await keepConsentWording(database, locale, text);
  await database.prisma.consentOffer.upsert({
    where: { locale },
    create: { locale, version },
    update: { version },
  });
  return version;
}

/** Offers the default text in each language in which nothing is offered yet; what the publisher wrote stays. */
export async function offerDefaultWordings(database: Database): Promise<void> {
  const offered = new Set((await consentWordings(database)).map(({ locale }) => locale));
  for (const locale of locales.filter((locale) => !offered.has(locale))) {
    const version = await keepConsentWording(database, locale, languageOf(locale).text('consent'));
    await database.prisma.consentOffer.createMany({ data: [{ locale, version }], skipDuplicates: true });
  }
}

async function keepConsentWording(database: Database, locale: string, text: string): Promise<string> {
  const version = versionOf('consent', locale, text);
  await database.prisma.consentWording.createMany({
    data: [{ version, locale, text }],
    skipDuplicates: true,
  });
  return version;
}

/** The consent texts that forms show now, one a language. */
export async function consentWordings(database: Database): Promise<ConsentWording[]> {
  return database.query(
    `SELECT wording.version, wording.locale, wording.text
       FROM consent_offers offer
       JOIN consent_wordings wording ON wording.version = offer.version
      ORDER BY offer.locale`,
  );
}

/** The consent text that forms show now in a language, or in English. @throws when none was ever offered */
export async function offeredConsentWording(database: Database, locale: Locale): Promise<ConsentWording> {
  const [wording] = await database.query<ConsentWording>(
    `SELECT wording.version, wording.locale, wording.text
       FROM consent_offers offer
       JOIN consent_wordings wording ON wording.version = offer.version
      WHERE offer.locale IN ($1, 'en')
      ORDER BY (offer.locale = $1) DESC
      LIMIT 1`,
    [locale],
  );
  if (wording === undefined) throw new Error('no consent wording is on offer');
  return wording;
}

/** The `locale` of what an operator says where imported consent comes from, in whatever language. */
export const undetermined = 'und';

/** Keeps for ever what an operator says where imported consent comes from. @returns its version */
export async function keepConsentSource(database: Database, text: string): Promise<string> {
  return keepConsentWording(database, undetermined, text);
}

/** Whether a form that names this version showed words that we know: a form's, and not an import's source. */
export async function isKnownConsentWording(database: Database, version: string): Promise<boolean> {
  const where = { version, locale: { not: undetermined } };
  return (await database.prisma.consentWording.count({ where })) > 0;
}

/** Keeps for ever how a list is presented. @returns its version */
export async function keepListWording(
  database: Database,
  wording: { slug: string; name: string; description: string },
): Promise<string> {
  const version = versionOf('list', wording.slug, wording.name, wording.description);
  await database.prisma.mailingListWording.createMany({
    data: [{ version, ...wording }],
    skipDuplicates: true,
  });
  return version;
}
