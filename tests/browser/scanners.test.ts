import { afterAll, beforeAll, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';
import { newReader, openSite, type Reader } from './browser.ts';
import { languageFor, linkIn, Visitor } from './every-page.ts';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
});
afterAll(() => footnote.stop());

/**
 * Looks at a page as a mail scanner with a browser does: loads it, scrolls, moves the mouse and stays for
 * half a minute, which the browser's clock tells it has passed.
 */
async function scan({ context }: Reader, url: string): Promise<void> {
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(url);
  await page.mouse.wheel(0, 5_000);
  for (const y of [100, 300, 500, 700]) await page.mouse.move(600, y, { steps: 4 });
  await page.clock.runFor(30_000);
  await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
  // The one way to act without a script.
  expect(await page.locator('meta[http-equiv]').count()).toBe(0);
}

const posted = ({ requests }: Reader) =>
  requests.filter((request) => request.method() !== 'GET').map((request) => request.url());

it('no page behind a link sends anything by itself (U-24)', async () => {
  const reader = await newReader();
  const language = languageFor('en');
  const guest = new Visitor(reader, footnote, language);
  const asked = await guest.signUp();
  const subscriber = new Visitor(reader, footnote, language);
  const subscribed = await subscriber.subscribe(['morning-briefing', 'science-weekly']);
  await subscriber.open(linkIn(subscribed, 'preferences'));
  await subscriber.press('preferences.erase');
  const erasure = await subscriber.mailWith('erase');
  await footnote.mailsNoted();

  const before = await footnote.fingerprint();
  const scanner = await newReader();
  const links = [
    linkIn(asked, 'confirm'),
    linkIn(asked, 'notMe'),
    linkIn(subscribed, 'unsubscribe'),
    `${linkIn(subscribed, 'unsubscribe')}?list=science-weekly`,
    linkIn(subscribed, 'preferences'),
    linkIn(erasure, 'erase'),
  ];
  for (const link of links) await scan(scanner, footnote.settings.baseUrl + link);
  expect(posted(scanner)).toEqual([]);
  expect(await footnote.fingerprint()).toEqual(before);
});

it('which this test would notice', async () => {
  const site = await openSite();
  const url = site.publish(
    '/',
    `<!doctype html><form method="post" target="aside"></form><iframe name="aside"></iframe>
     <script>setTimeout(() => document.forms[0].submit(), 29_000)</script>`,
  );
  const scanner = await newReader();
  await scan(scanner, url);
  await expect.poll(() => posted(scanner)).toEqual([url]);
  await site.close();
});
