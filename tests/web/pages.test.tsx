import { readFileSync } from 'node:fs';
import { DomUtils, parseDocument } from 'htmlparser2';
import type { ReactElement } from 'react';
import { describe, expect, it } from 'vitest';
import { ConfirmPage } from '../../src/web/pages/confirm.tsx';
import { ConfirmedPage } from '../../src/web/pages/confirmed.tsx';
import { ErrorPage } from '../../src/web/pages/error.tsx';
import { LinkProblemPage } from '../../src/web/pages/link-problem.tsx';
import { PreferencesPage } from '../../src/web/pages/preferences.tsx';
import { renderPage } from '../../src/web/pages/render.ts';
import { SignUpPage } from '../../src/web/pages/sign-up.tsx';
import { ThanksPage } from '../../src/web/pages/thanks.tsx';
import { UnknownLinkPage } from '../../src/web/pages/unknown-link.tsx';
import { UnsubscribePage } from '../../src/web/pages/unsubscribe.tsx';
import { UnsubscribedPage } from '../../src/web/pages/unsubscribed.tsx';

const attribute = DomUtils.getAttributeValue;
const css = readFileSync(new URL('../../src/web/assets/style.css', import.meta.url), 'utf8');

const site = { publication: 'The Daily Example', postalAddress: '1 Example Street, Exampletown' };
const consent = { version: 'v2', text: 'By subscribing, you acknowledge the transfer.' };
const morning = { slug: 'morning', name: 'Morning Briefing', description: 'Each weekday.' };
const science = { slug: 'science', name: 'Science Weekly', description: 'Every Friday.' };
const food = { slug: 'food', name: 'Table Talk', description: 'For the weekend.' };
const lists = [morning, science, food];
const noList = { field: 'lists', message: 'Please select at least one mailing list.' };
const badEmail = { field: 'email', message: 'Please enter a whole address.' };
const action = '/unsubscribe/key';
const preferencesUrl = 'https://news.example/preferences/key';

/** A rendered page as a reader meets it. */
function open(page: ReactElement) {
  const html = renderPage(page);
  const document = parseDocument(html);
  const all = (tag: string) => DomUtils.getElementsByTagName(tag, document);
  const byId = (id: string) => {
    const element = DomUtils.getElementById(id, document);
    if (!element) throw new Error(`nothing with id ${id}`);
    return element;
  };
  const words = (tag: string) => all(tag).map((element) => DomUtils.textContent(element));
  const inputs = (name: string) => all('input').filter((input) => attribute(input, 'name') === name);
  return {
    html,
    all,
    byId,
    words,
    title: words('title').join(),
    text: words('main').join(),
    textOf: (id: string) => DomUtils.textContent(byId(id)),
    inputs,
    value: (name: string) =>
      inputs(name)
        .map((input) => attribute(input, 'value'))
        .join(),
    /** Every form that holds just a button: where it posts to, and what it says. */
    buttons: all('form')
      .filter((form) => DomUtils.getElementsByTagName('input', form).length === 0)
      .map((form) => [attribute(form, 'action'), DomUtils.textContent(form)]),
  };
}

const preferences = {
  site,
  lists: [
    { ...morning, state: 'subscribed' },
    { ...science, state: 'pending' },
    { ...food, state: 'none' },
  ],
  action: '/preferences/key',
  unsubscribeAction: action,
  consentText: consent.text,
  consentVersion: consent.version,
} as const;

