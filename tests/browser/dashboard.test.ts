import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pauseLane, resumeLane } from '../../src/mailchimp/lane/pause.ts';
import { key } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';
import {
  axe,
  desk,
  foreign,
  htmlErrors,
  newReader,
  overflowing,
  phone,
  type Reader,
  shot,
  spaceText,
} from './browser.ts';

let footnote: Footnote;
let person: string;
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
  const { database } = footnote.service;
  for (const [index, day] of [20, 12, 12, 5, 3, 0].entries()) {
    footnote.advance(-day * 86_400_000);
    const source = index % 2 === 0 ? 'https://news.example/the-article?reader=7' : 'https://news.example/';
    const lists = index % 3 === 0 ? ['morning-briefing'] : ['morning-briefing', 'science-weekly'];
    await footnote.subscribe(`reader.${index}@example.com`, lists, { source });
    footnote.advance(day * 86_400_000);
  }
  await footnote.signUp('pending@example.com').expect(202);
  await database.query(
    `UPDATE audience_contacts SET due_at = NULL, wanted = wanted + 1, refusal = jsonb_build_object('kind', 'compliance',
       'title', 'Member In Compliance State', 'detail', 'They left by themselves.', 'since', now())
      WHERE subscriber_id = (SELECT id FROM subscribers WHERE key = 'reader.3@example.com')`,
  );
  person = (await database.prisma.subscriber.findUniqueOrThrow({ where: { key: 'reader.1@example.com' } }))
    .id;
});
afterAll(() => footnote.stop());

const url = (path: string) => `http://localhost:${footnote.service.port}${path}`;

/** An operator who signs in as people do. */
async function operator(options: Parameters<typeof newReader>[0] = {}): Promise<Reader> {
  const reader = await newReader(options);
  const { page } = reader;
  await page.goto(url('/admin'));
  await page.getByLabel('Admin key').fill(key);
  await reader.press(page.getByRole('button', { name: 'Sign in' }));
  return reader;
}

const search = async ({ page, press }: Reader) => {
  await page.goto(url('/admin/subscribers'));
  await page.getByLabel('Address, or its beginning').fill('reader.');
  await press(page.getByRole('button', { name: 'Search' }));
};
const preview = async ({ page, press }: Reader) => {
  await page.goto(url('/admin/lists/morning-briefing'));
  await page.getByLabel('Name').fill('The Morning');
  await press(page.getByRole('button', { name: 'Preview' }));
};

const newList = async ({ page, press }: Reader) => {
  await page.goto(url('/admin/lists'));
  await page.getByText('A new mailing list').click();
  await page.getByLabel('Slug').fill('night-desk');
  await page.getByLabel('Name').fill('Night Desk');
  await page.getByLabel('Description').fill('Late news, and what was left of the day.');
  await press(page.getByRole('button', { name: 'Preview' }));
};
const wrongList = async (reader: Reader) => {
  await newList(reader);
  await reader.page.getByLabel('Slug').fill('Night Desk');
  await reader.press(reader.page.getByRole('button', { name: 'Create' }));
};
const whilePaused =
  (path: string) =>
  async ({ page }: Reader) => {
    await pauseLane(footnote.service.database, { by: 'ann', at: footnote.now() });
    await page.goto(url(path));
  };
afterEach(() => resumeLane(footnote.service.database));

const everyPage: Record<string, (reader: Reader) => Promise<unknown>> = {
  'sign-in': async ({ page, press }) => {
    await press(page.getByRole('button', { name: 'Sign out' }));
    await page.getByLabel('Admin key').fill('wrong');
    await press(page.getByRole('button', { name: 'Sign in' }));
  },
  overview: ({ page }) => page.goto(url('/admin?days=90')),
  subscribers: search,
  subscriber: ({ page }) => page.goto(url(`/admin/subscribers/${person}`)),
  sync: ({ page }) => page.goto(url('/admin/sync')),
  'sync-paused': whilePaused('/admin/sync'),
  'overview-paused': whilePaused('/admin'),
  duties: ({ page }) => page.goto(url('/admin/duties')),
  lists: ({ page }) => page.goto(url('/admin/lists')),
  'new-list': newList,
  'new-list-wrong': wrongList,
  list: preview,
  'consent-text': ({ page }) => page.goto(url('/admin/consent-texts/ar')),
};

describe.each(Object.entries(everyPage))('the dashboard, %s', (name, go) => {
  it('is sound in every light, at every width', async () => {
    const reader = await operator();
    await go(reader);
    const { page } = reader;
    expect.soft(await page.locator('h1').count()).toBe(1);
    expect.soft(await htmlErrors(await reader.document().text())).toEqual([]);
    expect.soft(foreign(reader.requests, footnote.settings.baseUrl)).toEqual([]);
    for (const details of await page.locator('details').all())
      await details.evaluate((element) => element.setAttribute('open', ''));
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect.soft(await axe(page), colorScheme).toEqual([]);
      for (const viewport of [desk, phone]) {
        await page.setViewportSize(viewport);
        await shot(page, `dashboard.${name}.${colorScheme}.${viewport.width}`);
        expect.soft(await overflowing(page), `${viewport.width} px`).toEqual([]);
      }
      expect.soft(await axe(page), `${colorScheme}, on a phone`).toEqual([]);
      await page.setViewportSize(desk);
    }
    await page.setViewportSize(phone);
    await spaceText(page);
    expect.soft(await overflowing(page), 'spaced out').toEqual([]);
  });
});

