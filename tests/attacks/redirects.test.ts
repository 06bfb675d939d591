import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { safeRedirect } from '../../src/web/sign-up.ts';
import { Footnote } from '../harness/footnote.ts';

/** Three that differ in all that an origin consists of. */
const allowed = ['https://news.example', 'http://localhost:8080', 'https://xn--mnchen-3ya.example'];

let footnote: Footnote;
let ours: string;
beforeAll(async () => {
  footnote = await Footnote.start({ ALLOWED_ORIGINS: allowed.join(',') });
  ours = `${footnote.settings.baseUrl}/thanks`;
});
afterAll(() => footnote.stop());

const sendForm = (fields: [string, string][], path = '/subscriptions') =>
  footnote.http
    .post(path)
    .type('form')
    .send(
      new URLSearchParams([
        ['email', 'reader@example.com'],
        ['lists', 'morning-briefing'],
        ...fields,
      ]).toString(),
    );

async function locationFor(...fields: [string, string][]): Promise<string> {
  const { headers, status } = await sendForm(fields);
  expect(status).toBe(303);
  return headers['location'] ?? '';
}

/** Why a browser that came from our form would not end where it may; null when it does. */
function offList(location: string): string | null {
  // Nothing in it that an older browser or a proxy reads differently from the standard.
  if (!/^https?:\/\/[a-z\d.-]+(:\d+)?\/[!-~]*$/.test(location)) return 'not a plain address';
  const { origin, username, password } = new URL(location, `${ours}/base`);
  if (username !== '' || password !== '') return 'with a user';
  return [...allowed, new URL(ours).origin].includes(origin) ? null : `leads to ${origin}`;
}

// Every payload stands for a way to write "elsewhere" that some software did not recognise.
const host = 'evil.example';
const payloads = [
  // Without a scheme, or with half of one.
  ...[
    '//',
    '///',
    '////',
    '/\\',
    '\\/',
    '\\\\',
    '/\t/',
    '/\n/',
    '/\r/',
    '\t//',
    '/.//',
    './/',
    '..//',
    './/../',
    '/%2f',
    '%2f%2f',
    '/%5c',
    '%5c%5c',
  ].map((slashes) => `${slashes}${host}`),
  ...[
    'https:',
    'https:/',
    'https:///',
    'https:\\',
    'https:\\\\',
    'https:/\\',
    'http:',
    'HTTPS://',
    'hTTps:\t//',
    'https:\n//',
    'h\rttps://',
    '\u0001https://',
    ' https://',
    '\u00a0https://',
    '\ufeffhttps://',
    'https ://',
    '://',
    ':',
    'https%3a//',
    'https://%09',
  ].map((scheme) => `${scheme}${host}`),
  // With an allowed host somewhere in it.
  ...allowed.flatMap((origin) => [
    `${origin}.${host}`,
    `${origin}@${host}`,
    `${origin}:x@${host}`,
    `${origin}%40${host}`,
    `${origin}%2f@${host}`,
    `${origin}%23@${host}`,
    `${origin}%3f@${host}`,
    `${origin}%5c@${host}`,
    `${origin}\t.${host}`,
    `${origin}\u3002${host}`,
    `${origin}\uff0e${host}`,
    `${origin}.`,
    `${origin}./`,
    `${origin}\u2024${host}/`,
    `https://${host}/${origin}`,
    `https://${host}?${origin}`,
    `https://${host}#${origin}`,
    `https://${host}\\${origin}`,
    `https://${host}\\@${new URL(origin).host}`,
    `https://${host}/@${new URL(origin).host}`,
    `https://${host}#@${new URL(origin).host}`,
    `https://evil${new URL(origin).host}`,
    `https://sub.${new URL(origin).host}`,
    `https://user@${new URL(origin).host}`,
    `https://:secret@${new URL(origin).host}`,
    `blob:${origin}/1`,
    `filesystem:${origin}/temporary/`,
    `javascript://${new URL(origin).host}/%0aalert(1)`,
    `data:${origin},x`,
    `view-source:${origin}/`,
    `feed:${origin}/`,
    `ws://${new URL(origin).host}/`,
    `${origin.replace(/^(https?)/, (scheme) => (scheme === 'http' ? 'https' : 'http'))}/`,
    `${origin.replace(/(:8080)?$/, ':8443')}/`,
    encodeURIComponent(`${origin}/`),
    `"${origin}"`,
    `${origin} https://${host}`.replace(origin, 'x:'),
  ]),
  // Hosts that are addresses or look like an allowed name.
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'http://127.0.0.1:8080/',
  'http://0x7f000001:8080/',
  'http://2130706433:8080/',
  'http://0:8080/',
  'http://localhost/',
  'http://localhost:80/',
  'http://localhost.:8080/',
  'https://n\u0435ws.example/',
  'https://news\u00b7example/',
  'https://news-example/',
  'https://m\u00fcnchen.example.evil.example/',
  'https://xn--mnchen-3ya.example.evil.example/',
  'https://muenchen.example/',
  // Not an address of a page.
  'javascript:alert(1)',
  'java\tscript:alert(1)',
  'JaVaScRiPt:alert(1)',
  '\u0000javascript:alert(1)'.slice(1),
  'data:text/html;base64,PHNjcmlwdD4=',
  'vbscript:x',
  'about:blank',
  'file:///etc/passwd',
  'mailto:a@news.example',
  'intent://evil.example#Intent;scheme=https;end',
  // Relative ones lead nowhere, as it is not known from where.
  '/thanks',
  '/',
  'x',
  '.',
  '..',
  '?redirect=//evil.example',
  '#evil',
  'news.example',
  '*',
];

