import { readFileSync } from 'node:fs';
import { DomUtils, parseDocument } from 'htmlparser2';
import type { ReactElement } from 'react';
import { describe, expect, it } from 'vitest';
import { type Locale, languageOf, locales } from '../../src/languages/language.ts';
import type { Site } from '../../src/site/site.ts';
import { ConfirmPage } from '../../src/web/pages/confirm.tsx';
import { ConfirmedPage } from '../../src/web/pages/confirmed.tsx';
import { ErasedPage, ErasePage, EraseProblemPage } from '../../src/web/pages/erase.tsx';
import { ErrorPage } from '../../src/web/pages/error.tsx';
import { LinkProblemPage } from '../../src/web/pages/link-problem.tsx';
import { MyLinkPage, MyLinkSentPage } from '../../src/web/pages/my-link.tsx';
import { DeclinedPage, NotMePage } from '../../src/web/pages/not-me.tsx';
import { type PreferencesNews, PreferencesPage } from '../../src/web/pages/preferences.tsx';
import { renderPage } from '../../src/web/pages/render.tsx';
import { SignUpPage } from '../../src/web/pages/sign-up.tsx';
import { ThanksPage } from '../../src/web/pages/thanks.tsx';
import { UnknownLinkPage } from '../../src/web/pages/unknown-link.tsx';
import { NotSubscribedPage, UnsubscribePage } from '../../src/web/pages/unsubscribe.tsx';
import { UnsubscribedPage } from '../../src/web/pages/unsubscribed.tsx';
import { site } from '../harness/site.ts';

const attribute = DomUtils.getAttributeValue;
const css = readFileSync(new URL('../../src/web/assets/style.css', import.meta.url), 'utf8');

const { text } = languageOf('en');
const consent = { version: 'v2', text: 'By subscribing, you acknowledge the transfer.', locale: 'en' };
const morning = { slug: 'morning', name: 'Morning Briefing', description: 'Each weekday.' };
const science = { slug: 'science', name: 'Science Weekly', description: 'Every Friday.' };
const food = { slug: 'food', name: 'Table Talk', description: 'For the weekend.' };
const lists = [morning, science, food];
const noList = { field: 'lists', message: 'Please select at least one mailing list.' };
const badEmail = { field: 'email', message: 'Please enter a whole address.' };
const action = '/unsubscribe/key';
const preferencesUrl = '/preferences/key';
const myLinkUrl = 'https://news.example/my-link';

/** A rendered page as a reader meets it. */
function open(page: ReactElement, { locale = 'en', frame = site }: { locale?: Locale; frame?: Site } = {}) {
  const html = renderPage({ site: frame, language: languageOf(locale) }, page);
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
    links: all('a').map((a) => attribute(a, 'href')),
    /** What is said of the last press of a button. */
    news: all('div')
      .filter((div) => ['status', 'alert'].includes(attribute(div, 'role') ?? ''))
      .map((div) => DomUtils.textContent(div))
      .join(),
  };
}

const preferences = {
  lists: [
    { ...morning, state: 'subscribed' },
    { ...science, state: 'pending' },
    { ...food, state: 'none' },
  ],
  declined: false,
  action: preferencesUrl,
  unsubscribeAction: action,
  consent,
} as const;
const proof = { nonce: 'nonce', challenge: null };
const chosen = { type: 'chosen', left: [], asked: [], refused: null } as const;
const toUnsubscribe = { action, preferencesUrl };

