import type { ReactElement } from 'react';
import { ConfirmationMail, confirmationSubject } from '../../emails/confirmation.tsx';
import { CopyMail, copySubject } from '../../emails/copy.tsx';
import { ErasureMail, erasureSubject } from '../../emails/erasure.tsx';
import { MyLinkMail, myLinkSubject } from '../../emails/my-link.tsx';
import { ReceiptMail, receiptSubject } from '../../emails/receipt.tsx';
import { WelcomeMail, welcomeSubject } from '../../emails/welcome.tsx';
import { type Locale, locales } from '../../src/languages/language.ts';
import { siteOf } from '../../src/site/site.ts';

export const publication = {
  name: 'The Daily Example',
  postalAddress: '1 Example Street, 12345 Exampletown',
  url: 'https://daily.example/',
  logo: null,
  colour: '#1c4f82',
};
const baseUrl = 'https://news.example';
export const site = siteOf({ publication, baseUrl });
/** A publisher with a logo that spells its name, and a colour that is none for text. */
export const colourful = siteOf({
  publication: {
    ...publication,
    colour: '#ffd400',
    logo: { png: Buffer.alloc(0), width: 480, height: 80 },
  },
  baseUrl,
});

export const unsubscribeUrl = `${baseUrl}/unsubscribe/mfrggzdfmztwq2lkmfrggzdfmztwq2lk`;
export const preferencesUrl = `${baseUrl}/preferences/mfrggzdfmztwq2lkmfrggzdfmztwq2lk`;
export const footer = { unsubscribeUrl, preferencesUrl };
export const confirmUrl = `${baseUrl}/confirm/${'nbswy3dpo5xxe3de'.repeat(6)}?a=1&b=2`;
export const notMeUrl = `${baseUrl}/not-me/${'nbswy3dpo5xxe3de'.repeat(6)}`;
export const eraseUrl = `${baseUrl}/erase/${'nbswy3dpo5xxe3de'.repeat(6)}`;
export const lists = [
  { name: 'Morning Briefing', description: 'Each weekday.' },
  { name: 'Für Köche', description: `Rezepte für jeden Tag. ${'Süßes und Saures. '.repeat(25)}`.trim() },
];
export const at = new Date('2026-11-23T23:59:30+01:00');
export const until = new Date('2026-11-30T22:59:30Z');

export interface Sample {
  name: string;
  locale: Locale;
  subject: string;
  mail: ReactElement;
}

/** Every mail in every language; in one language of each direction from a colourful publisher too. */
export const everyMail: Sample[] = locales.flatMap((locale) =>
  (locale === 'en' || locale === 'ar' ? [site, colourful] : [site]).flatMap((of) => {
    const common = { locale, site: of, footer };
    const look = of.logo ? ', with a logo' : '';
    const sample = (name: string, subject: string, mail: ReactElement): Sample => ({
      name: `${name} (${locale}${look})`,
      locale,
      subject,
      mail,
    });
    return [
      sample(
        'confirmation',
        confirmationSubject(locale, of),
        <ConfirmationMail
          {...common}
          lists={lists}
          confirmUrl={confirmUrl}
          notMeUrl={notMeUrl}
          requestedAt={at}
          expiresAt={until}
        />,
      ),
      sample('welcome', welcomeSubject(locale, of), <WelcomeMail {...common} lists={lists} />),
      sample('my link', myLinkSubject(locale, of), <MyLinkMail {...common} />),
      sample(
        'receipt',
        receiptSubject(locale, of),
        <ReceiptMail {...common} left={lists.slice(0, 1)} remaining={lists.slice(1)} at={at} />,
      ),
      sample(
        'receipt of the last',
        receiptSubject(locale, of),
        <ReceiptMail {...common} left={lists} remaining={[]} at={at} />,
      ),
      sample('copy', copySubject(locale, of), <CopyMail {...common} />),
      sample(
        'erasure',
        erasureSubject(locale, of),
        <ErasureMail {...common} eraseUrl={eraseUrl} expiresAt={until} />,
      ),
      sample(
        'erasure, with the archive of Mailchimp',
        erasureSubject(locale, of),
        <ErasureMail {...common} eraseUrl={eraseUrl} expiresAt={until} archives />,
      ),
    ];
  }),
);
