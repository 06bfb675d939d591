import type { MailKind } from '../../src/generated/prisma/enums.ts';
import { languageOf, locales, type MessageKey } from '../../src/languages/language.ts';
import type { ReceivedMail } from '../../src/sandbox/inbox.ts';

const subjects: Record<MailKind, MessageKey> = {
  confirmation: 'mail.confirmation.subject',
  welcome: 'mail.welcome.subject',
  my_link: 'mail.myLink.subject',
  receipt: 'mail.receipt.subject',
  copy: 'mail.copy.subject',
  erasure: 'mail.erasure.subject',
};
const kinds = Object.keys(subjects) as MailKind[];

/** What a mail is about, as its reader knows it: by the subject. @throws for a mail that is none of ours */
export function kindOf(
  { subject }: Pick<ReceivedMail, 'subject'>,
  publication = 'The Daily Example',
): MailKind {
  const isOf = (kind: MailKind) =>
    locales.some((locale) => languageOf(locale).text(subjects[kind], { publication }) === subject);
  const kind = kinds.find(isOf);
  if (kind === undefined) throw new Error(`a mail of no kind of ours: ${subject}`);
  return kind;
}

/** For `inbox.next`: the mails to an address, or those of one kind. */
export const isTo =
  (email: string, kind?: MailKind) =>
  (mail: ReceivedMail): boolean =>
    mail.envelope.to.includes(email) && (kind === undefined || kindOf(mail) === kind);

/** The secret links in a mail, as paths; '' for what it does not have. */
export function linksIn({ text }: Pick<ReceivedMail, 'text'>) {
  const link = (path: string) => new RegExp(`/${path}/[0-9a-f]+`).exec(text)?.[0] ?? '';
  return {
    confirm: link('confirm'),
    notMe: link('not-me'),
    erase: link('erase'),
    unsubscribe: link('unsubscribe'),
    preferences: link('preferences'),
  };
}
