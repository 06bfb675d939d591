import type { ReactElement } from 'react';
import { render, toPlainText } from 'react-email';

const block = /<\/?(?:head|meta|style|body|div|table|tbody|tr|td|h1|p|ul|li)(?:\s[^<>]*)?>/g;

/** What html-to-text, which has no types of its own, hands to a formatter. */
interface Part {
  attribs: Record<string, string>;
  children: Part[];
}
interface TextBuilder {
  addInline(text: string): void;
  addLineBreak(): void;
  openBlock(options: { leadingLineBreaks: number }): void;
  closeBlock(): void;
}
type Format = (part: Part, walk: (parts: Part[], builder: TextBuilder) => void, builder: TextBuilder) => void;

/** On a line of its own, an address is found, clicked and copied with ease. */
const linkOnItsLine: Format = ({ attribs, children }, walk, builder) => {
  walk(children, builder);
  builder.addLineBreak();
  builder.addInline(attribs['href'] ?? '');
};

const footer: Format = ({ children }, walk, builder) => {
  builder.openBlock({ leadingLineBreaks: 2 });
  builder.addInline('-'.repeat(40));
  walk(children, builder);
  builder.closeBlock();
};

const textOptions = {
  wordwrap: 76,
  formatters: { linkOnItsLine, footer },
  selectors: [
    { selector: 'h1', options: { uppercase: false, leadingLineBreaks: 2 } },
    { selector: 'a', format: 'linkOnItsLine' },
    { selector: '.footer', format: 'footer' },
  ],
};

/**
 * Turns a mail into its two parts. The text is made from the HTML, so that both say the same (H-01); the
 * HTML is broken into lines between blocks, since a mail's line ends at 998 octets (RFC 5322 §2.1.1).
 */
export async function renderMail(mail: ReactElement): Promise<{ html: string; text: string }> {
  const html = await render(mail);
  return { html: html.replace(block, '$&\n'), text: textOf(html) };
}

/** The same words and links as text. */
export const textOf = (html: string): string => toPlainText(html, textOptions);
