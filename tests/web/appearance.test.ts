import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accentOf } from '../../src/site/accent.ts';
import { Footnote } from '../harness/footnote.ts';
import { scratchFolder } from '../harness/scratch.ts';

/** As much of a PNG of 480 × 160 as tells what it is (PNG 3, § 11.2.1). */
const png = Buffer.concat([
  Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'),
  Buffer.from([0, 0, 1, 0xe0, 0, 0, 0, 0xa0, 1, 0, 0, 0, 0]),
]);
const colour = '#A51C30';

describe('the publisher’s logo and colour', () => {
  let footnote: Footnote;
  let folder: string;
  beforeAll(async () => {
    folder = await scratchFolder('logo');
    await writeFile(path.join(folder, 'logo.png'), png);
    footnote = await Footnote.start({
      PUBLICATION_LOGO: path.join(folder, 'logo.png'),
      PUBLICATION_COLOR: colour,
      PUBLICATION_URL: 'https://daily.example/',
    });
  });
  afterAll(async () => {
    await footnote.stop();
    await rm(folder, { recursive: true });
  });

  it('are in the one stylesheet, for light and for dark', async () => {
    const style = await footnote.http.get('/assets/style.css').expect(200);
    expect(style.type).toBe('text/css');
    const { light, dark } = accentOf(colour);
    expect(light.accent).toBe(colour.toLowerCase());
    const [, own = '', inDark = ''] =
      /\n:root \{([^}]*)\}\n@media[^{]*dark\) \{ :root \{([^}]*)\}/.exec(style.text) ?? [];
    expect(own).toContain(`--accent: ${light.accent};`);
    expect(own).toContain(`--on-accent: ${light.on};`);
    expect(inDark).toContain(`--accent: ${dark.accent};`);
  });

  it('are kept by browsers until they change', async () => {
    for (const file of ['style.css', 'logo.png']) {
      const { headers } = await footnote.http.get(`/assets/${file}`).expect(200);
      expect(headers['cache-control']).toBe('public, max-age=3600');
      const again = await footnote.http.get(`/assets/${file}`).set('If-None-Match', headers['etag'] ?? '');
      expect([file, again.status]).toEqual([file, 304]);
    }
  });

  it('are shown by the logo on every page, from us, with the way home (W-03)', async () => {
    await footnote.signUp('reader@example.com').expect(202);
    const { confirm, preferences } = await footnote.mailTo('reader@example.com');
    for (const link of ['/', '/thanks', '/my-link', confirm, preferences, '/confirm/x']) {
      const { text } = await footnote.http.get(link);
      expect([...text.matchAll(/\ssrc="([^"]*)"/g)].map(([, source]) => source)).toEqual([
        '/assets/logo.png',
      ]);
      expect(text).toMatch(
        /<header><p><a href="https:\/\/daily\.example\/"><img [^>]*width="120" height="40"[^>]*alt="The Daily Example"/,
      );
    }
  });

  it('are loaded by mails as well, in webmail of another origin', async () => {
    await footnote.signUp('webmail@example.com').expect(202);
    const { mail } = await footnote.mailTo('webmail@example.com');
    expect(mail.html).toContain(`src="${footnote.settings.baseUrl}/assets/logo.png"`);
    expect(mail.html).toContain(colour.toLowerCase());
    const logo = await footnote.http.get('/assets/logo.png').expect(200);
    expect(logo.type).toBe('image/png');
    expect(logo.headers['cross-origin-resource-policy']).toBe('cross-origin');
    expect(logo.body).toEqual(png);
  });

  it('are the name and our own colour where none are set', async () => {
    const { logo, colour: own, ...publication } = footnote.settings.publication;
    expect([logo?.width, own]).toEqual([480, colour.toLowerCase()]);
    await footnote.stopService();
    await footnote.startService({
      publication: { ...publication, logo: null, url: null, colour: '#1c4f82' },
    });
    await footnote.http.get('/assets/logo.png').expect(404);
    const page = await footnote.http.get('/').expect(200);
    expect(page.text).not.toContain('<img');
    expect(page.text).toMatch(/<header><p>(<bdi>)?The Daily Example/);
  });
});