const pages: Record<string, ReactElement> = {
  'sign-up': <SignUpPage site={site} consent={consent} lists={lists} />,
  'sign-up with errors': (
    <SignUpPage
      site={site}
      consent={consent}
      lists={lists}
      typed={{
        email: 'reader',
        firstName: 'R',
        source: 'https://site.example/a',
        redirect: '/x',
        locale: 'en',
      }}
      errors={[noList, badEmail, { field: 'firstName', message: 'Too long.' }]}
    />
  ),
  thanks: <ThanksPage site={site} />,
  confirm: <ConfirmPage site={site} lists={lists} action="/confirm/token" />,
  confirmed: <ConfirmedPage site={site} lists={lists} preferencesUrl={preferencesUrl} />,
  'unknown confirmation link': <LinkProblemPage site={site} problem="unknown" signUpUrl="/" />,
  'expired confirmation link': <LinkProblemPage site={site} problem="expired" signUpUrl="/" />,
  'withdrawn confirmation link': <LinkProblemPage site={site} problem="withdrawn" signUpUrl="/" />,
  'unsubscribe from one of several': (
    <UnsubscribePage site={site} lists={lists} only={science} action={action} />
  ),
  'unsubscribe from several': <UnsubscribePage site={site} lists={lists} action={action} />,
  'unsubscribe from the only one': <UnsubscribePage site={site} lists={[morning]} action={action} />,
  'unsubscribe from nothing': <UnsubscribePage site={site} lists={[]} action={action} />,
  unsubscribed: (
    <UnsubscribedPage site={site} left={[morning]} remaining={[food]} preferencesUrl={preferencesUrl} />
  ),
  preferences: <PreferencesPage {...preferences} />,
  'saved preferences': <PreferencesPage {...preferences} saved={{ left: [morning], asked: [food] }} />,
  'unknown link': <UnknownLinkPage site={site} />,
  error: <ErrorPage site={site} title="Something went wrong" message="Please try again." />,
};

