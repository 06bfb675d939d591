import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';
import {
  axe,
  desk,
  foreign,
  htmlErrors,
  openReader,
  overflowing,
  phone,
  type Reader,
  shot,
  spaceText,
} from './browser.ts';
import { everyPage, languageFor, Visitor } from './every-page.ts';

/** An A4 sheet at 96 dots per inch. */
const paper = { width: 794, height: 1123 };

/** Looks at every page in one language: nothing that a machine can find may be wrong with it. */
export function lookAtEveryPage(tag: string): void {
  let footnote: Footnote;
  let reader: Reader;
  beforeAll(async () => {
    footnote = await Footnote.start();
    // One window for all: to open one takes as long as to look at a page, and none of ours leaves anything behind.
    reader = await openReader({ locale: tag });
  });
  afterAll(async () => {
    await reader.close();
    await footnote.stop();
  });

  describe.each(Object.entries(everyPage))(`the page %s in ${tag}`, (name, way) => {
    it('is sound in every light, at every width', async () => {
      const language = languageFor(tag);
      const visitor = new Visitor(reader, footnote, language);
      const { page, context } = reader;
      await page.setViewportSize(desk);
      await page.emulateMedia({ colorScheme: 'light', media: 'screen' });
      await way.go(visitor);
      const document = reader.document();
      const html = await document.text();

      // WCAG 2.4.2, 3.1.1, W-06
      expect.soft(document.status()).toBe(way.status);
      expect.soft(await page.title()).toContain(language.text(way.title));
      expect.soft(await page.title()).toContain(footnote.settings.publication.name);
      const root = page.locator('html');
      expect.soft(await root.getAttribute('lang')).toBe(language.locale);
      expect.soft(await root.getAttribute('dir')).toBe(language.dir);
      expect.soft(await page.locator('h1').count()).toBe(1);

      //
      expect.soft(document.headers()).toMatchObject({
        'x-robots-tag': 'noindex',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      });
      expect.soft(await document.headerValue('content-security-policy')).not.toContain('unsafe');
      // C-27: mails get forwarded
      expect.soft(html).not.toContain(visitor.email);

      // W-03, W-04
      const { requests } = reader;
      const loaded = requests.slice(requests.lastIndexOf(document.request()));
      expect.soft(loaded.map((request) => request.resourceType())).toEqual(['document', 'stylesheet']);
      expect.soft(foreign(loaded, footnote.settings.baseUrl)).toEqual([]);
      const bodies = await Promise.all(loaded.map(async (request) => (await request.response())?.body()));
      const weight = bodies.reduce((sum, body) => sum + (body?.length ?? 0), 0);
      expect.soft(weight).toBeGreaterThan(html.length);
      expect.soft(weight).toBeLessThan(30_000);
      expect.soft(await context.cookies()).toEqual([]);
      expect.soft(await page.locator('script').count()).toBe(0);
      // W-05
      expect.soft(await htmlErrors(html)).toEqual([]);

      await shot(page, `${name}.${tag}`);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect.soft(await axe(page), colorScheme).toEqual([]);
      }
      // On paper, which is white whatever the screen is; once is enough for all languages.
      if (tag === 'en') {
        await page.emulateMedia({ media: 'print' });
        await page.setViewportSize(paper);
        await shot(page, `${name}.${tag}.print`);
        expect.soft(await axe(page), 'on paper').toEqual([]);
        await page.emulateMedia({ media: 'screen' });
      }
      // WCAG 1.4.10 and 1.4.12
      for (const viewport of [desk, phone]) {
        await page.setViewportSize(viewport);
        expect.soft(await overflowing(page), `${viewport.width} px`).toEqual([]);
      }
      await shot(page, `${name}.${tag}.phone-dark`);
      await spaceText(page);
      expect.soft(await overflowing(page), 'spaced out').toEqual([]);
    });
  });
}
