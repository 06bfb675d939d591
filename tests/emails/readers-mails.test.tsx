import { DomUtils, parseDocument } from 'htmlparser2';
import { describe, expect, it } from 'vitest';
import { CopyMail } from '../../emails/copy.tsx';
import { ErasureMail } from '../../emails/erasure.tsx';
import { MyLinkMail } from '../../emails/my-link.tsx';
import { ReceiptMail } from '../../emails/receipt.tsx';
import { renderMail } from '../../emails/render.ts';
import { WelcomeMail } from '../../emails/welcome.tsx';
import { siteOf } from '../../src/site/site.ts';
import {
  at,
  eraseUrl,
  footer,
  lists,
  preferencesUrl,
  publication,
  site,
  unsubscribeUrl,
  until,
} from './mails.tsx';

const common = { locale: 'en' as const, site, footer };
const left = [{ name: 'Morning Briefing' }];
const remaining = [{ name: 'Für Köche' }];
const oneLine = (text: string) => text.replace(/\s+/g, ' ');

function linksOf(html: string, tag: string): (string | undefined)[] {
  const document = parseDocument(html);
  return DomUtils.getElementsByTagName('a', document)
    .filter((a) => a.attribs['class'] === tag)
    .map((a) => a.attribs['href']);
}

describe('the welcome mail', () => {
  it('says what comes from now on, and leads to the choices', async () => {
    const { html, text } = await renderMail(<WelcomeMail {...common} lists={lists} />);
    for (const { name, description } of lists) {
      expect(oneLine(text)).toContain(name);
      expect(oneLine(text)).toContain(description);
    }
    expect(linksOf(html, 'button')).toEqual([preferencesUrl]);
  });
});

describe('the mail with my link', () => {
  it('brings both links of the reader, the choices as its button', async () => {
    const { html, text } = await renderMail(<MyLinkMail {...common} />);
    expect(linksOf(html, 'button')).toEqual([preferencesUrl]);
    expect(text.match(/https?:\S+/g)).toEqual([
      preferencesUrl,
      unsubscribeUrl,
      unsubscribeUrl,
      preferencesUrl,
    ]);
  });
});

describe('the receipt of leaving', () => {
  const receipt = { ...common, left, at };

  it('says what was left and when, and what still comes', async () => {
    const { text } = await renderMail(<ReceiptMail {...receipt} remaining={remaining} />);
    expect(oneLine(text)).toMatch(
      /on 23 November 2026 at 22:59 UTC, we no longer send you: \* Morning Briefing You still receive: \* Für Köche/,
    );
    expect(text).not.toContain('any of our newsletters');
  });

  it('says when nothing comes any more', async () => {
    const { text } = await renderMail(<ReceiptMail {...receipt} remaining={[]} />);
    expect(oneLine(text)).toContain('You are not subscribed to any of our newsletters any more');
    expect(text).not.toContain('You still receive');
  });

  it('does not urge anybody to stay: no button (U-21)', async () => {
    const { html } = await renderMail(<ReceiptMail {...receipt} remaining={remaining} />);
    expect(linksOf(html, 'button')).toEqual([]);
  });
});

describe('the mail with a copy of my data', () => {
  it('says what is attached, and has no links but those of the footer', async () => {
    const { html, text } = await renderMail(<CopyMail {...common} />);
    expect(text).toContain('CSV');
    expect(text).toContain('JSON');
    expect([...linksOf(html, 'link'), ...linksOf(html, 'button')]).toEqual([unsubscribeUrl, preferencesUrl]);
  });
});

describe('the mail that asks before it erases', () => {
  it('leads to the page, shows its address, and says until when', async () => {
    const { html, text } = await renderMail(
      <ErasureMail {...common} eraseUrl={eraseUrl} expiresAt={until} />,
    );
    expect(linksOf(html, 'button')).toEqual([eraseUrl]);
    expect(html).toContain(`>${eraseUrl}</a>`);
    expect(oneLine(text)).toContain('The link works until 30 November 2026 at 22:59 UTC.');
  });
});

describe('the masthead', () => {
  const masthead = async (logo: { width: number; height: number } | null) => {
    const of = siteOf({
      publication: { ...publication, logo: logo && { png: Buffer.alloc(0), ...logo } },
      baseUrl: 'https://news.example',
    });
    const { html } = await renderMail(<CopyMail {...common} site={of} />);
    const [above = ''] = html.split('<h1');
    const document = parseDocument(above.slice(above.indexOf('<body')));
    const [image] = DomUtils.getElementsByTagName('img', document);
    const shown = DomUtils.textContent(DomUtils.getElementsByTagName('p', document)).trim();
    return { image: image?.attribs, shown };
  };
  const src = 'https://news.example/assets/logo.png';

  it('is the name', async () => {
    expect(await masthead(null)).toEqual({ image: undefined, shown: publication.name });
  });

  it('is a logo that spells the name, which stands for it where pictures are blocked', async () => {
    const { image, shown } = await masthead({ width: 480, height: 80 });
    expect(image).toMatchObject({ src, width: '240', height: '40', alt: publication.name });
    expect(shown).toBe('');
  });

  it('is a sign beside the name, as the name would not fit in its place', async () => {
    const { image, shown } = await masthead({ width: 80, height: 80 });
    expect(image).toMatchObject({ src, width: '40', height: '40', alt: '' });
    expect(shown).toBe(publication.name);
  });
});