describe.each(Object.entries(pages))('the page: %s', (_, element) => {
  const page = open(element);

  it('is a whole document with language, title and one heading', () => {
    expect(page.html).toMatch(/^<!doctype html><html lang="en" dir="ltr">/);
    expect(page.all('h1')).toHaveLength(1);
    expect(page.title).toContain(site.publication);
    expect(page.all('main')).toHaveLength(1);
  });

  it('is kept out of indexes and passes its address on to nobody (A-19)', () => {
    const metas = page.all('meta').map((meta) => [attribute(meta, 'name'), attribute(meta, 'content')]);
    expect(metas).toContainEqual(['robots', 'noindex']);
    expect(metas).toContainEqual(['referrer', 'no-referrer']);
    expect(metas).toContainEqual(['viewport', 'width=device-width, initial-scale=1']);
  });

  it('says who publishes, and from where', () => {
    expect(page.words('footer').join()).toContain(site.publication);
    expect(page.words('address')).toEqual([site.postalAddress]);
  });

  it('holds no script, no inline style and loads nothing but the stylesheet (W-03)', () => {
    expect(page.all('script')).toEqual([]);
    expect(page.all('style')).toEqual([]);
    expect(page.html).not.toMatch(/\s(style|on\w+)=/);
    expect(page.html).not.toMatch(/\ssrc=/);
    expect(page.all('link').map((link) => attribute(link, 'href'))).toEqual(['/assets/style.css']);
  });

  it('changes something by POST only, and by a button (I7)', () => {
    for (const form of page.all('form')) {
      expect(attribute(form, 'method')).toBe('post');
      expect(attribute(form, 'action')).toMatch(/^\//);
      expect(DomUtils.getElementsByTagName('button', form)).toHaveLength(1);
    }
  });

  it('labels every field and points to nothing that is not there (WCAG 1.3.1, 4.1.2)', () => {
    const labelled = page.all('label').map((label) => attribute(label, 'for'));
    const visible = page.all('input').filter((input) => attribute(input, 'type') !== 'hidden');
    expect(visible.map((input) => attribute(input, 'id'))).toEqual(labelled);

    const ids = [...page.html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...page.html.matchAll(/\s(?:aria-describedby="|href="#)([^"]*)"/g)];
    for (const [, id] of references) expect(ids).toContain(id);
  });

  it('is small, stylesheet included (W-04)', () => {
    expect(Buffer.byteLength(page.html) + Buffer.byteLength(css)).toBeLessThan(15_000);
  });
});

describe('the sign-up form', () => {
  const show = (props: Partial<Parameters<typeof SignUpPage>[0]> = {}) =>
    open(<SignUpPage site={site} consent={consent} lists={lists} {...props} />);

  it('offers the lists, none of them ticked', () => {
    const boxes = show().inputs('lists');
    expect(boxes.map((box) => attribute(box, 'value'))).toEqual(['morning', 'science', 'food']);
    expect(boxes.filter((box) => 'checked' in box.attribs)).toEqual([]);
  });

  it('asks for the address alone, and lets the browser fill it in (WCAG 1.3.5)', () => {
    const page = show();
    const [email] = page.inputs('email');
    expect(email?.attribs).toMatchObject({ type: 'email', autocomplete: 'email', required: '' });
    expect(page.inputs('firstName')).toEqual([]);
  });

  it('shows the consent text and sends its version', () => {
    const page = show();
    expect(page.textOf('consent')).toBe(consent.text);
    expect(page.value('consentVersion')).toBe(consent.version);
    expect(page.html).toContain('action="/subscriptions"');
  });

  it('has no errors to tell when there are none', () => {
    const page = show();
    expect(page.title).not.toContain('Error');
    expect(page.html).not.toMatch(/aria-invalid|role="alert"/);
  });

  it('tells errors in the title, in a summary and beside the fields (WCAG 3.3.1)', () => {
    const page = show({ errors: [noList, badEmail] });
    expect(page.title).toMatch(/^Error: /);
    const summary = page.all('div').find((div) => attribute(div, 'role') === 'alert');
    expect(summary?.attribs).toMatchObject({ tabindex: '-1', autofocus: '' });
    expect(page.all('a').map((a) => [attribute(a, 'href'), DomUtils.textContent(a)])).toEqual([
      ['#list-morning', noList.message],
      ['#email', badEmail.message],
    ]);
    expect(page.textOf('lists-error')).toBe(noList.message);
    expect(page.all('fieldset').map((group) => attribute(group, 'aria-describedby'))).toEqual([
      'lists-error',
    ]);
    expect(page.textOf('email-error')).toBe(badEmail.message);
    expect(page.byId('email').attribs).toMatchObject({
      'aria-invalid': 'true',
      'aria-describedby': 'email-error',
    });
  });

  it('marks the faulty field only', () => {
    const page = show({ errors: [badEmail] });
    expect(page.html.match(/aria-invalid/g)).toHaveLength(1);
    expect(page.html).not.toContain('lists-error');
  });

  it('names errors of fields that it does not show', () => {
    const page = show({ errors: [{ field: 'redirect', message: 'Not an allowed page.' }] });
    expect(page.words('li')).toEqual(['Not an allowed page.']);
    expect(page.all('a')).toEqual([]);
  });

  it('keeps what was typed', () => {
    const page = show({
      typed: {
        email: 'reader@',
        lists: ['science'],
        firstName: 'Kim',
        source: 'https://site.example/article',
        redirect: 'https://site.example/thanks',
        locale: 'en',
      },
      errors: [badEmail],
    });
    expect(page.value('email')).toBe('reader@');
    expect(page.inputs('lists').filter((box) => 'checked' in box.attribs)).toEqual([
      page.byId('list-science'),
    ]);
    expect(page.value('firstName')).toBe('Kim');
    expect(page.value('source')).toBe('https://site.example/article');
    expect(page.value('redirect')).toBe('https://site.example/thanks');
    expect(page.value('locale')).toBe('en');
  });

  it('keeps it as text, never as markup (A-28)', () => {
    const hostile = '"><script>alert(1)</script><b x=\'';
    const page = show({
      typed: { email: hostile, source: hostile },
      errors: [{ field: 'email', message: hostile }],
    });
    expect(page.all('script')).toEqual([]);
    expect(page.all('b')).toEqual([]);
    expect(page.html).not.toContain('<script');
    expect(page.html).toContain('value="&quot;&gt;&lt;script&gt;');
    expect(page.textOf('email-error').length).toBeGreaterThan(0);
  });

  it('asks for nothing when no list is on offer', () => {
    expect(show({ lists: [] }).all('form')).toEqual([]);
  });
});

describe('confirming', () => {
  it('names the lists and waits for one press', () => {
    const page = open(<ConfirmPage site={site} lists={[morning, food]} action="/confirm/token" />);
    expect(page.words('strong')).toEqual([morning.name, food.name]);
    expect(page.text).toContain(food.description);
    expect(page.buttons).toEqual([['/confirm/token', 'Confirm subscription']]);
    expect(page.text).toContain('Nothing happens unless you press the button');
  });

  it('leads from the answer to the preferences', () => {
    const page = open(<ConfirmedPage site={site} lists={[morning]} preferencesUrl={preferencesUrl} />);
    expect(page.words('strong')).toEqual([morning.name]);
    expect(page.all('a').map((a) => attribute(a, 'href'))).toEqual([preferencesUrl]);
  });

  it('tells the three ways in which a link fails apart, each with the way back', () => {
    const problems = (['unknown', 'expired', 'withdrawn'] as const).map((problem) =>
      open(<LinkProblemPage site={site} problem={problem} signUpUrl="/sign-up" />),
    );
    expect(new Set(problems.map((page) => page.title)).size).toBe(3);
    for (const page of problems) expect(page.all('a').map((a) => attribute(a, 'href'))).toEqual(['/sign-up']);
  });
});

describe('unsubscribing', () => {
  const buttons = (props: Omit<Parameters<typeof UnsubscribePage>[0], 'site' | 'action'>) =>
    open(<UnsubscribePage site={site} action={action} {...props} />).buttons;

  it('offers the list of the mail first and all second (U-29)', () => {
    expect(buttons({ lists, only: science })).toEqual([
      [`${action}?list=science`, 'Leave only Science Weekly'],
      [action, 'Unsubscribe from all newsletters'],
    ]);
  });

  it('offers all first when the link names no list (U-18)', () => {
    expect(buttons({ lists })).toEqual([
      [action, 'Unsubscribe from all newsletters'],
      [`${action}?list=morning`, 'Leave only Morning Briefing'],
      [`${action}?list=science`, 'Leave only Science Weekly'],
      [`${action}?list=food`, 'Leave only Table Talk'],
    ]);
  });

  it('needs one button for one list', () => {
    const one = [[action, 'Unsubscribe from Morning Briefing']];
    expect(buttons({ lists: [morning] })).toEqual(one);
    expect(buttons({ lists: [morning], only: morning })).toEqual(one);
  });

  it('does not offer to leave a list that was left already', () => {
    const actions = buttons({ lists: [morning, science], only: food }).map(([url]) => url);
    expect(actions).toEqual([action, `${action}?list=morning`, `${action}?list=science`]);
  });

  it('says so when there is nothing to leave', () => {
    const page = open(<UnsubscribePage site={site} lists={[]} action={action} />);
    expect(page.words('h1')).toEqual(['You are not subscribed']);
    expect(page.all('form')).toEqual([]);
  });

  it('asks for nothing: no address, no login, no survey (U-18, C-27)', () => {
    const page = open(<UnsubscribePage site={site} lists={lists} only={science} action={action} />);
    for (const field of ['input', 'select', 'textarea']) expect(page.all(field)).toEqual([]);
  });

  it('keeps the slug inside its query', () => {
    const odd = { slug: 'a&b=c', name: 'Odd' };
    expect(buttons({ lists: [odd, morning], only: odd })[0]).toEqual([
      `${action}?list=a%26b%3Dc`,
      'Leave only Odd',
    ]);
  });

  it.each([
    ['some lists', [morning], [food], 'You are unsubscribed'],
    ['the last list', [morning], [], 'You are unsubscribed'],
    ['a list that was left before', [], [food], 'You had already left'],
    ['anything, not being subscribed', [], [], 'You are not subscribed'],
  ])('answers leaving %s', (_, left, remaining, heading) => {
    const page = open(
      <UnsubscribedPage site={site} left={left} remaining={remaining} preferencesUrl={preferencesUrl} />,
    );
    expect(page.words('h1')).toEqual([heading]);
    expect(page.title.startsWith(heading)).toBe(true);
    expect(page.words('strong')).toEqual([...left, ...remaining].map((list) => list.name));
    expect(page.text.includes('not subscribed to any')).toBe(remaining.length === 0);
    expect(page.all('a').map((a) => attribute(a, 'href'))).toEqual([preferencesUrl]);
  });

  it('asks for no address behind a link that is unknown (A-27)', () => {
    const page = open(<UnknownLinkPage site={site} />);
    expect(page.all('form')).toEqual([]);
    expect(page.text).toContain('the latest email');
  });
});

describe('the preferences', () => {
  const page = open(<PreferencesPage {...preferences} />);

  it('ticks what is subscribed or waits for its confirmation', () => {
    const ticked = page.inputs('lists').filter((box) => 'checked' in box.attribs);
    expect(ticked.map((box) => attribute(box, 'value'))).toEqual(['morning', 'science']);
    expect(page.textOf('about-science')).toContain('Waiting for your confirmation');
    expect(page.textOf('about-morning')).not.toContain('Waiting');
  });

  it('shows the consent text and sends its version', () => {
    expect(page.textOf('consent')).toBe(consent.text);
    expect(page.value('consentVersion')).toBe(consent.version);
  });

  it('asks for no address and no name (C-27, WCAG 3.3.7)', () => {
    expect(new Set(page.all('input').map((input) => attribute(input, 'name')))).toEqual(
      new Set(['lists', 'consentVersion']),
    );
  });

  it('leaves all lists with one press', () => {
    expect(page.buttons).toEqual([[action, 'Unsubscribe from all newsletters']]);
  });

  it('offers no leaving to somebody who is on no list', () => {
    const none = lists.map((list) => ({ ...list, state: 'none' as const }));
    expect(open(<PreferencesPage {...preferences} lists={none} />).buttons).toEqual([]);
  });

  it('says what was saved, and that new lists wait for a confirmation (C-12)', () => {
    const saved = open(
      <PreferencesPage {...preferences} saved={{ left: [morning, food], asked: [science] }} />,
    );
    const status = saved.all('div').find((div) => attribute(div, 'role') === 'status');
    const said = status ? DomUtils.textContent(status) : '';
    expect(saved.title).toMatch(/^Saved: /);
    expect(said).toContain('You no longer receive Morning Briefing and Table Talk.');
    expect(said).toContain('One more step for Science Weekly: please confirm');
  });

  it('says nothing of lists when a save changed none', () => {
    const saved = open(<PreferencesPage {...preferences} saved={{ left: [], asked: [] }} />);
    const status = saved.all('div').find((div) => attribute(div, 'role') === 'status');
    expect(status && DomUtils.textContent(status)).toBe('Your choices are saved.');
  });
});

describe('the stylesheet', () => {
  const [light = '', dark = ''] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) => body ?? '');
  const colours = (block: string) =>
    new Map([...block.matchAll(/--([\w-]+): #(\w{6});/g)].map(([, name = '', hex = '']) => [name, hex]));

  /** Contrast of two colours as WCAG 2.2 defines it. */
  function contrast(one: string, other: string): number {
    const luminance = (hex: string) => {
      const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
        const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
        return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
  }

  const pairs: [string, string, number][] = [
    ['ink', 'paper', 4.5],
    ['ink', 'sheet', 4.5],
    ['soft', 'paper', 4.5],
    ['soft', 'sheet', 4.5],
    ['soft', 'tint', 4.5],
    ['accent', 'sheet', 4.5],
    ['accent', 'tint', 4.5],
    ['on-accent', 'accent', 4.5],
    ['on-accent', 'accent-strong', 4.5],
    ['danger', 'sheet', 4.5],
    ['danger', 'danger-tint', 4.5],
    ['ink', 'good-tint', 4.5],
    ['edge', 'sheet', 3],
  ];

  it.each([
    ['light', light],
    ['dark', dark],
  ])('keeps the contrast in %s (WCAG 1.4.3, 1.4.11)', (_, block) => {
    const palette = colours(block);
    for (const [front, back, least] of pairs) {
      const ratio = contrast(palette.get(front) ?? '000000', palette.get(back) ?? '000000');
      expect(ratio, `${front} on ${back}`).toBeGreaterThanOrEqual(least);
    }
  });

  it('knows no left and right, so that right-to-left works (W-06)', () => {
    expect(css).not.toMatch(/\b(left|right)\b/);
  });

  it('loads nothing from elsewhere (W-03)', () => {
    expect(css).not.toMatch(/url\(|@import|@font-face/);
  });
});
