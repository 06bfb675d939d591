import { describe, expect, it } from 'vitest';
import { sampleMail } from '../../emails/sample.ts';
import { languageOf, locales } from '../../src/languages/language.ts';
import { buildContent, lacks, type Manuscript, mergeTags } from '../../src/mailchimp/campaigns/content.ts';

const { site } = sampleMail;
const page = (inside: string) => `<html><head><title>News</title></head><body>${inside}</body></html>`;
const links = Object.values(mergeTags).map((tag) => `<a href="${tag}">a link</a>`);
const address = `<p>${site.postalAddress}</p>`;

async function content(manuscript: Omit<Manuscript, 'locale'>) {
  const built = await buildContent(site, { locale: 'en', ...manuscript });
  if (!built.ok) throw new Error(built.why);
  return built.content;
}
async function refusal(html: string) {
  const built = await buildContent(site, { locale: 'en', html });
  return built.ok ? null : built.why;
}
const occurrences = (text: string, part: string) => text.split(part).length - 1;

describe('the content of a campaign', () => {
  it('ends in our footer, inside the body, in both parts (I8, H-01)', async () => {
    const { html, plain_text } = await content({ html: page('<h1>News</h1>') });
    expect(html).toMatch(/^<html><head><title>News<\/title><\/head><body><h1>News<\/h1>/);
    expect(html).toMatch(/<\/table>\s*(<!--\/\$-->)?\s*<\/body><\/html>$/);
    for (const tag of Object.values(mergeTags)) {
      expect(occurrences(html, `href="${tag}"`)).toBe(1);
      expect(plain_text).toContain(`\n${tag}\n`);
    }
    expect(html).toContain(site.postalAddress);
    expect(plain_text).toMatch(/^News\n/);
    expect(plain_text).toContain(site.postalAddress);
    expect(occurrences(html.toLowerCase(), '<!doctype')).toBe(0);
  });

  it('keeps the text of an editor, and the footer under it', async () => {
    const { plain_text } = await content({ html: page('News'), text: 'My own words.\n' });
    expect(plain_text).toMatch(/^My own words\.\n\n-{40}\n/);
    for (const tag of Object.values(mergeTags)) expect(plain_text).toContain(tag);
  });

  it('keeps the footer of an editor who has all of ours, and adds none', async () => {
    const html = page(`News ${links.join(' ')} ${address}`);
    expect((await content({ html })).html).toBe(html);
  });

  it.each([
    ['a link', page(`News ${links.slice(1).join(' ')} ${address}`)],
    ['the link of Mailchimp', page(`News ${links.slice(0, 2).join(' ')} ${address}`)],
    ['the postal address', page(`News ${links.join(' ')}`)],
    ['whatever stands in a comment', page(`News <!-- ${links.join(' ')} ${address} -->`)],
    ['whatever is hidden', page(`<div style="display: none">${links.join(' ')} ${address}</div>`)],
    [
      'whatever stands in the head',
      `<head><title>${site.postalAddress}</title></head><body>${links.join('')}</body>`,
    ],
  ])('gets ours where an editor’s lacks %s (I8)', async (_, html) => {
    expect(lacks({ html, plain_text: '' }, site)).not.toBeNull();
    const built = await content({ html });
    expect(built.html).not.toBe(html);
    expect(lacks(built, site)).toBeNull();
  });

  it('is told which part of it lost the footer', async () => {
    const whole = await content({ html: page('News') });
    expect(lacks({ ...whole, plain_text: 'News' }, site)).toContain('the text lacks');
    expect(lacks({ ...whole, html: page('News') }, site)).toContain('the HTML lacks');
  });

  it('has the footer in the language of its readers', async () => {
    for (const locale of locales) {
      const built = await buildContent(site, { html: page('News'), locale });
      const { text, dir } = languageOf(locale);
      if (!built.ok) throw new Error(built.why);
      expect(built.content.html).toContain(`lang="${locale}" dir="${dir}"`);
      expect(built.content.plain_text).toContain(text('mail.footer.mailchimp'));
    }
  });

  it('is no fragment, and no footer that nobody sees', async () => {
    expect(await refusal('')).toContain('with a body');
    expect(await refusal('<p>News</p>')).toContain('with a body');
    expect(await refusal('<!-- <body>News</body> -->')).toContain('with a body');
    expect(await refusal(page('<div hidden>News'))).toContain('well-formed');
    expect(
      await refusal(page('<p style="color:red;display:none">News<div style="DISPLAY :none">')),
    ).toContain('well-formed');
    expect(await refusal('<body>News')).toBeNull();
  });

  it('is small enough that no mailbox cuts the footer off (H-02)', async () => {
    const { html } = await content({ html: page('x') });
    const room = 80_000 - Buffer.byteLength(html);
    expect(await refusal(page('x'.repeat(room + 1)))).toBeNull();
    expect(await refusal(page('x'.repeat(room + 2)))).toContain(
      '80000 bytes at most with its footer, and is 80001',
    );
    expect(await refusal(page('é'.repeat(room / 2 + 10)))).toContain('80000 bytes at most');
  });

  it.each([
    '<script>1</script>',
    '<SCRIPT src="https://evil.example/x.js"></SCRIPT>',
    '<form action="https://evil.example"><input name="q"></form>',
    '<input type="hidden">',
    '<svg onload="alert(1)"></svg>',
    '<iframe src="https://evil.example"></iframe>',
    '<video src="x.mp4"></video>',
    '<img src="x" onerror="alert(1)">',
    '<a href=" javascript:alert(1)">x</a>',
    '<a href="java&#115;cript:alert(1)">x</a>',
    '<meta http-equiv="Refresh" content="0; url=https://evil.example">',
  ])('has no %s (H-05)', async (part) => {
    expect(await refusal(page(part))).toMatch(/^must have no .*: mail programs refuse it$/);
  });
});
