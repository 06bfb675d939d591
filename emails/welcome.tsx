import { type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { MailLayout, type MailProps } from './layout.tsx';
import { Action, Newsletters, Words } from './parts.tsx';
import { sampleLists, sampleMail } from './sample.ts';

export interface WelcomeMailProps extends MailProps {
  lists: readonly { name: string; description: string }[];
}

/** Subject of the welcome mail. */
export function welcomeSubject(locale: Locale, { publication }: Site): string {
  return languageOf(locale).text('mail.welcome.subject', { publication });
}

/** Says what comes from now on, and leaves the links that change it where a reader will look for them. */
export function WelcomeMail({ lists, ...mail }: WelcomeMailProps) {
  const { text } = languageOf(mail.locale);
  return (
    <MailLayout {...mail} mail="welcome" reason="reader">
      <Words>{text('mail.welcome.intro')}</Words>
      <Newsletters lists={lists} />
      <Words>{text('mail.welcome.keep')}</Words>
      <Action href={mail.footer.preferencesUrl}>{text('mail.welcome.button')}</Action>
    </MailLayout>
  );
}

WelcomeMail.PreviewProps = { ...sampleMail, lists: sampleLists } satisfies WelcomeMailProps;

export default WelcomeMail;
