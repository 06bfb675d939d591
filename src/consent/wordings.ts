import type { Database } from '../platform/database.ts';
import { sha256 } from './ledger.ts';

export interface ConsentWording {
  version: string;
  locale: string;
  text: string;
}

/** The text that stands under a form until the publisher writes another. */
export const defaultConsentText =
  'Please select at least one mailing list. You can unsubscribe at any time by clicking the link in the footer of ' +
  'our emails. We use Mailchimp as our marketing platform. By subscribing, you acknowledge that your information ' +
  'will be transferred to Mailchimp for processing.';

/** Versions are named by content, so that the same words are the same version for ever (C-03, C-13). */
const versionOf = (...content: string[]) => sha256(JSON.stringify(content));

/** Keeps a wording for ever and offers it from now on in its locale. @returns its version */
export async function offerConsentWording(database: Database, locale: string, text: string): Promise<string> {
  const version = versionOf('consent', locale, text);
  await database.prisma.consentWording.createMany({
    data: [{ version, locale, text }],
    skipDuplicates: true,
  });
  await database.prisma.consentOffer.upsert({
    where: { locale },
    create: { locale, version },
    update: { version },
  });
  return version;
}

/** The consent text that forms show now. @throws when none was ever offered */
export async function offeredConsentWording(database: Database): Promise<ConsentWording> {
  const [wording] = await database.query<ConsentWording>(
    `SELECT wording.version, wording.locale, wording.text
       FROM consent_offers offer
       JOIN consent_wordings wording ON wording.version = offer.version
      WHERE offer.locale = 'en'`,
  );
  if (wording === undefined) throw new Error('no consent wording is on offer');
  return wording;
}

/** Whether a form that names this version showed words that we know. */
export async function isKnownConsentWording(database: Database, version: string): Promise<boolean> {
  return (await database.prisma.consentWording.count({ where: { version } })) > 0;
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
