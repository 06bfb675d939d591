import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { foldTotals, totalsSince } from '../../src/subscribing/totals.ts';
import { key } from '../harness/admin.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
let own: string;
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key, LOG_LEVEL: 'trace', LIMIT_WRONG_LINKS_HOUR: '30' });
  own = new URL(footnote.settings.baseUrl).origin;
});
afterAll(() => footnote.stop());

const here = () => ({ Origin: own, 'Sec-Fetch-Site': 'same-origin' });
const api = (verb: 'post' | 'delete' | 'get', path: string) =>
  footnote.http[verb](`/admin/api${path}`).auth(key, { type: 'bearer' });

const trySignIn = (adminKey: string, headers: Record<string, string> = here()) =>
  footnote.http.post('/admin/sign-in').set(headers).type('form').send({ key: adminKey });

const setCookie = (answer: { headers: Record<string, unknown> }) =>
  String(answer.headers['set-cookie'] ?? '');

/** @returns the cookie of a new session */
async function signIn(adminKey = key, before = ''): Promise<string> {
  const answer = await trySignIn(adminKey, { ...here(), Cookie: before }).expect(303);
  expect(answer.headers['location']).toBe('/admin');
  return setCookie(answer).split(';')[0] ?? '';
}

async function newKey(name: string, scopes: string[]): Promise<{ id: string; key: string }> {
  return (await api('post', '/keys').send({ name, scopes }).expect(201)).body;
}

const open = (path: string, cookie: string) => footnote.http.get(path).set('Cookie', cookie);
const press = (path: string, cookie: string, fields: object = {}) =>
  footnote.http
    .post(path)
    .set({ ...here(), Cookie: cookie })
    .type('form')
    .send(fields);

const pages = [
  '/admin',
  '/admin/subscribers',
  '/admin/sync',
  '/admin/duties',
  '/admin/lists',
  '/admin/lists/morning-briefing',
];

describe('signing in (A-06)', () => {
  it('leads whoever is not signed in to where they can, and shows nothing before', async () => {
    for (const path of pages) {
      const answer = await footnote.http.get(path).expect(303);
      expect(answer.headers['location']).toBe('/admin/sign-in');
      expect(answer.text).not.toContain('Morning');
      await open(path, `footnote-admin=${'A'.repeat(43)}`).expect(303);
    }
    await footnote.http.get('/admin/sign-in').expect(200);
  });

  it('gives a cookie that no script and no other site gets, and that the database knows by its digest', async () => {
    const cookie = setCookie(await trySignIn(key).expect(303));
    expect(cookie).toMatch(
      /^footnote-admin=[\w-]{43}; Max-Age=43200; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
    );
    const secret = /=([\w-]{43});/.exec(cookie)?.[1] ?? '';
    expect(secret).toHaveLength(43);
    const dump = await footnote.dump();
    expect(dump).toContain('admin_sessions: ');
    expect(dump).not.toContain(secret);
    expect(dump).not.toContain(key);
    expect(footnote.logged).not.toContain(secret);
    expect(footnote.logged).not.toContain(key);
  });

  it('over https promises the host alone, by name and Secure', async () => {
    await footnote.stopService();
    await footnote.startService({ baseUrl: 'https://newsletters.example' });
    const answer = await trySignIn(key, { Origin: 'https://newsletters.example' }).expect(303);
    expect(setCookie(answer)).toMatch(
      /^__Host-footnote-admin=[\w-]{43}; Max-Age=43200; Path=\/; .*; Secure; /,
    );
    expect(setCookie(answer)).not.toContain('Domain');
    await footnote.stopService();
    await footnote.startService();
  });

  it('makes a new session each time and ends the one before; signing out ends it', async () => {
    const first = await signIn();
    const second = await signIn(key, first);
    expect(second).not.toBe(first);
    await open('/admin/lists', first).expect(303);
    await open('/admin/lists', second).expect(200);
    const answer = await press('/admin/sign-out', second).expect(303);
    expect(setCookie(answer)).toMatch(/^footnote-admin=; .*Expires=Thu, 01 Jan 1970/);
    await open('/admin/lists', second).expect(303);
  });

  it('ends after twelve hours, with its key, and with a new key of the settings', async () => {
    const late = await signIn();
    footnote.advance(12 * 60 * 60_000);
    await open('/admin/lists', late).expect(303);

    const { id, key: laptop } = await newKey('laptop', ['read']);
    const cookie = await signIn(laptop);
    await open('/admin/lists', cookie).expect(200);
    await api('delete', `/keys/${id}`).expect(200);
    await open('/admin/lists', cookie).expect(303);
    await trySignIn(laptop).expect(422);

    const settings = await signIn();
    await footnote.stopService();
    await footnote.startService({ adminApiKey: `${key}-another` });
    await open('/admin/lists', settings).expect(303);
    await footnote.stopService();
    await footnote.startService();
  });

  it('takes no key that may not read, and says no more of a wrong one than that', async () => {
    const { key: writer } = await newKey('writer', ['write']);
    const [wrong, blind] = [await trySignIn('no-such-key').expect(422), await trySignIn(writer).expect(422)];
    expect(wrong.text).toBe(blind.text);
    expect(wrong.text).not.toContain('no-such-key');
    expect(setCookie(wrong)).toBe('');
  });

  it('is limited for whoever tries many keys, and never for a right one (A-20)', async () => {
    const statuses = [];
    for (let n = 0; n < 40; n += 1) statuses.push((await trySignIn(`wrong-${n}`)).status);
    expect(statuses.at(-1)).toBe(429);
    expect(statuses[0]).toBe(422);
    await signIn();
  });
});

