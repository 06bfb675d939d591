import { Link, Section, Text } from 'react-email';
import { type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { colours, fonts, linkStyle } from './design.ts';

/** The personal links that end or change what the reader of a mail receives. */
export type FooterLinks = {
  unsubscribeUrl: string;
  preferencesUrl: string;
  /** Mailchimp's own, which campaigns must have. */
  mailchimpUrl?: string;
};

interface MailFooterProps {
  locale: Locale;
  site: Site;
  links: FooterLinks;
  /** Why this mail came: the address was typed into a form, or belongs to a reader. */
  reason: 'form' | 'reader';
}

const line = {
  color: colours.light.soft,
  fontFamily: fonts.sans,
  fontSize: '14px',
  lineHeight: '22px',
  margin: '0 0 12px',
} as const;

/** Who sends, from where, why, and the links that end it (U-20, I8). */
export function MailFooter({ locale, site, links, reason }: MailFooterProps) {
  const { text } = languageOf(locale);
  const ways = [
    { href: links.unsubscribeUrl, words: text('mail.footer.unsubscribe') },
    { href: links.preferencesUrl, words: text('mail.footer.preferences') },
    ...(links.mailchimpUrl === undefined
      ? []
      : [{ href: links.mailchimpUrl, words: text('mail.footer.mailchimp') }]),
  ];
  return (
    <Section className="footer" tdClassName="side" style={{ padding: '24px 24px 8px' }}>
      <Text className="soft" style={line}>
        {text(`mail.footer.${reason}`, { publication: site.publication })}
      </Text>
      {ways.map(({ href, words }) => (
        <Text className="soft" style={line} key={href}>
          <Link className="link" href={href} style={linkStyle(site.accent)}>
            {words}
          </Link>
        </Text>
      ))}
      <Text className="soft" style={{ ...line, margin: 0 }}>
        <span dir="auto">{site.publication}</span>
        <br />
        <span dir="auto">{site.postalAddress}</span>
      </Text>
    </Section>
  );
}
