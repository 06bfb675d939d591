import { createHash } from 'node:crypto';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { languageOf } from '../../src/languages/language.ts';
import type { ReceivedMail } from '../../src/sandbox/inbox.ts';
import { Footnote } from '../harness/footnote.ts';

const { text } = languageOf('en');
const minute = 60_000;
const day = 24 * 60 * minute;

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start();
});
afterAll(() => footnote.stop());

const press = (preferences: string, action: string) =>
  footnote.http.post(preferences).type('form').send({ action });

/** A reader of two lists of whom a lot is known. */
async function reader(email: string, firstName = 'Marigold') {
  return footnote.subscribe(email, ['morning-briefing', 'science-weekly'], {
    firstName,
    source: `https://news.example/about/${firstName}`,
  });
}

async function erasing(email: string, preferences: string) {
  await press(preferences, 'erase').expect(200);
  return footnote.mailTo(email, 'erasure');
}

describe('whoever holds a link of somebody’s mail (C-27)', () => {
  it('sees neither address nor name on any page behind it', async () => {
    const email = 'mary.major@example.com';
    await footnote.signUp(email, ['morning-briefing'], { firstName: 'Marigold' }).expect(202);
    const links = await footnote.mailTo(email);
    const { erase } = await erasing(email, links.preferences);
    const { confirm, unsubscribe, preferences, notMe } = links;
    const pages = [
      await footnote.http.get(confirm),
      await footnote.http.post(confirm),
      await footnote.http.get(preferences),
      ...(await Promise.all(['copy', 'erase', 'allow'].map((action) => press(preferences, action)))),
      await footnote.http.post(preferences).type('form').send('lists=weekend-reads'),
      await footnote.http.get(unsubscribe),
      await footnote.http.get(`${unsubscribe}?list=morning-briefing`),
      await footnote.http.post(unsubscribe),
      await footnote.http.post(unsubscribe),
      await footnote.http.get(notMe),
      await footnote.http.post(notMe),
      await footnote.http.get(erase),
      await footnote.http.post(erase),
      await footnote.http.get(erase),
    ];
    for (const { status, text } of pages) {
      expect(status).toBe(200);
      expect(text).not.toMatch(/\bmary|major|marigold|@/i);
    }
  });

  it('has the copy and the erasing link sent to the address alone', async () => {
    const email = 'alone@example.com';
    const { preferences } = await reader(email);
    const copied = await press(preferences, 'copy').expect(200);
    expect(copied.text).toContain(text('preferences.copyMailed'));
    const asked = await press(preferences, 'erase').expect(200);
    expect(asked.text).toContain(text('preferences.eraseMailed'));
    const copy = await footnote.mailTo(email, 'copy');
    const erasure = await footnote.mailTo(email, 'erasure');
    for (const { mail } of [copy, erasure]) expect(mail.envelope.to).toEqual([email]);
    expect(erasure.erase).toMatch(/^\/erase\/[0-9a-f]{40}$/);
    const token = erasure.erase.split('/').at(-1) ?? '';
    for (const { text } of [copied, asked]) expect(text).not.toContain(token);
    expect(copy.mail.source.toString()).not.toContain(token);
    expect(await footnote.lists(email)).toEqual({
      'morning-briefing': 'subscribed',
      'science-weekly': 'subscribed',
    });
  });

  it('fills no mailbox by it: three copies and three erasing links a day, apart from other mails', async () => {
    const email = 'pestered@example.com';
    const { preferences } = await reader(email);
    const pages: string[] = [];
    for (let time = 0; time < 5; time += 1) {
      for (const action of ['copy', 'erase']) pages.push((await press(preferences, action).expect(200)).text);
      footnote.advance(2 * minute);
    }
    expect(new Set(pages).size).toBe(2);
    await footnote.http.post(preferences).type('form').send('lists=weekend-reads&shown=weekend-reads');
    const count = Object.groupBy(await footnote.mails(email), (kind) => kind);
    expect([count.copy?.length, count.erasure?.length, count.confirmation?.length]).toEqual([3, 3, 2]);
  });
});

