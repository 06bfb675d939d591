import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key, operator, script } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';
import { freePort } from '../harness/ports.ts';

describe('an editor who keeps the lists', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start({ ADMIN_API_KEY: key });
  });
  afterAll(() => footnote.stop());

  const admin = (...words: string[]) => operator(footnote)(...words);

  it('offers a list, which readers can tick at once', async () => {
    const { out, code } = await admin(
      'lists',
      'create',
      'night-desk',
      '--name',
      'Night Desk',
      '--description',
      'Late news.',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([
      expect.objectContaining({ slug: 'night-desk', name: 'Night Desk', archived: false, subscribers: 0 }),
    ]);
    await footnote.subscribe('ada@reader.example', ['night-desk']);
    expect((await footnote.member('ada@reader.example'))?.status).toBe('subscribed');
  });

  it('gives a slug to the first who asks, even at the same moment', async () => {
    const create = (name: string) =>
      footnote.http
        .post('/admin/api/lists')
        .set('Authorization', `Bearer ${key}`)
        .send({ slug: 'contested', name });
    const names = ['One', 'Two', 'Three', 'Four'];
    const answers = await Promise.all(names.map(create));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    const winner = answers.find(({ status }) => status === 201)?.body;
    const { body } = await create('Five').expect(409);
    expect(body.errors).toEqual([{ field: 'slug', message: 'is that of another mailing list' }]);
    const { lists } = (await footnote.http.get('/lists').expect(200)).body;
    expect(lists.find(({ slug }: { slug: string }) => slug === 'contested').name).toBe(winner.name);
  });

  it('words it anew, and the proof of those who came before keeps the old words', async () => {
    await admin('lists', 'edit', 'night-desk', '--name', 'The Night Desk');
    const { lists } = (await footnote.http.get('/lists').expect(200)).body;
    expect(lists.map(({ name }: { name: string }) => name)).toContain('The Night Desk');
    const rows = await footnote.service.database.query<{ name: string }>(
      `SELECT DISTINCT wording.name FROM consent_events event
         JOIN mailing_list_wordings wording ON wording.version = ANY (event.list_wordings)`,
    );
    expect(rows).toEqual([{ name: 'Night Desk' }]);
  });

  it('archives it: nobody new joins, and who is on it can still leave', async () => {
    const { out, code } = await admin('lists', 'archive', 'night-desk');
    expect(code).toBe(0);
    expect(out).toContain('(archived)');
    await footnote.signUp('bert@reader.example', ['night-desk']).expect(422);
    expect(await footnote.lists('ada@reader.example')).toEqual({ 'night-desk': 'subscribed' });
    expect((await admin('lists', 'ls')).out).toMatch(/^night-desk +1 {2}The Night Desk {2}\(archived\)$/m);
  });

  it('offers it again', async () => {
    const { out, code } = await admin('lists', 'offer', 'night-desk');
    expect(code).toBe(0);
    expect(out).not.toContain('(archived)');
    const offered = (await footnote.http.get('/lists').expect(200)).body.lists.map(
      ({ slug }: { slug: string }) => slug,
    );
    expect(offered).toContain('night-desk');
    await footnote.signUp('bert@reader.example', ['night-desk']).expect(202);
  });

  it('takes no name that would steer a terminal', async () => {
    const { code, err } = await admin('lists', 'create', 'night-shift', '--name', 'Night\u001b[2J');
    expect(code).toBe(1);
    expect(err).toContain('must be one line');
  });

  it('is told what is wrong, and exits with 1 for a failure and 2 for wrong use', async () => {
    const taken = await admin('lists', 'create', 'night-desk', '--name', 'Again');
    expect(taken).toMatchObject({ code: 1, err: 'There is a mailing list night-desk already.\n' });
    const unusable = await admin('lists', 'create', 'Night Desk', '--name', 'Again');
    expect(unusable.code).toBe(1);
    expect(unusable.err).toContain('lower-case letters, digits and single hyphens');
    expect((await admin('lists', 'create', 'nameless')).code).toBe(2);
    const port = await freePort();
    const away = await script({ ADMIN_API_KEY: key, ADMIN_URL: `http://127.0.0.1:${port}` }, ['lists', 'ls']);
    expect(away).toMatchObject({
      code: 1,
      err: `no Footnote answers at http://127.0.0.1:${port}: start it, or set ADMIN_URL\n`,
    });
  });

  it('needs the key', async () => {
    await footnote.http.get('/admin/api/lists').expect(401);
    await footnote.http.get('/admin/api/lists').set('Authorization', `Bearer ${key}x`).expect(401);
    await footnote.http.get('/admin/api/nothing').expect(401);
    await footnote.http.get('/admin/api/lists').set('Authorization', `Bearer ${key}`).expect(200);
  });
});
