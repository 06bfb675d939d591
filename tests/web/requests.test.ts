import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';

const made = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

describe('a request', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start({ ADMIN_API_KEY: key, TRUST_PROXY: 'loopback', LOG_LEVEL: 'error' });
  });
  afterAll(() => footnote.stop());

  const idOf = async (sent?: string) => {
    const asked = footnote.http.get('/nowhere');
    const { headers } = await (sent === undefined ? asked : asked.set('X-Request-Id', sent));
    return headers['x-request-id'];
  };

  it('has an id of its own, or the one that a trusted proxy gave it', async () => {
    expect(await idOf()).toMatch(made);
    expect(await idOf()).not.toBe(await idOf());
    expect(await idOf('4bf92f3577b34da6-a3ce929d0e0e4736')).toBe('4bf92f3577b34da6-a3ce929d0e0e4736');
  });

  it.each(['short', 'reader@example.com', 'two words here', 'x'.repeat(65), '{"level":60}'])(
    'has an id of its own when %j came along, which is none (A-26)',
    async (sent) => expect(await idOf(sent)).toMatch(made),
  );

  it('that fails is found in the log by its id', async () => {
    const { database } = footnote.service;
    await database.query('ALTER TABLE mailing_lists RENAME TO mislaid');
    try {
      const { headers } = await footnote.http.get('/lists').expect(500);
      expect(footnote.logged).toContain(`"request":"${headers['x-request-id']}"`);
    } finally {
      await database.query('ALTER TABLE mislaid RENAME TO mailing_lists');
    }
  });

  it('is counted by the pattern of its route and by known verbs, never by its path', async () => {
    const authorization = { Authorization: `Bearer ${key}` };
    const secret = 'f'.repeat(40);
    await footnote.http.get(`/confirm/${secret}`);
    await footnote.http.get('/admin/api/subscribers/none').set(authorization).expect(404);
    await footnote.http.get('/admin/api/lists').set(authorization).expect(200);
    await footnote.http.get(`/nowhere/${secret}`).expect(404);
    const { text } = await footnote.http.get('/metrics').set(authorization).expect(200);
    for (const series of [
      'route="/confirm/:token",method="GET",status="4xx"',
      'route="/admin/api/subscribers/:id",method="GET",status="4xx"',
      'route="/admin/api/lists",method="GET",status="2xx"',
      'route="unmatched",method="GET",status="4xx"',
    ])
      expect(text).toContain(`footnote_http_requests_total{${series}}`);
    expect(text).toContain(
      'footnote_http_request_duration_seconds_bucket{le="0.01",route="/admin/api/lists"}',
    );
    expect(text).not.toContain(secret);
  });
});

describe('a request that no trusted proxy sent', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start();
  });
  afterAll(() => footnote.stop());

  it('brings no id of its own (A-23)', async () => {
    const { headers } = await footnote.http.get('/healthz').set('X-Request-Id', '4bf92f3577b34da6-a3ce');
    expect(headers['x-request-id']).toMatch(made);
  });
});
