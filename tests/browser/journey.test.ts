import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';
import { foreign, openReader, openSite, phone, type Reader, type Site } from './browser.ts';
import { languageFor, linkIn, Visitor } from './every-page.ts';

/** The form as it is pasted into a site: plain HTML. */
const plainForm = (service: string, more = '') => `<!doctype html>
  <html lang="en"><title>An article</title><h1>An article</h1>
  <form method="post" action="${service}/subscriptions">
    <label><input type="checkbox" name="lists" value="morning-briefing">Morning Briefing</label>
    <label><input type="checkbox" name="lists" value="science-weekly">Science Weekly</label>
    <label>Email <input name="email"></label>
    ${more}
    <button>Subscribe</button>
  </form></html>`;

let site: Site;
let footnote: Footnote;
beforeAll(async () => {
  site = await openSite();
  footnote = await Footnote.start({ ALLOWED_ORIGINS: site.origin });
});
afterAll(async () => {
  await footnote.stop();
  await site.close();
});

const hour = 60 * 60_000;
const language = languageFor('en');
const { text } = language;

describe.each([
  ['with JavaScript', true],
  ['without JavaScript', false],
])('a reader %s, on a phone (W-01)', (_, javaScript) => {
  let reader: Reader;
  let visitor: Visitor;
  /** The links of the first mail. */
  let links: { confirm: string; unsubscribe: string; preferences: string };

  beforeAll(async () => {
    reader = await openReader({ javaScript, viewport: phone });
    visitor = new Visitor(reader, footnote, language);
  });
  afterAll(() => reader.close());

  const heading = () => reader.page.locator('h1').innerText();
  const content = () => reader.page.locator('main').innerText();
  const ticked = (list: string) => reader.page.getByRole('checkbox', { name: list }).isChecked();
  const follow = (link: string) => reader.page.goto(footnote.settings.baseUrl + link);
  const confirmByMail = async () => {
    await follow(linkIn(await visitor.mailWith('confirm'), 'confirm'));
    await visitor.press('confirm.submit');
    expect(await heading()).toBe(text('confirmed.title'));
    footnote.advance(hour);
  };

  it('sends a form with faults from an article, and finds it again with what was typed', async () => {
    const { page } = reader;
    await page.goto(site.publish('/article', plainForm(footnote.settings.baseUrl)));
    await page.getByLabel('Science Weekly').check();
    await page.getByLabel('Email').fill('reader@example');
    await reader.press(page.getByRole('button'));

    expect(reader.document().status()).toBe(422);
    expect(await page.title()).toContain(text('signUp.titleWithErrors'));
    expect(await ticked('Science Weekly')).toBe(true);
    expect(await ticked('Morning Briefing')).toBe(false);
    const field = page.getByLabel(text('signUp.email'));
    expect(await field.inputValue()).toBe('reader@example');
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    // WCAG 3.3.1: reading starts with what is wrong, and leads to it.
    const summary = page.getByRole('alert');
    expect(await summary.innerText()).toContain(text('fault.email.domain'));
    await summary.getByRole('link').click();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe(await field.getAttribute('id'));
  });

  it('corrects it there, and is told to look into the inbox', async () => {
    await reader.page.getByLabel(text('signUp.email')).fill(visitor.email);
    await visitor.toggle('Morning Briefing');
    await visitor.press('signUp.submit');
    expect(reader.document().request().method()).toBe('GET');
    expect(await heading()).toBe(text('thanks.title'));
    expect(await footnote.lists(visitor.email)).toEqual({
      'morning-briefing': 'pending',
      'science-weekly': 'pending',
    });
  });

  it('confirms with two clicks: the link and one button (U-19)', async () => {
    const mail = await visitor.mailWith('confirm');
    links = {
      confirm: linkIn(mail, 'confirm'),
      unsubscribe: linkIn(mail, 'unsubscribe'),
      preferences: linkIn(mail, 'preferences'),
    };
    await follow(links.confirm);
    expect(await heading()).toBe(text('confirm.title'));
    expect(await footnote.lists(visitor.email)).toMatchObject({ 'morning-briefing': 'pending' });
    await visitor.press('confirm.submit');
    expect(await heading()).toBe(text('confirmed.title'));
    expect(await footnote.lists(visitor.email)).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'subscribed',
    });
    footnote.advance(hour);
  });

  it('leaves one list with two clicks and keeps the other (U-29)', async () => {
    await follow(`${links.unsubscribe}?list=science-weekly`);
    await visitor.press('unsubscribe.leaveOnly', { list: 'Science Weekly' });
    expect(await heading()).toBe(text('unsubscribed.title'));
    expect(await content()).toContain(text('unsubscribed.remaining'));
    expect(await footnote.lists(visitor.email)).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'unsubscribed',
    });
  });

  it('takes that back on the same page, by a mail (WCAG 3.3.4, C-27)', async () => {
    await visitor.press('unsubscribed.undo');
    expect(await content()).toContain(text('preferences.asked', { lists: 'Science Weekly' }));
    expect(await footnote.lists(visitor.email)).toMatchObject({ 'science-weekly': 'pending' });
    await confirmByMail();
    expect(await footnote.lists(visitor.email)).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'subscribed',
    });
  });

  it('leaves everything with two clicks (U-18)', async () => {
    await follow(links.unsubscribe);
    await visitor.press('unsubscribe.leaveAll');
    expect(await content()).toContain(text('unsubscribed.none'));
    expect(await footnote.lists(visitor.email)).toEqual({
      'morning-briefing': 'unsubscribed',
      'science-weekly': 'unsubscribed',
    });
    await follow(links.unsubscribe);
    expect(await heading()).toBe(text('notSubscribed.title'));
  });

  it('comes back through the preferences, and is asked by mail (C-12)', async () => {
    await follow(links.preferences);
    await visitor.toggle('Weekend Reads');
    await visitor.press('preferences.submit');
    expect(await reader.page.title()).toContain(text('preferences.titleSaved'));
    expect(await reader.page.getByRole('status').innerText()).toContain(
      text('preferences.asked', { lists: 'Weekend Reads' }),
    );
    expect(await ticked('Weekend Reads')).toBe(true);
    await confirmByMail();
    expect(await footnote.lists(visitor.email)).toMatchObject({ 'weekend-reads': 'subscribed' });
  });

  it('changes what comes in the preferences, at once', async () => {
    await follow(links.preferences);
    expect(await ticked('Weekend Reads')).toBe(true);
    await visitor.toggle('Weekend Reads');
    await visitor.press('preferences.submit');
    expect(await content()).toContain(text('preferences.left', { lists: 'Weekend Reads' }));
    expect(await footnote.lists(visitor.email)).toMatchObject({ 'weekend-reads': 'unsubscribed' });
  });

  it('gets a copy of everything by mail, and nothing on the page (C-25)', async () => {
    await follow(links.preferences);
    await visitor.press('preferences.copy');
    expect(await content()).toContain(text('preferences.copyMailed'));
    expect((await visitor.mailAbout('mail.copy.subject')).source.toString()).toMatch(
      /content-disposition: attachment/i,
    );
  });

  it('gets the forgotten link by typing the address', async () => {
    // There were three mails today that anybody could have caused.
    footnote.advance(24 * hour);
    await visitor.askForLink();
    expect(await heading()).toBe(text('myLink.sent.title'));
    const mail = await visitor.mailAbout('mail.myLink.subject');
    expect(linkIn(mail, 'preferences')).toBe(links.preferences);
  });

  it('is erased by two more clicks out of a mail, and not before (C-24, C-27)', async () => {
    await follow(links.preferences);
    await visitor.press('preferences.erase');
    expect(await content()).toContain(text('preferences.eraseMailed'));
    const link = linkIn(await visitor.mailWith('erase'), 'erase');
    await follow(link);
    expect(await heading()).toBe(text('erase.title'));
    expect(await footnote.lists(visitor.email)).not.toEqual({});
    await visitor.press('erase.submit');
    expect(await heading()).toBe(text('erased.title'));
    expect(await footnote.lists(visitor.email)).toEqual({});
  });

  it('finds that the old link still answers (U-17)', async () => {
    await follow(links.unsubscribe);
    expect(reader.document().status()).toBe(200);
    expect(await heading()).toBe(text('notSubscribed.title'));
  });

  it('never met anybody else on the way (W-03)', async () => {
    expect(foreign(reader.requests, footnote.settings.baseUrl, site.origin)).toEqual([]);
    expect(await reader.context.cookies()).toEqual([]);
  });
});

