import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { key } from '../harness/admin.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';

// A server that is away or full is played by the server itself.
describe.skipIf(inject('server') === null)('a PostgreSQL that is away or full', () => {
  let footnote: Footnote;
  let elsewhere: pg.Client;
  let name: string;
  beforeAll(async () => {
    footnote = await Footnote.start({ ADMIN_API_KEY: key });
    const url = new URL(footnote.database.kind === 'postgres' ? footnote.database.url : '');
    name = pg.escapeIdentifier(url.pathname.slice(1));
    url.pathname = '/postgres';
    elsewhere = new pg.Client({ connectionString: url.href });
    await elsewhere.connect();
  });
  afterAll(async () => {
    await elsewhere.end();
    await footnote.stop();
  });

  /** Ends every connection to the database of this Footnote, which then makes new ones where it may. */
  const cutOff = () =>
    elsewhere.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE quote_ident(datname) = $1 OR datname = $1',
      [name.replaceAll('"', '')],
    );

  const html = (path: string) => footnote.http.get(path).set('Accept', 'text/html');
  const asIfSignedIn = (path: string) => html(path).set('Cookie', `footnote-admin=${'A'.repeat(43)}`);
  const here = () => ({
    Origin: new URL(footnote.settings.baseUrl).origin,
    'Sec-Fetch-Site': 'same-origin',
    Accept: 'text/html',
  });

  describe('away', () => {
    beforeEach(async () => {
      await elsewhere.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await cutOff();
      await eventually(() => footnote.http.get('/readyz').expect(503));
    });
    afterEach(async () => {
      await elsewhere.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
      await eventually(() => footnote.http.get('/readyz').expect(200));
    });

    it('is what the dashboard says, with where it stands what to do, and nothing of the inside', async () => {
      const { text, headers } = await asIfSignedIn('/admin').expect(503);
      expect(text).toContain('database: It does not answer');
      expect(text).toContain('docs/operations.md');
      expect(text).toContain('<q>Database down</q>');
      expect(text).not.toMatch(/not currently accepting|127\.0\.0\.1/);
      expect(headers['cache-control']).toBe('no-store');
      const { body } = await footnote.http.get('/readyz').expect(503);
      expect(body).toMatchObject({ status: 'not ready', database: 'out of reach' });
    });

    it('is no affair of whoever reads another page', async () => {
      const { text } = await html('/').expect(500);
      expect(text).not.toContain('database');
    });
  });

  describe('full', () => {
    beforeEach(async () => {
      const { database } = footnote.service;
      await database.query(
        `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$`,
      );
      for (const table of ['subscribers', 'admin_sessions'])
        await database.query(
          `CREATE TRIGGER full_disk BEFORE INSERT ON ${table} EXECUTE FUNCTION full_disk()`,
        );
      await database.query('CREATE SCHEMA shadow');
      await database.query(
        `CREATE FUNCTION shadow.generate_series(int, int) RETURNS SETOF int LANGUAGE plpgsql AS
           $$ BEGIN RAISE disk_full; END $$`,
      );
      await elsewhere.query(`ALTER DATABASE ${name} SET search_path = shadow, pg_catalog, public`);
      await cutOff();
    });
    afterEach(async () => {
      await elsewhere.query(`ALTER DATABASE ${name} RESET search_path`);
      await cutOff();
    });

    it('takes the node out of the balancer, and is what whoever cannot sign in is told', async () => {
      await eventually(async () => {
        const { body } = await footnote.http.get('/readyz').expect(503);
        expect(body).toMatchObject({ status: 'not ready', database: 'full' });
      });
      await footnote.signUp('reader@example.com').expect(500);

      const { text } = await footnote.http
        .post('/admin/sign-in')
        .set(here())
        .type('form')
        .send({ key })
        .expect(503);
      expect(text).toContain('The disk of the database is full');
      expect(text).toContain('df -h');
      expect(text).toContain('<q>Disk full, or nearly</q>');
    });
  });
});
