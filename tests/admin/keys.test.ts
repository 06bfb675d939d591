import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/consent/ledger.ts';
import { key, operator } from '../harness/admin.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
});
afterAll(() => footnote.stop());

const as = (holder: string) => ({
  get: (path: string) => footnote.http.get(`/admin/api${path}`).auth(holder, { type: 'bearer' }),
  post: (path: string, body: object = {}) =>
    footnote.http.post(`/admin/api${path}`).auth(holder, { type: 'bearer' }).send(body),
  put: (path: string, body: object) =>
    footnote.http.put(`/admin/api${path}`).auth(holder, { type: 'bearer' }).send(body),
  delete: (path: string) => footnote.http.delete(`/admin/api${path}`).auth(holder, { type: 'bearer' }),
});
const make = async (name: string, ...scopes: string[]) =>
  (await as(key).post('/keys', { name, scopes }).expect(201)).body as { id: string; key: string };

/** The newest entries of the audit log, oldest of them first. */
async function audited(count: number) {
  const { body } = await as(key).get(`/audit?limit=${count}`).expect(200);
  return body.entries.toReversed() as { key: string; operation: string; target: object; status: number }[];
}

describe('a key of the admin API', () => {
  it('does what its scopes say, and no more', async () => {
    const reader = as((await make('reader', 'read')).key);
    await reader.get('/lists').expect(200);
    const { body } = await reader.post('/lists', { slug: 'x', name: 'X' }).expect(403);
    expect(body.detail).toBe('This needs a key of scope write; yours is for read.');
    await footnote.http
      .get('/metrics')
      .auth((await make('prometheus', 'read')).key, { type: 'bearer' })
      .expect(200);
    await footnote.http
      .get('/metrics')
      .auth((await make('writer', 'write')).key, { type: 'bearer' })
      .expect(403);
  });

  it('is kept by its digest alone (A-20)', async () => {
    const made = await make('kept', 'read');
    expect(made.key).toMatch(/^footnote_[\w-]{43}$/);
    expect(await footnote.dump()).not.toContain(made.key.slice('footnote_'.length));
    const { digest } = await footnote.service.database.prisma.adminKey.findUniqueOrThrow({
      where: { id: made.id },
    });
    expect(digest).toBe(sha256(made.key));
  });

  it('never works again once it is revoked, and stays listed', async () => {
    const made = await make('gone', 'read');
    await as(made.key).get('/lists').expect(200);
    await as(key).delete(`/keys/${made.id}`).expect(200);
    await as(made.key).get('/lists').expect(401);
    const { body } = await as(key).get('/keys').expect(200);
    expect(body.keys.find(({ id }: { id: string }) => id === made.id)).toMatchObject({
      name: 'gone',
      revokedAt: expect.any(String),
    });
  });

  it('shows when it was last used, to the minute', async () => {
    const made = await make('used', 'read');
    const lastUse = async () =>
      (await footnote.service.database.prisma.adminKey.findUniqueOrThrow({ where: { id: made.id } }))
        .lastUsedAt;
    expect(await lastUse()).toBeNull();
    await as(made.key).get('/lists').expect(200);
    const first = await lastUse();
    expect(first).not.toBeNull();
    await as(made.key).get('/lists').expect(200);
    expect(await lastUse()).toEqual(first);
    footnote.advance(61_000);
    await as(made.key).get('/lists').expect(200);
    expect(await lastUse()).not.toEqual(first);
  });

  it('makes keys of no more scopes than it has itself', async () => {
    const writer = as((await make('no eraser', 'read', 'write')).key);
    const { body } = await writer.post('/keys', { name: 'eraser', scopes: ['erase'] }).expect(403);
    expect(body.detail).toBe('Your own key is not for erase.');
    await writer.post('/keys', { name: 'helper', scopes: ['write'] }).expect(201);
  });

  it('has a name of its own, which the key of the settings keeps for itself', async () => {
    await make('twice', 'read');
    await as(key)
      .post('/keys', { name: 'twice', scopes: ['read'] })
      .expect(409);
    await as(key)
      .post('/keys', { name: 'ADMIN_API_KEY', scopes: ['read'] })
      .expect(409);
    const { body } = await as(key).post('/keys', { name: ' ', scopes: [] }).expect(422);
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(['name', 'scopes']);
  });
});

