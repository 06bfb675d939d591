import { DomUtils, parseDocument } from 'htmlparser2';
import { describe, expect, it } from 'vitest';
import { ConfirmationMail, confirmationSubject } from '../../emails/confirmation.tsx';
import { renderMail } from '../../emails/render.ts';

const site = { publication: 'The Daily Example', postalAddress: '1 Example Street, 12345 Exampletown' };
const unsubscribeUrl = 'https://news.example/unsubscribe/mfrggzdfmztwq2lkmfrggzdfmztwq2lk';
const preferencesUrl = 'https://news.example/preferences/mfrggzdfmztwq2lkmfrggzdfmztwq2lk';
const confirmUrl = `https://news.example/confirm/${'nbswy3dpo5xxe3de'.repeat(6)}?a=1&b=2`;
const props = {
  site,
  footer: { unsubscribeUrl, preferencesUrl },
  lists: [
    { name: 'Morning Briefing', description: 'Each weekday.' },
    { name: 'Für Köche', description: `Rezepte für jeden Tag. ${'Süßes und Saures. '.repeat(25)}`.trim() },
  ],
  confirmUrl,
  requestedAt: new Date('2026-11-23T23:59:30+01:00'),
  expiresAt: new Date('2026-11-30T22:59:30Z'),
};

const { html, text } = await renderMail(<ConfirmationMail {...props} />);
const document = parseDocument(html);
const all = (tag: string) => DomUtils.getElementsByTagName(tag, document);
const htmlWords = DomUtils.textContent(all('body')).replace(/\s+/g, ' ');
const textWords = text.replace(/\s+/g, ' ');

describe.each([
  ['HTML', htmlWords],
  ['text', textWords],
])('the %s part of the confirmation mail', (_, words) => {
  it('says which lists were asked for and when, in UTC (C-15)', () => {
    for (const { name, description } of props.lists) {
      expect(words).toContain(name);
      expect(words).toContain(description);
    }
    expect(words).toContain('On 23 November 2026 at 22:59 UTC this address was signed up');
  });

  it('says until when the link works', () => {
    expect(words).toContain('The link works until 30 November 2026 at 22:59 UTC.');
  });

  it('says what to do if it was not you (C-15)', () => {
    expect(words).toContain('Was this not you? Ignore this message and nothing happens');
  });

  it('says in its footer who sends it, from where and why (U-20)', () => {
    expect(words).toContain('This address was entered in a sign-up form of The Daily Example.');
    expect(words).toContain(site.postalAddress);
  });

  it('shows the bare confirmation link (H-07)', () => {
    expect(words).toContain(confirmUrl);
  });
});

describe('the links of the confirmation mail', () => {
  const ours = [confirmUrl, unsubscribeUrl, preferencesUrl];

  it('lead from the HTML to the three places of this reader, and nowhere else', () => {
    const hrefs = all('a').map((a) => DomUtils.getAttributeValue(a, 'href'));
    expect(new Set(hrefs)).toEqual(new Set(ours));
    expect(html).not.toMatch(/\ssrc=|url\(/);
  });

  it('are the same in the text, each once (H-01)', () => {
    expect(text.match(/https?:\S+/g)).toEqual(ours);
  });

  it('say what they do', () => {
    const named = all('a').map((a) => [
      DomUtils.textContent(a).trim(),
      DomUtils.getAttributeValue(a, 'href'),
    ]);
    expect(named).toContainEqual(['Confirm subscription', confirmUrl]);
    expect(named).toContainEqual(['Unsubscribe', unsubscribeUrl]);
    expect(text).toMatch(new RegExp(`^Unsubscribe\\s+${unsubscribeUrl}$`, 'm'));
  });
});

describe('the HTML of the confirmation mail', () => {
  it('names language and direction on the document and on its wrapper (H-06)', () => {
    const [wrapper] = DomUtils.getElementsByTagName('td', document);
    for (const element of [...all('html'), ...all('body'), wrapper]) {
      expect(element?.attribs).toMatchObject({ lang: 'en', dir: 'ltr' });
    }
  });

  it('has one heading, and tables for layout only (H-06)', () => {
    expect(all('h1')).toHaveLength(1);
    expect(all('table').every((table) => DomUtils.getAttributeValue(table, 'role') === 'presentation')).toBe(
      true,
    );
  });

  it('is nowhere smaller than 14 px (H-06)', () => {
    const sizes = [...html.matchAll(/font-size:(\d+)px/g)].map(([, size]) => Number(size));
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(14);
  });

  it('holds nothing that mail programs drop or distrust (H-05)', () => {
    for (const tag of ['form', 'input', 'script', 'svg', 'img', 'video', 'iframe'])
      expect(all(tag)).toEqual([]);
  });

  it('has its few styles in the head, and dark colours for those who ask (H-03, H-04)', () => {
    expect(all('style').map((style) => style.parent)).toEqual(all('head'));
    expect(html).toContain('<meta name="color-scheme" content="light dark"/>');
    expect(html).toContain('prefers-color-scheme: dark');
  });

  it('is far below the size at which the footer is clipped (U-22, H-02)', () => {
    expect(Buffer.byteLength(html)).toBeLessThan(20_000);
  });

  it('has no control or invisible characters (H-02)', () => {
    expect(html).not.toMatch(/[\p{Cf}\u0080-\u009f]/u);
    expect(text).not.toMatch(/[\p{Cf}\u0080-\u009f]/u);
  });

  it('shows what the publisher writes as text', async () => {
    const lists = [{ name: '<b>Bold</b> & co', description: '"><script>alert(1)</script>' }];
    const odd = await renderMail(<ConfirmationMail {...props} lists={lists} />);
    expect(odd.html).toContain('&lt;b&gt;Bold&lt;/b&gt; &amp; co');
    expect(odd.html).not.toContain('<script');
    expect(odd.text).toContain('<b>Bold</b> & co');
  });
});

describe('the lines of the confirmation mail', () => {
  it.each([
    ['HTML', html],
    ['text', text],
  ])('end before 998 octets in %s (RFC 5322)', (_, part) => {
    const longest = Math.max(...part.split('\n').map((line) => Buffer.byteLength(line)));
    expect(longest).toBeLessThanOrEqual(998);
  });

  it('keep the headings of the text in the case in which they were written', () => {
    expect(text).toContain('Please confirm your subscription');
  });
});

describe('the subject of the confirmation mail', () => {
  it('names the publication', () => {
    expect(confirmationSubject('The Daily Example')).toBe(
      'Please confirm your subscription to The Daily Example',
    );
  });
});
