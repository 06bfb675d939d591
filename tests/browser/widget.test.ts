import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offeredConsentWording } from '../../src/consent/wordings.ts';
import { type Locale, languageOf } from '../../src/languages/language.ts';
import { contrast } from '../../src/site/accent.ts';
import { offeredLists } from '../../src/subscribing/lists.ts';
import { plainSnippet, widgetSnippet } from '../../src/web/snippets.ts';
import { Footnote } from '../harness/footnote.ts';
import {
  axe,
  desk,
  foreign,
  htmlErrors,
  newReader,
  openSite,
  overflowing,
  phone,
  type Reader,
  type ReaderOptions,
  type Site,
  shot,
  spaceText,
  tabWalk,
} from './browser.ts';

// The widget on a publisher's site, which is of another origin.

let site: Site;
let stranger: Site;
let footnote: Footnote;
let service: string;
beforeAll(async () => {
  [site, stranger] = await Promise.all([openSite(), openSite()]);
  footnote = await Footnote.start({ ALLOWED_ORIGINS: site.origin });
  service = footnote.settings.baseUrl;
});
afterAll(async () => {
  await footnote.stop();
  await Promise.all([site.close(), stranger.close()]);
});

const english = languageOf('en').text;
const german = languageOf('de').text;
const script = (attributes = '') => `<script async src="${service}/embed.js" ${attributes}></script>`;

/** What the documentation gives to paste. */
async function pasted(locale: Locale): Promise<string> {
  const { database } = footnote.service;
  const form = {
    baseUrl: service,
    language: languageOf(locale),
    lists: await offeredLists(database),
    consent: await offeredConsentWording(database, locale),
  };
  return `${plainSnippet(form)}\n${widgetSnippet(form)}`;
}

let articles = 0;
const article = (form: string, { style = '', lang = 'en', site: on = site, policy = '' } = {}) => {
  articles += 1;
  const html = `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><title>An article</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <style nonce="site">body { font: 1.1rem/1.6 Georgia, serif; max-inline-size: 40rem; margin: 1rem auto;
      padding-inline: 1rem } ${style}</style></head>
    <body><main><h1>An article</h1><p>It ends here.</p>${form}<p id="after">Read on.</p></main></body></html>`;
  return on.publish(`/article-${articles}`, html, policy ? { 'Content-Security-Policy': policy } : {});
};

let people = 0;
const newAddress = () => {
  people += 1;
  return `article.reader.${people}@example.com`;
};

/** Opens an article and waits for the widget in it. */
async function read(url: string, options: ReaderOptions = {}): Promise<Reader & { button: Locator }> {
  const reader = await newReader(options);
  await reader.page.goto(url);
  const button = reader.page.locator('button[aria-describedby=consent]');
  await button.first().waitFor();
  return { ...reader, button };
}

/** Ticks a list as most do, by its name: the whole row is the target. */
const tick = (where: Page | Locator, list: string) =>
  where.locator('.choice label', { hasText: list }).click();

/** The text of what has the focus, within the widget too. */
const focusedText = (page: Page) =>
  page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element?.textContent ?? '';
  });

const answersOf = (reader: Reader) =>
  reader.requests.filter(
    (request) => request.url() === `${service}/subscriptions` && request.method() === 'POST',
  );

