import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { languageOf } from '../../src/languages/language.ts';
import { Footnote } from '../harness/footnote.ts';
import { newReader, openSite, type Reader, type Site } from './browser.ts';

// What the guard looks at, as readers and their browsers meet it.

let site: Site;
let footnote: Footnote;
let service: string;
const start = (env: Record<string, string>) => {
  beforeAll(async () => {
    site = await openSite();
    footnote = await Footnote.start({ ALLOWED_ORIGINS: site.origin, FORM_MIN_SECONDS: '0', ...env });
    service = footnote.settings.baseUrl;
  });
  afterAll(async () => {
    await footnote.stop();
    await site.close();
  });
};

const { text } = languageOf('en');
const widget = () =>
  site.publish(
    '/article',
    `<!doctype html><html lang="en"><title>An article</title><p><a href="#">Read</a></p>
     <script async src="${service}/embed.js"></script></html>`,
  );
const asked = ({ requests }: Reader, path: string) =>
  requests.filter((request) => request.url() === `${service}${path}`);
const fillIn = async ({ page }: Reader, email: string) => {
  await page.getByRole('checkbox', { name: 'Morning Briefing' }).check();
  await page.getByLabel(text('signUp.email')).fill(email);
};

describe('with ALTCHA on (A-01)', () => {
  start({ ALTCHA: 'on', ALTCHA_DIFFICULTY: '50' });

  it('the hosted form solves its challenge when the reader begins, and the sign-up goes through', async () => {
    const reader = await newReader();
    await reader.page.goto(service);
    expect(await reader.page.locator('[name=altcha]').inputValue()).toBe('');
    await fillIn(reader, 'solved@reader.example');
    await reader.press(reader.page.getByRole('button', { name: text('signUp.submit') }));
    expect(await reader.page.locator('h1').innerText()).toBe(text('thanks.title'));
    await footnote.mailTo('solved@reader.example', 'confirmation');
  });

  it('so does the form for a forgotten link', async () => {
    const reader = await newReader();
    await reader.page.goto(`${service}/my-link`);
    await reader.page.getByLabel(text('signUp.email')).fill('solved@reader.example');
    await reader.press(reader.page.getByRole('button', { name: text('myLink.submit') }));
    expect(reader.document().status()).toBe(200);
    expect(await reader.page.locator('h1').innerText()).toBe(text('myLink.sent.title'));
  });

  it('the hosted form says without JavaScript what is wrong, before and after, and keeps what was typed', async () => {
    const reader = await newReader({ javaScript: false });
    const { page } = reader;
    await page.goto(service);
    // Shown to whoever switched scripts off; the test's browser is only told to run none.
    expect(await page.locator('form noscript').textContent()).toBe(text('signUp.needsScript'));
    await fillIn(reader, 'no.script@reader.example');
    await reader.press(page.getByRole('button', { name: text('signUp.submit') }));
    expect(reader.document().status()).toBe(422);
    expect(await page.getByText(text('fault.altcha')).isVisible()).toBe(true);
    expect(await page.getByLabel(text('signUp.email')).inputValue()).toBe('no.script@reader.example');
    expect(
      await footnote.service.database.prisma.subscriber.count({ where: { key: 'no.script@reader.example' } }),
    ).toBe(0);
  });

  it('the widget solves a challenge, and asks for none before the reader begins', async () => {
    const reader = await newReader();
    await reader.page.goto(widget());
    await reader.page.getByLabel(text('signUp.email')).waitFor();
    expect([...asked(reader, '/nonce'), ...asked(reader, '/altcha.js')]).toEqual([]);
    await fillIn(reader, 'widget@reader.example');
    await reader.page.getByRole('button', { name: text('signUp.submit') }).click();
    await reader.page.getByRole('heading', { name: text('thanks.title') }).waitFor();
    expect([asked(reader, '/nonce'), asked(reader, '/altcha.js')].map(({ length }) => length)).toEqual([
      1, 1,
    ]);
    await footnote.mailTo('widget@reader.example', 'confirmation');
  });
});

describe('without it', () => {
  start({});

  it('the widget fetches its nonce when the reader begins, and sends it along (A-03)', async () => {
    const reader = await newReader();
    const { page } = reader;
    await page.goto(widget());
    const email = page.getByLabel(text('signUp.email'));
    await email.waitFor();
    expect(asked(reader, '/nonce')).toEqual([]);
    const [answer] = await Promise.all([page.waitForResponse(`${service}/nonce`), email.focus()]);
    const { nonce } = await answer.json();
    expect(nonce).toMatch(/^[0-9a-z]+\.[0-9a-f]{32}$/);
    await fillIn(reader, 'nonce@reader.example');
    await page.getByRole('button', { name: text('signUp.submit') }).click();
    await page.getByRole('heading', { name: text('thanks.title') }).waitFor();
    expect(asked(reader, '/nonce')).toHaveLength(1);
    expect(asked(reader, '/altcha.js')).toEqual([]);
    const [sent] = asked(reader, '/subscriptions').filter((request) => request.method() === 'POST');
    expect(sent?.postDataJSON()).toMatchObject({ email: 'nonce@reader.example', nonce });
  });

  it.each(['/', '/my-link'])('no reader of %s meets the field that is for bots (A-03)', async (path) => {
    const reader = await newReader();
    const { page } = reader;
    await page.goto(service + path);
    const trap = page.locator('[name=message]');
    expect(await trap.count()).toBe(1);
    expect(await trap.isVisible()).toBe(false);
    expect(await trap.boundingBox()).toBeNull();
    // What browsers, password managers and screen readers go by.
    expect(await trap.getAttribute('autocomplete')).toBe('off');
    expect(await trap.getAttribute('tabindex')).toBe('-1');
    expect(await page.getByRole('textbox').count()).toBe(1);
    expect(await page.getByLabel(text('signUp.honeypot')).and(page.getByRole('textbox')).count()).toBe(0);

    const met: string[] = [];
    for (let press = 0; press < 40; press += 1) {
      await page.keyboard.press('Tab');
      const name = await page.evaluate(() => {
        const { activeElement } = document;
        if (activeElement === null || activeElement === document.body) return null;
        return activeElement.getAttribute('name') ?? '';
      });
      if (name === null) break;
      met.push(name);
    }
    expect(met).toContain('email');
    expect(met).not.toContain('message');

    await page.locator('[name=email]').evaluate((field) => {
      if (field instanceof HTMLInputElement) field.form?.reset();
    });
    expect(await trap.inputValue()).toBe('');
  });
});
