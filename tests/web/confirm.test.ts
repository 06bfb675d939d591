import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offerConsentWording, offeredConsentWording } from '../../src/consent/wordings.ts';
import { languageOf } from '../../src/languages/language.ts';
import { Footnote } from '../harness/footnote.ts';

const day = 24 * 60 * 60_000;
const { text } = languageOf('en');

describe('the confirmation link', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start();
  });
  afterAll(() => footnote.stop());

  const request = async (email: string, lists?: string[]) => {
    await footnote.signUp(email, lists).expect(202);
    return footnote.mailTo(email);
  };

  it('shows the lists and one button, and waits', async () => {
    const { confirm } = await request('looker@example.com', ['morning-briefing', 'science-weekly']);
    const page = await footnote.http.get(confirm).expect(200);
    expect(page.text).toContain('Morning Briefing');
    expect(page.text).toContain('Science Weekly');
    expect(page.text.match(/<button/g)).toHaveLength(1);
    expect(page.text).toContain(`<form action="${confirm}" method="post">`);
    expect(page.text).not.toContain('looker');
    expect(await footnote.lists('looker@example.com')).toEqual({
      'morning-briefing': 'pending',
      'science-weekly': 'pending',
    });
  });

  it('confirms once for twenty presses at once, each answered alike (U-25)', async () => {
    const { confirm } = await request('eager@example.com');
    const answers = await Promise.all(Array.from({ length: 20 }, () => footnote.http.post(confirm)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await footnote.http.post(confirm).then(({ text }) => text)).toBe(answers[0]?.text);
    expect((await footnote.ledger('eager@example.com')).filter((kind) => kind === 'confirmed')).toHaveLength(
      1,
    );
  });

  it('confirms whatever the browser sends along, an unknown origin included (A-06)', async () => {
    const { confirm } = await request('elsewhere@example.com');
    await footnote.http
      .post(`${confirm.toUpperCase().replace('/CONFIRM/', '/confirm/')}/?utm_source=mail`)
      .set({ Origin: 'https://webmail.example', 'Content-Type': 'text/plain' })
      .send('anything')
      .expect(200);
    expect(await footnote.lists('elsewhere@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
  });

  it('takes the first name only with the confirmation, and never shows it', async () => {
    await footnote.signUp('named@example.com', ['morning-briefing'], { firstName: 'Zebedee' }).expect(202);
    const { mail, confirm } = await footnote.mailTo('named@example.com');
    expect(mail.source.toString()).not.toContain('Zebedee');
    expect((await footnote.http.get(confirm)).text).not.toContain('Zebedee');
    const name = async () =>
      (await footnote.service.database.prisma.subscriber.findUnique({ where: { key: 'named@example.com' } }))
        ?.firstName;
    expect(await name()).toBeNull();
    expect((await footnote.http.post(confirm).expect(200)).text).not.toContain('Zebedee');
    expect(await name()).toBe('Zebedee');
  });

  it.each([
    ['made up', 'f'.repeat(40)],
    ['of the length of an unsubscribe link', 'f'.repeat(32)],
    ['too short', 'abc'],
    ['too long', 'a'.repeat(500)],
    ['of other characters', '%00'],
    ['a path', '..%2f..%2fetc'],
  ])('says what to do when the token is %s', async (_, token) => {
    for (const answer of await Promise.all([
      footnote.http.get(`/confirm/${token}`),
      footnote.http.post(`/confirm/${token}`),
    ])) {
      expect(answer.status).toBe(404);
      expect(answer.text).toContain(text('linkProblem.unknown.title'));
      expect(answer.text).toContain(`href="${footnote.settings.baseUrl}/"`);
    }
  });

  it('is no unsubscribe link, nor the other way round (A-20)', async () => {
    const { confirm, unsubscribe, preferences } = await request('confused@example.com');
    const token = confirm.split('/').at(-1);
    const key = unsubscribe.split('/').at(-1);
    expect(preferences).toBe(`/preferences/${key}`);
    for (const path of [`/unsubscribe/${token}`, `/preferences/${token}`, `/confirm/${key}`]) {
      await footnote.http.get(path).expect(404);
      await footnote.http.post(path).type('form').send('').expect(404);
    }
    expect(await footnote.lists('confused@example.com')).toEqual({ 'morning-briefing': 'pending' });
  });

  it('says so when the request was withdrawn, and confirms nothing (A-22)', async () => {
    const { confirm, unsubscribe } = await request('withdrawn@example.com');
    await footnote.http.post(unsubscribe).expect(200);
    for (const answer of [await footnote.http.get(confirm), await footnote.http.post(confirm)]) {
      expect(answer.status).toBe(410);
      expect(answer.text).toContain(text('linkProblem.withdrawn.title'));
      expect(answer.text).toContain(text('linkProblem.signUp'));
    }
    expect(await footnote.lists('withdrawn@example.com')).toEqual({ 'morning-briefing': 'unsubscribed' });
    expect(await footnote.member('withdrawn@example.com')).toBeNull();
  });

  it('works for seven days, then says how to get a new one (C-17)', async () => {
    const early = await request('early@example.com');
    const late = await request('late@example.com');
    footnote.advance(7 * day - 60_000);
    await footnote.http.post(early.confirm).expect(200);
    footnote.advance(2 * 60_000);
    for (const answer of [await footnote.http.get(late.confirm), await footnote.http.post(late.confirm)]) {
      expect(answer.status).toBe(410);
      expect(answer.text).toContain(text('linkProblem.expired.title'));
      expect(answer.text).toContain(`<form action="${late.confirm}/renew" method="post">`);
    }
    expect(await footnote.lists('late@example.com')).toEqual({ 'morning-briefing': 'pending' });
    const again = await request('late@example.com');
    await footnote.http.post(again.confirm).expect(200);
    expect(await footnote.lists('late@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
  });

  describe('in place of which a new one is asked for', () => {
    const renew = (confirm: string) => footnote.http.post(`${confirm}/renew`);
    const expired = async (email: string, lists?: string[], more?: object) => {
      await footnote.signUp(email, lists, more).expect(202);
      const links = await footnote.mailTo(email);
      footnote.advance(8 * day);
      return links;
    };
    const sent = (answer: { status: number; text: string }) => {
      expect(answer.status).toBe(200);
      expect(answer.text).toContain(text('renewed.title'));
      return answer.text;
    };

    it('asks the same anew, under the words it was asked under, and confirms by the new one only (C-03)', async () => {
      const email = 'anew@example.com';
      const { database } = footnote.service;
      const { version } = await offeredConsentWording(database, 'en');
      const { confirm } = await expired(email, ['morning-briefing', 'science-weekly'], {
        firstName: 'Zebedee',
      });
      await offerConsentWording(database, 'en', 'Other words since.');
      sent(await renew(confirm));
      const again = await footnote.mailTo(email);
      expect(again.confirm).not.toBe(confirm);
      expect(again.mail.text).toContain('Morning Briefing');
      expect(again.mail.text).toContain('Science Weekly');
      await footnote.http.post(confirm).expect(410);
      await footnote.http.post(again.confirm).expect(200);
      expect(await footnote.lists(email)).toEqual({
        'morning-briefing': 'subscribed',
        'science-weekly': 'subscribed',
      });
      const requests = await database.prisma.signUpRequest.findMany({
        where: { subscriber: { key: email } },
      });
      expect(requests.map(({ wordingVersion }) => wordingVersion)).toEqual([version, version]);
      const person = await database.prisma.subscriber.findUniqueOrThrow({ where: { key: email } });
      expect(person.firstName).toBe('Zebedee');
      await offerConsentWording(database, 'en', text('consent'));
    });

    it('sends one for twenty presses at once, each answered alike (U-25)', async () => {
      const { confirm } = await expired('impatient@example.com');
      const answers = await Promise.all(Array.from({ length: 20 }, () => renew(confirm)));
      expect(new Set(answers.map(sent)).size).toBe(1);
      expect(await footnote.mails('impatient@example.com')).toEqual(['confirmation', 'confirmation']);
    });

    it('answers alike when none can come: withdrawn, declined, confirmed since, or the caps used up (A-01)', async () => {
      const withdrawn = await expired('called.off@example.com');
      await footnote.http.post(withdrawn.unsubscribe).expect(200);
      const declined = await expired('declined@example.com');
      await footnote.http.post(declined.notMe).expect(200);
      const capped = await expired('capped@example.com');
      for (let time = 0; time < 3; time += 1) {
        sent(await renew(capped.confirm));
        footnote.advance(2 * 60_000);
      }
      const confirmed = await request('confirmed.since@example.com');
      await footnote.http.post(confirmed.confirm).expect(200);
      const fresh = await request('fresh@example.com');

      const readers = { withdrawn, declined, capped, confirmed, fresh };
      const before = await footnote.service.database.prisma.mail.count({ where: { kind: 'confirmation' } });
      const answers = await Promise.all(Object.values(readers).map(({ confirm }) => renew(confirm)));
      expect(new Set(answers.map(sent)).size).toBe(1);
      expect(await footnote.service.database.prisma.mail.count({ where: { kind: 'confirmation' } })).toBe(
        before,
      );
      expect(await footnote.lists('called.off@example.com')).toEqual({ 'morning-briefing': 'unsubscribed' });
    });

    it('says so when the link is unknown', async () => {
      for (const token of ['f'.repeat(40), 'f'.repeat(32), 'x', '%00']) {
        const answer = await renew(`/confirm/${token}`);
        expect(answer.status).toBe(404);
        expect(answer.text).toContain(text('linkProblem.unknown.title'));
      }
    });
  });

  it('still answers a confirmed reader long after', async () => {
    const { confirm } = await request('faithful@example.com');
    await footnote.http.post(confirm).expect(200);
    footnote.advance(400 * day);
    await footnote.http.get(confirm).expect(200);
    await footnote.http.post(confirm).expect(200);
  });
});