describe('the widget under an article', () => {
  it('signs up without leaving it, and says what comes next', async () => {
    const email = newAddress();
    const url = article(script());
    const reader = await read(`${url}?from=home#form`);
    const { page, button } = reader;
    await tick(page, 'Science Weekly');
    await page.getByLabel(english('signUp.email')).fill(email);
    await shot(page, 'widget.start');
    await button.click();

    const title = page.getByRole('heading', { name: english('thanks.title') });
    await title.waitFor();
    expect(await focusedText(page)).toBe(english('thanks.title'));
    expect(await page.getByText(english('thanks.next')).isVisible()).toBe(true);
    expect(page.url()).toBe(`${url}?from=home#form`);
    await shot(page, 'widget.done');
    expect(await axe(page)).toEqual([]);

    const { confirm } = await footnote.mailTo(email);
    await footnote.http.post(confirm).expect(200);
    expect(await footnote.lists(email)).toEqual({ 'science-weekly': 'subscribed' });
    const [evidence] = await footnote.service.database.query<{ page: string }>(
      'SELECT page FROM consent_evidence WHERE email = $1 AND page IS NOT NULL',
      [email],
    );
    expect(evidence?.page).toBe(`${url}?from=home`);

    // No third party, no cookie, no second request for what it shows.
    expect(foreign(reader.requests, site.origin, service)).toEqual([]);
    expect(await reader.context.cookies()).toEqual([]);
    expect(reader.requests.filter((request) => request.url().startsWith(service))).toHaveLength(3);

    await page.getByRole('button', { name: english('embed.another') }).click();
    await button.waitFor();
    expect(await page.getByLabel(english('signUp.email')).inputValue()).toBe('');
    expect(await page.getByRole('checkbox', { checked: true }).count()).toBe(0);
  });

  it('works by keyboard alone, and shows where one is', async () => {
    const { page, button } = await read(article(await pasted('en')));
    const stops = await tabWalk(page);
    const order = ['Morning Briefing', 'Science Weekly', 'Weekend Reads', english('signUp.email')];
    expect(stops.map(({ name }) => name)).toEqual([
      ...order.map((name) => `input ${name}`),
      `button ${english('signUp.submit')}`,
    ]);
    expect(stops.filter(({ visible }) => !visible)).toEqual([]);

    const email = newAddress();
    await page.evaluate(() => document.body.focus());
    await page.getByRole('checkbox', { name: 'Morning Briefing' }).focus();
    await page.keyboard.press('Space');
    for (let tab = 0; tab < 3; tab++) await page.keyboard.press('Tab');
    await page.keyboard.type(email);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: english('thanks.title') }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await button.waitFor();
    await footnote.mailTo(email);
  });

  it('shows other lists in other languages, several on one page', async () => {
    const { page, button } = await read(
      article(
        script('data-lists="weekend-reads, morning-briefing,gone" data-heading="For Saturdays"') +
          script('data-lists="science-weekly" data-locale="ar-EG" data-heading=""') +
          `<section lang="de-AT">${script()}</section>`,
      ),
    );
    await button.nth(2).waitFor();
    const forms = page.getByRole('form');
    expect(await forms.count()).toBe(3);
    const namesIn = (index: number) => forms.nth(index).locator('.choice label').allInnerTexts();
    expect(await namesIn(0)).toEqual(['Weekend Reads', 'Morning Briefing']);
    expect(await namesIn(1)).toEqual(['Science Weekly']);
    expect(await namesIn(2)).toHaveLength(3);
    expect(await page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual([
      'For Saturdays',
      german('signUp.title'),
    ]);
    expect(await button.allInnerTexts()).toEqual(
      (['en', 'ar', 'de'] as const).map((locale) => languageOf(locale).text('signUp.submit')),
    );
    expect(await axe(page)).toEqual([]);
    await shot(page, 'widget.three');

    const email = newAddress();
    await tick(forms.nth(1), 'Science Weekly');
    await forms.nth(1).getByRole('textbox').fill(email);
    await button.nth(1).click();
    await page.getByRole('heading', { name: languageOf('ar').text('thanks.title') }).waitFor();
    expect(await forms.count()).toBe(2);
    const { mail } = await footnote.mailTo(email);
    expect(mail.subject).toContain(footnote.settings.publication.name);
    expect(mail.text).toContain(languageOf('ar').text('mail.confirmation.title'));
  });

  it.each([
    ['the reader', '', 'fr-CA', 'fr'],
    ['the page', 'pt-BR', 'fr', 'pt'],
    ['English, for a language that we lack', 'nl', 'nl', 'en'],
  ] as const)('speaks the language of %s', async (_, lang, locale, spoken) => {
    const html = `<!doctype html><html${lang && ` lang="${lang}"`}><title>An article</title>
      <body>${script('data-locale="xx"')}</body></html>`;
    const { button } = await read(site.publish(`/spoken-${spoken}`, html), { locale });
    expect(await button.innerText()).toBe(languageOf(spoken).text('signUp.submit'));
  });
});

