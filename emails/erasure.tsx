import { type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { MailLayout, type MailProps } from './layout.tsx';
import { Action, BareAddress, Words } from './parts.tsx';
import { sampleMail } from './sample.ts';

export interface ErasureMailProps extends MailProps {
  eraseUrl: string;
  expiresAt: Date;
  /** Whether Mailchimp archives the person, and does not delete them. */
  archives?: boolean;
}

/** Subject of the mail that asks before everything is erased. */
export function erasureSubject(locale: Locale, { publication }: Site): string {
  return languageOf(locale).text('mail.erasure.subject', { publication });
}

/** Leads to the page where everything is erased, and says before what that means. */
export function ErasureMail({ eraseUrl, expiresAt, archives = false, ...mail }: ErasureMailProps) {
  const { text } = languageOf(mail.locale);
  return (
    <MailLayout {...mail} mail="erasure" reason="reader">
      <Words>{text('mail.erasure.intro')}</Words>
      <Action href={eraseUrl}>{text('mail.erasure.button')}</Action>
      <BareAddress href={eraseUrl} />
      <Words>{text('mail.erasure.until', { until: expiresAt })}</Words>
      <Words>{text(archives ? 'mail.erasure.archive' : 'mail.erasure.return')}</Words>
      <Words>{text('mail.erasure.notYou')}</Words>
    </MailLayout>
  );
}

ErasureMail.PreviewProps = {
  ...sampleMail,
  eraseUrl: 'https://news.example/erase/nbswy3dpo5xxe3denbswy3dpo5xxe3de',
  expiresAt: new Date('2026-11-24T15:20:00Z'),
} satisfies ErasureMailProps;

export default ErasureMail;
