import { DomUtils, parseDocument } from 'htmlparser2';
import { describe, expect, it } from 'vitest';
import { ConfirmationMail, confirmationSubject } from '../../emails/confirmation.tsx';
import { renderMail } from '../../emails/render.ts';
import {
  at,
  colourful,
  confirmUrl,
  footer,
  lists,
  notMeUrl,
  preferencesUrl,
  publication,
  site,
  unsubscribeUrl,
  until,
} from './mails.tsx';

const props = {
  locale: 'en' as const,
  site,
  footer,
  lists,
  confirmUrl,
  notMeUrl,
  requestedAt: at,
  expiresAt: until,
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
    expect(words).toContain(publication.postalAddress);
  });

  it('shows the bare confirmation link (H-07)', () => {
    expect(words).toContain(confirmUrl);
  });
});

describe('the links of the confirmation mail', () => {
  const ours = [confirmUrl, notMeUrl, unsubscribeUrl, preferencesUrl];

  it('lead from the HTML to the places of this reader, and nowhere else', () => {
    const hrefs = all('a').map((a) => DomUtils.getAttributeValue(a, 'href'));
    expect(new Set(hrefs)).toEqual(new Set(ours));
    expect(html).not.toMatch(/\ssrc=|url\(/);
  });

  it('are the same in the text, each once (H-01)', () => {
    expect(text.match(/https?:\S+/g)).toEqual(ours);
  });

  it('say what they do, and one of them is a button', () => {
    const named = all('a').map((a) => [
      DomUtils.textContent(a).trim(),
      DomUtils.getAttributeValue(a, 'href'),
      DomUtils.getAttributeValue(a, 'class'),
    ]);
    expect(named).toContainEqual(['Confirm subscription', confirmUrl, 'button']);
    expect(named).toContainEqual(['This was not me: do not write to me again', notMeUrl, 'link']);
    expect(named).toContainEqual(['Unsubscribe', unsubscribeUrl, 'link']);
    expect(text).toMatch(new RegExp(`^Unsubscribe\n${unsubscribeUrl}$`, 'm'));
  });
});

describe('the confirmation mail', () => {
  it('shows what the publisher writes as text', async () => {
    const odd = await renderMail(
      <ConfirmationMail
        {...props}
        site={{ ...colourful, publication: '"Q" <i>&amp; A</i>' }}
        lists={[{ name: '<b>Bold</b> & co', description: '"><script>alert(1)</script>' }]}
      />,
    );
    expect(odd.html).toContain('&lt;b&gt;Bold&lt;/b&gt; &amp; co');
    expect(odd.html).toContain('alt="&quot;Q&quot; &lt;i&gt;&amp;amp; A&lt;/i&gt;"');
    expect(odd.html).not.toContain('<script');
    expect(odd.text).toContain('<b>Bold</b> & co');
    expect(odd.text).toContain('"Q" <i>&amp; A</i>');
  });

  it('keeps the headings of the text in the case in which they were written', () => {
    expect(text).toMatch(/^Please confirm your subscription$/m);
  });

  it('names the publication in its subject', () => {
    expect(confirmationSubject('en', site)).toBe('Please confirm your subscription to The Daily Example');
  });
});
