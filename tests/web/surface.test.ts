import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedOrigin, Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
let pages: string[];
let tokenPages: string[];
beforeAll(async () => {
  footnote = await Footnote.start();
  await footnote.signUp('reader@example.com');
  const { confirm, notMe, unsubscribe, preferences } = await footnote.mailTo('reader@example.com');
  await footnote.http.post(preferences).type('form').send('action=erase').expect(200);
  const { erase } = await footnote.mailTo('reader@example.com');
  tokenPages = [confirm, notMe, unsubscribe, `${unsubscribe}?list=morning-briefing`, preferences, erase];
  pages = ['/', '/thanks', '/my-link', ...tokenPages];
});
afterAll(() => footnote.stop());

describe('every page (A-19, A-28)', () => {
  const directives = (policy: string) =>
    Object.fromEntries(
      policy.split(';').map((directive) => {
        const [name = '', ...values] = directive.trim().split(' ');
        return [name, values];
      }),
    );

  it('allows nothing but its stylesheet, the logo and its forms', async () => {
    for (const path of [...pages, '/confirm/unknown', '/nowhere']) {
      const { headers } = await footnote.http.get(path).set('Accept', 'text/html');
      expect(directives(headers['content-security-policy'] ?? '')).toEqual({
        'default-src': ["'none'"],
        'style-src': ["'self'"],
        'img-src': ["'self'"],
        'form-action': ["'self'", allowedOrigin],
        'frame-ancestors': ["'none'"],
        'base-uri': ["'none'"],
      });
    }
  });

  it('is kept by nobody, indexed by nobody, and tells no other site where the reader was', async () => {
    for (const path of pages) {
      const { headers } = await footnote.http.get(path).expect(200);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-robots-tag': 'noindex',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cross-origin-opener-policy': 'same-origin',
      });
      expect(Object.keys(headers)).not.toContain('set-cookie');
      expect(Object.keys(headers)).not.toContain('etag');
      expect(Object.keys(headers)).not.toContain('x-powered-by');
    }
  });

  it('loads its stylesheet and nothing else, from us (W-03)', async () => {
    for (const path of pages) {
      const { text: page } = await footnote.http.get(path);
      expect(page).not.toMatch(/<script|<style|\sstyle=|\son\w+=|\ssrc=|http-equiv/i);
      expect([...page.matchAll(/<link [^>]*href="([^"]+)"/g)].map(([, href]) => href)).toEqual([
        '/assets/style.css',
      ]);
    }
    const style = await footnote.http.get('/assets/style.css').expect(200);
    expect(style.type).toBe('text/css');
  });

  it('insists on https once it is served by https', async () => {
    const { headers } = await footnote.http.get('/');
    expect(headers['strict-transport-security']).toBeUndefined();
    await footnote.stopService();
    await footnote.startService({ baseUrl: 'https://newsletters.example' });
    const secure = await footnote.http.get('/');
    expect(secure.headers['strict-transport-security']).toMatch(/^max-age=(3153600\d|[4-9]\d{7,})/);
  });
});

/** Any verb and any path, exactly as given: other clients refuse some and mend others. */
function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; allow: string | undefined; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const { port } = footnote.service;
    const asked = request({ host: '127.0.0.1', port, method, path, headers }, async (answer) => {
      const { 'content-type': type = '', allow } = answer.headers;
      resolve({ status: answer.statusCode ?? 0, allow, type, body: await text(answer) });
    });
    asked.on('error', reject).end();
  });
}

describe('the verbs (A-29)', () => {
  const others = ['PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'MKCOL', 'PURGE', 'LINK', 'QUERY'];

  it('are refused where they have no meaning, and change nothing', async () => {
    await footnote.mailsNoted();
    const before = await footnote.fingerprint();
    const routes: [string, string, string[]][] = [
      ...['/', '/thanks', '/lists', '/healthz', '/readyz'].map((path): [string, string, string[]] => [
        path,
        'GET, HEAD',
        [...others, 'POST'],
      ]),
      ['/subscriptions', 'POST', [...others, 'GET', 'HEAD']],
      [`${tokenPages[0]}/renew`, 'POST', [...others, 'GET', 'HEAD']],
      ...['/my-link', ...tokenPages].map((path): [string, string, string[]] => [
        path,
        'GET, HEAD, POST',
        others,
      ]),
    ];
    for (const [path, allow, methods] of routes) {
      for (const method of methods) {
        const answer = await send(method, path);
        expect([method, path, answer.status, answer.allow]).toEqual([method, path, 405, allow]);
        expect(answer.body).not.toMatch(/[0-9a-f]{32}/);
      }
    }
    expect(await footnote.fingerprint()).toEqual(before);
  });

  it('HEAD answers as GET does, without the page', async () => {
    for (const path of [...pages, '/lists', '/unsubscribe/unknown']) {
      const [get, head] = [await footnote.http.get(path), await footnote.http.head(path)];
      expect(head.status).toBe(get.status);
      expect(head.text ?? '').toBe('');
      expect(head.headers['content-length']).toBe(get.headers['content-length']);
    }
  });
});

describe('an error (A-30)', () => {
  const paths = [
    '/nowhere',
    '/confirm',
    '/confirm/',
    '/confirm/a/b',
    '/unsubscribe/a/b',
    '/erase',
    '/not-me/%',
    '/unsubscribe/%E0%A4%A',
    '/preferences/%',
    '/assets/%00',
    '/assets/../web.ts',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/.env',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/<script>alert(1)</script>',
    `/${'a'.repeat(4000)}`,
  ];

  it('is told in the form that was asked for, and nothing of the inside with it', async () => {
    for (const path of paths) {
      for (const [accept, type] of [
        ['text/html,application/xhtml+xml,*/*;q=0.8', 'text/html'],
        ['application/json', 'application/problem+json'],
        ['*/*', 'application/problem+json'],
      ] as const) {
        const answer = await send('GET', path, { Accept: accept });
        expect([path, answer.status]).toEqual([path, expect.toBeOneOf([400, 404])]);
        expect(answer.type).toContain(type);
        expect(answer.body).not.toMatch(/node_modules|\.tsx?\b|\n\s+at |Error:|<script/);
      }
    }
  });
});
