import { Button, Heading, Link, Section, Text } from 'react-email';
import { type FooterLinks, MailLayout, type MailLayoutProps, styles } from './layout.tsx';

type ConfirmationMailProps = {
  site: MailLayoutProps['site'];
  footer: FooterLinks;
  lists: readonly { name: string; description: string }[];
  confirmUrl: string;
  requestedAt: Date;
  expiresAt: Date;
};

/** Subject of the confirmation mail. */
export function confirmationSubject(publication: string): string {
  return `Please confirm your subscription to ${publication}`;
}

const utc = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
  timeZoneName: 'short',
});

/**
 * Asks the owner of an address whether the sign-up was theirs. Says what was asked for and when, and
 * nothing else: no advertising (C-15), and not a word that the signer typed, since that may be a stranger
 * writing to a victim. Lists and publication are the publisher's own words.
 */
export function ConfirmationMail(props: ConfirmationMailProps) {
  const { site, footer, lists, confirmUrl, requestedAt, expiresAt } = props;
  return (
    <MailLayout
      preview="One click confirms it. If this was not you, ignore this message."
      site={site}
      footer={{ ...footer, reason: `This address was entered in a sign-up form of ${site.publication}.` }}
    >
      <Heading as="h1" style={styles.heading}>
        Please confirm your subscription
      </Heading>
      <Text style={styles.text}>
        On {utc.format(requestedAt)} this address was signed up to the following newsletters:
      </Text>
      <ul style={{ ...styles.text, paddingLeft: '20px' }}>
        {lists.map(({ name, description }) => (
          <li key={name} style={{ margin: '0 0 8px' }}>
            <strong>{name}</strong>
            <br />
            {description}
          </li>
        ))}
      </ul>
      <Section style={{ padding: '8px 0 16px' }}>
        <Button href={confirmUrl} style={styles.button}>
          Confirm subscription
        </Button>
      </Section>
      {/* The plain text shows the address beside the words of the button anyway. */}
      <Text className="soft" style={{ ...styles.soft, margin: '0 0 20px' }} data-skip-in-text="true">
        If the button does not work, open this address:
        <br />
        <Link className="link" href={confirmUrl} style={styles.url}>
          {confirmUrl}
        </Link>
      </Text>
      <Text style={styles.text}>The link works until {utc.format(expiresAt)}.</Text>
      <Text style={{ ...styles.text, margin: 0 }}>
        Was this not you? Ignore this message and nothing happens: without the confirmation we send you
        nothing. The unsubscribe link below makes sure that we forget the request.
      </Text>
    </MailLayout>
  );
}

ConfirmationMail.PreviewProps = {
  site: { publication: 'The Daily Example', postalAddress: '1 Example Street, 12345 Exampletown' },
  footer: {
    unsubscribeUrl: 'https://news.example/unsubscribe/mfrggzdfmztwq2lk',
    preferencesUrl: 'https://news.example/preferences/mfrggzdfmztwq2lk',
  },
  lists: [
    { name: 'Morning Briefing', description: 'What matters today, at seven each weekday.' },
    { name: 'Science Weekly', description: 'The week in research, every Friday.' },
  ],
  confirmUrl: 'https://news.example/confirm/nbswy3dpo5xxe3denbswy3dpo5xxe3de',
  requestedAt: new Date('2026-11-23T15:20:00Z'),
  expiresAt: new Date('2026-11-30T15:20:00Z'),
} satisfies ConfirmationMailProps;

export default ConfirmationMail;
