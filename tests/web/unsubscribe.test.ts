import autocannon from 'autocannon';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { languageOf } from '../../src/languages/language.ts';
import { archiveList } from '../../src/subscribing/lists.ts';
import { Footnote } from '../harness/footnote.ts';

const { text } = languageOf('en');
const oneClick = 'List-Unsubscribe=One-Click';
const all = ['morning-briefing', 'science-weekly', 'weekend-reads'];

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
});
afterAll(() => footnote.stop());

const none = (lists: string[]) => Object.fromEntries(lists.map((slug) => [slug, 'unsubscribed']));

describe('one click of a mailbox provider (RFC 8058)', () => {
  const multipart = [
    '--boundary',
    'Content-Disposition: form-data; name="List-Unsubscribe"',
    '',
    'One-Click',
    '--boundary--',
    '',
  ].join('\r\n');
  const bodies: [string, RequestInit][] = [
    [
      'urlencoded, as Gmail sends it',
      { body: oneClick, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
    ],
    [
      'multipart, as the RFC prefers',
      { body: multipart, headers: { 'Content-Type': 'multipart/form-data; boundary=boundary' } },
    ],
    ['with no body', {}],
    ['with a body of no type', { body: new TextEncoder().encode(oneClick) }],
    ['with a type and no body', { headers: { 'Content-Type': 'application/json' } }],
    ['with JSON that is none', { body: '{', headers: { 'Content-Type': 'application/json' } }],
    ['in an odd charset', { body: oneClick, headers: { 'Content-Type': 'text/plain; charset=utf-7' } }],
    [
      'said to be compressed',
      { body: oneClick, headers: { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain' } },
    ],
    ['with a body of a megabyte', { body: 'x'.repeat(1_000_000), headers: { 'Content-Type': 'text/plain' } }],
    [
      'from a page of anywhere',
      { headers: { Origin: 'https://mail.example', 'Sec-Fetch-Site': 'cross-site' } },
    ],
    ['asking for JSON', { body: oneClick, headers: { Accept: 'application/json' } }],
  ];

  it.each(bodies)('ends it at once: %s (U-06, U-07, U-08)', async (name, init) => {
    const email = `${name.toLowerCase().replace(/\W+/g, '.')}@example.com`;
    const { unsubscribe } = await footnote.subscribe(email);
    const answer = await fetch(`http://127.0.0.1:${footnote.service.port}${unsubscribe}`, {
      method: 'POST',
      redirect: 'manual',
      ...init,
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('location')).toBeNull();
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(await footnote.lists(email)).toEqual(none(['morning-briefing']));
  });

  it('may be repeated, with one entry in the ledger (U-25)', async () => {
    const { unsubscribe } = await footnote.subscribe('again@example.com');
    const first = await footnote.http.post(unsubscribe).expect(200);
    expect(first.text).toContain('Morning Briefing');
    const others = await Promise.all(Array.from({ length: 20 }, () => footnote.http.post(unsubscribe)));
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]));
    expect(
      (await footnote.ledger('again@example.com')).filter((kind) => kind === 'unsubscribed'),
    ).toHaveLength(1);
  });

  it('is not held up by a thousand of them from one address (U-26)', async () => {
    const readers = await Promise.all(
      Array.from({ length: 5 }, (_, n) => footnote.subscribe(`crowd.${n}@example.com`)),
    );
    const {
      '2xx': taken,
      non2xx,
      errors,
    } = await autocannon({
      url: `http://127.0.0.1:${footnote.service.port}`,
      amount: 1000,
      connections: 50,
      requests: readers.map(({ unsubscribe }) => ({
        method: 'POST' as const,
        path: unsubscribe,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: oneClick,
      })),
    });
    expect({ taken, non2xx, errors }).toEqual({ taken: 1000, non2xx: 0, errors: 0 });
    for (const n of readers.keys()) {
      expect(await footnote.lists(`crowd.${n}@example.com`)).toEqual(none(['morning-briefing']));
    }
  });

  it.each([
    ['with a slash at its end', (link: string) => `${link}/`],
    ['with a query that somebody added', (link: string) => `${link}?utm_source=mail&fbclid=x`],
    ['in upper case', (link: string) => `/unsubscribe/${link.slice('/unsubscribe/'.length).toUpperCase()}`],
    ['all in upper case', (link: string) => link.toUpperCase()],
    [
      'percent-encoded',
      (link: string) => link.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
    ],
  ])('works for the link %s (U-27)', async (name, vary) => {
    const email = `variant.${name.replace(/\W+/g, '.')}@example.com`;
    const { unsubscribe } = await footnote.subscribe(email);
    await footnote.http.get(vary(unsubscribe)).expect(200);
    await footnote.http.post(vary(unsubscribe)).expect(200);
    expect(await footnote.lists(email)).toEqual(none(['morning-briefing']));
  });

  it('works over http and under any host name, with no redirect (U-08, U-27)', async () => {
    const { unsubscribe } = await footnote.subscribe('host@example.com');
    await footnote.http
      .post(unsubscribe)
      .set({ Host: 'www.other.example', 'X-Forwarded-Proto': 'http', 'X-Forwarded-Host': 'other.example' })
      .expect(200);
  });

  it('tells Mailchimp', async () => {
    const { unsubscribe } = await footnote.subscribe('told@example.com');
    expect(await footnote.member('told@example.com')).toMatchObject({ status: 'subscribed' });
    await footnote.http.post(unsubscribe).expect(200);
    expect(await footnote.member('told@example.com')).toMatchObject({ status: 'unsubscribed' });
  });
});

describe('the scope of an unsubscribe link (U-29)', () => {
  const leave = async (email: string, query: string) => {
    const { unsubscribe } = await footnote.subscribe(email, all);
    return footnote.http.post(`${unsubscribe}${query}`).expect(200);
  };

  it('is one list when the link names it', async () => {
    const page = await leave('one@example.com', '?list=science-weekly');
    expect(page.text).toContain('Science Weekly');
    expect(await footnote.lists('one@example.com')).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'unsubscribed',
      'weekend-reads': 'subscribed',
    });
  });

  it('is everything otherwise', async () => {
    await leave('everything@example.com', '');
    await leave('ambiguous@example.com', '?list=science-weekly&list=weekend-reads');
    expect(await footnote.lists('everything@example.com')).toEqual(none(all));
    expect(await footnote.lists('ambiguous@example.com')).toEqual(none(all));
  });

  it('is nothing for a list that the person is not on', async () => {
    const { unsubscribe } = await footnote.subscribe('mistaken@example.com');
    await footnote.http.post(`${unsubscribe}?list=no-such-list`).expect(200);
    expect(await footnote.lists('mistaken@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
  });

  it('offers on its page the list of the mail first, and all of them (U-18)', async () => {
    const { unsubscribe } = await footnote.subscribe('chooser@example.com', all);
    const page = await footnote.http.get(`${unsubscribe}?list=science-weekly`).expect(200);
    const actions = [...page.text.matchAll(/<form action="([^"]+)" method="post"/g)].map(
      ([, action]) => action,
    );
    expect(actions).toEqual([`${unsubscribe}?list=science-weekly`, unsubscribe]);
    expect(page.text).not.toContain('chooser');
  });

  it('reaches archived lists as well, as long as they live (U-17)', async () => {
    const { database } = footnote.service;
    const { unsubscribe } = await footnote.subscribe('archive@example.com', ['weekend-reads']);
    const other = await footnote.subscribe('archive.one@example.com', ['weekend-reads']);
    await archiveList(database, 'weekend-reads', new Date());
    try {
      expect((await footnote.http.get(unsubscribe).expect(200)).text).toContain('Weekend Reads');
      await footnote.http.post(unsubscribe).expect(200);
      await footnote.http.post(`${other.unsubscribe}?list=weekend-reads`).expect(200);
    } finally {
      await database.prisma.mailingList.update({
        where: { slug: 'weekend-reads' },
        data: { archivedAt: null },
      });
    }
    expect(await footnote.lists('archive@example.com')).toEqual(none(['weekend-reads']));
    expect(await footnote.lists('archive.one@example.com')).toEqual(none(['weekend-reads']));
  });

  it('outlives the clock', async () => {
    const { unsubscribe } = await footnote.subscribe('years@example.com');
    footnote.advance(10 * 365 * 24 * 60 * 60_000);
    await footnote.http.post(unsubscribe).expect(200);
    expect(await footnote.lists('years@example.com')).toEqual(none(['morning-briefing']));
  });

  it('is nobody at all for a link that is unknown, and asks for no address (A-27)', async () => {
    for (const key of ['f'.repeat(32), 'x', '%00', '%E0%A4%A', 'a'.repeat(500)]) {
      const answers = [
        await footnote.http.get(`/unsubscribe/${key}`).set('Accept', 'text/html'),
        await footnote.http.post(`/unsubscribe/${key}`).set('Accept', 'text/html').send(oneClick),
      ];
      for (const { status, text } of answers) {
        expect([400, 404]).toContain(status);
        expect(text).not.toMatch(/<form|<input/);
      }
    }
  });
});