describe('a copy of one’s data (C-25)', () => {
  /** The files of a mail, by name. */
  async function filesOf({ source }: ReceivedMail) {
    const { attachments } = await simpleParser(source);
    return attachments.map(({ filename = '', contentType, content }) => ({
      filename,
      contentType,
      content: content.toString('utf8'),
    }));
  }
  const copied = z.object({
    address: z.string(),
    firstName: z.string(),
    lists: z.array(z.object({ list: z.string(), state: z.string() })),
    consentEvents: z.array(
      z.object({
        kind: z.string(),
        consentText: z.string().nullable(),
        evidence: z.record(z.string(), z.unknown()),
      }),
    ),
    mails: z.array(z.object({ kind: z.string() })),
  });

  it('holds all of it, as a table and for programs, and no secret', async () => {
    const email = 'Curious.Reader@example.com';
    const { preferences, unsubscribe } = await reader(email);
    await footnote.http
      .post(`${unsubscribe}?list=science-weekly`)
      .set('User-Agent', 'OwnBrowser')
      .expect(200);
    await press(preferences, 'copy').expect(200);
    const { mail } = await footnote.mailTo(email, 'copy');
    const files = await filesOf(mail);
    expect(files.map(({ filename, contentType }) => [filename, contentType])).toEqual([
      ['my-data.csv', 'text/csv'],
      ['my-data.json', 'application/json'],
    ]);
    const [csv = '', json = ''] = files.map(({ content }) => content);

    const copy = copied.parse(JSON.parse(json));
    expect(copy).toMatchObject({ address: email, firstName: 'Marigold' });
    expect(copy.lists).toEqual([
      { list: 'morning-briefing', state: 'subscribed' },
      { list: 'science-weekly', state: 'unsubscribed' },
    ]);
    const [requested, ...later] = copy.consentEvents;
    expect(requested).toMatchObject({
      kind: 'requested',
      consentText: text('consent'),
      evidence: { address: email, ip: '127.0.0.1', page: 'https://news.example/about/Marigold' },
    });
    expect(later.map(({ kind }) => kind).sort()).toEqual(['confirmed', 'mailed', 'unsubscribed']);
    expect(later.find(({ kind }) => kind === 'unsubscribed')?.evidence).toMatchObject({
      userAgent: 'OwnBrowser',
    });
    expect(copy.mails.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['confirmation', 'welcome', 'copy']),
    );

    const [columns, ...rows] = [...csv.matchAll(/(?:"(?:[^"]|"")*"(?:,|\r\n))+?(?<=\r\n)/g)].map(([row]) =>
      [...row.matchAll(/"((?:[^"]|"")*)"/g)].map(([, field = '']) => field.replaceAll('""', '"')),
    );
    expect(columns).toEqual(expect.arrayContaining(['kind', 'time', 'consent_text', 'address', 'page']));
    expect(rows.map((row) => row[columns?.indexOf('kind') ?? -1])).toEqual(
      copy.consentEvents.map(({ kind }) => kind),
    );

    const key = unsubscribe.split('/').at(-1) ?? '';
    for (const { content } of files) expect(content).not.toContain(key);
  });

  it('is not kept by us once it is sent', async () => {
    const { preferences } = await reader('kept.not@example.com');
    await press(preferences, 'copy').expect(200);
    await footnote.mailTo('kept.not@example.com', 'copy');
    await footnote.mailsNoted();
    const kept = await footnote.service.database.prisma.mail.findMany({ where: { kind: 'copy' } });
    expect(kept.map(({ copy }) => copy)).toEqual(kept.map(() => null));
  });
});

