import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';
import { additions, addressesIn } from '../harness/html.ts';
import { naughtyTexts, packed } from '../harness/naughty.ts';
import { each } from '../harness/routes.ts';

const key = 'an-admin-key-of-forty-visible-characters';
const isLine = (text: string) => !/\p{Cc}/u.test(text);
const lines = naughtyTexts.filter(isLine);
const names = packed(lines, 100);
const descriptions = packed(lines, 300);

const slugs = names.map((_, n) => `list-${n}`);

let footnote: Footnote;
let harmless: Map<string, string>;
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
  await each(slugs, async (slug) => {
    await ask('post', '/lists').send({ slug, name: 'Harmless', description: 'Harmless.' }).expect(201);
  });
  harmless = await everything('before@example.com', slugs);
});
afterAll(() => footnote.stop());

const ask = (verb: 'get' | 'post' | 'patch' | 'put', path: string) =>
  footnote.http[verb](`/admin/api${path}`).set('Authorization', `Bearer ${key}`);

/** Everything that a reader of all lists sees: pages and mails, by what they are. */
async function everything(email: string, lists: string[]): Promise<Map<string, string>> {
  const seen = new Map<string, string>();
  const get = async (name: string, path: string) => {
    seen.set(`GET ${name}`, (await footnote.http.get(path).expect(200)).text);
  };
  const post = async (name: string, path: string, body = '') => {
    seen.set(`POST ${name}`, (await footnote.http.post(path).type('form').send(body).expect(200)).text);
  };
  const mailed = async (kind: 'confirmation' | 'welcome' | 'receipt') => {
    const told = await footnote.mailTo(email, kind);
    seen.set(kind, told.mail.html ?? '');
    return told;
  };
  await get('form', '/');
  await footnote.signUp(email, lists).expect(202);
  const links = await mailed('confirmation');
  for (const [name, path] of Object.entries(links)) {
    if (typeof path === 'string' && path !== '') await get(name, path);
  }
  await post('confirm', links.confirm);
  await mailed('welcome');
  await get('preferences of a subscriber', links.preferences);
  await post(
    'preferences',
    links.preferences,
    lists
      .slice(1)
      .map((slug) => `lists=${slug}`)
      .join('&'),
  );
  await post('unsubscribe', links.unsubscribe);
  await mailed('receipt');
  await footnote.mailsNoted();
  return seen;
}

describe('what an editor writes (A-09)', () => {
  it('is one line where a terminal shows it', async () => {
    // What stands around a text is not part of it.
    const others = naughtyTexts.filter((text) => !isLine(text.trim()) && text.length <= 100);
    expect(others.length).toBeGreaterThan(10);
    await each(others, async (name) => {
      await ask('patch', `/lists/${slugs[0]}`).send({ name }).expect(422);
    });
  });

  it('is text in every page and mail, whatever it is: no element, attribute or address more', async () => {
    await each(slugs.entries(), async ([n, slug]) => {
      const edited = { name: names[n], description: descriptions[n % descriptions.length] };
      await ask('patch', `/lists/${slug}`).send(edited).expect(200);
    });
    const [text = ''] = packed(naughtyTexts, 2_000);
    await ask('put', '/consent-texts/en').send({ text }).expect(200);
    const naughty = await everything('after@example.com', slugs);

    expect([...naughty.keys()]).toEqual([...harmless.keys()]);
    expect(naughty.size).toBeGreaterThan(10);
    for (const [what, html] of naughty) {
      expect([what, additions(html, [harmless.get(what) ?? ''])]).toEqual([what, []]);
      const origins = addressesIn(html).map(
        (address) => URL.parse(address, footnote.settings.baseUrl)?.origin,
      );
      expect([what, ...new Set(origins)]).toEqual([what, footnote.settings.baseUrl]);
    }
    expect(naughty.get('confirmation')).toContain('&lt;script&gt;');
    const { body } = await footnote.http.get('/lists').expect(200);
    expect(body.consent.text).toBe(text.trim());
    expect(await footnote.member('after@example.com')).toMatchObject({ status: 'unsubscribed' });
  });
});
