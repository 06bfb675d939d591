import { HtmlValidate } from 'html-validate';
import { DomUtils, parseDocument } from 'htmlparser2';
import { describe, expect, it } from 'vitest';
import { renderMail } from '../../emails/render.ts';
import { languageOf } from '../../src/languages/language.ts';
import { contrast } from '../../src/site/accent.ts';
import { colourful, everyMail, preferencesUrl, publication, unsubscribeUrl } from './mails.tsx';
import { paint } from './paint.ts';

const rendered = await Promise.all(
  everyMail.map(async (sample) => {
    const { html, text } = await renderMail(sample.mail);
    const document = parseDocument(html);
    const all = (tag: string) => DomUtils.getElementsByTagName(tag, document);
    return { ...sample, html, text, document, all };
  }),
);

/** Has every mail keep a promise, and names the first that does not. */
function each(check: (mail: (typeof rendered)[number]) => void): void {
  for (const mail of rendered) {
    try {
      check(mail);
    } catch (cause) {
      throw new Error(mail.name, { cause });
    }
  }
}

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');

describe('every mail in every language', () => {
  it('has words for what it is, and its reader knows the sender', () => {
    each(({ text, subject, locale }) => {
      expect(text).toContain(publication.name);
      expect(text).toContain(publication.postalAddress);
      expect(text).toContain(languageOf(locale).text('mail.footer.unsubscribe'));
      expect(subject).toContain(publication.name);
    });
  });

  it('says the same, word for word, in both parts (H-01)', () => {
    each(({ document, text, all }) => {
      const ofHtml = DomUtils.findAll((element) => element.name === 'body', document.children).flatMap(
        (body) => wordsOf(body.children),
      );
      const marks = /^ \* |^-+$|^https?:\/\/\S+$/gm;
      expect(words(text.replace(marks, ''))).toEqual(ofHtml);
      expect(all('h1').length).toBe(1);
    });
  });

  it('leaves nothing out of the text but the preview, and an address that stands there anyway (H-01)', () => {
    each(({ document, text, all, locale }) => {
      const left = DomUtils.findAll(
        ({ attribs }) => attribs['data-skip-in-text'] === 'true',
        document.children,
      ).map((element) => DomUtils.textContent(element).trim());
      const [button] = all('a').filter(({ attribs }) => attribs['class'] === 'button');
      const address = button?.attribs['href'] ?? '';
      const fallback = `${languageOf(locale).text('mail.confirmation.fallback')}${address}`;
      expect(left[0]).not.toContain('http');
      expect([[], [fallback]]).toContainEqual(left.slice(1));
      expect(text).toContain(address);
    });
  });

  it('has the same links in both parts, in the text each on a line of its own (H-01)', () => {
    each(({ text, all }) => {
      const hrefs = all('a').map((a) => DomUtils.getAttributeValue(a, 'href') ?? '');
      const lines = text.match(/^https?:\/\/\S+$/gm) ?? [];
      expect(new Set(lines)).toEqual(new Set(hrefs));
      expect(lines).toEqual(text.match(/https?:\S+/g));
      // In the footer, in this order: the mails speak of the last link.
      expect(lines.slice(-2)).toEqual([unsubscribeUrl, preferencesUrl]);
    });
  });

  it('names language and direction on the document and on its wrapper (H-06)', () => {
    each(({ document, all, locale }) => {
      const [wrapper] = DomUtils.getElementsByTagName('td', document);
      for (const element of [...all('html'), ...all('body'), wrapper]) {
        expect(element?.attribs).toMatchObject({ lang: locale, dir: languageOf(locale).dir });
      }
    });
  });

  it('lays out by tables that are no tables to a screen reader (H-06)', () => {
    each(({ all }) => {
      for (const table of all('table')) expect(table.attribs['role']).toBe('presentation');
    });
  });

  it.each(['light', 'dark'] as const)('is readable in %s colours (H-04, H-06)', (scheme) => {
    each(({ html, all }) => {
      const painted = paint(html, scheme);
      expect(painted.length).toBeGreaterThan(8);
      const paper = scheme === 'light' ? '#f6f4ef' : '#141312';
      expect(painted.at(0)?.ground).toBe(paper);
      expect(painted.at(-1)?.ground).toBe(paper);
      for (const { words, colour, ground } of painted) {
        expect(contrast(colour, ground), words).toBeGreaterThanOrEqual(4.5);
      }
      expect(all('meta').map(({ attribs: { name, content } }) => ({ name, content }))).toEqual(
        expect.arrayContaining([
          { name: 'color-scheme', content: 'light dark' },
          { name: 'supported-color-schemes', content: 'light dark' },
        ]),
      );
    });
  });

  it('stays readable when a client inverts its colours by force (H-04)', () => {
    const inverted = (colour: string) =>
      `#${(0xffffff - Number.parseInt(colour.slice(1), 16)).toString(16).padStart(6, '0')}`;
    each(({ html }) => {
      for (const { words, colour, ground } of paint(html, 'light')) {
        expect(contrast(inverted(colour), inverted(ground)), words).toBeGreaterThanOrEqual(4.5);
      }
    });
  });

  it('is nowhere smaller than 14 px (H-06)', () => {
    each(({ html }) => {
      const sizes = [...html.matchAll(/font-size:(\d+)px/g)].map(([, size]) => Number(size));
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(14);
    });
  });

  it('has a button that a finger hits (H-07)', () => {
    each(({ all }) => {
      const buttons = all('a').filter(({ attribs }) => attribs['class'] === 'button');
      expect(buttons.length).toBeLessThanOrEqual(1);
      for (const { attribs } of buttons) {
        const of = (property: string) =>
          Number(new RegExp(`;${property}:(\\d+)px`).exec(attribs['style'] ?? '')?.[1]);
        // The text itself stands in a line of 120 %.
        expect(of('padding-top') + 1.2 * of('font-size') + of('padding-bottom')).toBeGreaterThanOrEqual(44);
      }
    });
  });

  it('holds nothing that mail programs drop or distrust, and the logo alone as picture (H-05)', () => {
    each(({ html, all, name }) => {
      for (const tag of ['form', 'input', 'button', 'script', 'svg', 'video', 'iframe', 'link', 'object'])
        expect(all(tag), tag).toEqual([]);
      expect(html).not.toMatch(/url\(|@import|@font-face|\son\w+=/);
      const pictures = all('img').map(({ attribs: { src, width, height, alt } }) => ({
        src,
        width,
        height,
        alt,
      }));
      const logo = { src: colourful.logo?.url, width: '240', height: '40', alt: publication.name };
      expect(pictures).toEqual(name.includes('with a logo') ? [logo] : []);
    });
  });

  it('has its few styles in the head (H-03)', () => {
    each(({ all }) => {
      expect(all('style').map((style) => style.parent)).toEqual(all('head'));
      expect(Buffer.byteLength(DomUtils.textContent(all('style')))).toBeLessThan(4_000);
    });
  });

  it('is far below the size at which the footer is clipped (U-22, H-02)', () => {
    each(({ html, text }) => {
      expect(Buffer.byteLength(html)).toBeLessThan(20_000);
      expect(Buffer.byteLength(text)).toBeLessThan(10_000);
    });
  });

  it('has no line of more than 998 octets (RFC 5322, 2.1.1)', () => {
    each(({ html, text }) => {
      for (const line of [...html.split('\n'), ...text.split('\n')])
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998);
    });
  });

  it('has no invisible characters but those that keep two directions apart (H-02, W-06)', () => {
    each(({ html, text, locale }) => {
      const apart = languageOf(locale).dir === 'rtl' ? /[\u200e\u200f\u2068\u2069]/g : /$^/g;
      for (const part of [html, text])
        expect(part.replace(apart, '')).not.toMatch(/[\p{Cf}\u0080-\u009f]|[^\P{Cc}\n]/u);
    });
  });

  it('has a subject of one line, without decoration', () => {
    each(({ subject }) => {
      expect(subject).not.toMatch(/[\p{Cc}\p{Extended_Pictographic}]/u);
      expect(subject.length).toBeLessThanOrEqual(78);
    });
  });

  it('has no error that a validator of HTML finds', async () => {
    const validator = new HtmlValidate({
      extends: ['html-validate:recommended'],
      rules: {
        // React Email writes XHTML 1.0 Transitional, by which mail programs choose how they lay out.
        'doctype-html': 'off',
        'doctype-style': 'off',
        'void-style': 'off',
        'attr-case': 'off',
        // Word, which draws mail in Outlook, lays out by tables and knows no `none` for their role.
        'no-deprecated-attr': 'off',
        'presentation-role-style': 'off',
        'no-conditional-comment': 'off',
        // Some clients drop the styles of the head (H-03).
        'no-inline-style': 'off',
      },
    });
    for (const { name, html } of rendered) {
      const { results } = await validator.validateString(html);
      const found = results.flatMap(({ messages }) => messages.map((it) => `${it.ruleId}: ${it.message}`));
      expect(found, name).toEqual([]);
    }
  });
});

/** The words that a reader sees. Those that the plain text has no use for are marked. */
function wordsOf(nodes: (typeof rendered)[number]['document']['children']): string[] {
  return nodes.flatMap((node) => {
    if (DomUtils.isText(node)) return words(node.data);
    return DomUtils.isTag(node) && node.attribs['data-skip-in-text'] === undefined
      ? wordsOf(node.children)
      : [];
  });
}