describe('erasing oneself (C-23, I6)', () => {
  /** The row that stays of a person, found by their link. */
  const rowOf = (unsubscribe: string) =>
    footnote.service.database.prisma.subscriber.findUniqueOrThrow({
      where: { linkKey: unsubscribe.split('/').at(-1) ?? '' },
      include: { events: { orderBy: { seq: 'asc' } }, mails: true },
    });

  it('waits behind its link for one button, and says before what is final', async () => {
    const { preferences } = await reader('hesitant@example.com');
    const { erase } = await erasing('hesitant@example.com', preferences);
    const page = await footnote.http.get(erase).expect(200);
    expect(page.text.match(/<button/g)).toHaveLength(1);
    expect(page.text).toContain(`<form action="${erase}" method="post">`);
    expect(page.text).toContain(text('erase.return'));
    expect(await footnote.lists('hesitant@example.com')).toMatchObject({ 'morning-briefing': 'subscribed' });
  });

  it('says so in mail and page, when Mailchimp archives and does not delete (C-24)', async () => {
    const email = 'archived@example.com';
    const { preferences } = await reader(email);
    const { sync } = footnote.settings;
    await footnote.stopService();
    await footnote.startService({ sync: { ...sync, erasure: 'archive' } });
    const { erase, mail } = await erasing(email, preferences);
    expect(mail.text.replace(/\s+/g, ' ')).toContain(text('mail.erasure.archive'));
    const before = await footnote.http.get(erase).expect(200);
    expect(before.text).toContain(text('erase.archive.return'));
    const after = await footnote.http.post(erase).expect(200);
    expect(after.text).toContain(text('erased.archive.message'));
    expect((await footnote.member(email))?.status).toBe('archived');
    await footnote.stopService();
    await footnote.startService();
  });

  it('happens once for twenty presses at once, each answered alike (U-25)', async () => {
    const { preferences, unsubscribe } = await reader('thorough@example.com');
    const { erase } = await erasing('thorough@example.com', preferences);
    const answers = await Promise.all(Array.from({ length: 20 }, () => footnote.http.post(erase)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.text).toContain(text('erased.title'));
    for (const again of [await footnote.http.get(erase), await footnote.http.post(erase)])
      expect([again.status, again.text]).toEqual([200, answers[0]?.text]);
    const { events } = await rowOf(unsubscribe);
    expect(events.filter(({ kind }) => kind === 'erased')).toHaveLength(1);
    expect(events.at(-1)?.kind).toBe('erased');
  });

  it('leaves the address nowhere in the database, whatever had happened before (I6)', async () => {
    const email = 'Canary.Reader@example.com';
    const { preferences, unsubscribe } = await reader(email, 'Canary');
    await footnote.member(email);
    await footnote.http
      .post(`${unsubscribe}?list=science-weekly`)
      .set('User-Agent', 'CanaryBrowser')
      .expect(200);
    await footnote.http
      .post(preferences)
      .type('form')
      .send('lists=weekend-reads&shown=weekend-reads')
      .expect(200);
    await press(preferences, 'copy').expect(200);
    await footnote.http.post('/my-link').type('form').send({ email }).expect(200);
    const { erase } = await erasing(email, preferences);
    expect(await footnote.dump()).toMatch(/canary/i);
    const kept = async () => (await rowOf(unsubscribe)).mails.filter(({ copy }) => copy !== null).length;
    expect(await kept()).toBeGreaterThan(0);

    await footnote.http.post(erase).expect(200);
    expect(await footnote.member(email)).toBeNull();
    const id = createHash('md5').update(email.toLowerCase()).digest('hex');
    expect(footnote.sandbox.audience.state.forgotten.has(id)).toBe(true);
    await footnote.mailsNoted();
    const left = (await footnote.dump()).split('\n').filter((row) => /canary/i.test(row) || row.includes(id));
    expect(left).toEqual([]);
    const { events, mails } = await rowOf(unsubscribe);
    expect(await kept()).toBe(0);
    // It was still owed, as it would have followed the confirmation a minute later.
    expect(mails.find(({ kind }) => kind === 'my_link')).toMatchObject({
      acceptedAt: null,
      abandoned: 'erased',
    });
    expect(events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['requested', 'confirmed', 'erased']),
    );
  });

  it('leaves every link answering that nobody is subscribed, and acting on nothing (U-17)', async () => {
    const email = 'links@example.com';
    const { preferences, unsubscribe, notMe, confirm } = await reader(email);
    const { erase } = await erasing(email, preferences);
    await footnote.http.post(erase).expect(200);
    await footnote.mailsNoted();
    const before = await footnote.fingerprint();

    const oneClick = 'List-Unsubscribe=One-Click';
    for (const answer of [
      await footnote.http.get(unsubscribe),
      await footnote.http.post(unsubscribe).type('form').send(oneClick),
      await footnote.http.post(`${unsubscribe}?list=morning-briefing`).type('form').send(oneClick),
      await footnote.http.get(preferences),
      await footnote.http.post(preferences).type('form').send('lists=morning-briefing'),
      await footnote.http.post(preferences).type('form').send(''),
      await press(preferences, 'copy'),
      await press(preferences, 'erase'),
      await press(preferences, 'allow'),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.text).toContain(text('notSubscribed.title'));
      expect(answer.text).not.toContain('<form');
    }
    await footnote.http.get(notMe).expect(200);
    await footnote.http.post(notMe).expect(200);
    for (const answer of [await footnote.http.get(confirm), await footnote.http.post(confirm)])
      expect(answer.status).toBe(410);
    await footnote.http.post(`${confirm}/renew`).expect(200);
    await footnote.http.post('/my-link').type('form').send({ email }).expect(200);
    expect(await footnote.fingerprint()).toEqual(before);
  });

  it('lifts nothing of a "not me" that came before', async () => {
    const email = 'declined@example.com';
    await footnote.signUp(email).expect(202);
    const { notMe, preferences } = await footnote.mailTo(email);
    await footnote.http.post(notMe).expect(200);
    const { erase } = await erasing(email, preferences);
    await footnote.http.post(erase).expect(200);
    await footnote.mailsNoted();
    const before = await footnote.fingerprint();
    await press(preferences, 'allow').expect(200);
    expect(await footnote.fingerprint()).toEqual(before);
  });

  it('lets the same address sign up anew, as another person (C-26)', async () => {
    const email = 'phoenix@example.com';
    const before = await reader(email);
    const { erase } = await erasing(email, before.preferences);
    await footnote.http.post(erase).expect(200);
    const answer = await footnote.signUp(email, ['weekend-reads']).expect(202);
    expect(answer.body).toEqual({ status: 'accepted' });
    const after = await footnote.mailTo(email, 'confirmation');
    expect(after.unsubscribe).not.toBe(before.unsubscribe);
    await footnote.http.post(after.confirm).expect(200);
    expect(await footnote.lists(email)).toEqual({ 'weekend-reads': 'subscribed' });
    expect(await footnote.ledger(email)).toEqual(expect.arrayContaining(['requested', 'confirmed']));
    expect(await footnote.ledger(email)).not.toContain('erased');
    // Mailchimp lets nobody whom it erased be added again (C-24), and nobody is told otherwise.
    expect(await footnote.member(email)).toBeNull();
    const refusals = await footnote.service.database.query(
      `SELECT refusal->>'kind' AS kind FROM audience_contacts contact
         JOIN subscribers person ON person.id = contact.subscriber_id WHERE person.key = $1`,
      [email],
    );
    expect(refusals).toEqual([{ kind: 'forgotten' }]);
    await footnote.http.post(before.unsubscribe).expect(200);
    expect(await footnote.lists(email)).toEqual({ 'weekend-reads': 'subscribed' });
  });

  it('works for seven days, then says so and erases nothing', async () => {
    const email = 'too.late@example.com';
    const { preferences } = await reader(email);
    const { erase } = await erasing(email, preferences);
    footnote.advance(7 * day + 2 * minute);
    for (const answer of [await footnote.http.get(erase), await footnote.http.post(erase)]) {
      expect(answer.status).toBe(410);
      expect(answer.text).toContain(text('eraseProblem.expired.title'));
    }
    expect(await footnote.lists(email)).toMatchObject({ 'morning-briefing': 'subscribed' });
    const again = await erasing(email, preferences);
    await footnote.http.post(again.erase).expect(200);
    expect(await footnote.lists(email)).toEqual({});
  });

  it('is done by its own link and no other, which does nothing else (A-20)', async () => {
    const email = 'confused@example.com';
    await footnote.signUp(email).expect(202);
    const { confirm, unsubscribe, preferences } = await footnote.mailTo(email);
    const { erase } = await erasing(email, preferences);
    const [token, key, erasingToken] = [confirm, unsubscribe, erase].map((link) => link.split('/').at(-1));
    for (const path of [
      `/erase/${token}`,
      `/erase/${key}`,
      `/erase/${'f'.repeat(40)}`,
      '/erase/x',
      '/erase/%00',
    ]) {
      for (const answer of [await footnote.http.get(path), await footnote.http.post(path)]) {
        expect(answer.status).toBe(404);
        expect(answer.text).toContain(text('eraseProblem.unknown.title'));
      }
    }
    for (const route of ['confirm', 'unsubscribe', 'preferences', 'not-me']) {
      await footnote.http.get(`/${route}/${erasingToken}`).expect(404);
      await footnote.http.post(`/${route}/${erasingToken}`).type('form').send('').expect(404);
    }
    await footnote.http.post(`/confirm/${erasingToken}/renew`).expect(404);
    expect(await footnote.lists(email)).toEqual({ 'morning-briefing': 'pending' });
  });
});