describe('redirects (A-05)', () => {
  it('lead off the list for no payload', async () => {
    const answers = await Promise.all(
      payloads.map(async (redirect) => {
        const { status, headers } = await sendForm([['redirect', redirect]]);
        return { redirect, status, location: headers['location'] };
      }),
    );
    // What is no proper field is refused, and a page comes instead.
    const wrong = answers.filter(({ status, location }) =>
      status === 422 ? location !== undefined : status !== 303 || location !== ours,
    );
    expect(wrong).toEqual([]);
    expect(payloads.length).toBeGreaterThan(60);
  });

  it.each([
    ['https://news.example', 'https://news.example/'],
    [
      'https://news.example/a/b?c=d&e=%2F%2Fevil.example#f',
      'https://news.example/a/b?c=d&e=%2F%2Fevil.example#f',
    ],
    ['https://news.example/?next=https://evil.example', 'https://news.example/?next=https://evil.example'],
    ['HTTPS://NEWS.EXAMPLE:443/Thanks', 'https://news.example/Thanks'],
    ['http://localhost:8080/danke', 'http://localhost:8080/danke'],
    ['https://m\u00fcnchen.example/gr\u00fc\u00dfe', 'https://xn--mnchen-3ya.example/gr%C3%BC%C3%9Fe'],
    ['https://news.example\\a', 'https://news.example/a'],
    ['https://\uff4eews.example/', 'https://news.example/'],
    ['https://news.exam\u00adple/', 'https://news.example/'],
    [' https://news.example/a\r\nSet-Cookie: a=b ', 'https://news.example/aSet-Cookie:%20a=b'],
  ])('lead to %j, which a browser reads as a page of an allowed site', async (redirect, location) => {
    expect(await locationFor(['redirect', redirect])).toBe(location);
    expect(offList(location)).toBeNull();
  });

  it('lead to a page of our own', async () => {
    const page = `${footnote.settings.baseUrl}/?locale=de`;
    expect(await locationFor(['redirect', page])).toBe(page);
  });

  it('lead off the list for nothing that can be put together of dangerous pieces', () => {
    const piece = fc.constantFrom(
      ...[
        'https:',
        'http:',
        'javascript:',
        'blob:',
        '/',
        '//',
        '\\',
        '@',
        ':',
        '.',
        '..',
        '?',
        '#',
        '%',
        '%2f',
        '%5c',
        '%40',
      ],
      ...[
        '%00',
        '\t',
        '\n',
        '\r',
        ' ',
        '\u00ad',
        '\u200b',
        '\u3002',
        '\uff0f',
        '\u2215',
        '[::1]',
        '8080',
        '443',
        'evil.example',
      ],
      ...[
        'news.example',
        'https://news.example',
        'localhost',
        'localhost:8080',
        'm\u00fcnchen.example',
        'user',
      ],
    );
    const origins = [...allowed, new URL(ours).origin];
    let honest = 0;
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
        const location = safeRedirect(pieces.join(''), origins);
        if (location === null) return;
        honest += 1;
        expect(offList(location)).toBeNull();
      }),
      { numRuns: 5000 },
    );
    expect(honest).toBeGreaterThan(0);
  });

  it('are asked for by the one field alone, and once', async () => {
    const evil = `https://${host}/`;
    const others = [
      'next',
      'url',
      'return',
      'returnTo',
      'return_to',
      'continue',
      'goto',
      'Redirect',
      'redirect[]',
      'redirect[0]',
      'callback',
    ];
    for (const name of others) expect([name, await locationFor([name, evil])]).toEqual([name, ours]);
    const page = 'https://news.example/';
    for (const twice of [
      [page, evil],
      [evil, page],
      [evil, evil],
    ]) {
      const { status, headers } = await sendForm(twice.map((redirect) => ['redirect', redirect]));
      expect([status, headers['location']]).toEqual([422, undefined]);
    }
    const query = await sendForm([], `/subscriptions?redirect=${encodeURIComponent(evil)}`);
    expect(query.headers['location']).toBe(ours);
    const referred = await sendForm([]).set({ Referer: evil, 'X-Forwarded-Host': host, Host: host });
    expect(referred.headers['location']).toBe(ours);
    // A page of another language is chosen by a field as well.
    expect(await locationFor(['locale', 'de'])).toBe(`${ours}?locale=de`);
  });

  it('are no answer to a program, nor of any other route', async () => {
    const evil = `https://${host}/`;
    const json = await footnote
      .signUp('json@example.com', ['morning-briefing'], { redirect: evil })
      .expect(202);
    expect(json.headers['location']).toBeUndefined();

    const asked = `redirect=${encodeURIComponent(evil)}&next=${encodeURIComponent(evil)}`;
    const { confirm, notMe, unsubscribe, preferences } = await footnote.mailTo('json@example.com');
    const pages = [
      '/',
      '/thanks',
      '/lists',
      '/my-link',
      '/docs/form',
      confirm,
      notMe,
      unsubscribe,
      preferences,
    ];
    const paths = [
      ...pages.map((path) => `${path}?${asked}`),
      // Servers of files like to add a slash, and so lead away from themselves.
      ...[
        '//evil.example',
        '//evil.example/%2e%2e',
        '/\\evil.example/',
        '/assets',
        '/assets/',
        '/assets//evil.example/..',
      ],
      ...[
        '/assets//evil.example',
        '/assets/%2e%2e//evil.example',
        '/%09/evil.example',
        '/%5cevil.example/',
        '/https://evil.example',
      ],
    ];
    for (const path of paths) {
      const { headers, status } = await footnote.http.get(path).redirects(0);
      expect([path, headers['location'], headers['refresh']]).toEqual([path, undefined, undefined]);
      expect([path, status]).toEqual([path, expect.toBeOneOf([200, 400, 404])]);
    }
    for (const path of [confirm, preferences, notMe, unsubscribe]) {
      const { headers } = await footnote.http.post(`${path}?${asked}`).type('form').send(asked).expect(200);
      expect([path, headers['location']]).toEqual([path, undefined]);
    }
  });
});
