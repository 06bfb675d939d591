import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { languageOf } from '../../src/languages/language.ts';
import { Footnote } from '../harness/footnote.ts';

const { text } = languageOf('en');
const minute = 60_000;

describe('"this was not me", in a confirmation mail (C-15)', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start();
  });
  afterAll(() => footnote.stop());

  const asked = async (email: string, lists?: string[]) => {
    await footnote.signUp(email, lists).expect(202);
    return footnote.mailTo(email, 'confirmation');
  };
  const declined = async (email: string) => {
    const links = await asked(email);
    await footnote.http.post(links.notMe).expect(200);
    footnote.advance(2 * minute);
    return links;
  };
  const press = (preferences: string, action: string) =>
    footnote.http.post(preferences).type('form').send({ action });

  it('leads to a page with one button, which says nothing of whose address it is (C-27)', async () => {
    const { notMe, unsubscribe } = await asked('victim@example.com');
    expect(notMe).toBe(unsubscribe.replace('/unsubscribe/', '/not-me/'));
    const page = await footnote.http.get(notMe).expect(200);
    expect(page.text).toContain(text('notMe.title'));
    expect(page.text.match(/<button/g)).toHaveLength(1);
    expect(page.text).toContain(`<form action="${notMe}" method="post">`);
    expect(page.text).not.toContain('victim');
    expect(await footnote.lists('victim@example.com')).toEqual({ 'morning-briefing': 'pending' });
  });

  it('calls the request off, with one entry and the same answer for twenty presses (U-25)', async () => {
    const email = 'firm@example.com';
    const { notMe, confirm } = await asked(email, ['morning-briefing', 'science-weekly']);
    await footnote.mailsNoted();
    const answers = await Promise.all(Array.from({ length: 20 }, () => footnote.http.post(notMe)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.text).toContain(text('notMe.done.title'));
    expect(await footnote.ledger(email)).toEqual(['requested', 'mailed', 'unsubscribed']);
    expect(await footnote.lists(email)).toEqual({
      'morning-briefing': 'unsubscribed',
      'science-weekly': 'unsubscribed',
    });
    await footnote.http.post(confirm).expect(410);
    const [entry] = await footnote.service.database.query<{ channel: string }>(
      `SELECT channel FROM consent_events event JOIN subscribers person ON person.id = event.subscriber_id
        WHERE person.key = $1 AND event.kind = 'unsubscribed'`,
      [email],
    );
    expect(entry?.channel).toBe('not_me_page');
  });

  it('keeps everybody from causing mail to it, who are answered as ever (I9, A-01)', async () => {
    const email = 'left.alone@example.com';
    const { preferences, confirm } = await declined(email);
    await footnote.mailsNoted();
    const before = await footnote.ledger(email);

    const stranger = await footnote.signUp('somebody.else@example.com').expect(202);
    const answers = [
      await footnote.signUp(email),
      await footnote.signUp(email.toUpperCase(), ['weekend-reads']),
    ];
    for (const answer of answers) expect([answer.status, answer.body]).toEqual([202, stranger.body]);
    await footnote.http
      .post('/subscriptions')
      .type('form')
      .send({ email, lists: 'weekend-reads' })
      .expect(303);
    await footnote.http.post('/my-link').type('form').send({ email }).expect(200);
    await footnote.http.post(`${confirm}/renew`).expect(200);

    const page = await footnote.http
      .post(preferences)
      .type('form')
      .send('lists=weekend-reads&shown=weekend-reads')
      .expect(200);
    expect(page.text).toContain(text('preferences.declined'));
    expect(page.text).not.toContain(text('preferences.asked', { lists: 'Weekend Reads' }));

    expect(await footnote.mails(email)).toEqual(['confirmation']);
    expect(await footnote.lists(email)).toEqual({ 'morning-briefing': 'unsubscribed' });
    expect(await footnote.ledger(email)).toEqual(before);
  });

  it('leaves what its owner confirmed before, and takes nothing away by mail', async () => {
    const email = 'reader@example.com';
    await footnote.subscribe(email);
    const { notMe } = await asked(email, ['science-weekly']);
    await footnote.http.post(notMe).expect(200);
    expect(await footnote.lists(email)).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'unsubscribed',
    });
    expect(await footnote.member(email)).toMatchObject({ status: 'subscribed' });
    expect(await footnote.mails(email)).toEqual(['confirmation', 'welcome', 'confirmation']);
  });

  it('is taken back on the preference page, any number of times, and by nothing else (U-25)', async () => {
    const email = 'mind.changed@example.com';
    const { preferences } = await declined(email);
    expect((await footnote.http.get(preferences)).text).toContain(text('preferences.allow'));
    await press(preferences, 'copy').expect(200);
    await footnote.http.post(preferences).type('form').send('').expect(200);
    await footnote.signUp(email).expect(202);
    expect(await footnote.mails(email)).toEqual(['confirmation', 'copy']);

    for (let time = 0; time < 3; time += 1) {
      const page = await press(preferences, 'allow').expect(200);
      expect(page.text).toContain(text('preferences.allowed'));
      expect(page.text).not.toContain(text('preferences.allow'));
    }
    await footnote.signUp(email).expect(202);
    const { confirm } = await footnote.mailTo(email, 'confirmation');
    await footnote.http.post(confirm).expect(200);
    expect(await footnote.lists(email)).toEqual({ 'morning-briefing': 'subscribed' });
  });

  it('is not a link that anybody can make up', async () => {
    const { confirm } = await asked('guessed@example.com');
    for (const key of ['f'.repeat(32), 'x', '%00', confirm.split('/').at(-1)]) {
      for (const answer of [
        await footnote.http.get(`/not-me/${key}`),
        await footnote.http.post(`/not-me/${key}`),
      ]) {
        expect(answer.status).toBe(404);
        expect(answer.text).toContain(text('unknownLink.title'));
      }
    }
    expect(await footnote.lists('guessed@example.com')).toEqual({ 'morning-briefing': 'pending' });
  });
});