describe('the plain form before it (W-01)', () => {
  const plainForm = (page: Page) => page.locator(`form[action="${service}/subscriptions"]`);

  it.each([
    ['scripts are off', {}, '', false],
    ['the site forbids the script', { javaScript: true }, "script-src 'none'", false],
    ['a blocker stops it', { javaScript: true }, '', true],
  ])('stays and works where %s', async (_, { javaScript = false }: ReaderOptions, policy, isBlocked) => {
    const email = newAddress();
    const reader = await newReader({ javaScript });
    const { page } = reader;
    if (isBlocked) await page.route('**/embed.js', (route) => route.abort('blockedbyclient'));
    await page.goto(article(await pasted('en'), { policy }));
    expect(await plainForm(page).isVisible()).toBe(true);
    await page.getByLabel('Weekend Reads').check();
    await page.getByLabel(english('signUp.email')).fill(email);
    await reader.press(page.getByRole('button'));
    expect(page.url()).toContain(`${service}/thanks`);
    await footnote.mailTo(email);
  });

  it.each([
    ['desk', desk],
    ['phone', phone],
  ])('is replaced without a shift of the page (W-04), at the width of a %s', async (_, viewport) => {
    const reader = await newReader({ viewport });
    const { page } = reader;
    await page.addInitScript(() => {
      const shifts: number[] = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if ('value' in entry) shifts.push(Number(entry.value));
      }).observe({ type: 'layout-shift', buffered: true });
      Object.assign(window, { shifts });
    });
    const gate = Promise.withResolvers<void>();
    await page.route('**/embed.js', async (route) => {
      await gate.promise;
      await route.continue();
    });
    // What the browser itself does against shifts is off.
    const style = 'html { overflow-anchor: none }';
    await page.goto(article(await pasted('de'), { lang: 'de', style }), { waitUntil: 'commit' });
    const after = page.locator('#after');
    await after.waitFor();
    // What stands below is on show, so that a shift of it counts.
    await after.scrollIntoViewIfNeeded();
    await plainForm(page).getByLabel('Science Weekly').check();
    await plainForm(page).getByLabel(german('signUp.email')).pressSequentially('half@writ');
    await page.screenshot();
    // From here on: to reach a field on a small screen, a reader scrolls.
    const top = () => after.evaluate((element) => element.getBoundingClientRect().top);
    const before = await top();
    gate.resolve();
    await page.locator('button[aria-describedby=consent]').waitFor();
    expect(Math.abs((await top()) - before)).toBeLessThan(0.5);
    // Two frames later, what there is of shifts was told.
    const shifts = await page.evaluate(async () => {
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
      return 'shifts' in window ? window.shifts : null;
    });
    expect(shifts).toEqual([]);

    // What the reader did goes on, where it was done.
    expect(await plainForm(page).count()).toBe(0);
    const email = page.getByLabel(german('signUp.email'));
    expect(await email.inputValue()).toBe('half@writ');
    expect(await page.getByRole('checkbox', { checked: true }).count()).toBe(1);
    await page.keyboard.press('End');
    await page.keyboard.type('ten.example');
    expect(await email.inputValue()).toBe('half@written.example');
    await shot(page, `widget.replaced.${viewport.width}`);
  });

  it('is left alone when it belongs to somebody else', async () => {
    const { page } = await read(
      article(`<form id="theirs" action="https://other.example/subscriptions">Theirs</form>${script()}`),
    );
    expect(await page.locator('#theirs').isVisible()).toBe(true);
  });

  it('lends its frame to the widget', async () => {
    const framed = (await pasted('en')).replace('<form ', '<form class="card" id="newsletters" ');
    const { page } = await read(
      article(framed, { style: '.card { padding: 20px; border: 5px solid teal }' }),
    );
    const host = page.locator('div#newsletters.card');
    expect(await host.evaluate((element) => getComputedStyle(element).borderTopWidth)).toBe('5px');
  });
});