describe('the audit log', () => {
  it('tells of every change: by which key, what, to what, and how it ended', async () => {
    const editor = await make('the editor', 'read', 'write');
    await as(editor.key).post('/lists', { slug: 'audited', name: 'Audited' }).expect(201);
    await as(editor.key).post('/lists', { slug: 'audited', name: 'Again' }).expect(409);
    await as(editor.key).post('/lists/audited/archive').expect(200);
    expect(await audited(3)).toMatchObject([
      { key: 'the editor', operation: 'lists.create', target: { slug: 'audited' }, status: 201 },
      { key: 'the editor', operation: 'lists.create', target: { slug: 'audited' }, status: 409 },
      { key: 'the editor', operation: 'lists.archive', target: { slug: 'audited' }, status: 200 },
    ]);
  });

  it('tells what was made, so that it can be found again', async () => {
    const thief = await make('thief', 'read', 'read', 'write');
    await as(key).delete(`/keys/${thief.id}`).expect(200);
    const wish = { digest: '0'.repeat(64), file: 'readers.csv', lists: ['weekend-reads'], source: 'a test' };
    const { id } = (await as(key).post('/imports', wish).expect(200)).body;
    const compared = (await as(key).post('/sync/reconcile', { dryRun: true }).expect(202)).body;
    const wording = { text: 'I would like the newsletters.' };
    const { version } = (await as(key).put('/consent-texts/en', wording).expect(200)).body;
    expect((await audited(5)).map(({ operation, target }) => [operation, target])).toEqual([
      ['keys.create', { id: thief.id, name: 'thief', scopes: 'read,read,write' }],
      ['keys.revoke', { id: thief.id, name: 'thief' }],
      ['imports.begin', { id }],
      ['sync.reconcile', { id: compared.id, kind: 'full', dryRun: 'true' }],
      ['consent.edit', { locale: 'en', version }],
    ]);
  });

  it('is read page by page', async () => {
    const first = (await as(key).get('/audit?limit=2').expect(200)).body;
    const second = (await as(key).get(`/audit?limit=2&cursor=${first.next}`).expect(200)).body;
    const ids = [...first.entries, ...second.entries].map(({ id }: { id: string }) => Number(id));
    expect(ids).toHaveLength(4);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    await as(key).get('/audit?cursor=x').expect(422);
  });

  it('is never altered, by the database itself', async () => {
    const { database } = footnote.service;
    await expect(database.query(`UPDATE audit_entries SET key = 'somebody else'`)).rejects.toThrow(
      'an audit entry is never altered',
    );
    await expect(database.query('UPDATE audit_entries SET status = NULL')).rejects.toThrow(
      'an audit entry is never altered',
    );
    const under = { at: new Date(), key: 'k', operation: 'lists.create', target: { slug: 'the-slug' } };
    const { id } = await database.prisma.auditEntry.create({ data: under });
    const close = (target: object) =>
      database.prisma.auditEntry.update({ where: { id }, data: { status: 201, target } });
    await expect(close({ slug: 'another' })).rejects.toThrow('an audit entry is never altered');
    await expect(close({})).rejects.toThrow('an audit entry is never altered');
    await close({ slug: 'the-slug', id: '1' });
    await expect(close({ slug: 'the-slug', id: '1', more: '2' })).rejects.toThrow('never altered');
  });
});

describe('a write under an Idempotency-Key', () => {
  const write = (name: string, body: object, path = '/lists') =>
    as(key).post(path, body).set('Idempotency-Key', name);

  it('happens once, and its repeat is answered alike', async () => {
    const list = { slug: 'once', name: 'Once' };
    const first = await write('a', list).expect(201);
    const again = await write('a', list).expect(201);
    expect(again.body).toEqual(first.body);
    expect((await audited(1))[0]).toMatchObject({ operation: 'lists.create', status: 201 });
    await write('another', list).expect(409);
  });

  it('is refused with another request under the same key, and with a key that is none', async () => {
    await write('b', { slug: 'b-list', name: 'B' }).expect(201);
    await write('b', { slug: 'c-list', name: 'C' }).expect(422);
    await write('x'.repeat(256), { slug: 'd-list', name: 'D' }).expect(400);
  });

  it('may be tried again after it failed', async () => {
    await write('c', { slug: 'Not A Slug', name: 'X' }).expect(422);
    await write('d', { slug: 'once', name: 'X' }).expect(409);
    await write('d', { slug: 'once', name: 'X' }).expect(409);
    await write('c', { slug: 'a-slug', name: 'X' }).expect(201);
  });

  it('happens once also when it comes many times at the same moment', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => write('e', { slug: 'at-once', name: 'At Once' })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status !== 201 && status !== 409)).toEqual([]);
    expect(statuses).toContain(201);
    await write('e', { slug: 'at-once', name: 'At Once' }).expect(201);
  });

  it('tells a new key once, and stores it nowhere (A-20)', async () => {
    const wish = { name: 'told once', scopes: ['read'] };
    const { body } = await write('f', wish, '/keys').expect(201);
    const again = await write('f', wish, '/keys').expect(409);
    expect(again.body.detail).toContain('told only once');
    expect(await footnote.dump()).not.toContain(body.key.slice('footnote_'.length));
  });

  it('is forgotten after a day', async () => {
    await write('g', { slug: 'g-list', name: 'G' }).expect(201);
    const { database, duties } = footnote.service;
    footnote.advance(25 * 3_600_000);
    await duties.run('housekeeping');
    await eventually(async () => expect(await database.prisma.idempotentAnswer.count()).toBe(0));
    await write('g', { slug: 'g-list', name: 'G' }).expect(409);
  });
});

describe('the scripts for keys', () => {
  it('make, list and revoke them, and show what they did', async () => {
    const admin = operator(footnote);
    const made = await admin('keys', 'create', 'laptop', '--scope', 'read', 'write', '--json');
    expect(made.code).toBe(0);
    const { key: text } = JSON.parse(made.out);
    const laptop = operator(footnote, text);
    expect((await laptop('lists', 'create', 'by-laptop', '--name', 'By Laptop')).code).toBe(0);
    expect((await admin('keys', 'ls')).out).toMatch(/^laptop +read,write +used \d{4}-/m);
    expect((await admin('audit', '--limit', '1')).out).toMatch(
      / laptop +lists\.create +slug=by-laptop +done$/m,
    );
    expect((await admin('keys', 'revoke', 'laptop')).out).toMatch(/^laptop .* revoked /m);
    const refused = await laptop('lists', 'ls');
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/^the key in ADMIN_API_KEY is not valid at http/);
    expect((await admin('keys', 'revoke', 'nobody')).err).toBe(
      'there is no key nobody: `keys ls` shows all\n',
    );
    expect((await admin('keys', 'create', 'x', '--scope', 'everything')).code).toBe(2);
  });
});
