import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offerConsentWording, offeredConsentWording } from '../../src/consent/wordings.ts';
import { languageOf } from '../../src/languages/language.ts';
import { archiveList, saveList } from '../../src/subscribing/lists.ts';
import { Footnote } from '../harness/footnote.ts';

const { text } = languageOf('en');

describe('the preferences page', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start();
  });
  afterAll(() => footnote.stop());

  const save = (link: string, body: string) => footnote.http.post(link).type('form').send(body);
  const ticked = (page: string) =>
    [...page.matchAll(/<input type="checkbox"([^>]*)>/g)].flatMap(([, attributes = '']) =>
      attributes.includes('checked') ? (/value="([^"]*)"/.exec(attributes)?.[1] ?? '') : [],
    );

  it('ticks what the person is on, and shows neither address nor name (C-27)', async () => {
    await footnote.signUp('mary.major@example.com', ['morning-briefing'], { firstName: 'Marigold' });
    const { confirm, preferences } = await footnote.mailTo('mary.major@example.com');
    await footnote.http.post(confirm).expect(200);
    const page = await footnote.http.get(preferences).expect(200);
    expect(ticked(page.text)).toEqual(['morning-briefing']);
    expect(page.text).not.toMatch(/mary|major|marigold/i);
  });

  it('leaves at once what is no longer ticked', async () => {
    const { preferences } = await footnote.subscribe('fewer@example.com', [
      'morning-briefing',
      'science-weekly',
    ]);
    const page = await save(preferences, 'lists=science-weekly').expect(200);
    expect(page.text).toContain(text('preferences.left', { lists: 'Morning Briefing' }));
    expect(ticked(page.text)).toEqual(['science-weekly']);
    expect(await footnote.lists('fewer@example.com')).toEqual({
      'morning-briefing': 'unsubscribed',
      'science-weekly': 'subscribed',
    });
    expect(await footnote.member('fewer@example.com')).toMatchObject({ status: 'subscribed' });
  });

  it('asks by mail for what is newly ticked, and joins nobody by itself (C-12, I1)', async () => {
    const { preferences } = await footnote.subscribe('more@example.com');
    const page = await save(preferences, 'lists=morning-briefing&lists=weekend-reads').expect(200);
    expect(page.text).toContain(text('preferences.asked', { lists: 'Weekend Reads' }));
    expect(await footnote.lists('more@example.com')).toEqual({
      'morning-briefing': 'subscribed',
      'weekend-reads': 'pending',
    });
    const { mail, confirm } = await footnote.mailTo('more@example.com');
    expect(mail.text).toContain('Weekend Reads');
    expect(mail.text).not.toContain('Morning Briefing');
    await footnote.http.post(confirm).expect(200);
    expect(await footnote.lists('more@example.com')).toEqual({
      'morning-briefing': 'subscribed',
      'weekend-reads': 'subscribed',
    });
  });

  it('leaves all when nothing is ticked, and by its own button', async () => {
    const unticked = await footnote.subscribe('unticked@example.com');
    await save(unticked.preferences, 'consentVersion=').expect(200);
    expect(await footnote.lists('unticked@example.com')).toEqual({ 'morning-briefing': 'unsubscribed' });

    const pressed = await footnote.subscribe('pressed@example.com');
    const page = await footnote.http.get(pressed.preferences).expect(200);
    expect(page.text).toContain(`action="${pressed.unsubscribe}"`);
    await footnote.http.post(pressed.unsubscribe).expect(200);
    expect(await footnote.lists('pressed@example.com')).toEqual({ 'morning-briefing': 'unsubscribed' });
  });

  it('changes nothing when the same is saved again', async () => {
    const { preferences } = await footnote.subscribe('same@example.com');
    await footnote.mailsNoted();
    const before = await footnote.ledger('same@example.com');
    await save(preferences, 'lists=morning-briefing').expect(200);
    await save(preferences, 'lists=morning-briefing&lists=no-such-list').expect(200);
    expect(await footnote.ledger('same@example.com')).toEqual(before);
  });

  it('leaves nothing because of a request that no form sends', async () => {
    const { preferences } = await footnote.subscribe('careful@example.com');
    await footnote.http.post(preferences).expect(415);
    await footnote.http
      .post(preferences)
      .send({ lists: ['morning-briefing'] })
      .expect(415);
    await footnote.http.post(preferences).field('lists', 'morning-briefing').expect(415);
    await save(preferences, `lists=${'x'.repeat(200)}`).expect(422);
    await save(preferences, 'lists=morning-briefing%00').expect(422);
    await save(preferences, 'lists=x&'.repeat(101)).expect(413);
    await save(preferences, 'lists=morning-briefing&consentVersion=made-up').expect(422);
    expect(await footnote.lists('careful@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
  });

  it('leaves nothing that it did not show: a stale page, and one that names no list (C-12)', async () => {
    const { preferences } = await footnote.subscribe('stale@example.com');
    const stale = [...(await footnote.http.get(preferences)).text.matchAll(/name="shown" value="([^"]*)"/g)];
    expect(stale.map(([, slug]) => slug)).toEqual(['morning-briefing', 'science-weekly', 'weekend-reads']);
    await saveList(footnote.service.database, {
      slug: 'night-desk',
      name: 'Night Desk',
      description: '',
      position: 8,
    });
    try {
      await footnote.subscribe('stale@example.com', ['night-desk']);
      const shown = stale.map(([, slug]) => `&shown=${slug}`).join('');
      const page = await save(preferences, `lists=morning-briefing${shown}`).expect(200);
      expect(page.text).not.toContain(text('preferences.left', { lists: 'Night Desk' }));
      expect(await footnote.lists('stale@example.com')).toEqual({
        'morning-briefing': 'subscribed',
        'night-desk': 'subscribed',
      });
      await save(preferences, 'shown=&shown=no-such-list').expect(200);
      expect(Object.values(await footnote.lists('stale@example.com'))).toEqual(['subscribed', 'subscribed']);
      // A form of a site's own shows what it shows; without a word of it, all of it.
      await save(preferences, 'lists=night-desk').expect(200);
      expect(await footnote.lists('stale@example.com')).toEqual({
        'morning-briefing': 'unsubscribed',
        'night-desk': 'subscribed',
      });
    } finally {
      await archiveList(footnote.service.database, 'night-desk', new Date());
    }
  });

  it('promises no confirmation when none can go any more today (A-01)', async () => {
    const { preferences } = await footnote.subscribe('eager@example.com');
    for (const list of ['science-weekly', 'weekend-reads']) {
      await save(preferences, `lists=${list}&shown=${list}`).expect(200);
      await footnote.http.post(preferences).type('form').send(`shown=${list}`).expect(200);
      footnote.advance(2 * 60_000);
    }
    const page = await save(preferences, 'lists=science-weekly&shown=science-weekly').expect(200);
    expect(page.text).toContain(text('preferences.tooMany', { lists: 'Science Weekly' }));
    expect(await footnote.lists('eager@example.com')).toMatchObject({ 'science-weekly': 'unsubscribed' });
    expect(await footnote.mails('eager@example.com')).toEqual([
      'confirmation',
      'welcome',
      'confirmation',
      'confirmation',
    ]);
  });

  it('notes the wording that the page showed, although another is on offer since (C-03, C-13)', async () => {
    const { database } = footnote.service;
    const { preferences } = await footnote.subscribe('reworded@example.com');
    const shown = await offeredConsentWording(database, 'en');
    expect((await footnote.http.get(preferences)).text).toContain(`value="${shown.version}"`);
    const newer = await offerConsentWording(database, 'en', 'Another wording.');
    const wordings = async () =>
      (
        await database.prisma.consentEvent.findMany({
          where: { subscriber: { key: 'reworded@example.com' }, kind: 'requested' },
          orderBy: { seq: 'asc' },
        })
      ).map(({ wordingVersion }) => wordingVersion);

    await save(
      preferences,
      `lists=morning-briefing&lists=weekend-reads&consentVersion=${shown.version}`,
    ).expect(200);
    expect(await wordings()).toEqual([shown.version, shown.version]);
    footnote.advance(2 * 60_000);
    await save(preferences, 'lists=morning-briefing&lists=weekend-reads&lists=science-weekly').expect(200);
    expect((await wordings()).at(-1)).toBe(newer);
  });

  it('still shows an archived list to who receives it, and leaves it only when unticked', async () => {
    const { database } = footnote.service;
    const { preferences } = await footnote.subscribe('loyal@example.com', [
      'morning-briefing',
      'science-weekly',
    ]);
    const stranger = await footnote.subscribe('stranger@example.com');
    await archiveList(database, 'science-weekly', new Date());
    try {
      const page = await footnote.http.get(preferences).expect(200);
      expect(ticked(page.text)).toEqual(['morning-briefing', 'science-weekly']);
      expect((await footnote.http.get(stranger.preferences)).text).not.toContain('science-weekly');
      await save(stranger.preferences, 'lists=morning-briefing&lists=science-weekly').expect(200);
      expect(await footnote.lists('stranger@example.com')).toEqual({ 'morning-briefing': 'subscribed' });

      await save(preferences, 'lists=science-weekly').expect(200);
      expect(await footnote.lists('loyal@example.com')).toMatchObject({ 'science-weekly': 'subscribed' });
      await save(preferences, '').expect(200);
      expect(await footnote.lists('loyal@example.com')).toMatchObject({ 'science-weekly': 'unsubscribed' });
    } finally {
      await database.prisma.mailingList.update({
        where: { slug: 'science-weekly' },
        data: { archivedAt: null },
      });
    }
  });

  it('says so when the link is unknown', async () => {
    for (const key of ['f'.repeat(32), 'x', '%00']) {
      for (const answer of [
        await footnote.http.get(`/preferences/${key}`),
        await save(`/preferences/${key}`, ''),
      ]) {
        expect(answer.status).toBe(404);
        expect(answer.text).toContain(text('unknownLink.title'));
      }
    }
  });
});
