import type { ReactNode } from 'react';
import { Body, Container, Head, Hr, Html, Link, Section, Text } from 'react-email';

/** The personal links that end or change what the reader of a mail receives. */
export type FooterLinks = { unsubscribeUrl: string; preferencesUrl: string };

export type MailLayoutProps = {
  /** The line that an inbox shows beside the subject. */
  preview: string;
  site: { publication: string; postalAddress: string };
  /** `reason`: why this mail came to this reader, as a sentence. */
  footer: FooterLinks & { reason: string };
  children: ReactNode;
};

const sans = 'system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif';

/**
 * Styles stand on the elements, since some clients drop `<style>` (H-03). Plain text on plain grounds, so
 * that it stays readable when a client inverts the colours by force (H-04).
 */
export const styles = {
  body: { backgroundColor: '#f6f4ef', color: '#1d1b18', fontFamily: sans, margin: 0, padding: '24px 0' },
  preview: { display: 'none', maxHeight: 0, overflow: 'hidden' },
  publication: {
    fontFamily: 'Georgia, "Times New Roman", serif',
    fontSize: '18px',
    fontWeight: 600,
    margin: 0,
  },
  sheet: {
    backgroundColor: '#fffefb',
    borderTop: '3px solid #1c4f82',
    padding: '28px 24px',
  },
  heading: {
    fontFamily: 'Georgia, "Times New Roman", serif',
    fontSize: '26px',
    lineHeight: '32px',
    fontWeight: 600,
    margin: '0 0 16px',
  },
  text: { fontSize: '16px', lineHeight: '26px', margin: '0 0 16px' },
  soft: { color: '#5c574f', fontSize: '14px', lineHeight: '22px', margin: '0 0 8px' },
  rule: { borderTop: '1px solid #a9a396', margin: 0 },
  link: { color: '#1c4f82', textDecoration: 'underline' },
  url: { color: '#1c4f82', textDecoration: 'underline', wordBreak: 'break-all' },
  button: {
    backgroundColor: '#1c4f82',
    borderRadius: '6px',
    color: '#ffffff',
    fontSize: '16px',
    fontWeight: 600,
    padding: '14px 28px',
  },
} as const;

/** For the clients that offer dark colours instead of inventing them. */
const dark = `@media (prefers-color-scheme: dark) {
  body, body > table > tbody > tr > td { background: #141312 !important; color: #ece9e3 !important }
  .sheet { background: #1d1c1a !important; color: #ece9e3 !important }
  .soft { color: #aea89d !important }
  .link { color: #9dc3ea !important }
}`;

/**
 * The frame of every mail. Its footer is required: who sends, from where, why, and the links that end it
 * (U-20, I8). It stands in the plain text as well.
 */
export function MailLayout({ preview, site, footer, children }: MailLayoutProps) {
  return (
    <Html lang="en" dir="ltr">
      <Head>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{site.publication}</title>
        <style>{dark}</style>
      </Head>
      <Body lang="en" dir="ltr" style={styles.body}>
        <div style={styles.preview} data-skip-in-text="true">
          {preview}
        </div>
        <Container>
          <Section style={{ padding: '0 24px 16px' }}>
            <Text style={styles.publication}>{site.publication}</Text>
          </Section>
          <Section className="sheet" style={styles.sheet}>
            {children}
          </Section>
          <Hr style={styles.rule} />
          <Section style={{ padding: '20px 24px 0' }}>
            <Text className="soft" style={styles.soft}>
              {footer.reason}
            </Text>
            <Text className="soft" style={styles.soft}>
              <Link className="link" href={footer.unsubscribeUrl} style={styles.link}>
                Unsubscribe
              </Link>
            </Text>
            <Text className="soft" style={styles.soft}>
              <Link className="link" href={footer.preferencesUrl} style={styles.link}>
                Choose what you receive
              </Link>
            </Text>
            <Text className="soft" style={styles.soft}>
              {site.publication}
              <br />
              {site.postalAddress}
            </Text>
          </Section>
        </Container>
      </Body>
    </Html>
  );
}