describe('undoing it (WCAG 3.3.4)', () => {
  /** What the form on the page would send. */
  const undoIn = (page: string) =>
    [...page.matchAll(/<input type="hidden" name="(lists|shown)" value="([^"]*)"/g)]
      .map(([, name, value]) => `${name}=${value}`)
      .join('&');
  const undo = (preferences: string, page: string) =>
    footnote.http.post(preferences).type('form').send(undoIn(page)).expect(200);

  it('asks by mail, at once, for what was left, and touches nothing else (I2, C-12)', async () => {
    const email = 'undo@example.com';
    const { unsubscribe, preferences } = await footnote.subscribe(email, all);
    const page = await footnote.http.post(`${unsubscribe}?list=science-weekly`).expect(200);
    expect(page.text).toContain(`<form action="${preferences}" method="post">`);
    const asked = await undo(preferences, page.text);
    expect(asked.text).toContain(text('preferences.asked', { lists: 'Science Weekly' }));
    expect(await footnote.lists(email)).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'pending',
      'weekend-reads': 'subscribed',
    });
    const { mail, confirm } = await footnote.mailTo(email, 'confirmation');
    expect(mail.text).not.toContain('Weekend Reads');
    await footnote.http.post(confirm).expect(200);
    expect(await footnote.lists(email)).toMatchObject({ 'science-weekly': 'subscribed' });
  });

  it('ends nothing that was joined since the page was shown', async () => {
    const email = 'undo.late@example.com';
    const { unsubscribe, preferences } = await footnote.subscribe(email);
    const page = await footnote.http.post(unsubscribe).expect(200);
    await footnote.subscribe(email, ['weekend-reads']);
    await undo(preferences, page.text);
    expect(await footnote.lists(email)).toEqual({
      'morning-briefing': 'pending',
      'weekend-reads': 'subscribed',
    });
  });

  it('may be pressed again, and asks once (U-25)', async () => {
    const email = 'undo.twice@example.com';
    const { unsubscribe, preferences } = await footnote.subscribe(email);
    const page = await footnote.http.post(unsubscribe).expect(200);
    await Promise.all(Array.from({ length: 5 }, () => undo(preferences, page.text)));
    expect(await footnote.lists(email)).toEqual({ 'morning-briefing': 'pending' });
    const mails = await footnote.mails(email);
    expect(mails.filter((kind) => kind === 'confirmation')).toHaveLength(2);
  });

  it('is not offered where nothing was left', async () => {
    const { unsubscribe } = await footnote.subscribe('undo.nothing@example.com');
    await footnote.http.post(unsubscribe).expect(200);
    expect((await footnote.http.post(unsubscribe).expect(200)).text).not.toContain('<form');
  });
});

