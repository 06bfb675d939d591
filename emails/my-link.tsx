import { type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { MailLayout, type MailProps } from './layout.tsx';
import { Action, BareAddress, QuietLink, Words } from './parts.tsx';
import { sampleMail } from './sample.ts';

/** Subject of the mail with a reader's own link. */
export function myLinkSubject(locale: Locale, { publication }: Site): string {
  return languageOf(locale).text('mail.myLink.subject', { publication });
}

/** Brings a reader's links to whoever reads the mail of their address; anybody may have asked for it. */
export function MyLinkMail(mail: MailProps) {
  const { text } = languageOf(mail.locale);
  const { preferencesUrl, unsubscribeUrl } = mail.footer;
  return (
    <MailLayout {...mail} mail="myLink" reason="reader">
      <Words>{text('mail.myLink.intro')}</Words>
      <Action href={preferencesUrl}>{text('mail.myLink.button')}</Action>
      <BareAddress href={preferencesUrl} />
      <QuietLink href={unsubscribeUrl}>{text('mail.footer.unsubscribe')}</QuietLink>
      <Words>{text('mail.myLink.notYou')}</Words>
    </MailLayout>
  );
}

MyLinkMail.PreviewProps = sampleMail;

export default MyLinkMail;