describe('the dashboard', () => {
  it('pauses the lane and lets it go on, by buttons', async () => {
    const { page, press } = await operator();
    await page.goto(url('/admin/sync'));
    await page.locator('#pause summary').click();
    await press(page.getByRole('button', { name: 'Pause' }));
    expect(await page.locator('.alert').textContent()).toMatch(/Paused by ADMIN_API_KEY.*opt-outs neither/);
    await press(page.getByRole('button', { name: 'Resume' }));
    expect(await page.locator('.alert').count()).toBe(0);
  });

  it('has a duty done, and follows it to its end without a reload', async () => {
    const { page, press } = await operator();
    await page.goto(url('/admin/duties'));
    const row = page.locator('tr', { has: page.getByRole('rowheader', { name: 'housekeeping' }) });
    await press(row.getByRole('button', { name: 'Run now' }));
    expect(new URL(page.url()).pathname).toBe('/admin/duties');
    await page.evaluate(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
    await expect.poll(() => row.textContent(), { timeout: 25_000 }).toMatch(/\d+ rows? thrown away/);
  });

  it('draws how many are subscribed, up to how many they are now', async () => {
    const { page } = await operator();
    await page.goto(url('/admin?days=90'));
    const now = await page
      .locator('.figures div', { hasText: 'Subscriptions now' })
      .locator('dd')
      .textContent();
    await page.locator('#levels-numbers summary').click();
    expect(await page.locator('#levels-numbers tbody tr').first().locator('td').textContent()).toBe(now);
    expect(await page.locator('.chart:has(#levels-numbers) > .wide .line').getAttribute('d')).toMatch(
      /^M[\d.]+,[\d.]+L/,
    );
  });

  it('brings news without a reload, and leaves open what was opened', async () => {
    const { page, requests } = await operator();
    await page.goto(url('/admin'));
    const loads = () => requests.filter((request) => request.isNavigationRequest()).length;
    const before = loads();
    const figure = page.locator('.figures div', { hasText: 'Sign-ups' }).locator('dd');
    const signUps = Number(await figure.textContent());
    await page.locator('#per-day-numbers summary').click();
    await page.locator('h1').click();
    await page.evaluate(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
    await footnote.signUp('news@example.com').expect(202);
    await expect.poll(() => figure.textContent(), { timeout: 25_000 }).toBe(String(signUps + 1));
    expect(await page.locator('#per-day-numbers').getAttribute('open')).not.toBeNull();
    expect(loads()).toBe(before);
  });

  it('follows under whoever is at something, who stays at it', async () => {
    const { page } = await operator();
    await page.goto(url('/admin'));
    await page.locator('#fine > summary').click();
    await pauseLane(footnote.service.database, { by: 'ann', at: footnote.now() });
    await page.locator('#per-day-numbers > summary').click();
    const figure = page.locator('.figures div', { hasText: 'Sign-ups' }).locator('dd');
    const signUps = Number(await figure.textContent());
    await footnote.signUp('more-news@example.com').expect(202);
    await expect.poll(() => figure.textContent(), { timeout: 25_000 }).toBe(String(signUps + 1));
    expect(await page.locator('.alert', { hasText: 'Paused by ann' }).count()).toBe(1);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('per-day-show');
    expect(await page.locator('#per-day-numbers').getAttribute('open')).not.toBeNull();
    expect(await page.locator('#fine').getAttribute('open')).not.toBeNull();
  });

  it('leaves whose button is gone in the part where it was', async () => {
    const { page } = await operator();
    await pauseLane(footnote.service.database, { by: 'ann', at: footnote.now() });
    await page.goto(url('/admin/sync'));
    await page.locator('#resume-lane').focus();
    await resumeLane(footnote.service.database);
    await expect.poll(() => page.locator('#pause').count(), { timeout: 25_000 }).toBe(1);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('lane');
  });

  it('says when it cannot follow, and since when, until it can again', async () => {
    const { page } = await operator();
    await page.goto(url('/admin'));
    const said = page.getByRole('status');
    expect(await said.textContent()).toBe('');
    await footnote.stopService();
    try {
      await expect.poll(() => said.textContent(), { timeout: 25_000 }).toMatch(/^Not reached since .+ UTC: /);
      expect(await axe(page)).toEqual([]);
    } finally {
      await footnote.startService();
    }
    await expect.poll(() => said.textContent(), { timeout: 25_000 }).toBe('');
  });

  it('leads from somebody back to the search, whose beginning is in no address', async () => {
    const reader = await operator();
    const { page, press } = reader;
    await page.goto(url(`/admin/subscribers/${person}`));
    const back = page.getByRole('button', { name: 'Back to the search' });
    expect(await back.count()).toBe(0);
    await search(reader);
    await press(page.getByRole('link', { name: 'reader.1@example.com' }));
    await press(back);
    expect(await page.getByRole('link', { name: 'reader.2@example.com' }).count()).toBe(1);
    expect(await page.getByLabel('Address, or its beginning').inputValue()).toBe('reader.');
    expect(reader.requests.map((request) => request.url()).filter((one) => one.includes('reader.'))).toEqual(
      [],
    );
  });

  it('works without JavaScript', async () => {
    const reader = await operator({ javaScript: false });
    await search(reader);
    expect(await reader.page.getByRole('link', { name: 'reader.1@example.com' }).count()).toBe(1);
    await preview(reader);
    expect(await reader.page.locator('.preview').textContent()).toContain('The Morning');
  });
});
