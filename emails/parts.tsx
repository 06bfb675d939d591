import type { ReactNode } from 'react';
import { Button, Link, Section, Text } from 'react-email';
import { languageOf } from '../src/languages/language.ts';
import { colours, fonts, linkStyle, useMail } from './design.ts';

const words = { fontFamily: fonts.sans, fontSize: '16px', lineHeight: '26px', margin: '0 0 16px' };
const softly = { ...words, color: colours.light.soft, fontSize: '14px', lineHeight: '22px' };

/** What there is to say. */
export function Words({ children }: { children: ReactNode }) {
  return <Text style={words}>{children}</Text>;
}

/** Newsletters, in the publisher's words, which may be of another direction than the mail (W-06). */
export function Newsletters({ lists }: { lists: readonly { name: string; description?: string }[] }) {
  const line = `1px solid ${colours.light.line}`;
  return (
    <ul
      className="row"
      style={{ ...words, margin: '0 0 28px', padding: 0, listStyleType: 'none', borderBottom: line }}
    >
      {lists.map(({ name, description }) => (
        <li className="row" key={name} style={{ margin: 0, padding: '12px 0', borderTop: line }}>
          <strong dir="auto">{name}</strong>
          {description && (
            <>
              <br />
              <span className="soft" dir="auto" style={{ color: colours.light.soft }}>
                {description}
              </span>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

/** The one thing that a mail is for: a button of 48 px (H-07). */
export function Action({ href, children }: { href: string; children: ReactNode }) {
  const { accent } = useMail();
  return (
    <Section style={{ padding: '8px 0 20px' }}>
      <Button
        className="button"
        href={href}
        style={{
          backgroundColor: accent.light.accent,
          borderRadius: '6px',
          color: accent.light.on,
          fontFamily: fonts.sans,
          fontSize: '16px',
          fontWeight: 600,
          padding: '14px 28px',
        }}
      >
        {children}
      </Button>
    </Section>
  );
}

/** The address behind the button, to be seen and copied (H-07). The plain text shows it anyway. */
export function BareAddress({ href }: { href: string }) {
  const { locale, accent } = useMail();
  return (
    <Text className="soft" style={softly} data-skip-in-text="true">
      {languageOf(locale).text('mail.confirmation.fallback')}
      <br />
      <span dir="ltr">
        <Link className="link" href={href} style={{ ...linkStyle(accent), wordBreak: 'break-all' }}>
          {href}
        </Link>
      </span>
    </Text>
  );
}

/** A way that few go: a link, not a button. */
export function QuietLink({ href, children }: { href: string; children: ReactNode }) {
  const { accent } = useMail();
  return (
    <Text style={words}>
      <Link className="link" href={href} style={linkStyle(accent)}>
        {children}
      </Link>
    </Text>
  );
}
