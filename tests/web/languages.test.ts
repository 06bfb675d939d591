import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offerConsentWording } from '../../src/consent/wordings.ts';
import { type Locale, languageOf, locales } from '../../src/languages/language.ts';
import { Footnote } from '../harness/footnote.ts';

const publication = 'The Daily Example';
const minute = 60_000;
const subject = (
  locale: Locale,
  kind: 'confirmation' | 'welcome' | 'receipt' | 'myLink' | 'copy' | 'erasure',
) => languageOf(locale).text(`mail.${kind}.subject`, { publication });

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
});
afterAll(() => footnote.stop());

/** What a page says of its language. */
const languageIn = ({ text, headers }: { text: string; headers: Record<string, string> }) => {
  const [, lang, dir] = /^<!doctype html><html lang="([^"]+)" dir="([^"]+)">/.exec(text) ?? [];
  expect(headers['content-language']).toBe(lang);
  expect(headers['vary']).toContain('Accept-Language');
  return [lang, dir];
};
const form = (fields: object, accept = '') =>
  footnote.http.post('/subscriptions').type('form').set('Accept-Language', accept).send(fields);
const choice = { lists: 'morning-briefing' };

describe('the language of a page (W-06, WCAG 3.1.1)', () => {
  it('is each of ours, on every page, for whoever asks for it by ?locale=', async () => {
    const email = 'everywhere@example.com';
    await footnote.signUp(email).expect(202);
    const { confirm, notMe, unsubscribe, preferences } = await footnote.mailTo(email);
    await footnote.http.post(preferences).type('form').send('action=erase').expect(200);
    const { erase } = await footnote.mailTo(email);
    const unknown = ['/confirm/x', '/unsubscribe/x', '/preferences/x', '/not-me/x', '/erase/x', '/nowhere'];
    const pages = ['/', '/thanks', '/my-link', confirm, notMe, unsubscribe, preferences, erase, ...unknown];
    for (const locale of locales) {
      const { dir } = languageOf(locale);
      for (const path of pages) {
        const page = await footnote.http
          .get(`${path}?locale=${locale}`)
          .set({ Accept: 'text/html', 'Accept-Language': locale === 'pl' ? 'de' : 'pl' });
        expect([path, ...languageIn(page)]).toEqual([path, locale, dir]);
      }
    }
    expect(languageOf('ar').dir).toBe('rtl');
  });

  it.each<[string, Locale]>([
    ['ar', 'ar'],
    ['pt-BR', 'pt'],
    ['fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5', 'fr'],
    ['nl, ru;q=0.9', 'ru'],
    ['xx', 'en'],
    ['nl', 'en'],
    ['*', 'en'],
    ['', 'en'],
    ['en-US,en;q=0.9,de;q=0.8', 'en'],
    ['de;q=0', 'en'],
    ['\u00fc;q=x,,;', 'en'],
  ])('follows the browser that asks for "%s"', async (accepted, locale) => {
    const page = await footnote.http.get('/').set('Accept-Language', accepted).expect(200);
    expect(languageIn(page)).toEqual([locale, languageOf(locale).dir]);
    expect(page.text).toContain(languageOf(locale).text('signUp.title'));
  });

  it.each(['xx', 'nl', 'constructor', '__proto__', '../de', 'de%00', '', 'x'.repeat(500)])(
    'is not changed by a language that we do not have: %s',
    async (asked) => {
      const page = await footnote.http
        .get(`/thanks?locale=${asked}`)
        .set('Accept-Language', 'it')
        .expect(200);
      const several = await footnote.http
        .get(`/thanks?locale=${asked}&locale=de`)
        .set('Accept-Language', 'it');
      expect(languageIn(page)).toEqual(['it', 'ltr']);
      expect(languageIn(several)).toEqual(['it', 'ltr']);
    },
  );

  it('stays with the form: what is refused, the thanks and the next page', async () => {
    const refused = await form({ email: 'reader@', ...choice, locale: 'de' }, 'fr').expect(422);
    expect(languageIn(refused)).toEqual(['de', 'ltr']);
    expect(refused.text).toContain('name="locale" value="de"');
    const taken = await form({ email: 'stays@example.com', ...choice, locale: 'ar' }, 'fr').expect(303);
    const thanks = taken.headers['location']?.replace(footnote.settings.baseUrl, '') ?? '';
    expect(languageIn(await footnote.http.get(thanks).expect(200))).toEqual(['ar', 'rtl']);

    const linkPage = await footnote.http.get('/my-link?locale=pl').set('Accept-Language', 'fr');
    expect(linkPage.text).toContain('name="locale" value="pl"');
    for (const [email, status] of [
      ['reader@', 422],
      ['reader@example.com', 200],
    ] as const) {
      const page = await footnote.http
        .post('/my-link')
        .type('form')
        .send({ email, locale: 'pl' })
        .expect(status);
      expect(languageIn(page)).toEqual(['pl', 'ltr']);
    }
  });

  it('is that of the reader on error pages; programs get English', async () => {
    const asked = footnote.http.get('/nowhere').set('Accept-Language', 'es');
    expect((await asked.set('Accept', 'text/html').expect(404)).text).toContain(
      languageOf('es').text('problem.notFound.title'),
    );
    const problem = await footnote.http
      .get('/nowhere')
      .set({ Accept: 'application/json', 'Accept-Language': 'es' });
    expect(problem.body).toMatchObject({ title: 'Not Found', detail: 'There is nothing at this address.' });
  });
});

describe('the language of a person', () => {
  const french = { 'Accept-Language': 'fr' };

  it('is the one of their form, in every mail and on every page of theirs, whatever the browser says', async () => {
    const email = 'Leserin@example.com';
    await footnote.signUp(email, ['morning-briefing', 'science-weekly'], { locale: 'de' }).expect(202);
    const { mail, confirm, notMe, unsubscribe, preferences } = await footnote.mailTo(email, 'confirmation');
    const kinds: [string, string][] = [[mail.subject, subject('de', 'confirmation')]];
    const page = (path: string) => footnote.http.get(path).set(french).expect(200);
    const post = (path: string) => footnote.http.post(path).set(french).expect(200);
    const press = (action: string) => post(preferences).type('form').send({ action });
    const pages = [await page(confirm), await page(notMe), await post(confirm), await post(confirm)];
    const next = async (kind: Parameters<typeof subject>[1]) => {
      const links = await footnote.mailTo(email);
      kinds.push([links.mail.subject, subject('de', kind)]);
      expect(links.mail.html).toMatch(/<html[^>]* lang="de"/);
      return links;
    };
    await next('welcome');
    pages.push(await page(preferences), await page(unsubscribe));
    pages.push(await post(`${unsubscribe}?list=science-weekly`));
    await next('receipt');
    pages.push(await press('copy'));
    await next('copy');
    footnote.advance(2 * minute);
    // Whoever types the address may speak another language than its owner.
    await footnote.http.post('/my-link').type('form').send({ email, locale: 'fr' }).expect(200);
    await next('myLink');
    pages.push(await press('erase'));
    const { erase } = await next('erasure');
    pages.push(await page(erase), await post(erase), await page(erase));
    pages.push(await page(unsubscribe), await page(preferences), await post(unsubscribe));
    for (const seen of pages) expect(languageIn(seen)).toEqual(['de', 'ltr']);
    for (const [seen, expected] of kinds) expect(seen).toBe(expected);
  });

  it('gives way to ?locale= for a page, and is remembered as it was', async () => {
    const { preferences } = await footnote.subscribe('polyglot@example.com', ['morning-briefing'], {
      locale: 'it',
    });
    expect(languageIn(await footnote.http.get(`${preferences}?locale=ru`))).toEqual(['ru', 'ltr']);
    expect(languageIn(await footnote.http.get(preferences))).toEqual(['it', 'ltr']);
  });

  it.each<[string, object, string, Locale]>([
    ['the browser’s, when the form names none', {}, 'ar', 'ar'],
    ['a regional one as the language that we have', { locale: 'pt-BR' }, 'de', 'pt'],
    ['the form’s rather than the browser’s', { locale: 'fr' }, 'de', 'fr'],
    ['English, when neither is one of ours', { locale: 'nl' }, 'nl', 'en'],
  ])('is %s', async (name, more, accepted, locale) => {
    const email = `${name.replace(/\W+/g, '.')}@example.com`;
    await footnote.signUp(email, ['weekend-reads'], more).set('Accept-Language', accepted).expect(202);
    const { mail, confirm } = await footnote.mailTo(email, 'confirmation');
    expect(mail.subject).toBe(subject(locale, 'confirmation'));
    expect(mail.html).toMatch(new RegExp(`<html[^>]* dir="${languageOf(locale).dir}"[^>]* lang="${locale}"`));
    expect(languageIn(await footnote.http.get(confirm))).toEqual([locale, languageOf(locale).dir]);
  });

  it('is theirs once they confirm, as anybody could have typed their address (A-09)', async () => {
    const email = 'mine@example.com';
    const { preferences } = await footnote.subscribe(email, ['morning-briefing'], { locale: 'es' });
    await footnote.signUp(email, ['science-weekly'], { locale: 'ru' }).expect(202);
    expect((await footnote.mailTo(email, 'confirmation')).mail.subject).toBe(subject('ru', 'confirmation'));
    expect(languageIn(await footnote.http.get(preferences))).toEqual(['es', 'ltr']);
  });
});

describe('what is refused (W-06)', () => {
  const broken = { email: 'name@localhost', lists: [] };
  const messages = (locale: Locale) => [
    { field: 'lists', message: languageOf(locale).text('fault.lists.none') },
    { field: 'email', message: languageOf(locale).text('fault.email.special', { ending: 'localhost' }) },
  ];

  it.each<[string, Locale, object, string]>([
    ['by the form', 'de', { locale: 'de' }, 'fr'],
    ['by the browser', 'ar', {}, 'ar'],
    ['in English otherwise', 'en', {}, ''],
  ])('is told %s, as JSON and as a page', async (_, locale, more, accepted) => {
    const { body } = await footnote.http
      .post('/subscriptions')
      .set('Accept-Language', accepted)
      .send({ ...broken, ...more })
      .expect(422);
    expect(body.errors).toEqual(messages(locale));
    expect(body).toMatchObject({ title: 'Unprocessable Content', status: 422 });
    const page = await form({ email: broken.email, ...more }, accepted).expect(422);
    for (const { field, message } of messages(locale))
      expect(page.text).toContain(`id="${field}-error">${message}<`);
  });

  it('is told in the exact words of the contract in English', async () => {
    const { body } = await footnote.http.post('/subscriptions').send({ email: 'a@example.com' }).expect(422);
    expect(body.errors).toEqual([{ field: 'lists', message: 'Please select at least one mailing list.' }]);
  });
});

describe('the consent text of a language (C-03, C-13)', () => {
  const offered = async (query: string, accepted = '') =>
    (await footnote.http.get(`/lists${query}`).set('Accept-Language', accepted).expect(200)).body.consent;
  const wordingsOf = async (email: string) =>
    (
      await footnote.service.database.prisma.consentEvent.findMany({
        where: { subscriber: { key: email }, kind: 'requested' },
        orderBy: { seq: 'asc' },
      })
    ).map(({ wordingVersion }) => wordingVersion);

  it('is a version of its own, for those who ask for it or whose browser does', async () => {
    const versions = new Set<string>();
    for (const locale of locales) {
      const consent = await offered(`?locale=${locale}`, 'en');
      expect(consent).toMatchObject({ locale, text: languageOf(locale).text('consent') });
      expect(await offered('', locale)).toEqual(consent);
      versions.add(consent.version);
    }
    expect(versions.size).toBe(locales.length);
    expect(await offered('?locale=nl', 'nl')).toMatchObject({ locale: 'en' });
    const { headers } = await footnote.http.get('/lists');
    expect(headers['vary']).toContain('Accept-Language');
  });

  it('is what the ledger notes: the one named, else the one that was on offer in the form’s language', async () => {
    const german = await offered('?locale=de');
    const french = await offered('?locale=fr');
    const named = { consentVersion: german.version };
    await footnote.signUp('named@example.com', ['morning-briefing'], named).expect(202);
    await footnote.signUp('spoken@example.com', ['morning-briefing'], { locale: 'de-AT' }).expect(202);
    await form({ email: 'browser@example.com', ...choice }, 'fr').expect(303);
    await form({ email: 'both@example.com', ...choice, ...named }, 'fr').expect(303);
    const page = await footnote.http.get('/').set('Accept-Language', 'fr').expect(200);
    expect(page.text).toContain(`name="consentVersion" value="${french.version}"`);
    expect(page.text).toContain(french.text);
    expect(await wordingsOf('named@example.com')).toEqual([german.version]);
    expect(await wordingsOf('spoken@example.com')).toEqual([german.version]);
    expect(await wordingsOf('browser@example.com')).toEqual([french.version]);
    expect(await wordingsOf('both@example.com')).toEqual([german.version]);
  });

  it('is that of the person where they choose behind their own link', async () => {
    const email = 'chooser@example.com';
    const german = await offered('?locale=de');
    const { preferences, unsubscribe } = await footnote.subscribe(email, ['morning-briefing'], {
      locale: 'de',
    });
    expect((await footnote.http.get(preferences).set('Accept-Language', 'fr')).text).toContain(german.text);
    await footnote.http.post(unsubscribe).expect(200);
    // As a form does that names no wording.
    await footnote.http
      .post(preferences)
      .set('Accept-Language', 'fr')
      .type('form')
      .send('lists=morning-briefing&shown=morning-briefing')
      .expect(200);
    expect(await wordingsOf(email)).toEqual([german.version, german.version]);
  });

  it('is the publisher’s own where they wrote one, the default in the others', async () => {
    const before = await offered('?locale=pl');
    await offerConsentWording(footnote.service.database, 'pl', 'Własny tekst.');
    expect(await offered('?locale=pl')).toMatchObject({ locale: 'pl', text: 'Własny tekst.' });
    expect(await offered('?locale=ru')).toMatchObject({ text: languageOf('ru').text('consent') });
    await footnote.stopService();
    await footnote.startService();
    expect(await offered('?locale=pl')).toMatchObject({ text: 'Własny tekst.' });
    await footnote
      .signUp('older@example.com', ['morning-briefing'], { consentVersion: before.version })
      .expect(202);
    expect(await wordingsOf('older@example.com')).toEqual([before.version]);
  });
});