describe('what a page of another site sends (A-06)', () => {
  const strangers: Record<string, string>[] = [
    {},
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' },
    ...['cross-site', 'same-site', 'none'].flatMap((site) => [
      { 'Sec-Fetch-Site': site },
      { 'Sec-Fetch-Site': site, Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': site, Origin: 'null' },
    ]),
  ];

  it('changes nothing, whoever is signed in', async () => {
    const cookie = await signIn();
    const posts = [
      '/admin/sign-in',
      '/admin/sign-out',
      '/admin/subscribers',
      '/admin/duties/housekeeping/run',
      '/admin/sync/pause',
      '/admin/sync/resume',
      '/admin/sync/retry',
      '/admin/sync/reconcile',
      '/admin/lists',
      '/admin/lists/morning-briefing',
      '/admin/lists/morning-briefing/archive',
      '/admin/lists/morning-briefing/offer',
      '/admin/consent-texts/en',
      '/admin/subscribers/00000000-0000-4000-8000-000000000000/erase',
    ];
    const before = await footnote.fingerprint();
    for (const path of posts) {
      for (const headers of [
        ...strangers,
        { Origin: `${own}.evil.example` },
        { 'Sec-Fetch-Site': 'cross-site', Origin: own },
      ]) {
        const answer = await footnote.http
          .post(path)
          .set({ ...headers, Cookie: cookie })
          .type('form')
          .send({ key, name: 'Evil', slug: 'evil', text: 'Evil', beginning: 'a' });
        expect([path, headers, answer.status]).toEqual([path, headers, 403]);
      }
    }
    expect(await footnote.fingerprint()).toEqual(before);
    await open('/admin/lists', cookie).expect(200);
  });

  it('is told apart from what our own pages send, whichever of the two headers a browser has', async () => {
    const cookie = await signIn();
    for (const headers of [{ Origin: own }, { 'Sec-Fetch-Site': 'same-origin' }, here()])
      await footnote.http
        .post('/admin/subscribers')
        .set({ ...headers, Cookie: cookie })
        .type('form')
        .send({ beginning: 'a' })
        .expect(200);
  });
});

describe('what a key may do', () => {
  it('is what its scopes say: looking, changing, erasing', async () => {
    await footnote.subscribe('erased@example.com');
    const person = await footnote.service.database.prisma.subscriber.findUniqueOrThrow({
      where: { key: 'erased@example.com' },
    });
    const [looking, writing, erasing] = await Promise.all(
      [['read'], ['read', 'write'], ['read', 'erase']].map(async (scopes) =>
        signIn((await newKey(scopes.join(' and '), scopes)).key),
      ),
    ).then((all) => [all[0] ?? '', all[1] ?? '', all[2] ?? ''] as const);

    const worded = { name: 'Morning Edition', description: 'Anew', action: 'save' };
    for (const path of pages) await open(path, looking).expect(200);
    await press('/admin/lists/morning-briefing', looking, worded).expect(403);
    await press('/admin/sync/reconcile', looking, { how: 'repair' }).expect(403);
    await press('/admin/sync/retry', looking, { email: '' }).expect(403);
    await press('/admin/sync/pause', looking).expect(403);
    await press('/admin/duties/housekeeping/run', looking).expect(403);
    await press(`/admin/subscribers/${person.id}/erase`, writing).expect(403);
    expect((await open('/admin/lists', looking)).text).toContain('Morning Briefing');

    const preview = { ...worded, action: 'preview' };
    const seen = await press('/admin/lists/morning-briefing', writing, preview).expect(200);
    expect(seen.text).toContain('As readers will see it');
    expect((await open('/admin/lists', writing)).text).toContain('Morning Briefing');
    await press('/admin/lists/morning-briefing', writing, { ...worded, name: '' }).expect(422);
    await press('/admin/lists/morning-briefing', writing, worded).expect(303);
    expect((await open('/admin/lists', writing)).text).toContain('Morning Edition');
    await press('/admin/consent-texts/de', writing, { text: 'Anders.', action: 'save' }).expect(303);
    expect((await open('/admin/consent-texts/de', writing)).text).toContain('Anders.');

    await press('/admin/sync/retry', writing, { email: '' }).expect(303);
    await press('/admin/sync/reconcile', writing, { how: 'look' }).expect(303);
    expect((await open('/admin/sync', looking)).text).toContain('full, changing nothing');

    await press(`/admin/subscribers/${person.id}/erase`, erasing).expect(303);
    expect((await open(`/admin/subscribers/${person.id}`, looking)).text).toContain(
      'Somebody who was erased',
    );

    const { entries } = (await api('get', '/audit').expect(200)).body;
    const done = entries.map((entry: { key: string; operation: string; status: number }) =>
      [entry.key, entry.operation, entry.status].join(': '),
    );
    expect(done).toContain('read and write: lists.edit: 200');
    expect(done).toContain('read and erase: subscribers.erase: 200');
  });
});

describe('the numbers', () => {
  // Each sign-up moves the clock by minutes: from eight in the morning no day ends in between.
  beforeAll(() => {
    const morning = footnote.now();
    morning.setUTCHours(24 + 8, 0, 0, 0);
    footnote.advance(morning.getTime() - footnote.now().getTime());
  });

  const counted = async () => {
    const { database } = footnote.service;
    const totals = await totalsSince(database, '2000-01-01');
    return Object.fromEntries(
      totals.map(({ kind, listId, day, count }) => [`${kind} ${listId} ${day}`, count] as const).sort(),
    );
  };
  /** The same, counted from the ledger and the subscriptions themselves. */
  const scanned = async () => {
    const rows = await footnote.service.database.query<{ name: string; count: number }>(
      `WITH event AS (
         SELECT CASE WHEN kind <> 'unsubscribed' THEN kind::text
                     WHEN channel IN ('mailchimp', 'import', 'admin') THEN 'unsubscribed_' || channel
                     ELSE 'unsubscribed_reader' END AS kind, (at AT TIME ZONE 'UTC')::date::text AS day, list_wordings
           FROM consent_events WHERE kind NOT IN ('mailed', 'address_changed'))
       SELECT concat_ws(' ', kind, 0, day) AS name, count(*)::int AS count FROM event GROUP BY 1
       UNION ALL
       SELECT concat_ws(' ', event.kind, list.id, event.day), count(*)::int
         FROM event JOIN mailing_list_wordings wording ON wording.version = ANY (event.list_wordings)
         JOIN mailing_lists list ON list.slug = wording.slug GROUP BY 1`,
    );
    return Object.fromEntries(rows.map(({ name, count }) => [name, count] as const).sort());
  };
  const withoutLevels = (totals: Record<string, number>) =>
    Object.fromEntries(Object.entries(totals).filter(([name]) => !name.startsWith('subscribers')));

  it('are those of the ledger, before they are folded and after, after all that can happen', async () => {
    const lists = ['morning-briefing', 'science-weekly'];
    const { unsubscribe } = await footnote.subscribe('ann@example.com', lists);
    await footnote.subscribe('bob@example.com', lists);
    await footnote.subscribe('eve@example.com');
    await footnote.signUp('never@example.com').expect(202);
    await footnote.http
      .post(`${unsubscribe}?list=science-weekly`)
      .type('form')
      .send({ list: 'science-weekly' });
    footnote.advance(24 * 60 * 60_000);
    await footnote.http.post(unsubscribe).expect(200);
    await footnote.subscribe('ann@example.com');
    await footnote.mailsNoted();

    const before = await counted();
    expect(Object.keys(before).length).toBeGreaterThan(8);
    expect(withoutLevels(before)).toEqual(await scanned());
    const { database } = footnote.service;
    await Promise.all([foldTotals(database), foldTotals(database)]);
    expect(await database.prisma.totalChange.count()).toBe(0);
    expect(await counted()).toEqual(before);

    await footnote.subscribe('zoe@example.com');
    expect(withoutLevels(await counted())).toEqual(await scanned());
    const listed = (await api('get', '/lists').expect(200)).body.lists;
    const now = await database.query<{ slug: string; subscribers: number }>(
      `SELECT slug, count(subscription.subscriber_id)::int AS subscribers FROM mailing_lists list
         LEFT JOIN subscriptions subscription ON subscription.list_id = list.id AND state = 'subscribed'
        GROUP BY slug`,
    );
    expect(now.length).toBeGreaterThan(1);
    for (const { slug, subscribers } of now)
      expect(listed).toContainEqual(expect.objectContaining({ slug, subscribers }));
  });

  it('stand on the overview, in its chart and in a table', async () => {
    const cookie = await signIn();
    const { text } = await open('/admin?days=90&list=morning-briefing', cookie).expect(200);
    const today = footnote.now().toISOString().slice(0, 10);
    const [row] = await footnote.service.database.query<{ requested: number; confirmed: number }>(
      `SELECT count(*) FILTER (WHERE kind = 'requested')::int AS requested,
              count(*) FILTER (WHERE kind = 'confirmed')::int AS confirmed
         FROM consent_events WHERE (at AT TIME ZONE 'UTC')::date = $1::date`,
      [today],
    );
    expect(row?.confirmed).toBeGreaterThan(1);
    expect(text).toContain(
      `<th scope="row">${today}</th><td data-label="Sign-ups">${row?.requested}</td>` +
        `<td data-label="Confirmed">${row?.confirmed}</td>`,
    );
    expect(text).toContain('role="img"');
  });

  it('tell how many were subscribed at the end of each day, the last one as the tables do', async () => {
    const { database } = footnote.service;
    const shownOn = async (query: string, day: Date) => {
      const { text } = await open(`/admin?days=90${query}`, await signIn()).expect(200);
      const date = day.toISOString().slice(0, 10);
      const row = new RegExp(`${date}</th><td data-label="Subscri(?:bers|ptions)">([\\d,]+)</td>`);
      return Number(row.exec(text)?.[1]?.replaceAll(',', ''));
    };
    const subscribed = async (slug: string | null) => {
      const [row] = await database.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM subscriptions JOIN mailing_lists list ON list.id = list_id
          WHERE state = 'subscribed' AND ($1::text IS NULL OR slug = $1)`,
        [slug],
      );
      return row?.count;
    };
    const views = [
      ['', null],
      ['&list=morning-briefing', 'morning-briefing'],
      ['&list=science-weekly', 'science-weekly'],
    ] as const;
    const before = footnote.now();
    const levels = [];
    for (const [query, slug] of views) {
      levels.push(await shownOn(query, before));
      expect(levels.at(-1)).toBe(await subscribed(slug));
    }
    footnote.advance(2 * 24 * 60 * 60_000);
    const { unsubscribe } = await footnote.subscribe('late@example.com', [
      'morning-briefing',
      'science-weekly',
    ]);
    await footnote.subscribe('later@example.com', ['science-weekly']);
    await footnote.http.post(`${unsubscribe}?list=morning-briefing`).expect(200);
    for (const [index, [query, slug]] of views.entries()) {
      expect(await shownOn(query, before)).toBe(levels[index]);
      expect(await shownOn(query, footnote.now())).toBe(await subscribed(slug));
    }
    await foldTotals(database);
    expect(await shownOn('', before)).toBe(levels[0]);
    expect(await shownOn('', footnote.now())).toBe(await subscribed(null));
    expect(await subscribed(null)).toBe(2 + (levels[0] ?? 0));
  });

  it('are drawn without any style or script of their own', async () => {
    const { text } = await open('/admin?days=90', await signIn()).expect(200);
    expect(text).not.toMatch(/\sstyle=|<style|\son\w+=/);
  });
});

describe('the lane to Mailchimp', () => {
  it('is paused and resumed by a button, and every page says so with what it means', async () => {
    const writer = await newKey('ann', ['read', 'write']);
    const cookie = await signIn(writer.key);
    const { unsubscribe } = await footnote.subscribe('leaving@example.com');
    expect((await footnote.member('leaving@example.com'))?.status).toBe('subscribed');
    await press('/admin/sync/pause', cookie).expect(303);
    await footnote.http.post(unsubscribe).expect(200);
    expect((await footnote.member('leaving@example.com'))?.status).toBe('subscribed');
    for (const path of ['/admin', '/admin/sync']) {
      const { text } = await open(path, cookie);
      expect(text).toMatch(/Paused by <bdi>ann<\/bdi> since <time .*opt-outs neither/);
    }
    const { text } = await footnote.http.get('/readyz').expect(200);
    expect(JSON.parse(text).mailchimp.pausedAt).toEqual(expect.any(String));
    expect(text).not.toContain('ann');

    await press('/admin/sync/resume', cookie).expect(303);
    expect((await footnote.member('leaving@example.com'))?.status).toBe('unsubscribed');
    expect((await open('/admin/sync', cookie)).text).not.toContain('Paused by');
  });
});

describe('a new mailing list', () => {
  it('is looked at, told what is wrong with it, made, and can be ticked at once', async () => {
    const writer = await newKey('editor', ['read', 'write']);
    const cookie = await signIn(writer.key);
    const typed = { slug: 'night-desk', name: 'Night Desk', description: 'Late <news>' };
    const make = (fields: object) => press('/admin/lists', cookie, fields);
    const offered = async () =>
      (await footnote.http.get('/lists').expect(200)).body.lists.map(({ slug }: { slug: string }) => slug);

    const preview = await make({ ...typed, action: 'preview' }).expect(200);
    expect(preview.text).toContain('As readers will see it');
    expect(preview.text).toContain('<bdi>Late &lt;news&gt;</bdi>');
    expect(preview.text).toMatch(/<input [^>]*name="slug"[^>]*value="night-desk"/);
    expect(await offered()).not.toContain('night-desk');

    const wrong = await make({ ...typed, slug: 'Night Desk', name: '' }).expect(422);
    expect(wrong.text).toContain('Slug must be lower-case letters');
    expect(wrong.text).toContain('Name must not be empty.');
    const taken = await make({ ...typed, slug: 'morning-briefing' }).expect(422);
    expect(taken.text).toContain('Slug is that of another mailing list.');
    expect(taken.text).toContain('value="Night Desk"');
    expect(await offered()).not.toContain('night-desk');

    await make(typed).expect(303);
    expect(await offered()).toContain('night-desk');
    await footnote.subscribe('owl@example.com', ['night-desk']);
    expect(await footnote.lists('owl@example.com')).toEqual({ 'night-desk': 'subscribed' });
    expect((await open('/admin/lists', cookie)).text).toContain('href="/admin/lists/night-desk"');
    const { entries } = (await api('get', '/audit').expect(200)).body;
    expect(entries).toContainEqual(
      expect.objectContaining({ key: 'editor', operation: 'lists.create', status: 201 }),
    );

    const onlooker = await signIn((await newKey('reader of lists', ['read'])).key);
    expect((await open('/admin/lists', onlooker)).text).not.toContain('A new mailing list');
    await press('/admin/lists', onlooker, { ...typed, slug: 'another' }).expect(403);
    await press('/admin/lists/night-desk/archive', cookie).expect(303);
    expect(await offered()).not.toContain('night-desk');

    expect((await open('/admin/lists/night-desk', onlooker)).text).toMatch(/Archived: .*The 1 who/);
    await press('/admin/lists/night-desk/offer', onlooker).expect(403);
    expect((await open('/admin/lists/night-desk', cookie)).text).toContain('Offer it again');
    await press('/admin/lists/night-desk/offer', cookie).expect(303);
    expect((await open('/admin/lists/night-desk', cookie)).text).not.toContain('Archived');
    expect((await offered()).at(-1)).toBe('night-desk');
    await footnote.signUp('second.owl@example.com', ['night-desk']).expect(202);
  });
});

describe('what is wrong with Mailchimp', () => {
  it('stands on its page with where its remedy is, and a comparison that broke off is no longer awaited', async () => {
    const { audience } = footnote.sandbox;
    const cookie = await signIn();
    const page = async () => (await open('/admin/sync', cookie).expect(200)).text;
    audience.inject(fault.problem(401, 'API Key Invalid', ''), { times: 1_000 });
    try {
      await footnote.subscribe('unsent@news.example');
      await press('/admin/sync/reconcile', cookie, { how: 'look' }).expect(303);
      await eventually(async () => {
        expect(await page()).toMatch(/Nobody is sent there since .*API Key Invalid.*href="\/admin"/);
        expect(await page()).toMatch(/>broke off<.*>failed: Mailchimp: 401, API Key Invalid</);
      });
      expect(await page()).not.toContain('not yet');
    } finally {
      audience.clearFaults();
    }
  });
});

describe('a consent text', () => {
  it('may be as long as it is promised in every script, by page and by script', async () => {
    const cookie = await signIn();
    for (const text of ['П', 'ا', '同'].map((letter) => letter.repeat(4_000))) {
      await press('/admin/consent-texts/ru', cookie, { text, action: 'preview' }).expect(200);
      await press('/admin/consent-texts/ru', cookie, { text, action: 'save' }).expect(303);
      const { texts } = (await api('get', '/consent-texts').expect(200)).body;
      expect(texts.find(({ locale }: { locale: string }) => locale === 'ru').text).toBe(text);
      const put = footnote.http.put('/admin/api/consent-texts/ru').auth(key, { type: 'bearer' });
      await put.send({ text: text.slice(1) + text[0] }).expect(200);
    }
  });
});

describe('an address that names nothing', () => {
  it('is not found, whatever it holds', async () => {
    const cookie = await signIn();
    for (const name of ['nobody', '__proto__', '%00', 'a'.repeat(4_000)]) {
      await press(`/admin/duties/${name}/run`, cookie).expect(404);
      await press(`/admin/lists/${name}/archive`, cookie).expect(404);
      await press(`/admin/consent-texts/${name}`, cookie, { text: 'x', action: 'save' }).expect(404);
      await api('post', `/duties/${name}/run`).expect(404);
      await footnote.http
        .put(`/admin/api/consent-texts/${name}`)
        .auth(key, { type: 'bearer' })
        .send({ text: 'x' })
        .expect(404);
    }
  });
});

describe('the duties', () => {
  it('stand on a page with what came of each, and are done now by a button', async () => {
    const cookie = await signIn();
    const before = (await open('/admin/duties', cookie).expect(200)).text;
    for (const { name, what } of await footnote.service.duties.list()) {
      expect(before).toContain(`<th scope="row">${name}</th><td data-label="What it does">${what}</td>`);
      expect(before).toContain(`action="/admin/duties/${name}/run"`);
    }
    await press('/admin/duties/housekeeping/run', cookie).expect(303);
    await eventually(async () => {
      const { text } = await open('/admin/duties', cookie);
      expect(text).toMatch(/>housekeeping<.*?<td data-label="What came of it">\d+ rows? thrown away<\/td>/);
    });
    await press('/admin/duties/no-such-duty/run', cookie).expect(404);
    const { key: looking } = await newKey('onlooker', ['read']);
    expect((await open('/admin/duties', await signIn(looking))).text).not.toContain('Run now');
  });
});

describe('a subscriber', () => {
  it('is found by the beginning of their address, with history and proof', async () => {
    const cookie = await signIn();
    const found = await press('/admin/subscribers', cookie, { beginning: 'Zo' }).expect(200);
    expect(found.text).toContain('zoe@example.com');
    expect(found.text).not.toContain('bob@example.com');
    const [link = ''] = /\/admin\/subscribers\/[\w-]{36}/.exec(found.text) ?? [];
    const page = await open(link, cookie).expect(200);
    expect(page.text).toContain('>confirmed</td>');
    const proof = await open(`${link}/proof`, cookie).expect(200);
    expect(proof.text).toContain('zoe@example.com');
    await open('/admin/subscribers/00000000-0000-4000-8000-000000000000', cookie).expect(404);
    await open('/admin/subscribers/nobody', cookie).expect(404);
  });
});
