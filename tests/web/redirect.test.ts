import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedOrigin, Footnote } from '../harness/footnote.ts';

describe('where a form goes after the sign-up (A-05)', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start();
  });
  afterAll(() => footnote.stop());

  const locationFor = async (redirect: string) => {
    const answer = await footnote.http
      .post('/subscriptions')
      .type('form')
      .send(
        new URLSearchParams({ email: 'reader@example.com', lists: 'morning-briefing', redirect }).toString(),
      )
      .expect(303);
    return answer.headers['location'];
  };

  it.each([
    [`${allowedOrigin}/thanks`, `${allowedOrigin}/thanks`],
    [`${allowedOrigin}`, `${allowedOrigin}/`],
    [`${allowedOrigin}:443/a?b=c&d=e#f`, `${allowedOrigin}/a?b=c&d=e#f`],
    ['HTTPS://NEWS.EXAMPLE/thanks', `${allowedOrigin}/thanks`],
    [`${allowedOrigin}//evil.example`, `${allowedOrigin}//evil.example`],
    [`${allowedOrigin}\\.evil.example@x`, `${allowedOrigin}/.evil.example@x`],
  ])('follows %s, a page of an allowed site', async (redirect, location) => {
    expect(await locationFor(redirect)).toBe(location);
  });

  const elsewhere = [
    'https://evil.example',
    'http://evil.example/thanks',
    '//evil.example',
    '///evil.example',
    '////evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '\\/evil.example',
    'https:evil.example',
    'https:/evil.example',
    'https:///evil.example',
    'https:\\\\evil.example',
    'http:\\\\evil.example',
    'HTTPS://EVIL.EXAMPLE',
    ' https://evil.example',
    'https://evil.example\t',
    'ht\ntps://evil.example',
    'https:\n//evil.example',
    // Of another origin than the allowed one, however alike.
    'http://news.example/',
    'https://news.example:8443/',
    'https://news.example:80/',
    'https://news.example.evil.example/',
    'https://news.example.',
    'https://evilnews.example/',
    'https://evil-news.example/',
    'https://sub.news.example/',
    'https://news.example@evil.example/',
    'https://news.example:x@evil.example/',
    'https://news.example%40evil.example/',
    'https://news.example%2f@evil.example/',
    'https://evil.example/https://news.example/',
    'https://evil.example?https://news.example',
    'https://evil.example#https://news.example',
    'https://evil.example\\@news.example',
    'https://evil.example\\.news.example',
    'https://evil.example;@news.example',
    'https://evil@news.example/',
    'https://:secret@news.example/',
    'https://nеws.example/',
    'https://news.example%00.evil.example/',
    'https://news%2eexample.evil.example/',
    'https://[::1]/',
    'https://127.0.0.1/',
    'https://0x7f.1/',
    // Not a page at all.
    'javascript:alert(1)',
    'java\nscript:alert(1)',
    'javascript://news.example/%0aalert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:msgbox(1)',
    'file:///etc/passwd',
    'ftp://news.example/',
    'blob:https://news.example/6a2c',
    'filesystem:https://news.example/temporary/',
    'view-source:https://news.example/',
    'about:blank',
    'mailto:a@news.example',
    // Without a site of its own.
    '/thanks',
    'thanks',
    '.',
    '..//evil.example',
    '?next=https://evil.example',
    '#',
    'news.example',
    'null',
    'undefined',
    // With a line break for the header.
    '\r\nLocation: https://evil.example',
    '/thanks\r\nSet-Cookie: a=b',
  ];
  it('goes to our own page instead of anywhere else', async () => {
    const ours = `${footnote.settings.baseUrl}/thanks`;
    const locations = await Promise.all(
      elsewhere.map(async (redirect) => [redirect, await locationFor(redirect)]),
    );
    expect(locations).toEqual(elsewhere.map((redirect) => [redirect, ours]));
  });

  it('cannot be made to write a header of its own', async () => {
    const location = await locationFor(`${allowedOrigin}/a\r\nSet-Cookie: a=b\r\n\r\n<script>`);
    expect(location).toBe(`${allowedOrigin}/aSet-Cookie:%20a=b%3Cscript%3E`);
  });
});
