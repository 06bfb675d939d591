import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSettings } from '../../src/settings.ts';
import { Footnote } from '../harness/footnote.ts';
import { scratchFolder } from '../harness/scratch.ts';
import { axe, foreign, newReader, openReader, overflowing, phone, shot } from './browser.ts';
import { languageFor, linkIn, Visitor } from './every-page.ts';

/** The most bytes that a logo may have, so that a page with it stays under 30 kB (W-04). */
const heaviest = 16_000;

let footnote: Footnote;
let folder: string;
let logo: string;
beforeAll(async () => {
  folder = await scratchFolder('logo');
  logo = path.join(folder, 'logo.png');
  await writeFile(logo, weighing(heaviest, await drawLogo()));
  footnote = await Footnote.start({
    PUBLICATION_URL: 'https://daily.example/',
    PUBLICATION_LOGO: logo,
    // Nobody can read it upon white.
    PUBLICATION_COLOR: '#ffd400',
  });
});
afterAll(async () => {
  await footnote.stop();
  await rm(folder, { recursive: true });
});

/** A sun, twice as large as it is shown. */
async function drawLogo(): Promise<Buffer> {
  const { page, close } = await openReader({ viewport: { width: 80, height: 80 } });
  await page.setContent(
    '<body style="margin:0"><div style="width:80px;height:80px;border-radius:50%;background:#e8590c">',
  );
  const png = await page.screenshot({ omitBackground: true });
  await close();
  return png;
}

/** The picture with a comment that brings it to a weight. */
function weighing(bytes: number, png: Buffer): Buffer {
  const end = png.subarray(-12);
  const text = Buffer.alloc(bytes - png.length - 12, 'x');
  text.write('Comment\0');
  const chunk = Buffer.concat([Buffer.from('tEXt'), text]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(text.length, 0);
  frame.writeUInt32BE(crc32(chunk), 4);
  return Buffer.concat([png.subarray(0, -12), frame.subarray(0, 4), chunk, frame.subarray(4), end]);
}

it.each(['en', 'ar'])("pages wear the publisher's face and stay readable and light, in %s", async (tag) => {
  const reader = await newReader({ locale: tag });
  const visitor = new Visitor(reader, footnote, languageFor(tag));
  await visitor.open(linkIn(await visitor.subscribe(), 'preferences'));

  // W-03, W-04, with the longest page, its own stylesheet and the heaviest logo.
  const loaded = reader.requests.slice(reader.requests.lastIndexOf(reader.document().request()));
  const types = loaded.map((request) => request.resourceType());
  expect(types.toSorted()).toEqual(['document', 'image', 'stylesheet']);
  expect(foreign(loaded, footnote.settings.baseUrl)).toEqual([]);
  const bodies = await Promise.all(loaded.map(async (request) => (await request.response())?.body()));
  expect(bodies[types.indexOf('image')]?.length).toBe(heaviest);

  const { page } = reader;
  await expect
    .poll(() => page.locator('header img').evaluate((image) => image.getBoundingClientRect().height))
    .toBe(40);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await shot(page, `branded.${tag}.${colorScheme}`);
    expect.soft(await axe(page), colorScheme).toEqual([]);
  }
  await page.setViewportSize(phone);
  expect.soft(await overflowing(page)).toEqual([]);
  expect(bodies.reduce((sum, body) => sum + (body?.length ?? 0), 0)).toBeLessThan(30_000);
});

it('a heavier logo is refused at the start', async () => {
  const heavier = path.join(folder, 'heavier.png');
  await writeFile(heavier, weighing(heaviest + 20, await readFile(logo)));
  expect(() => readSettings({ PUBLICATION_LOGO: logo })).not.toThrow();
  expect(() => readSettings({ PUBLICATION_LOGO: heavier })).toThrow(
    /PUBLICATION_LOGO: must be a file of at most/,
  );
});
