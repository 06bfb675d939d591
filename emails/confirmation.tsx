import { type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { MailLayout, type MailProps } from './layout.tsx';
import { Action, BareAddress, Newsletters, QuietLink, Words } from './parts.tsx';
import { sampleLists, sampleMail } from './sample.ts';

export interface ConfirmationMailProps extends MailProps {
  lists: readonly { name: string; description: string }[];
  confirmUrl: string;
  /** Forgets the request, and keeps others from causing such a mail again. */
  notMeUrl: string;
  requestedAt: Date;
  expiresAt: Date;
}

/** Subject of the confirmation mail. */
export function confirmationSubject(locale: Locale, { publication }: Site): string {
  return languageOf(locale).text('mail.confirmation.subject', { publication });
}

/**
 * Asks the owner of an address whether the sign-up was theirs. Says what was asked for and when, and
 * nothing else: no advertising (C-15), and not a word that the signer typed, since that may be a stranger
 * writing to a victim. Lists and publication are the publisher's own words.
 */
export function ConfirmationMail(props: ConfirmationMailProps) {
  const { lists, confirmUrl, notMeUrl, requestedAt, expiresAt, ...mail } = props;
  const { text } = languageOf(mail.locale);
  return (
    <MailLayout {...mail} mail="confirmation" reason="form">
      <Words>{text('mail.confirmation.intro', { at: requestedAt })}</Words>
      <Newsletters lists={lists} />
      <Action href={confirmUrl}>{text('mail.confirmation.button')}</Action>
      <BareAddress href={confirmUrl} />
      <Words>{text('mail.confirmation.until', { until: expiresAt })}</Words>
      <Words>{text('mail.confirmation.notYou')}</Words>
      <QuietLink href={notMeUrl}>{text('mail.confirmation.notMe')}</QuietLink>
    </MailLayout>
  );
}

ConfirmationMail.PreviewProps = {
  ...sampleMail,
  lists: sampleLists,
  confirmUrl: 'https://news.example/confirm/nbswy3dpo5xxe3denbswy3dpo5xxe3de',
  notMeUrl: 'https://news.example/not-me/nbswy3dpo5xxe3denbswy3dpo5xxe3de',
  requestedAt: new Date('2026-11-23T15:20:00Z'),
  expiresAt: new Date('2026-11-30T15:20:00Z'),
} satisfies ConfirmationMailProps;

export default ConfirmationMail;