describe('somebody whose address a stranger entered', () => {
  it('ends it with two clicks out of the mail, and no further mail comes (C-15)', async () => {
    const reader = await openReader();
    try {
      const visitor = new Visitor(reader, footnote, language);
      await visitor.open(linkIn(await visitor.signUp(), 'notMe'));
      await visitor.press('notMe.submit');
      expect(await reader.page.locator('h1').innerText()).toBe(text('notMe.done.title'));
      footnote.advance(hour);
      await footnote.signUp(visitor.email).expect(202);
      await footnote.mailsNoted();
      const mails = footnote.sandbox.inbox
        .mails()
        .filter(({ envelope }) => envelope.to.includes(visitor.email));
      expect(mails).toHaveLength(1);
    } finally {
      await reader.close();
    }
  });
});

describe('a form of another site', () => {
  it.each([
    ['with', true],
    ['without', false],
  ])('leads back to a page of that site, %s JavaScript (A-05)', async (_, javaScript) => {
    const thanks = site.publish('/thanks', '<!doctype html><title>Thanks</title><h1>Our own thanks</h1>');
    const article = plainForm(
      footnote.settings.baseUrl,
      `<input type="hidden" name="redirect" value="${thanks}">`,
    );
    const reader = await openReader({ javaScript });
    try {
      await reader.page.goto(site.publish('/redirecting', article));
      await reader.page.getByLabel('Morning Briefing').check();
      await reader.page.getByLabel('Email').fill(`redirected.${javaScript}@example.com`);
      await reader.press(reader.page.getByRole('button'));
      expect(reader.page.url()).toBe(thanks);
      // Also when the form had faults and came back from our own page, whose policy must let it.
      await reader.page.goto(`${site.origin}/redirecting`);
      await reader.page.getByLabel('Morning Briefing').check();
      await reader.press(reader.page.getByRole('button'));
      await reader.page.getByLabel(text('signUp.email')).fill(`corrected.${javaScript}@example.com`);
      await reader.press(reader.page.getByRole('button', { name: text('signUp.submit') }));
      expect(reader.page.url()).toBe(thanks);
    } finally {
      await reader.close();
    }
  });
});