const pages: Record<string, ReactElement> = {
  'sign-up': <SignUpPage consent={consent} lists={lists} myLinkUrl={myLinkUrl} proof={proof} />,
  'sign-up with errors': (
    <SignUpPage
      consent={consent}
      lists={lists}
      typed={{ email: 'reader', firstName: 'R', source: 'https://site.example/a', redirect: '/x' }}
      errors={[noList, badEmail, { field: 'firstName', message: 'Too long.' }]}
      myLinkUrl={myLinkUrl}
      proof={proof}
    />
  ),
  thanks: <ThanksPage />,
  confirm: <ConfirmPage lists={lists} action="/confirm/token" />,
  confirmed: <ConfirmedPage lists={lists} preferencesUrl={preferencesUrl} />,
  'unknown confirmation link': <LinkProblemPage problem="unknown" signUpUrl="/" />,
  'expired confirmation link': <LinkProblemPage problem="expired" days={7} renewAction="/confirm/t/renew" />,
  'withdrawn confirmation link': <LinkProblemPage problem="withdrawn" signUpUrl="/" />,
  'unsubscribe from one of several': <UnsubscribePage lists={lists} only={science} {...toUnsubscribe} />,
  'unsubscribe from several': <UnsubscribePage lists={lists} {...toUnsubscribe} />,
  'unsubscribe from the only one': <UnsubscribePage lists={[morning]} {...toUnsubscribe} />,
  'unsubscribe from nothing': <NotSubscribedPage />,
  unsubscribed: (
    <UnsubscribedPage left={[morning]} remaining={[food]} preferencesUrl={preferencesUrl} consent={consent} />
  ),
  preferences: <PreferencesPage {...preferences} />,
  'saved preferences': (
    <PreferencesPage {...preferences} news={{ ...chosen, left: [morning], asked: [food] }} />
  ),
  'preferences, a copy asked for': (
    <PreferencesPage {...preferences} news={{ type: 'mailed', what: 'copy' }} />
  ),
  'preferences of who declined': <PreferencesPage {...preferences} declined />,
  'not me': <NotMePage action="/not-me/key" />,
  declined: <DeclinedPage preferencesUrl={preferencesUrl} />,
  'my link': <MyLinkPage action="/my-link" proof={proof} />,
  'my link with errors': <MyLinkPage action="/my-link" proof={proof} typed="reader" errors={[badEmail]} />,
  'my link is sent': <MyLinkSentPage />,
  erase: <ErasePage action="/erase/token" />,
  erased: <ErasedPage />,
  'erase, with the archive of Mailchimp': <ErasePage action="/erase/token" archives />,
  'erased, with the archive of Mailchimp': <ErasedPage archives />,
  'unknown erasing link': <EraseProblemPage problem="unknown" />,
  'expired erasing link': <EraseProblemPage problem="expired" />,
  'unknown link': <UnknownLinkPage myLinkUrl={myLinkUrl} />,
  'not found': <ErrorPage status={404} signUpUrl="/" />,
  error: <ErrorPage status={500} signUpUrl="/" />,
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
    for (const [, named = ''] of references) for (const id of named.split(' ')) expect(ids).toContain(id);
  });

  it('is small, stylesheet included (W-04)', () => {
    expect(Buffer.byteLength(page.html) + Buffer.byteLength(css)).toBeLessThan(15_000);
  });

  it('speaks each language, in its direction (W-06, WCAG 3.1.1)', () => {
    for (const locale of locales.filter((locale) => locale !== 'en')) {
      const translated = open(element, { locale });
      expect(translated.html).toMatch(
        new RegExp(`^<!doctype html><html lang="${locale}" dir="${locale === 'ar' ? 'rtl' : 'ltr'}">`),
      );
      expect(translated.title).not.toBe(page.title);
      expect(translated.words('h1')).not.toEqual(page.words('h1'));
    }
  });
});

