import type { Test } from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';

const allowed = ['https://news.example', 'http://localhost:8080', 'https://xn--mnchen-3ya.example'];
const secret = 'a-secret-of-forty-characters-in-the-path';
const adminKey = 'an-admin-key-of-at-least-32-characters';

let footnote: Footnote;
let own: string;
beforeAll(async () => {
  footnote = await Footnote.start({
    ALLOWED_ORIGINS: allowed.join(','),
    MAILCHIMP_WEBHOOK_SECRET: secret,
    ADMIN_API_KEY: adminKey,
  });
  own = new URL(footnote.settings.baseUrl).origin;
});
afterAll(() => footnote.stop());

/** Sites that are not ours and not on the list, however alike, and what is no origin at all. */
const foreign = [
  'https://evil.example',
  'http://evil.example:8080',
  'https://news.example.evil.example',
  'https://evilnews.example',
  'https://evil-news.example',
  'https://sub.news.example',
  'https://example',
  'https://news.example.',
  'https://news.example:443',
  'https://news.example:8443',
  'http://news.example',
  'https://news.example/',
  'https://news.example/evil',
  'https://news.example?evil',
  'https://news.example#evil',
  'https://user@news.example',
  'https://news.example@evil.example',
  'https://news.example\\evil',
  'https://NEWS.EXAMPLE',
  'HTTPS://news.example',
  'https://news.example, https://evil.example',
  'https://evil.example, https://news.example',
  'https://news.example https://evil.example',
  'https://news_example',
  'https://newsxexample',
  'https://m\u00fcnchen.example',
  'https://xn--mnchen-3yb.example',
  'http://localhost',
  'https://localhost:8080',
  'http://localhost:80801',
  'http://127.0.0.1:8080',
  'http://[::1]:8080',
  'http://0:8080',
  'news.example',
  '//news.example',
  'file://',
  'about:blank',
  'data:',
  'blob:https://news.example/1',
  'chrome-extension://abcdefghijklmnop',
  'moz-extension://6a2c',
  'NULL',
  'null, https://news.example',
  'undefined',
  '*',
  '<script>',
  "https://news.example' --",
  '__proto__',
  'constructor',
  '\u00ff',
  `https://${'a'.repeat(2000)}.example`,
];
const welcome = () => [...allowed, own, 'null'];
/** What browsers say of a request; the last is what programs and older browsers say. */
const sites = ['same-origin', 'same-site', 'cross-site', 'none', undefined];
const types = [
  'application/json',
  'application/json; charset=utf-8',
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=UTF-8',
  // What a foreign page may send without asking first.
  'text/plain',
  'multipart/form-data; boundary=x',
  undefined,
];

function from(request: Test, origin: string | undefined, site?: string): Test {
  // `Origin` as bytes: a header is Latin-1.
  if (origin !== undefined) request.set('Origin', origin);
  if (site !== undefined) request.set({ 'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': 'navigate' });
  return request;
}

function signUp(email: string, type: string | undefined): Test {
  const request = footnote.http.post('/subscriptions');
  if (type === undefined) return request;
  const body =
    type.includes('json') || type.startsWith('text')
      ? JSON.stringify({ email, lists: ['morning-briefing'] })
      : type.startsWith('multipart')
        ? `--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n${email}\r\n--x--\r\n`
        : new URLSearchParams({ email, lists: 'morning-briefing' }).toString();
  return request.type(type).send(body);
}

/** All answers of a matrix; a few at a time, as each costs a socket. */
async function all<Case, Answer>(
  cases: readonly Case[],
  ask: (of: Case) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < cases.length; start += 50) {
    answers.push(...(await Promise.all(cases.slice(start, start + 50).map(ask))));
  }
  return answers;
}

describe('a sign-up from another site (A-06)', () => {
  it('is refused, in whatever form it comes, and nothing is stored', async () => {
    const before = await footnote.fingerprint();
    const cases = foreign.flatMap((origin) =>
      types.flatMap((type) => sites.map((site) => ({ origin, type, site }))),
    );
    const answers = await all(cases, async (of) => {
      const { status, headers } = await from(signUp('victim@example.com', of.type), of.origin, of.site);
      return { ...of, status, allow: headers['access-control-allow-origin'], vary: headers['vary'] };
    });
    const wrong = answers.filter(
      ({ status, allow, vary }) => status !== 403 || allow !== undefined || !/\bOrigin\b/.test(vary ?? ''),
    );
    expect(wrong).toEqual([]);
    expect(answers.length).toBeGreaterThan(1500);
    expect(await footnote.fingerprint()).toEqual(before);
    expect(footnote.sandbox.inbox.mails()).toEqual([]);
  });

  it('is told so in the language of its visitor', async () => {
    const page = await from(signUp('victim@example.com', types[2]), 'https://evil.example')
      .set({ Accept: 'text/html', 'Accept-Language': 'de' })
      .expect(403);
    expect(page.headers['content-language']).toBe('de');
    expect(page.text).not.toContain('evil.example');
    const problem = await from(signUp('victim@example.com', types[0]), 'https://evil.example').expect(403);
    expect(problem.body).toMatchObject({ status: 403, errors: [] });
    expect(problem.text).not.toContain('evil.example');
  });

  it('is refused before its body is read', async () => {
    for (const body of ['{', '"', `{"email":"${'a'.repeat(20_000)}"}`]) {
      await from(footnote.http.post('/subscriptions').type('json'), 'https://evil.example')
        .send(body)
        .expect(403);
    }
  });
});

