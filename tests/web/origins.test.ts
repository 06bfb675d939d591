import { isIP } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedOrigin, Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
});
afterAll(() => footnote.stop());

describe('where a form may stand (A-06, W-02)', () => {
  const signUpFrom = (origin: string) =>
    footnote.signUp('reader@example.com').set({ Origin: origin, 'Sec-Fetch-Site': 'cross-site' });

  it('is on the allowed sites, on our own, and on pages that tell no origin', async () => {
    for (const origin of [allowedOrigin, new URL(footnote.settings.baseUrl).origin, 'null']) {
      await signUpFrom(origin).expect(202);
    }
  });

  it.each([
    'https://evil.example',
    'http://news.example',
    'https://news.example:8443',
    'https://news.example.evil.example',
    'https://evilnews.example',
    'https://sub.news.example',
    'https://news.example/',
    'file://',
    'https://news.example, https://evil.example',
  ])('is not on %s', async (origin) => {
    const answer = await signUpFrom(origin).expect(403);
    expect(answer.type).toBe('application/problem+json');
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('is told to browsers: allowed sites read the answer, with no cookie and for each origin anew', async () => {
    const answers = [
      await signUpFrom(allowedOrigin),
      await footnote.signUp('bad').set('Origin', allowedOrigin).expect(422),
      await footnote.http.get('/lists').set('Origin', allowedOrigin).expect(200),
      await footnote.http
        .options('/subscriptions')
        .set({
          Origin: allowedOrigin,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'content-type',
        })
        .expect(204),
    ];
    for (const { headers } of answers) {
      expect(headers['access-control-allow-origin']).toBe(allowedOrigin);
      expect(headers['vary']).toContain('Origin');
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      expect(headers['set-cookie']).toBeUndefined();
    }
    expect(answers.at(-1)?.headers['access-control-allow-headers']).toBe('content-type');
  });

  it('is told to browsers: other sites read nothing', async () => {
    for (const origin of ['https://evil.example', 'null']) {
      const answers = [
        await footnote.http.get('/lists').set('Origin', origin),
        await footnote.http
          .options('/subscriptions')
          .set({ Origin: origin, 'Access-Control-Request-Method': 'POST' }),
      ];
      for (const { headers } of answers) {
        expect(headers['access-control-allow-origin']).toBeUndefined();
        expect(headers['vary']).toContain('Origin');
      }
    }
  });
});

describe('what a request says of its host (A-24)', () => {
  it('never gets into a link', async () => {
    const poison = {
      Host: 'evil.example',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'https',
      Forwarded: 'host=evil.example;proto=https',
      'X-Original-URL': '/evil',
    };
    const answer = await footnote.http
      .post('/subscriptions')
      .set(poison)
      .type('form')
      .send('email=host%40example.com&lists=morning-briefing')
      .expect(303);
    expect(answer.headers['location']).toBe(`${footnote.settings.baseUrl}/thanks`);
    const { mail, confirm } = await footnote.mailTo('host@example.com');
    expect(mail.source.toString()).not.toContain('evil');
    const links = [...`${mail.html} ${mail.text}`.matchAll(/https?:\/\/[^/\s"]+/g)].map(([origin]) => origin);
    expect(new Set(links.filter((link) => !link.includes('w3.org')))).toEqual(
      new Set([footnote.settings.baseUrl]),
    );
    const page = await footnote.http.post(confirm).set(poison).expect(200);
    expect(page.text).not.toContain('evil');
  });
});

describe('the address that is kept as evidence (A-23, C-06)', () => {
  let people = 0;
  /** What the ledger keeps of a sign-up and an opt-out that came with these headers. */
  async function evidence(headers: Record<string, string>): Promise<(string | null)[]> {
    people += 1;
    const email = `evidence.${people}@example.com`;
    await footnote.signUp(email).set(headers).expect(202);
    const { unsubscribe } = await footnote.mailTo(email);
    await footnote.http.post(unsubscribe).set(headers).expect(200);
    const rows = await footnote.service.database.query<{ ip: string | null }>(
      `SELECT ip FROM consent_evidence JOIN consent_events event USING (subscriber_id, seq)
        WHERE email = $1 AND event.kind <> 'mailed' ORDER BY seq`,
      [email],
    );
    return rows.map(({ ip }) => ip);
  }
  const forged = {
    'X-Forwarded-For': '198.51.100.7',
    'X-Real-IP': '198.51.100.8',
    Forwarded: 'for=198.51.100.9',
    'CF-Connecting-IP': '198.51.100.10',
    'X-Client-IP': '198.51.100.11',
  };

  it('is that of the connection, whatever a client claims', async () => {
    expect(await evidence(forged)).toEqual(['127.0.0.1', '127.0.0.1']);
    expect(await evidence({ 'X-Forwarded-For': '<script>' })).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  describe('behind a trusted proxy', () => {
    beforeAll(async () => {
      await footnote.stopService();
      await footnote.startService({ trustProxy: ['127.0.0.0/8', '10.0.0.0/8'] });
    });

    it.each([
      ['what the proxy saw', '198.51.100.7', '198.51.100.7'],
      ['not what the client put before it', '203.0.113.1, 198.51.100.7', '198.51.100.7'],
      ['seen through a chain of trusted ones', '203.0.113.1, 198.51.100.7, 10.1.2.3', '198.51.100.7'],
      ['an IPv6 address', '2001:db8::7', '2001:db8::7'],
      ['without the port that some proxies add', '198.51.100.7:4711', '198.51.100.7'],
      ['without the port of an IPv6 address', '[2001:db8::7]:4711', '2001:db8::7'],
      ['an IPv4 address in IPv6 clothes', '::ffff:198.51.100.7', '198.51.100.7'],
    ])('is %s', async (_, forwarded, ip) => {
      expect(await evidence({ ...forged, 'X-Forwarded-For': forwarded })).toEqual([ip, ip]);
    });

    it.each(['nonsense', '<script>alert(1)</script>', '999.1.1.1', 'unknown', '_hidden', 'a'.repeat(500)])(
      'is nothing rather than %s',
      async (forwarded) => {
        expect(await evidence({ 'X-Forwarded-For': forwarded })).toEqual([null, null]);
      },
    );
  });

  it('was valid in every single case', async () => {
    const rows = await footnote.service.database.query<{ ip: string }>(
      'SELECT DISTINCT ip FROM consent_evidence WHERE ip IS NOT NULL',
    );
    expect(rows.length).toBeGreaterThan(2);
    for (const { ip } of rows) expect(isIP(ip), ip).not.toBe(0);
  });
});
