import type { ReactElement } from 'react';
import { render, toPlainText } from 'react-email';

const block = /<\/?(?:head|meta|title|style|body|div|table|tbody|tr|td|h1|p|ul|li|hr)\b[^>]*>/g;

/**
 * Turns a mail into its two parts. The text is made from the HTML, so that both say the same (H-01); the
 * HTML is broken into lines between blocks, since a mail's line ends at 998 octets (RFC 5322 §2.1.1).
 */
export async function renderMail(mail: ReactElement): Promise<{ html: string; text: string }> {
  const html = await render(mail);
  const text = toPlainText(html, {
    wordwrap: 76,
    selectors: [
      { selector: 'h1', options: { uppercase: false, leadingLineBreaks: 2 } },
      { selector: 'hr', options: { length: 40 } },
    ],
  });
  return { html: html.replace(block, '$&\n'), text };
}
