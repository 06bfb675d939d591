import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepConsentSource } from '../../src/consent/wordings.ts';
import { archiveList, saveList } from '../../src/subscribing/lists.ts';
import { Footnote } from '../harness/footnote.ts';

const noListChosen = 'Please select at least one mailing list.';
const good = { email: 'reader@example.com', lists: ['morning-briefing'] };
const pageOfReader = 'https://news.example/article?id=7';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
  const { database } = footnote.service;
  await saveList(database, { slug: 'closed', name: 'Closed', description: '', position: 9 });
  await archiveList(database, 'closed', new Date());
});
afterAll(() => footnote.stop());

const post = (body: object | string, type = 'json') =>
  footnote.http.post('/subscriptions').type(type).send(body);
const subscribers = () => footnote.service.database.prisma.subscriber.count();

/** The input elements of a page, by attribute. */
const inputsOf = (page: string) =>
  [...page.matchAll(/<input ([^>]*)>/g)].map(([, attributes = '']) =>
    Object.fromEntries(
      [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
    ),
  );
const valuesOf = (page: string, name: string) =>
  inputsOf(page).flatMap((input) => (input['name'] === name ? (input['value'] ?? '') : []));
const tickedOf = (page: string) =>
  inputsOf(page).flatMap((input) => (input['checked'] === undefined ? [] : (input['value'] ?? '')));

/** Whatever is refused is refused in the same form, and tells nothing of the inside. */
function expectProblem(
  answer: { status: number; type: string; text: string },
  status: number,
  field?: string,
) {
  expect(answer.text).not.toMatch(/node_modules|\.tsx?\b|prisma|zod|\n\s+at /i);
  expect(answer.status, answer.text).toBe(status);
  expect(answer.type).toBe('application/problem+json');
  const problem = JSON.parse(answer.text);
  expect(problem).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  if (field === undefined) return;
  expect(problem.errors).toContainEqual({ field, message: expect.stringMatching(/^[A-Z].*[.]$/) });
}

describe('a sign-up that is taken', () => {
  it('answers JSON with 202 and nothing more', async () => {
    const answer = await post({ ...good, email: 'json@example.com' });
    expect([answer.status, answer.type, answer.body]).toEqual([
      202,
      'application/json',
      { status: 'accepted' },
    ]);
    expect(await footnote.lists('json@example.com')).toEqual({ 'morning-briefing': 'pending' });
  });

  it('answers a form with 303 to the thanks page, and takes `lists` and `lists[]`', async () => {
    const answer = await post(
      'email=form%40example.com&lists=morning-briefing&lists%5B%5D=weekend-reads&firstName=&redirect=',
      'form',
    );
    expect([answer.status, answer.headers['location']]).toEqual([303, `${footnote.settings.baseUrl}/thanks`]);
    expect(await footnote.lists('form@example.com')).toEqual({
      'morning-briefing': 'pending',
      'weekend-reads': 'pending',
    });
  });

  it('keeps the page, the browser and the wording that was shown as evidence (C-03, C-04, C-06)', async () => {
    const { consent } = (await footnote.http.get('/lists').expect(200)).body;
    await footnote
      .signUp('proof@example.com', good.lists, {
        source: pageOfReader,
        consentVersion: consent.version,
        locale: 'pt-BR',
      })
      .set('User-Agent', 'Mozilla/5.0 (test)')
      .expect(202);
    const rows = await footnote.service.database.query(
      `SELECT evidence.email, evidence.ip, evidence.user_agent, evidence.page, event.channel, event.wording_version, request.locale
         FROM consent_evidence evidence
         JOIN consent_events event USING (subscriber_id, seq)
         JOIN sign_up_requests request USING (subscriber_id, seq)
        WHERE evidence.email = 'proof@example.com'`,
    );
    expect(rows).toEqual([
      {
        email: 'proof@example.com',
        ip: '127.0.0.1',
        user_agent: 'Mozilla/5.0 (test)',
        page: pageOfReader,
        channel: 'api',
        wording_version: consent.version,
        locale: 'pt-BR',
      },
    ]);
  });

  it('ignores fields that it does not know, those of object prototypes included (A-13)', async () => {
    const body = `{"email":"proto@example.com","lists":["morning-briefing"],"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`;
    await post(body).expect(202);
    await post(
      'email=proto2%40example.com&lists=morning-briefing&constructor[prototype][polluted]=1&__proto__=1',
      'form',
    ).expect(303);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it('takes the null and the empty text of an optional field for its absence', async () => {
    const nothing = { firstName: null, source: '', locale: null, redirect: '', consentVersion: null };
    await post({ ...good, email: 'empty@example.com', ...nothing }).expect(202);
  });
});

describe('a sign-up that is refused', () => {
  it.each([
    ['no list at all', { email: good.email }],
    ['an empty choice', { ...good, lists: [] }],
    ['null', { ...good, lists: null }],
    ['an empty name, as a form without a tick may send', { ...good, lists: [''] }],
  ])('asks for a list when there is %s', async (_, body) => {
    const answer = await post(body);
    expectProblem(answer, 422, 'lists');
    expect(JSON.parse(answer.text).errors).toEqual([{ field: 'lists', message: noListChosen }]);
  });

  it.each([
    ['is unknown', ['morning-briefing', 'no-such-list']],
    ['is archived', ['closed']],
    ['differs in case', ['Morning-Briefing']],
    ['is named for a prototype', ['__proto__']],
  ])('refuses a list that %s', async (_, lists) => {
    expectProblem(await post({ ...good, lists }), 422, 'lists');
  });

  it('names every fault with its field at once', async () => {
    const answer = await post({
      email: 'nobody',
      lists: [],
      source: 'javascript:alert(1)',
      locale: 'x y',
      firstName: 'a\nb',
    });
    const fields = JSON.parse(answer.text).errors.map(({ field }: { field: string }) => field);
    expect(fields.sort()).toEqual(['email', 'firstName', 'lists', 'locale', 'source']);
  });

  it('refuses a consent text that was never shown here (C-03)', async () => {
    // What an operator says of an import was never shown under a form.
    const source = await keepConsentSource(footnote.service.database, 'They ticked a box in our old shop.');
    for (const consentVersion of ['0'.repeat(64), 'v1', '../../etc/passwd', source]) {
      expectProblem(await post({ ...good, consentVersion }), 422, 'consentVersion');
    }
  });

  const hostile: unknown[] = [
    [['nested']],
    { contains: '@' },
    { not: '' },
    [{ email: 'x' }],
    1,
    true,
    'a\0b',
    ['a\0b'],
    '\ud800',
    ['\udfff'],
    'x'.repeat(3000),
  ];
  it.each(['email', 'lists', 'consentVersion', 'source', 'locale', 'firstName'])(
    'refuses what is no proper text in %s (A-13, A-14)',
    async (field) => {
      const answers = await Promise.all(hostile.map((value) => post({ ...good, [field]: value })));
      for (const answer of answers) expectProblem(answer, 422, field);
    },
  );

  it('refuses what is no proper text in redirect (A-13)', async () => {
    for (const redirect of [['a'], { contains: '@' }, 1, 'a\0b', 'x'.repeat(3000)]) {
      expectProblem(await post({ ...good, redirect }), 422, 'redirect');
    }
  });

  it.each([
    ['a field given twice', 'email=a%40example.com&email=b%40example.com&lists=morning-briefing', 422],
    ['percent signs that encode nothing', 'email=%E0%A4%A&lists=morning-briefing', 422],
    ['an encoded NUL in the address', 'email=a%00%40example.com&lists=morning-briefing', 422],
    ['an encoded NUL in a list', 'email=a%40example.com&lists=morning-briefing%00', 422],
    [
      'an encoded line break in the address',
      'email=a%0d%0aBcc%3A%20b%40example.com&lists=morning-briefing',
      422,
    ],
    ['a + that a form turned into a space', 'email=a+b@example.com&lists=morning-briefing', 422],
    ['nothing', '', 422],
    ['more than a hundred fields', `email=a%40example.com&${'lists=x&'.repeat(100)}`, 413],
    ['more than 8 kB', `email=a%40example.com&lists=${'x'.repeat(9000)}`, 413],
  ])('answers a form with %s by a 4xx page', async (_, body, status) => {
    const answer = await post(body, 'form').set('Accept', 'text/html,*/*;q=0.8');
    expect(answer.status).toBe(status);
    expect(answer.type).toBe('text/html');
    expect(answer.text).not.toMatch(/node_modules|\n\s+at /);
  });

  const json = JSON.stringify(good);
  it.each<[string, number, string, string | Buffer]>([
    ['JSON that is cut off', 400, 'application/json', json.slice(0, -3)],
    ['JSON that is a text', 400, 'application/json', '"x"'],
    ['JSON that is null', 400, 'application/json', 'null'],
    ['JSON that is an array', 422, 'application/json', `[${json}]`],
    ['JSON of more than 8 kB', 413, 'application/json', JSON.stringify({ ...good, more: 'x'.repeat(9000) })],
    ['JSON in UTF-16', 415, 'application/json; charset=utf-16', Buffer.from(json, 'utf16le')],
    ['JSON in UTF-7', 415, 'application/json; charset=utf-7', json],
    ['JSON in Latin-1', 415, 'application/json; charset=iso-8859-1', json],
    ['a form in Latin-1', 415, 'application/x-www-form-urlencoded; charset=iso-8859-1', 'email=a%E9'],
    ['plain text', 415, 'text/plain', json],
    ['multipart', 415, 'multipart/form-data; boundary=x', '--x--'],
    ['XML', 415, 'application/xml', '<email/>'],
    ['a type that is none', 415, 'nonsense', json],
    ['a type alike', 415, 'application/json-patch+json', json],
  ])('answers %s with %i (A-12, A-14)', async (_, status, type, body) => {
    expectProblem(await footnote.http.post('/subscriptions').set('Content-Type', type).send(body), status);
  });

  it('does not unpack what is compressed (A-12)', async () => {
    const body = gzipSync(json);
    const answer = await footnote.http
      .post('/subscriptions')
      .set({ 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
      .send(body);
    expectProblem(answer, 415);
  });

  it('answers a body without a type with 415', async () => {
    const { port } = footnote.service;
    const answer = await fetch(`http://127.0.0.1:${port}/subscriptions`, {
      method: 'POST',
      body: new TextEncoder().encode(json),
    });
    expect(answer.status).toBe(415);
  });

  it('leaves no trace of any of it', async () => {
    const before = await subscribers();
    await post({ ...good, email: 'untraced@example.com', lists: ['closed'] }).expect(422);
    await post({ ...good, email: 'untraced@example.com', firstName: 'a\0' }).expect(422);
    expect(await subscribers()).toBe(before);
    expect(await footnote.service.database.prisma.subscriber.count({ where: { key: good.email } })).toBe(0);
  });
});

describe('a form that is refused', () => {
  const typed = new URLSearchParams([
    ['email', 'reader@'],
    ['lists', 'science-weekly'],
    ['firstName', 'Kim "K" <b>'],
    ['source', pageOfReader],
    ['redirect', 'https://news.example/thanks'],
    ['locale', 'en'],
  ]).toString();

  it('comes back with the message beside the field and everything that was typed (W-01)', async () => {
    const page = await post(typed, 'form').expect(422);
    expect(page.type).toBe('text/html');
    expect(page.text).toMatch(/id="email-error">[^<]+</);
    expect(valuesOf(page.text, 'email')).toEqual(['reader@']);
    expect(valuesOf(page.text, 'firstName')).toEqual(['Kim &quot;K&quot; &lt;b&gt;']);
    expect(tickedOf(page.text)).toEqual(['science-weekly']);
    expect(valuesOf(page.text, 'source')).toEqual([pageOfReader]);
    expect(valuesOf(page.text, 'redirect')).toEqual(['https://news.example/thanks']);
  });

  it('says that a list is missing, in the words of the consent text', async () => {
    const page = await post('email=reader%40example.com', 'form').expect(422);
    expect(page.text).toContain(`id="lists-error">${noListChosen}<`);
    expect(valuesOf(page.text, 'email')).toEqual(['reader@example.com']);
  });

  it('keeps what is sound when another field is not even a text', async () => {
    const page = await post(
      `${typed}&firstName=${'x'.repeat(2100)}`.replace('reader%40', 'reader%40example.com'),
      'form',
    );
    expect(page.status).toBe(422);
    expect(valuesOf(page.text, 'email')).toEqual(['reader@example.com']);
    expect(tickedOf(page.text)).toEqual(['science-weekly']);
    expect(page.text).toContain('id="firstName-error"');
  });

  it('can be sent again once it is mended', async () => {
    const page = await post(typed, 'form');
    const again = new URLSearchParams();
    for (const { type, name = '', value = '' } of inputsOf(page.text)) {
      if (type === 'hidden') again.append(name, value);
    }
    again.append('email', 'mended@example.com');
    again.append('lists', 'science-weekly');
    const answer = await post(again.toString(), 'form').expect(303);
    expect(answer.headers['location']).toBe('https://news.example/thanks');
    expect(await footnote.lists('mended@example.com')).toEqual({ 'science-weekly': 'pending' });
  });
});

describe('GET /lists', () => {
  it('tells a site what it needs to draw its own form', async () => {
    const { body } = await footnote.http.get('/lists').expect(200);
    expect(body.lists.map((list: object) => Object.keys(list))).toEqual(
      Array(3).fill(['slug', 'name', 'description']),
    );
    expect(body.lists[0].slug).toBe('morning-briefing');
    expect(body.consent.text).toContain('Please select at least one mailing list.');
    expect(body.consent.text).toContain('You can unsubscribe at any time');
    expect(Object.keys(body.consent).sort()).toEqual(['locale', 'text', 'version']);
  });
});

describe('the form at /', () => {
  it('sends what POST /subscriptions takes', async () => {
    const page = await footnote.http.get('/').expect(200);
    expect(page.text).toContain('action="/subscriptions"');
    const [version = ''] = valuesOf(page.text, 'consentVersion');
    expect(version).toMatch(/^[0-9a-f]{64}$/);
    await post(`email=hosted%40example.com&lists=morning-briefing&consentVersion=${version}`, 'form').expect(
      303,
    );
  });
});
