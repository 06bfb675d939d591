import type { SendMailOptions } from 'nodemailer';
import { renderMail } from '../../emails/render.ts';
import type { Links } from '../subscribing/links.ts';
import type { Contents } from './letters.ts';

export interface Sender {
  from: { name: string; address: string };
  links: Links;
}

export interface Letter extends Contents {
  /** Stable over repeats, so that a mail sent twice is one Message-ID (R, I3). */
  id: string;
  to: { email: string; linkKey: string };
}

/**
 * Builds a mail to one person: the only way that mail leaves Footnote (I8). The footer link and the
 * one-click headers (RFC 8058; U-01 to U-03) come from the person, not from the caller, and a template
 * that drops the link is refused.
 * @throws Error when either part lacks the unsubscribe link
 */
export async function compose(
  sender: Sender,
  letter: Letter,
): Promise<SendMailOptions & { text: string; html: string }> {
  const footer = {
    unsubscribeUrl: sender.links.unsubscribe(letter.to.linkKey),
    preferencesUrl: sender.links.preferences(letter.to.linkKey),
  };
  const { html, text } = await renderMail(letter.body(footer));
  if (!html.includes(`href="${footer.unsubscribeUrl}"`) || !text.includes(footer.unsubscribeUrl)) {
    throw new Error('a mail without its unsubscribe link is not sent (I8)');
  }
  return {
    messageId: `<${letter.id}@${sender.from.address.split('@')[1]}>`,
    from: sender.from,
    // As an object, since text is parsed for further recipients.
    to: { name: '', address: letter.to.email },
    subject: letter.subject,
    html,
    text,
    attachments: letter.attachments ?? [],
    headers: {
      'List-Unsubscribe': { prepared: true, value: `<${footer.unsubscribeUrl}>` },
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      'Auto-Submitted': 'auto-generated',
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