describe('a sign-up from an allowed site, from ours or from no page (A-06)', () => {
  it('is taken as JSON and as a form, and as nothing that a page can send unasked', async () => {
    const cases = [undefined, ...welcome()].flatMap((origin, row) =>
      types.flatMap((type, column) =>
        sites.map((site, layer) => ({
          origin,
          type,
          site,
          email: `reader.${row}.${column}.${layer}@example.com`,
        })),
      ),
    );
    const answers = await all(cases, async (of) => {
      const { status, headers } = await from(signUp(of.email, of.type), of.origin, of.site);
      return { ...of, status, allow: headers['access-control-allow-origin'] };
    });
    const expected = (type: string | undefined) =>
      type?.includes('json') ? 202 : type?.includes('urlencoded') ? 303 : 415;
    const wrong = answers.filter(
      ({ origin, type, status, allow }) =>
        status !== expected(type) ||
        allow !== (origin !== undefined && allowed.includes(origin) ? origin : undefined),
    );
    expect(wrong).toEqual([]);
    const stored = await footnote.service.database.prisma.subscriber.findMany({ select: { email: true } });
    const taken = answers.flatMap(({ status, email }) => (status < 400 ? email : []));
    expect(stored.map(({ email }) => email).sort()).toEqual(taken.sort());
  });

  it('needs no cookie and is given none', async () => {
    const answer = await from(signUp('cookie@example.com', types[0]), allowed[0])
      .set('Cookie', 'session=stolen')
      .expect(202);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });
});

describe('what browsers are told of other sites (A-06)', () => {
  const paths = ['/lists', '/subscriptions'];
  const preflight = (path: string, origin: string, more: Record<string, string> = {}) =>
    footnote.http.options(path).set({ Origin: origin, 'Access-Control-Request-Method': 'POST', ...more });

  it('is permission for listed sites by their name, never for all and never with cookies', async () => {
    const wrong: unknown[] = [];
    for (const path of paths) {
      for (const origin of [...allowed, own, 'null', ...foreign]) {
        const answers = [await preflight(path, origin), await footnote.http.get(path).set('Origin', origin)];
        for (const { headers } of answers) {
          const told = [headers['access-control-allow-origin'], headers['access-control-allow-credentials']];
          const right = allowed.includes(origin) ? origin : undefined;
          const varies = /\bOrigin\b/.test(headers['vary'] ?? '');
          if (told[0] !== right || told[1] !== undefined || !varies) wrong.push([path, origin, headers]);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is the verbs and fields that a form needs, for ten minutes, whatever is asked for', async () => {
    for (const path of paths) {
      const { status, headers } = await preflight(path, 'https://news.example', {
        'Access-Control-Request-Method': 'DELETE',
        'Access-Control-Request-Headers': 'content-type',
        'Access-Control-Request-Private-Network': 'true',
      });
      expect(status).toBe(204);
      expect(headers).toMatchObject({
        'access-control-allow-methods': 'GET,POST',
        'access-control-allow-headers': 'content-type',
        'access-control-max-age': '600',
      });
      expect(headers['access-control-allow-private-network']).toBeUndefined();
    }
  });

  it('is the same to caches for each site: the answer to one is never given to another', async () => {
    for (const origin of ['https://news.example', 'https://evil.example', undefined]) {
      const { headers } = await from(footnote.http.get('/lists'), origin);
      expect(headers['vary']).toMatch(/\bOrigin\b/);
    }
  });

  it('is nothing at all of pages behind links, of the admin API and of the webhook', async () => {
    const { confirm, notMe, unsubscribe, preferences } = await linksOf('told@example.com');
    const closed = ['/', '/my-link', '/thanks', confirm, notMe, unsubscribe, preferences, '/admin/api/lists'];
    for (const path of [...closed, `/webhooks/mailchimp/${secret}`, '/healthz', '/metrics', '/nowhere']) {
      for (const origin of [...allowed, 'https://evil.example', 'null']) {
        const answers = [
          await preflight(path, origin, { 'Access-Control-Request-Headers': 'authorization' }),
          await footnote.http.get(path).set({ Origin: origin, Authorization: `Bearer ${adminKey}` }),
        ];
        for (const { headers } of answers) {
          const told = Object.keys(headers).filter((name) => name.startsWith('access-control-'));
          expect([path, origin, told]).toEqual([path, origin, []]);
        }
      }
    }
  });
});

/** The links of a new person's confirmation mail. */
async function linksOf(email: string) {
  await footnote.signUp(email).expect(202);
  return footnote.mailTo(email, 'confirmation');
}

/** Whoever may press a button behind a link: it is opened from any mail program, by any machine. */
const anyOrigins = [
  undefined,
  'null',
  'https://news.example',
  'https://evil.example',
  'https://mail.google.com',
  'moz-extension://6a2c',
  'not an origin',
];

describe('what a link in a mail can do needs no origin (A-06)', () => {
  it('ends a subscription at one click, wherever it comes from and in whatever form', async () => {
    const bodies = [
      ['application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click'],
      [
        'multipart/form-data; boundary=x',
        '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
      ],
      ['text/plain', 'List-Unsubscribe=One-Click'],
    ] as const;
    const cases = anyOrigins.flatMap((origin) => bodies.map((body) => ({ origin, body })));
    const email = 'one-click@example.com';
    const { unsubscribe, confirm } = await linksOf(email);
    await footnote.http.post(confirm).expect(200);
    const refused: unknown[] = [];
    for (const {
      origin,
      body: [type, body],
    } of cases) {
      const answer = await from(footnote.http.post(unsubscribe), origin, 'cross-site').type(type).send(body);
      if (answer.status !== 200) refused.push([origin, type, answer.status]);
    }
    expect(refused).toEqual([]);
    expect(await footnote.lists(email)).toEqual({ 'morning-briefing': 'unsubscribed' });
  });
});
