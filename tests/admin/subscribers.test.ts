import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key, operator } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
const admin = (...words: string[]) => operator(footnote)(...words);
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
  await footnote.subscribe('ann@reader.example', ['morning-briefing', 'science-weekly'], {
    firstName: 'Änn',
  });
  const { unsubscribe } = await footnote.subscribe('anton@reader.example', ['morning-briefing']);
  await footnote.http.post(unsubscribe).expect(200);
  await footnote.signUp('=cmd@reader.example', ['science-weekly']).expect(202);
  await footnote.subscribe('bert@reader.example', ['science-weekly']);
  await footnote.mailsNoted();
});
afterAll(() => footnote.stop());

const search = (wish: object) =>
  footnote.http.post('/admin/api/subscribers/search').auth(key, { type: 'bearer' }).send(wish);
const emails = async (wish: object) =>
  (await search(wish).expect(200)).body.subscribers.map(({ email }: { email: string }) => email);

describe('an operator who looks for people', () => {
  it('finds them by the beginning of their address, list and state', async () => {
    expect(await emails({ beginning: 'AN' })).toEqual(['ann@reader.example', 'anton@reader.example']);
    expect(await emails({ email: 'Ann@Reader.example' })).toEqual(['ann@reader.example']);
    expect(await emails({ email: 'an' })).toEqual([]);
    expect(await emails({ list: 'science-weekly' })).toEqual([
      '=cmd@reader.example',
      'ann@reader.example',
      'bert@reader.example',
    ]);
    expect(await emails({ list: 'science-weekly', state: 'subscribed' })).toHaveLength(2);
    expect(await emails({ state: 'unsubscribed' })).toEqual(['anton@reader.example']);
    await search({ state: 'gone' }).expect(422);
    await search({ lst: 'science-weekly' }).expect(422);
  });

  it('pages through all of them, each once', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { body } = await search({ limit: 1, ...(cursor && { cursor }) }).expect(200);
      seen.push(...body.subscribers.map(({ email }: { email: string }) => email));
      cursor = body.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(await emails({}));
    expect(seen).toHaveLength(4);
  });

  it('sees one with what Mailchimp shows', async () => {
    await footnote.member('ann@reader.example');
    const { out, code } = await admin('subscribers', 'show', 'ann@reader.example', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      email: 'ann@reader.example',
      firstName: 'Änn',
      lists: [
        { slug: 'morning-briefing', state: 'subscribed' },
        { slug: 'science-weekly', state: 'subscribed' },
      ],
      mailchimp: { status: 'subscribed', due: false, refusal: null },
    });
    expect((await admin('subscribers', 'show', 'nobody@reader.example')).err).toBe(
      'there is nobody with the address nobody@reader.example\n',
    );
    expect((await admin('subscribers', 'find', 'anton')).out).toBe(
      'anton@reader.example  morning-briefing (unsubscribed)\n',
    );
  });
});

describe('an export', () => {
  it('has everybody on every list, those who left too, and is safe in spreadsheets (A-16)', async () => {
    const { out, code } = await admin('subscribers', 'export');
    expect(code).toBe(0);
    const rows: Record<string, string>[] = parse(out, { bom: true, columns: true });
    expect(rows.map(({ email, list, state }) => `${email} ${list} ${state}`).sort()).toEqual([
      "'=cmd@reader.example science-weekly pending",
      'ann@reader.example morning-briefing subscribed',
      'ann@reader.example science-weekly subscribed',
      'anton@reader.example morning-briefing unsubscribed',
      'bert@reader.example science-weekly subscribed',
    ]);
    const ann = rows.find(({ email }) => email === 'ann@reader.example');
    expect(ann).toMatchObject({
      first_name: 'Änn',
      locale: 'en',
      consented_at: expect.stringMatching(/^\d{4}.*Z$/),
    });
  });

  it('is limited to a list and a state, as JSON lines too', async () => {
    const { out } = await admin(
      'subscribers',
      'export',
      '--list',
      'science-weekly',
      '--state',
      'subscribed',
      '--format',
      'jsonl',
    );
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ email }) => email).sort()).toEqual(['ann@reader.example', 'bert@reader.example']);
    expect(Object.keys(rows[0])).toContain('consent_source');
    const unknown = await admin('subscribers', 'export', '--list', 'nothing');
    expect(unknown).toMatchObject({ code: 1, out: '', err: 'There is no such mailing list.\n' });
    expect((await admin('subscribers', 'export', '--format', 'xml')).code).toBe(2);
  });

  it('has nobody who was erased, whatever is asked for (I6, C-23)', async () => {
    const gone = ['carla@reader.example', 'dora@reader.example'];
    await footnote.subscribe('carla@reader.example', ['morning-briefing', 'science-weekly'], {
      firstName: 'Carlotta',
    });
    await footnote.signUp('dora@reader.example', ['science-weekly']).expect(202);
    await footnote.mailsNoted();
    const exported = async (wish: Record<string, string>) => {
      const query = new URLSearchParams(wish);
      const answer = await fetch(`${footnote.settings.baseUrl}/admin/api/subscribers/export?${query}`, {
        headers: { authorization: `Bearer ${key}` },
      });
      expect(answer.status).toBe(200);
      return answer.text();
    };
    for (const email of gone) expect(await exported({})).toContain(email);
    for (const email of gone) expect((await admin('erase', email, '--yes')).code).toBe(0);

    const anyOf = (name: string, ...values: string[]) => [{}, ...values.map((value) => ({ [name]: value }))];
    for (const format of anyOf('format', 'jsonl'))
      for (const list of anyOf('list', 'morning-briefing', 'science-weekly'))
        for (const state of anyOf('state', 'subscribed', 'unsubscribed', 'pending'))
          expect(await exported({ ...format, ...list, ...state })).not.toMatch(/carl|dora|erased/i);
    expect((await admin('subscribers', 'export')).out).not.toMatch(/carl|dora|erased/i);
  });
});
