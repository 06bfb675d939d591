import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';
import { newReader, phone, type Reader, tabWalk } from './browser.ts';
import { everyPage, languageFor, linkIn, Visitor } from './every-page.ts';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
});
afterAll(() => footnote.stop());

const language = languageFor('en');
const { text } = language;

describe.each(Object.entries(everyPage))('the page %s', (_, way) => {
  it('lets Tab reach every control in order, and shows where it is (WCAG 2.1.1, 2.4.3, 2.4.7)', async () => {
    const reader = await newReader({ viewport: phone });
    await way.go(new Visitor(reader, footnote, language));
    const { page } = reader;
    // Where the page puts the focus by itself, as after an error, Tab goes on from there.
    await page.evaluate(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      getSelection()?.setPosition(document.body);
      scrollTo(0, 0);
    });
    const controls = page.locator(
      'a[href], button, input:not([type=hidden], [tabindex="-1"]), textarea, select, summary',
    );
    const stops = await tabWalk(page);
    expect(stops).toHaveLength(await controls.count());
    expect(stops.filter(({ visible }) => !visible)).toEqual([]);
    expect(stops.map(({ top }) => top)).toEqual(stops.map(({ top }) => top).toSorted((a, b) => a - b));
  });
});

/** Presses Tab until this has the focus. @throws when it never does */
async function tabTo({ page }: Reader, role: 'button' | 'checkbox' | 'textbox' | 'link', name: string) {
  const target = page.getByRole(role, { name, exact: true });
  for (let press = 0; press < 40; press++) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`Tab never reaches the ${role} ${name}`);
}

async function type({ page }: Reader, key: string): Promise<void> {
  await Promise.all([page.waitForEvent('load'), page.keyboard.press(key)]);
}

describe('with the keyboard alone', () => {
  it('a reader signs up, confirms, changes and leaves', async () => {
    const reader = await newReader();
    const visitor = new Visitor(reader, footnote, language);
    const { page } = reader;
    const heading = () => page.locator('h1').innerText();

    await visitor.open('/');
    await tabTo(reader, 'checkbox', 'Science Weekly');
    await page.keyboard.press('Space');
    await tabTo(reader, 'textbox', text('signUp.email'));
    await page.keyboard.type(visitor.email);
    await type(reader, 'Enter');
    expect(await heading()).toBe(text('thanks.title'));

    const mail = await visitor.mailWith('confirm');
    await visitor.open(linkIn(mail, 'confirm'));
    await tabTo(reader, 'button', text('confirm.submit'));
    await type(reader, 'Enter');
    expect(await footnote.lists(visitor.email)).toEqual({ 'science-weekly': 'subscribed' });

    await tabTo(reader, 'link', text('confirmed.preferences'));
    await type(reader, 'Enter');
    await tabTo(reader, 'checkbox', 'Science Weekly');
    await page.keyboard.press('Space');
    await tabTo(reader, 'button', text('preferences.submit'));
    await type(reader, 'Space');
    expect(await footnote.lists(visitor.email)).toEqual({ 'science-weekly': 'unsubscribed' });
  });

  it('a reader unsubscribes with one press on the page', async () => {
    const reader = await newReader();
    const visitor = new Visitor(reader, footnote, language);
    await visitor.open(linkIn(await visitor.subscribe(), 'unsubscribe'));
    await tabTo(reader, 'button', text('unsubscribe.leaveOne', { list: 'Morning Briefing' }));
    await type(reader, 'Space');
    expect(await reader.page.locator('h1').innerText()).toBe(text('unsubscribed.title'));
    expect(await footnote.lists(visitor.email)).toEqual({ 'morning-briefing': 'unsubscribed' });
  });

  it('a reader finds the focus on what is wrong (WCAG 3.3.1)', async () => {
    const reader = await newReader();
    const visitor = new Visitor(reader, footnote, language);
    await visitor.open('/');
    await tabTo(reader, 'button', text('signUp.submit'));
    await type(reader, 'Enter');
    const { page } = reader;
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('alert');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('lists');
  });
});
