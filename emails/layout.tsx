import type { ReactNode } from 'react';
import { Body, Container, Head, Heading, Html, Img, Section, Text } from 'react-email';
import { type Language, type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { colours, fonts, MailContext, styleSheet } from './design.ts';
import { type FooterLinks, MailFooter } from './footer.tsx';

/** What every mail needs to know. */
export interface MailProps {
  locale: Locale;
  site: Site;
  footer: FooterLinks;
}

interface MailLayoutProps extends MailProps {
  /** Whose title and preview these are: the part after `mail.` of their messages. */
  mail: 'confirmation' | 'welcome' | 'myLink' | 'receipt' | 'copy' | 'erasure';
  /** Why this mail came: the address was typed into a form, or belongs to a reader. */
  reason: 'form' | 'reader';
  children: ReactNode;
}

const styles = {
  paper: { backgroundColor: colours.light.paper, color: colours.light.ink },
  preview: { display: 'none', maxHeight: 0, overflow: 'hidden' },
  masthead: { fontFamily: fonts.serif, fontSize: '20px', lineHeight: '26px', fontWeight: 600, margin: 0 },
  // Where images are blocked, two lines of the name have room in it.
  wordmark: { fontFamily: fonts.serif, fontSize: '14px', lineHeight: '18px', fontWeight: 600 },
  sign: { display: 'inline-block', verticalAlign: 'middle' },
  heading: {
    fontFamily: fonts.serif,
    fontSize: '28px',
    lineHeight: '34px',
    fontWeight: 600,
    margin: '0 0 16px',
  },
} as const;

/**
 * The frame of every mail. Its footer is required: who sends, from where, why, and the links that end it
 * (U-20, I8). It stands in the plain text as well. Styles stand on the elements, as some clients drop
 * `<style>` (H-03).
 */
export function MailLayout({ locale, site, footer, mail, reason, children }: MailLayoutProps) {
  const { text, dir } = languageOf(locale);
  const { accent } = site;
  const title = text(`mail.${mail}.title`);
  // Said twice, as some clients take `dir` away.
  const paper = { ...styles.paper, direction: dir };
  return (
    <MailContext value={{ locale, accent }}>
      <Html lang={locale} dir={dir}>
        <Head>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="supported-color-schemes" content="light dark" />
          <title>{title}</title>
          <style>{styleSheet(accent)}</style>
        </Head>
        <Body className="paper" lang={locale} dir={dir} style={{ ...paper, margin: 0, padding: 0 }}>
          <div style={styles.preview} data-skip-in-text="true">
            {text(`mail.${mail}.preview`)}
          </div>
          {/* Some clients make a `<div>` of the body, so the ground lies on a table as well. */}
          <Section className="paper" lang={locale} dir={dir} style={{ ...paper, padding: '24px 0' }}>
            <Container>
              <Section tdClassName="side" style={{ padding: '0 24px 16px' }}>
                <Masthead site={site} dir={dir} />
              </Section>
              <Section
                className="sheet"
                tdClassName="side"
                style={{
                  backgroundColor: colours.light.sheet,
                  borderTop: `3px solid ${accent.light.accent}`,
                  borderBottom: `1px solid ${colours.light.line}`,
                  padding: '32px 24px 20px',
                }}
              >
                <Heading as="h1" style={styles.heading}>
                  {title}
                </Heading>
                {children}
              </Section>
              <MailFooter locale={locale} site={site} links={footer} reason={reason} />
            </Container>
          </Section>
        </Body>
      </Html>
    </MailContext>
  );
}

/** The publisher's name, or the logo that spells it; a logo that is only a sign stands beside the name. */
function Masthead({ site: { publication, logo }, dir }: { site: Site; dir: Language['dir'] }) {
  const image = logo && { src: logo.url, width: logo.width, height: logo.height };
  if (logo?.spellsName) return <Img {...image} alt={publication} style={styles.wordmark} />;

  const gap = dir === 'rtl' ? { marginLeft: '12px' } : { marginRight: '12px' };
  return (
    <Text style={styles.masthead}>
      {image && <Img {...image} alt="" style={{ ...styles.sign, ...gap }} />}
      <span dir="auto">{publication}</span>
    </Text>
  );
}
