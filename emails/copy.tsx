import { type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { MailLayout, type MailProps } from './layout.tsx';
import { Words } from './parts.tsx';
import { sampleMail } from './sample.ts';

/** Subject of the mail with a copy of what we know. */
export function copySubject(locale: Locale, { publication }: Site): string {
  return languageOf(locale).text('mail.copy.subject', { publication });
}

/** Explains the files attached to it, which hold everything that we know of a person (GDPR, art. 15 and 20). */
export function CopyMail(mail: MailProps) {
  const { text } = languageOf(mail.locale);
  return (
    <MailLayout {...mail} mail="copy" reason="reader">
      <Words>{text('mail.copy.intro')}</Words>
      <Words>{text('mail.copy.contents')}</Words>
      <Words>{text('mail.copy.notYou')}</Words>
    </MailLayout>
  );
}

CopyMail.PreviewProps = sampleMail;

export default CopyMail;
