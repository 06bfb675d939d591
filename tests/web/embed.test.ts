import { Script } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consentWordings, offerConsentWording } from '../../src/consent/wordings.ts';
import { languageOf, locales } from '../../src/languages/language.ts';
import { archiveList, saveList } from '../../src/subscribing/lists.ts';
import { Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
});
afterAll(() => footnote.stop());

async function embed(coding = 'identity') {
  const answer = await fetch(`http://127.0.0.1:${footnote.service.port}/embed.js`, {
    headers: { 'Accept-Encoding': coding },
  });
  expect(answer.status).toBe(200);
  return { headers: answer.headers, text: await answer.text() };
}

/** What stands behind the code. */
const offeredIn = (text: string) => JSON.parse(/\((\{"lists":.*\})\);\n$/s.exec(text)?.[1] ?? 'null');

describe('/embed.js', () => {
  it('is built once for all who ask first', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => embed()));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  it('may be loaded by any site, and kept for a while', async () => {
    const { headers } = await footnote.http.get('/embed.js').expect(200);
    expect(headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=300',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      vary: 'Accept-Encoding',
    });
    expect(headers['set-cookie']).toBeUndefined();
    const { etag = '' } = headers;
    await footnote.http.get('/embed.js').set('If-None-Match', etag).expect(304);
    await footnote.http.get('/embed.js').set('If-None-Match', 'W/"another"').expect(200);
    await footnote.http.head('/embed.js').expect(200);
    await footnote.http.post('/embed.js').expect(405);
  });

  it('is the same in every coding, and fits into some 8 kB with all languages', async () => {
    const plain = await embed();
    expect(plain.headers.get('content-encoding')).toBeNull();
    for (const coding of ['br', 'gzip']) {
      const { headers, text } = await embed(coding);
      expect(headers.get('content-encoding')).toBe(coding);
      expect(text).toBe(plain.text);
      const length = Number(headers.get('content-length'));
      expect(length, coding).toBeGreaterThan(1000);
      expect(length, coding).toBeLessThan((coding === 'br' ? 7.25 : 8.25) * 1024);
    }
    expect((await embed('gzip;q=0.5, br')).headers.get('content-encoding')).toBe('br');
    expect((await embed('zstd')).headers.get('content-encoding')).toBeNull();
  });

  it('speaks every language, each with the consent text on offer in it (C-03)', async () => {
    const { languages } = offeredIn((await embed()).text);
    expect(Object.keys(languages)).toEqual(locales);
    const wordings = await consentWordings(footnote.service.database);
    for (const locale of locales) {
      const { dir, text } = languageOf(locale);
      const wording = wordings.find((one) => one.locale === locale);
      expect(languages[locale]).toEqual([
        dir,
        ...[text('signUp.title'), text('signUp.legend'), text('signUp.email'), text('signUp.submit')],
        ...[text('embed.sending'), text('embed.unreachable'), text('embed.failed')],
        ...[text('thanks.title'), text('thanks.next'), text('embed.another')],
        wording?.text,
        wording?.version,
      ]);
    }
  });

  it('follows the offer, whatever its words hold', async () => {
    const { database } = footnote.service;
    const before = await embed();
    const odd = { slug: 'odd', name: '</script><b>"\u2028`$1', description: '\\' };
    await saveList(database, { ...odd, position: 9 });
    await archiveList(database, 'science-weekly', new Date());
    const version = await offerConsentWording(database, 'en', 'Other words.');

    const after = await embed();
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
    const { lists, languages } = offeredIn(after.text);
    expect(lists.map(([slug]: string[]) => slug)).toEqual(['morning-briefing', 'weekend-reads', 'odd']);
    expect(lists.at(-1)).toEqual([odd.slug, odd.name, odd.description]);
    expect(languages.en.slice(-2)).toEqual(['Other words.', version]);
    expect(() => new Script(after.text)).not.toThrow();
  });
});

describe('/docs/form', () => {
  const textareas = (html: string) =>
    [...html.matchAll(/<textarea[^>]*>([^<]*)<\/textarea>/g)].map(([, code = '']) =>
      code.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
    );

  it('has the three shapes to paste, in the language asked for', async () => {
    const { baseUrl } = footnote.settings;
    const { text: html } = await footnote.http.get('/docs/form?locale=de').expect(200);
    const [link = '', plain = '', widget = ''] = textareas(html);
    const wording = (await consentWordings(footnote.service.database)).find(({ locale }) => locale === 'de');
    expect(link).toContain(`href="${baseUrl}/?locale=de"`);
    expect(plain).toContain(`action="${baseUrl}/subscriptions"`);
    expect(plain).toContain(`name="consentVersion" value="${wording?.version}"`);
    expect(plain).toContain(languageOf('de').text('signUp.submit'));
    expect(plain).toContain('&lt;/script&gt;&lt;b&gt;&quot;');
    expect(widget).toBe(`${plain}\n<script async src="${baseUrl}/embed.js" data-locale="de"></script>`);
    // Both are at work in the page as well.
    expect(html.split(plain)).toHaveLength(3);
    expect(html).toContain(widget);
  });

  it('lets its own widget run, and nothing else', async () => {
    const { headers } = await footnote.http.get('/docs/form').expect(200);
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toContain('unsafe');
    const { headers: others } = await footnote.http.get('/').expect(200);
    expect(others['content-security-policy']).not.toContain('script-src');
  });
});
