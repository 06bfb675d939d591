import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { languageOf } from '../../src/languages/language.ts';
import { Footnote } from '../harness/footnote.ts';

const { text } = languageOf('en');
const minute = 60_000;
const day = 24 * 60 * minute;

describe('asking for one’s link by an address (A-27)', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start();
  });
  afterAll(() => footnote.stop());

  const ask = (email: string) => footnote.http.post('/my-link').type('form').send({ email });

  const standings: Record<string, (email: string) => Promise<unknown>> = {
    unknown: async () => {},
    pending: (email) => footnote.signUp(email).expect(202),
    declined: async (email) => {
      await footnote.subscribe(email);
      await footnote.signUp(email, ['science-weekly']).expect(202);
      const { notMe } = await footnote.mailTo(email, 'confirmation');
      await footnote.http.post(notMe).expect(200);
    },
    bounced: async (email) => {
      await footnote.subscribe(email);
      const { prisma } = footnote.service.database;
      await prisma.subscriber.update({ where: { key: email }, data: { mailBlock: 'bounced' } });
    },
    capped: async (email) => {
      await footnote.subscribe(email);
      for (const list of ['science-weekly', 'weekend-reads']) {
        await footnote.signUp(email, [list]).expect(202);
        footnote.advance(2 * minute);
      }
    },
    subscribed: (email) => footnote.subscribe(email),
    left: async (email) => {
      const { unsubscribe } = await footnote.subscribe(email);
      await footnote.http.post(unsubscribe).expect(200);
    },
  };
  const known = ['subscribed', 'left'];

  it('is answered the same for everybody, and mails only who ever confirmed and may be mailed (I9)', async () => {
    for (const [name, bring] of Object.entries(standings)) await bring(`${name}@example.com`);
    await footnote.mailsNoted();
    const { prisma } = footnote.service.database;
    const people = await prisma.subscriber.count();
    const events = await prisma.consentEvent.count();

    const answers = await Promise.all(
      Object.keys(standings).map(async (name) => {
        const { status, text, headers } = await ask(`${name}@example.com`);
        return { status, text, headers: { ...headers, date: '', 'x-request-id': '' } };
      }),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({
      status: 200,
      text: expect.stringContaining(text('myLink.sent.title')),
    });

    for (const name of Object.keys(standings)) {
      const mails = await footnote.mails(`${name}@example.com`);
      expect([name, mails.includes('my_link')]).toEqual([name, known.includes(name)]);
    }
    expect(await prisma.subscriber.count()).toBe(people);
    expect(await prisma.consentEvent.count()).toBe(events);
  });

  it('brings the person’s own links, and ends nothing by itself', async () => {
    const email = 'Lost.Reader@example.com';
    const links = await footnote.subscribe(email);
    await ask(email.toUpperCase()).expect(200);
    const { mail, ...found } = await footnote.mailTo(email);
    expect(mail.subject).toBe(text('mail.myLink.subject', { publication: 'The Daily Example' }));
    expect(found).toEqual({
      confirm: '',
      notMe: '',
      erase: '',
      unsubscribe: links.unsubscribe,
      preferences: links.preferences,
    });
    expect(await footnote.lists(email.toLowerCase())).toEqual({ 'morning-briefing': 'subscribed' });
    await footnote.http.post(found.unsubscribe).expect(200);
    expect(await footnote.lists(email.toLowerCase())).toEqual({ 'morning-briefing': 'unsubscribed' });
  });

  it('shares the cap of confirmations, over all spellings of a mailbox (A-01, A-02)', async () => {
    const asked = async () => {
      const mails = await footnote.service.database.prisma.mail.findMany({
        where: { subscriber: { abuseKey: 'mailbox@gmail.com' }, kind: { in: ['confirmation', 'my_link'] } },
      });
      return mails.length;
    };
    await footnote.subscribe('mailbox@gmail.com');
    for (let time = 0; time < 5; time += 1) {
      await ask('mailbox@gmail.com').expect(200);
      await ask('mail.box@gmail.com').expect(200);
      await footnote.signUp('mailbox+tag@gmail.com').expect(202);
      footnote.advance(2 * minute);
    }
    expect(await asked()).toBe(3);
    footnote.advance(day);
    for (let time = 0; time < 5; time += 1) {
      await ask('mailbox@gmail.com').expect(200);
      footnote.advance(2 * minute);
    }
    expect(await asked()).toBe(5);
  });

  it.each([
    ['nothing', {}, 'email', 'fault.email.empty'],
    ['no @', { email: 'reader"at' }, 'email', 'fault.email.noAt'],
    ['two addresses', { email: 'a@example.com, b@example.com' }, 'email', 'fault.email.several'],
  ] as const)('says beside the field what is wrong with %s, and keeps it', async (_, body, field, key) => {
    const page = await footnote.http.post('/my-link').type('form').send(body).expect(422);
    expect(page.text).toContain(`id="${field}-error">${text(key)}<`);
    if ('email' in body) expect(page.text).toContain(`value="${body.email.replace('"', '&quot;')}"`);
  });

  it('takes a form only', async () => {
    await footnote.http.post('/my-link').send({ email: 'subscribed@example.com' }).expect(415);
    await footnote.http.post('/my-link').expect(415);
  });
});