describe('when something is wrong', () => {
  it('says so beside the fields, in German, and goes to the first', async () => {
    const { page, button } = await read(article(await pasted('de'), { lang: 'de' }), { viewport: phone });
    await page.getByLabel(german('signUp.email')).fill('leser@example');
    await button.click();
    const box = page.getByRole('checkbox').first();
    await page.getByText(german('fault.lists.none'), { exact: true }).waitFor();
    expect(await box.evaluate((element) => element.matches(':focus'))).toBe(true);
    expect(await box.getAttribute('aria-invalid')).toBe('true');
    const email = page.getByLabel(german('signUp.email'));
    const described = await email.evaluate((element) => {
      const root = element.getRootNode();
      const id = element.getAttribute('aria-describedby') ?? '';
      return root instanceof ShadowRoot ? root.getElementById(id)?.textContent : null;
    });
    expect(described).toBe(german('fault.email.domain'));
    expect(await email.getAttribute('aria-invalid')).toBe('true');
    expect(await axe(page)).toEqual([]);
    await shot(page, 'widget.errors.de.phone');

    await tick(page, 'Morning Briefing');
    await button.click();
    await page.getByText(german('fault.lists.none'), { exact: true }).waitFor({ state: 'detached' });
    expect(await email.evaluate((element) => element.matches(':focus'))).toBe(true);
    expect(await box.getAttribute('aria-invalid')).toBeNull();
  });

  it('keeps what was entered when the network is away, and sends it when it is back', async () => {
    const reader = await read(article(script()));
    const { page, button, context } = reader;
    const email = newAddress();
    await tick(page, 'Morning Briefing');
    await page.getByLabel(english('signUp.email')).fill(email);
    await context.setOffline(true);
    await button.click();
    const alert = page.getByRole('alert');
    await page.getByText(english('embed.unreachable')).waitFor();
    expect(await alert.innerText()).toBe(english('embed.unreachable'));
    expect(await axe(page)).toEqual([]);
    await shot(page, 'widget.offline');
    await context.setOffline(false);
    await button.click();
    await page.getByRole('heading', { name: english('thanks.title') }).waitFor();
    await footnote.mailTo(email);
  });

  it('sends once, however often it is pressed, and says that it is sending', async () => {
    const reader = await read(article(script()));
    const { page, button } = reader;
    const gate = Promise.withResolvers<void>();
    await page.route('**/subscriptions', async (route) => {
      await gate.promise;
      await route.continue();
    });
    const email = newAddress();
    await tick(page, 'Morning Briefing');
    await page.getByLabel(english('signUp.email')).fill(email);
    await button.click();
    // A finger does not look at `aria-disabled` first.
    await button.click({ force: true });
    await page.keyboard.press('Enter');
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    expect(await button.innerText()).toBe(english('embed.sending'));
    expect(await page.getByRole('status').innerText()).toBe(english('embed.sending'));
    gate.resolve();
    await page.getByRole('heading', { name: english('thanks.title') }).waitFor();
    expect(answersOf(reader)).toHaveLength(1);
    expect(await page.getByRole('status').textContent()).toBe('');
  });

  it.each([403, 429, 503])(
    'says for a %d of whoever stands between that it was not the reader',
    async (status) => {
      const { page, button } = await read(article(script()));
      await page.route('**/subscriptions', (route) =>
        route.fulfill({ status, headers: { 'Access-Control-Allow-Origin': site.origin }, body: 'no' }),
      );
      await button.click();
      await page.getByText(english('embed.failed')).waitFor();
      expect(await button.innerText()).toBe(english('signUp.submit'));
    },
  );

  it('tells the developer of a site that was not allowed where to look', async () => {
    const { page, button } = await read(article(script(), { site: stranger }));
    const told = page.waitForEvent('console', (message) => message.text().includes('ALLOWED_ORIGINS'));
    await page.getByLabel(english('signUp.email')).fill(newAddress());
    await button.click();
    expect((await told).text()).toContain(stranger.origin);
    await page.getByText(english('embed.unreachable')).waitFor();
  });
});