describe('the sign-up form', () => {
  const show = (props: Partial<Parameters<typeof SignUpPage>[0]> = {}) =>
    open(<SignUpPage consent={consent} lists={lists} myLinkUrl={myLinkUrl} proof={proof} {...props} />);

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
      [myLinkUrl, text('signUp.already')],
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
    expect(page.links).toEqual([myLinkUrl]);
  });

  it('keeps what was typed', () => {
    const page = show({
      typed: {
        email: 'reader@',
        lists: ['science'],
        firstName: 'Kim',
        source: 'https://site.example/article',
        redirect: 'https://site.example/thanks',
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
  });

  it('sends along the language that it was read in, and names that of the consent text (W-06)', () => {
    const page = open(<SignUpPage consent={consent} lists={lists} myLinkUrl={myLinkUrl} proof={proof} />, {
      locale: 'de',
    });
    expect(page.value('locale')).toBe('de');
    expect(attribute(page.byId('consent'), 'lang')).toBe('en');
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
    const page = open(<ConfirmPage lists={[morning, food]} action="/confirm/token" />);
    expect(page.words('strong')).toEqual([morning.name, food.name]);
    expect(page.text).toContain(food.description);
    expect(page.buttons).toEqual([['/confirm/token', text('confirm.submit')]]);
    expect(page.text).toContain(text('confirm.otherwise'));
  });

  it('leads from the answer to the preferences', () => {
    const page = open(<ConfirmedPage lists={[morning]} preferencesUrl={preferencesUrl} />);
    expect(page.words('strong')).toEqual([morning.name]);
    expect(page.links).toEqual([preferencesUrl]);
  });

  it('tells the three ways in which a link fails apart, each with the way on', () => {
    const unknown = open(<LinkProblemPage problem="unknown" signUpUrl="/sign-up" />);
    const withdrawn = open(<LinkProblemPage problem="withdrawn" signUpUrl="/sign-up" />);
    const expired = open(<LinkProblemPage problem="expired" days={7} renewAction="/confirm/token/renew" />);
    expect(new Set([unknown, withdrawn, expired].map((page) => page.title)).size).toBe(3);
    for (const page of [unknown, withdrawn]) expect(page.links).toEqual(['/sign-up']);
    expect(expired.buttons).toEqual([['/confirm/token/renew', text('linkProblem.expired.submit')]]);
    expect(expired.text).toContain('7 days');
  });
});

describe('unsubscribing', () => {
  const buttons = (props: Omit<Parameters<typeof UnsubscribePage>[0], 'action' | 'preferencesUrl'>) =>
    open(<UnsubscribePage {...toUnsubscribe} {...props} />).buttons;

  it('offers the list of the mail first and all second (U-29)', () => {
    expect(buttons({ lists, only: science })).toEqual([
      [`${action}?list=science`, text('unsubscribe.leaveOnly', { list: 'Science Weekly' })],
      [action, text('unsubscribe.leaveAll')],
    ]);
  });

  it('offers all first when the link names no list (U-18)', () => {
    expect(buttons({ lists })).toEqual([
      [action, text('unsubscribe.leaveAll')],
      [`${action}?list=morning`, text('unsubscribe.leaveOnly', { list: 'Morning Briefing' })],
      [`${action}?list=science`, text('unsubscribe.leaveOnly', { list: 'Science Weekly' })],
      [`${action}?list=food`, text('unsubscribe.leaveOnly', { list: 'Table Talk' })],
    ]);
  });

  it('needs one button for one list', () => {
    const one = [[action, text('unsubscribe.leaveOne', { list: morning.name })]];
    expect(buttons({ lists: [morning] })).toEqual(one);
    expect(buttons({ lists: [morning], only: morning })).toEqual(one);
  });

  it('does not offer to leave a list that was left already', () => {
    const actions = buttons({ lists: [morning, science], only: food }).map(([url]) => url);
    expect(actions).toEqual([action, `${action}?list=morning`, `${action}?list=science`]);
  });

  it('says so when there is nothing to leave', () => {
    for (const nothing of [
      <UnsubscribePage lists={[]} {...toUnsubscribe} key="" />,
      <NotSubscribedPage key="" />,
    ]) {
      const page = open(nothing);
      expect(page.words('h1')).toEqual([text('notSubscribed.title')]);
      expect(page.all('form')).toEqual([]);
    }
  });

  it('asks for nothing: no address, no login, no survey (U-18, C-27)', () => {
    const page = open(<UnsubscribePage lists={lists} only={science} {...toUnsubscribe} />);
    for (const field of ['input', 'select', 'textarea']) expect(page.all(field)).toEqual([]);
  });

  it('leads to the other choices, to a copy and to an erasure as well (C-25)', () => {
    for (const only of [science, undefined])
      expect(open(<UnsubscribePage lists={lists} only={only} {...toUnsubscribe} />).links).toEqual([
        preferencesUrl,
      ]);
  });

  it('keeps the slug inside its query', () => {
    const odd = { slug: 'a&b=c', name: 'Odd' };
    expect(buttons({ lists: [odd, morning], only: odd })[0]).toEqual([
      `${action}?list=a%26b%3Dc`,
      text('unsubscribe.leaveOnly', { list: 'Odd' }),
    ]);
  });

  it.each([
    ['some lists', [morning], [food], text('unsubscribed.title')],
    ['the last list', [morning], [], text('unsubscribed.title')],
    ['a list that was left before', [], [food], text('unsubscribed.titleBefore')],
    ['anything, not being subscribed', [], [], text('notSubscribed.title')],
  ])('answers leaving %s', (_, left, remaining, heading) => {
    const page = open(
      <UnsubscribedPage
        left={left}
        remaining={remaining}
        preferencesUrl={preferencesUrl}
        consent={consent}
      />,
    );
    expect(page.words('h1')).toEqual([heading]);
    expect(page.title.startsWith(heading)).toBe(true);
    expect(page.words('strong')).toEqual([...left, ...remaining].map((list) => list.name));
    expect(page.text.includes(text('unsubscribed.none'))).toBe(remaining.length === 0);
    expect(page.links).toEqual([preferencesUrl]);
  });

  it('offers to undo what this press left, and nothing else (WCAG 3.3.4)', () => {
    const page = open(
      <UnsubscribedPage
        left={[morning, science]}
        remaining={[food]}
        preferencesUrl={preferencesUrl}
        consent={consent}
      />,
    );
    const [form] = page.all('form');
    expect(page.all('form')).toHaveLength(1);
    expect(form && attribute(form, 'action')).toBe(preferencesUrl);
    expect(page.inputs('lists').map((input) => attribute(input, 'value'))).toEqual(['morning', 'science']);
    expect(page.inputs('shown').map((input) => attribute(input, 'value'))).toEqual(['morning', 'science']);
    expect(page.words('button')).toEqual([text('unsubscribed.undo')]);
    expect(page.textOf('undo')).toBe(text('unsubscribed.undoNote'));
    // It is a consent, so its words stand there (C-03).
    expect(page.textOf('consent')).toBe(consent.text);
    expect(page.value('consentVersion')).toBe(consent.version);
    const repeated = open(
      <UnsubscribedPage left={[]} remaining={[food]} preferencesUrl={preferencesUrl} consent={consent} />,
    );
    expect(repeated.all('form')).toEqual([]);
  });

  it('asks for no address behind a link that is unknown, and leads to where one comes by mail (A-27)', () => {
    const page = open(<UnknownLinkPage myLinkUrl={myLinkUrl} />);
    expect(page.all('form')).toEqual([]);
    expect(page.links).toEqual([myLinkUrl]);
    expect(page.text).toContain(text('unknownLink.next'));
  });
});

describe('the preferences', () => {
  const page = open(<PreferencesPage {...preferences} />);

  it('ticks what is subscribed or waits for its confirmation', () => {
    const ticked = page.inputs('lists').filter((box) => 'checked' in box.attribs);
    expect(ticked.map((box) => attribute(box, 'value'))).toEqual(['morning', 'science']);
    expect(page.textOf('about-science')).toContain(text('preferences.pending'));
    expect(page.textOf('about-morning')).not.toContain(text('preferences.pending'));
  });

  it('shows the consent text and sends its version', () => {
    expect(page.textOf('consent')).toBe(consent.text);
    expect(page.value('consentVersion')).toBe(consent.version);
  });

  it('asks for no address and no name (C-27, WCAG 3.3.7)', () => {
    expect(new Set(page.all('input').map((input) => attribute(input, 'name')))).toEqual(
      new Set(['lists', 'shown', 'consentVersion']),
    );
  });

  it('sends along what it shows, so that nothing else is left by it', () => {
    expect(page.inputs('shown').map((input) => attribute(input, 'value'))).toEqual([
      'morning',
      'science',
      'food',
    ]);
  });

  it('leaves all lists with one press, and offers a copy and the erasure, apart from the choices (C-25)', () => {
    expect(page.buttons).toEqual([
      [action, text('preferences.leaveAll')],
      [preferencesUrl, text('preferences.copy')],
      [preferencesUrl, text('preferences.erase')],
    ]);
    const wishes = page.all('button').filter((button) => attribute(button, 'name') === 'action');
    expect(wishes.map((button) => attribute(button, 'value'))).toEqual(['copy', 'erase']);
  });

  it('offers no leaving to somebody who is on no list', () => {
    const none = lists.map((list) => ({ ...list, state: 'none' as const }));
    const actions = open(<PreferencesPage {...preferences} lists={none} />).buttons.map(([url]) => url);
    expect(actions).toEqual([preferencesUrl, preferencesUrl]);
  });

  it('offers to take a "not me" back to whoever said it', () => {
    const of = (declined: boolean) => open(<PreferencesPage {...preferences} declined={declined} />);
    expect(of(true).buttons[0]).toEqual([preferencesUrl, text('preferences.allow')]);
    expect(of(true).text).toContain(text('preferences.declined'));
    expect(of(false).text).not.toContain(text('preferences.allow'));
  });

  const told = (news: PreferencesNews) => open(<PreferencesPage {...preferences} news={news} />);

  it('says what was saved, and that new lists wait for a confirmation (C-12)', () => {
    const saved = told({ ...chosen, left: [morning, food], asked: [science] });
    expect(saved.title).toContain(text('preferences.titleSaved'));
    expect(saved.news).toContain(text('preferences.left', { lists: 'Morning Briefing and Table Talk' }));
    expect(saved.news).toContain(text('preferences.asked', { lists: science.name }));
  });

  it('says nothing of lists when a save changed none', () => {
    expect(told(chosen).news).toBe(text('preferences.saved'));
  });

  it('promises no confirmation that cannot come, and says why (A-01)', () => {
    const capped = told({ ...chosen, refused: { why: 'capped', lists: [food] } });
    expect(capped.news).toContain(text('preferences.tooMany', { lists: food.name }));
    expect(capped.news).not.toContain(text('preferences.asked', { lists: food.name }));
    const declined = told({ ...chosen, refused: { why: 'declined', lists: [food] } });
    expect(declined.news).toContain(text('preferences.declined'));
  });

  it('says of a copy and of an erasure what comes by mail, and that nothing is erased yet (C-27)', () => {
    const [copy, erasure] = (['copy', 'erasure'] as const).map((what) => told({ type: 'mailed', what }));
    expect(copy?.news).toContain(text('preferences.copyMailed'));
    expect(erasure?.news).toContain(text('preferences.eraseMailed'));
    expect(copy?.title).toBe(erasure?.title);
    expect(copy?.title).not.toBe(page.title);
  });

  it('says loudly when nothing was saved', () => {
    const stale = told({ type: 'stale' });
    expect(stale.all('div').map((div) => attribute(div, 'role'))).toContain('alert');
    expect(stale.news).toBe(text('fault.stale'));
    expect(stale.title).toBe(page.title);
  });
});

describe('asking for one’s link', () => {
  it('takes an address, and lets the browser fill it in (A-27, WCAG 1.3.5)', () => {
    const page = open(<MyLinkPage action="/my-link" proof={proof} />, { locale: 'fr' });
    expect(page.byId('email').attribs).toMatchObject({ type: 'email', autocomplete: 'email', required: '' });
    expect(page.value('locale')).toBe('fr');
  });

  it('tells an error in the title, in a summary and beside the field, and keeps what was typed', () => {
    const page = open(<MyLinkPage action="/my-link" proof={proof} typed='a"b' errors={[badEmail]} />);
    expect(page.title).toMatch(/^Error: /);
    expect(page.news).toContain(badEmail.message);
    expect(page.textOf('email-error')).toBe(badEmail.message);
    expect(page.value('email')).toBe('a"b');
  });
});

describe('erasing', () => {
  it('says before the press what is final, also at Mailchimp, and what stays (WCAG 3.3.4, C-24)', () => {
    const page = open(<ErasePage action="/erase/token" />);
    expect(page.buttons).toEqual([['/erase/token', text('erase.submit')]]);
    for (const key of ['erase.message', 'erase.return', 'erase.keep'] as const)
      expect(page.text).toContain(text(key));
  });

  it('does not say that Mailchimp erases, when it archives (C-24)', () => {
    const before = open(<ErasePage action="/erase/token" archives />);
    for (const key of ['erase.archive.message', 'erase.archive.return', 'erase.keep'] as const)
      expect(before.text).toContain(text(key));
    expect(before.text).not.toContain('here and at Mailchimp');
    expect(open(<ErasedPage archives />).text).toContain(text('erased.archive.message'));
  });

  it('offers nothing to press afterwards', () => {
    for (const page of [<ErasedPage key="" />, <EraseProblemPage problem="expired" key="" />])
      expect(open(page).all('button')).toEqual([]);
  });
});

describe('an error page', () => {
  it.each([
    [400, 'badRequest'],
    [403, 'forbidden'],
    [404, 'notFound'],
    [405, 'badRequest'],
    [413, 'badRequest'],
    [429, 'tooMany'],
    [500, 'failed'],
    [503, 'failed'],
  ] as const)('of status %i says in words what is the matter', (status, problem) => {
    const page = open(<ErrorPage status={status} signUpUrl="/" />);
    expect(page.words('h1')).toEqual([text(`problem.${problem}.title`)]);
    expect(page.text).toContain(text(`problem.${problem}.message`));
  });
});

describe('whose page it is', () => {
  it('is told by the logo, in its size, and by a link home', () => {
    const frame = {
      ...site,
      home: 'https://daily.example/',
      logo: { url: 'https://news.example/assets/logo.png', width: 120, height: 40, spellsName: true },
    };
    const page = open(<ThanksPage />, { frame });
    expect(page.all('img').map(({ attribs }) => attribs)).toEqual([
      { src: '/assets/logo.png', width: '120', height: '40', alt: site.publication },
    ]);
    expect(page.links).toEqual([frame.home]);
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
