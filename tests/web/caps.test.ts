import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
});
afterAll(() => footnote.stop());

/** How many confirmation mails a folded address was sent or will be. */
const mailsTo = (abuseKey: string) =>
  footnote.service.database.prisma.mail.count({ where: { subscriber: { abuseKey }, kind: 'confirmation' } });

describe('confirmation mails (A-01)', () => {
  it('are one for fifty identical sign-ups at once (R-08)', async () => {
    const email = 'eager@example.com';
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        footnote.signUp(email).then(({ status, text }) => `${status} ${text}`),
      ),
    );
    expect(new Set(answers)).toEqual(new Set(['202 {"status":"accepted"}']));
    const { prisma } = footnote.service.database;
    expect(await prisma.signUpRequest.count({ where: { subscriber: { key: email } } })).toBe(1);
    expect(await mailsTo(email)).toBe(1);
    await footnote.mailTo(email);
    expect(await footnote.ledger(email)).not.toContain('confirmed');
  });

  it('are three in a day and five in thirty days, whatever tags, dots and case are typed', async () => {
    const variants = [
      'the.victim@gmail.com',
      'thevictim+1@gmail.com',
      'THEVICTIM@Gmail.com',
      't.h.e.victim@googlemail.com',
      'thevictim+2+3@GMAIL.COM',
      'thevictim@gmail.com',
    ];
    const ask = async () => {
      for (const email of variants) {
        footnote.advance(2 * minute);
        await footnote.signUp(email, ['morning-briefing', 'science-weekly']).expect(202);
      }
      return mailsTo('thevictim@gmail.com');
    };
    expect(await ask()).toBe(3);
    footnote.advance(day);
    expect(await ask()).toBe(5);
    footnote.advance(day);
    expect(await ask()).toBe(5);
    footnote.advance(29 * day);
    expect(await ask()).toBe(8);
  });

  it('are a minute apart', async () => {
    await footnote.signUp('patient@example.com', ['morning-briefing']);
    await footnote.signUp('patient@example.com', ['science-weekly']);
    const mails = await footnote.service.database.prisma.mail.findMany({
      where: { subscriber: { key: 'patient@example.com' } },
      orderBy: { dueAt: 'asc' },
    });
    const [first, second] = mails.map(({ dueAt }) => dueAt.getTime());
    expect(mails).toHaveLength(2);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(minute);
  });

  it('go at once to a person who left and asks again', async () => {
    const { unsubscribe, confirm } = await footnote.subscribe('returning@example.com');
    await footnote.http.post(unsubscribe).expect(200);
    await footnote.signUp('returning@example.com').expect(202);
    const again = await footnote.mailTo('returning@example.com', 'confirmation');
    expect(again.confirm).not.toBe(confirm);
    await footnote.http.post(again.confirm).expect(200);
    expect(await footnote.lists('returning@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
  });

  it('do not go to a person who has what they ask for', async () => {
    await footnote.subscribe('content@example.com');
    footnote.advance(2 * day);
    await footnote.signUp('content@example.com').expect(202);
    expect(await mailsTo('content@example.com')).toBe(1);
    expect(await footnote.lists('content@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
  });
});

describe('what a stranger can see of a sign-up (I9, A-04)', () => {
  const standings: Record<string, () => Promise<unknown>> = {
    'new@example.com': async () => {},
    'pending@example.com': () => footnote.signUp('pending@example.com'),
    'subscribed@example.com': () => footnote.subscribe('subscribed@example.com'),
    'leaver@example.com': async () => {
      const { unsubscribe } = await footnote.subscribe('leaver@example.com');
      await footnote.http.post(unsubscribe).expect(200);
    },
    'declined@example.com': async () => {
      await footnote.signUp('declined@example.com').expect(202);
      const { notMe } = await footnote.mailTo('declined@example.com');
      await footnote.http.post(notMe).expect(200);
    },
    'erased@example.com': async () => {
      const { preferences } = await footnote.subscribe('erased@example.com');
      await footnote.http.post(preferences).type('form').send('action=erase').expect(200);
      const { erase } = await footnote.mailTo('erased@example.com');
      await footnote.http.post(erase).expect(200);
    },
    'capped@example.com': async () => {
      for (let time = 0; time < 4; time++) {
        await footnote.signUp('capped@example.com').expect(202);
        footnote.advance(2 * minute);
      }
      expect(await mailsTo('capped@example.com')).toBe(3);
    },
  };
  beforeAll(async () => {
    for (const bring of Object.values(standings)) await bring();
  });

  const seen = ({ status, headers, text }: { status: number; headers: object; text: string }) => {
    const { date, 'x-request-id': id, ...others } = { date: '', 'x-request-id': '', ...headers };
    return { status, text, headers: others };
  };

  it('is the same as JSON for new, pending, subscribed, left, declined, erased and capped', async () => {
    const answers = await Promise.all(Object.keys(standings).map((email) => footnote.signUp(email)));
    for (const answer of answers.map(seen)) expect(answer).toEqual(answers.map(seen)[0]);
    expect(answers[0]?.status).toBe(202);
  });

  it('is the same as a form', async () => {
    const answers = await Promise.all(
      Object.keys(standings).map((email) =>
        footnote.http.post('/subscriptions').type('form').send({ email, lists: 'weekend-reads' }),
      ),
    );
    for (const answer of answers.map(seen)) expect(answer).toEqual(answers.map(seen)[0]);
    expect(answers[0]?.status).toBe(303);
  });
});