describe('on sites of every kind', () => {
  it('needs no more of a strict Content-Security-Policy than is documented', async () => {
    const policy = [
      "default-src 'none'",
      "style-src 'nonce-site'",
      `script-src ${service}`,
      `connect-src ${service}`,
      `form-action ${service}`,
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; ');
    const reader = await newReader();
    const { page } = reader;
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon')) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(article(await pasted('en'), { policy }));
    const email = newAddress();
    await tick(page, 'Morning Briefing');
    await page.getByLabel(english('signUp.email')).fill(email);
    await page.locator('button[aria-describedby=consent]').click();
    await page.getByRole('heading', { name: english('thanks.title') }).waitFor();
    await footnote.mailTo(email);
    expect(complaints).toEqual([]);
  });

  it.each([
    ['on white', '#ffffff', '#222222', ''],
    ['on black', '#000000', '#d8d8d8', ''],
    ['on navy', '#10243f', '#ffe9c9', ''],
    ['on grey', '#767676', '#ffffff', ''],
    ['with the publisher’s accent', '#fdf6e3', '#333333', '--footnote-accent: #ffb703'],
    [
      'with two of the publisher’s colours',
      '#111111',
      '#eeeeee',
      '--footnote-accent: #0b5a6b; --footnote-on-accent: #f0ffff',
    ],
  ])('draws a button that can be read: %s (WCAG 1.4.3, 1.4.11)', async (name, ground, ink, more) => {
    const style = `body { background: ${ground}; color: ${ink}; ${more} }`;
    const { page, button } = await read(article(script(), { style }));
    const colours = await button.evaluate((element) => {
      const inPixels = (colour: string) => {
        const context = new OffscreenCanvas(1, 1).getContext('2d', { colorSpace: 'srgb' });
        if (context === null) throw new Error('no canvas');
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
        return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
      };
      const words = element.querySelector('span') ?? element;
      return {
        fill: inPixels(getComputedStyle(element).backgroundColor),
        words: inPixels(getComputedStyle(words).color),
      };
    });
    expect(contrast(colours.words, colours.fill)).toBeGreaterThanOrEqual(4.5);
    if (!more) expect(colours.fill).toBe(ink);
    expect(await axe(page)).toEqual([]);
    await shot(page, `widget.${name.replaceAll(/\W+/g, '-')}`);
  });

  it.each(['en', 'de', 'ar'] as const)(
    'is sound in %s, in every light and at every width',
    async (locale) => {
      const { page, button } = await read(article(await pasted(locale), { lang: locale }), {
        viewport: phone,
      });
      await button.click();
      await page.getByText(languageOf(locale).text('fault.lists.none'), { exact: true }).waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await axe(page), colorScheme).toEqual([]);
      }
      await shot(page, `widget.errors.${locale}.phone-dark`);
      for (const viewport of [phone, desk]) {
        await page.setViewportSize(viewport);
        expect(await overflowing(page), `${viewport.width} px`).toEqual([]);
      }
      await spaceText(page);
      await page.setViewportSize(phone);
      expect(await overflowing(page), 'spaced out').toEqual([]);
      await page.emulateMedia({ forcedColors: 'active' });
      await shot(page, `widget.${locale}.forced-colours`);
    },
  );

  it('follows a site that goes from light to dark', async () => {
    const style = `html { background: white; color: black } html.dark { background: black; color: white }`;
    const { page, button } = await read(article(script(), { style }));
    const colours = () =>
      button.evaluate((element) => [
        getComputedStyle(element).backgroundColor,
        getComputedStyle(element.querySelector('span') ?? element).color,
      ]);
    const [fill] = await colours();
    expect(fill).toBe('rgb(0, 0, 0)');
    await page.evaluate(() => document.documentElement.classList.add('dark'));
    const [darkFill, darkWords] = await colours();
    expect(darkFill).toBe('rgb(255, 255, 255)');
    expect(darkWords).toMatch(/^lab\(0 /);
  });
});

describe('the demo article', () => {
  it('has the widget in the frame of its plain form', async () => {
    const { page } = await read(`${footnote.sandbox.url}/article?lang=fr`, { viewport: phone });
    expect(await page.locator('form').getAttribute('aria-label')).toBe(languageOf('fr').text('signUp.title'));
    expect(await page.locator('div.sign-up').count()).toBe(1);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await axe(page), colorScheme).toEqual([]);
      await shot(page, `widget.demo.${colorScheme}`);
    }
    expect(await overflowing(page)).toEqual([]);
  });
});

describe('the documentation of the form', () => {
  it.each(['en', 'ar'] as const)('shows the three shapes at work, with forms in %s', async (locale) => {
    const { text } = languageOf(locale);
    const reader = await newReader();
    const { page } = reader;
    await page.goto(`${service}/docs/form?locale=${locale}`);
    const live = page.locator('.live');
    const button = live.locator('button[aria-describedby=consent]');
    await button.waitFor();
    expect(await htmlErrors(await reader.document().text())).toEqual([]);
    expect(await live.count()).toBe(2);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await axe(page), colorScheme).toEqual([]);
      await shot(page, `docs.form.${locale}.${colorScheme}`);
    }
    await page.setViewportSize(phone);
    await shot(page, `docs.form.${locale}.phone`);
    const email = newAddress();
    await tick(live.nth(1), 'Morning Briefing');
    await live.nth(1).getByLabel(text('signUp.email')).fill(email);
    await button.click();
    await page.getByRole('heading', { name: text('thanks.title') }).waitFor();
    await footnote.mailTo(email);
    expect(foreign(reader.requests, service)).toEqual([]);
  });
});