describe('programs that open every link of a mail (U-09, U-23)', () => {
  const visitors = [
    { 'User-Agent': 'Mozilla/5.0 (Windows NT 10.0) Chrome/140', 'Sec-Purpose': 'prefetch' },
    { 'User-Agent': 'Mozilla/5.0', 'Sec-Purpose': 'prefetch;prerender', Purpose: 'prefetch' },
    { 'User-Agent': 'Barracuda Sentinel (EE)', 'Sec-Fetch-Mode': 'navigate' },
    { 'User-Agent': 'GoogleImageProxy' },
    { 'User-Agent': '' },
  ];

  it('change nothing, a hundred times over', async () => {
    await footnote.signUp('scanned@example.com', all).expect(202);
    const pending = await footnote.mailTo('scanned@example.com');
    const { unsubscribe, preferences } = await footnote.subscribe('scanned.too@example.com', all);
    for (const action of ['copy', 'erase']) {
      await footnote.http.post(preferences).type('form').send({ action }).expect(200);
    }
    const { erase } = await footnote.mailTo('scanned.too@example.com', 'erasure');
    const links = [pending.confirm, pending.notMe, unsubscribe, preferences, erase];
    const elsewhere = ['/', '/my-link', '/thanks', '/lists', '/embed.js', '/assets/style.css'];
    await footnote.mailsNoted();
    await footnote.service.sync?.idle();
    const before = await footnote.fingerprint();
    expect(Object.keys(before)).toContain('consent_events');

    for (const link of [...links, ...elsewhere]) {
      const visits = await Promise.all(
        Array.from({ length: links.includes(link) ? 100 : 10 }, (_, n) => {
          const visit = n % 2 === 0 ? footnote.http.get(link) : footnote.http.head(link);
          return visit.set(visitors[n % visitors.length] ?? {});
        }),
      );
      expect(new Set(visits.map(({ status }) => status))).toEqual(new Set([200]));
      await footnote.http.options(link);
    }
    for (const link of [`${pending.confirm}/renew`, '/subscriptions']) {
      await footnote.http.get(link).expect(405);
      await footnote.http.head(link).expect(405);
    }
    expect(await footnote.fingerprint()).toEqual(before);
    await footnote.http.post(pending.confirm).expect(200);
    await footnote.http.post(erase).expect(200);
  });
});
