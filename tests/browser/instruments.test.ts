import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  axe,
  foreign,
  htmlErrors,
  newReader,
  openSite,
  overflowing,
  phone,
  type Site,
  spaceText,
  tabWalk,
} from './browser.ts';
import { spamVerdict } from './spamassassin.ts';

// The instruments of these tests, held against things that are wrong on purpose.

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

const html = (body: string, head = '') =>
  `<!doctype html><html lang="en"><head><title>Faults</title>${head}</head><body><main><h1>Faults</h1>${body}</main></body></html>`;

async function show(body: string, head?: string) {
  const reader = await newReader({ viewport: phone });
  await reader.page.goto(site.publish('/', html(body, head)));
  return reader;
}

it('axe sees targets that are too small, and faint text', async () => {
  const small = '<button style="width:12px;height:12px;padding:0;border:0">a</button>';
  const { page } = await show(`<p style="color:#bbb">Faint</p><p>${small}${small}</p>`);
  const faults = await axe(page);
  expect(faults.some((fault) => fault.startsWith('target-size'))).toBe(true);
  expect(faults.some((fault) => fault.startsWith('color-contrast'))).toBe(true);
});

it('axe sees into a shadow root', async () => {
  const { page } = await show(
    `<div id="host"></div><script>
       document.getElementById('host').attachShadow({ mode: 'open' }).innerHTML = '<input>';
     </script>`,
  );
  expect((await axe(page)).some((fault) => fault.startsWith('label'))).toBe(true);
});

it('html-validate sees what HTML forbids', async () => {
  expect(await htmlErrors(html('<p>A page without a fault</p>'))).toEqual([]);
  expect(await htmlErrors(html('<p><div>A block in a paragraph</div></p>'))).not.toEqual([]);
  expect(await htmlErrors(html('<input id="a"><b id="a"></b>'))).not.toEqual([]);
});

it('a page that is too wide is seen, and text that spacing pushes out of its box', async () => {
  const wide = await show('<p style="width:400px">This paragraph is wider than the phone that shows it</p>');
  expect(await overflowing(wide.page)).not.toEqual([]);

  const tight = await show(
    '<p style="width:9em;overflow:hidden;white-space:nowrap">It just fits in here</p>',
  );
  expect(await overflowing(tight.page)).toEqual([]);
  await spaceText(tight.page);
  expect(await overflowing(tight.page)).not.toEqual([]);
});

it('a focus that nobody sees is seen, and a control that is out of order', async () => {
  const { page } = await show(
    '<p><button tabindex="2">Second</button></p><p><button tabindex="1">First</button></p>',
    '<style>:focus-visible { outline: none } button[tabindex="2"]:focus-visible { outline: 3px solid }</style>',
  );
  const stops = await tabWalk(page);
  expect(stops.map(({ name, visible }) => [name, visible])).toEqual([
    ['button First', false],
    ['button Second', true],
  ]);
  expect(stops[0]?.top).toBeGreaterThan(stops[1]?.top ?? 0);
});

it('a request to somebody else is seen', async () => {
  const other = await openSite();
  const { page, requests } = await show(`<img alt="" src="${other.origin}/pixel.png">`);
  await page.waitForLoadState('load');
  expect(foreign(requests, site.origin)).toEqual([`${other.origin}/pixel.png`]);
  await other.close();
});

it('SpamAssassin does not like a mail without its fields', async () => {
  const { score, rules } = await spamVerdict(
    Buffer.from('From: a@daily.example\r\nTo: b@example.com\r\nContent-Type: text/html\r\n\r\n<b>Buy</b>'),
  );
  expect(rules).toEqual(expect.arrayContaining(['MISSING_DATE', 'MISSING_MID', 'MIME_HTML_ONLY']));
  expect(score).toBeGreaterThan(1);
});
