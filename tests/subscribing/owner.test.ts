import { describe, expect, it } from 'vitest';
import { linkDays } from '../../src/subscribing/changes.ts';
import { decide } from '../../src/subscribing/decide.ts';
import { caps } from '../harness/allowance.ts';
import { commandOf, day, freshOf, hour, minute } from './model.ts';
import { type Story, tellStory } from './story.ts';

// What the owner of an address can do behind the links in mails, besides confirming, leaving and choosing.

const ann = 'Ann+news@Reader.example';
const bob = 'bob@reader.example';

/** Ann signed up, and the days of her link are over. */
function expired(...slugs: string[]): Story {
  const story = tellStory(...slugs);
  story.signUp(ann, ...slugs);
  story.wait(linkDays * day + 1);
  return story;
}

/** Ann is subscribed since an hour ago. */
function subscribed(...slugs: string[]): Story {
  const story = tellStory(...slugs);
  story.signUp(ann, ...slugs);
  story.confirm(ann);
  story.wait(hour);
  return story;
}

describe('asking for another link in place of an expired one', () => {
  it('asks anew for the lists of the old request, by a mail that goes at once', () => {
    const story = expired('daily', 'weekly');
    const { outcome, changes } = story.renew(ann);
    expect(outcome).toEqual({ type: 'renewed', locale: 'en' });
    expect(changes?.request).toMatchObject({ id: freshOf(1).requestId, listIds: [1, 2] });
    expect(changes?.mails).toMatchObject([{ kind: 'confirmation', dueAt: story.now() }]);
    expect(story.lists(ann)).toEqual({ daily: 'pending', weekly: 'pending' });
    expect(story.confirm(ann, 0).outcome.type).toBe('expired');
    expect(story.confirm(ann, 1).outcome.type).toBe('confirmed');
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'subscribed' });
  });

  it('is made under the words that the old request was made under (C-13)', () => {
    const story = tellStory('daily');
    const signUp = commandOf({ act: 'sign up', email: ann, lists: ['daily'] }, story.model.directory());
    if (signUp.type !== 'sign_up') throw new Error('expected a sign-up');
    const shown = { ...signUp, wordingVersion: 'an older text', locale: 'fr', firstName: 'Ann' };
    const { changes } = decide(
      { people: [], mails: [], allowance: { caps, from: story.now() }, suppressed: new Set() },
      shown,
      story.now(),
      freshOf(99),
    );
    if (changes === null) throw new Error('expected changes');
    story.model.save(changes, story.now());
    story.reword('daily');
    story.wait(linkDays * day + 1);
    const renewed = story.renew(ann).changes;
    expect(renewed?.events).toMatchObject([
      { kind: 'requested', listWordings: ['wording of daily'], wordingVersion: 'an older text' },
    ]);
    expect(renewed?.request).toMatchObject({ locale: 'fr', firstName: 'Ann' });
  });

  it('gives none for a link that still works, and answers the same', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.wait(linkDays * day);
    expect(story.renew(ann)).toEqual({ outcome: { type: 'renewed', locale: 'en' }, changes: null });
  });

  it.each<[string, (story: Story) => void]>([
    ['was confirmed in time', (story) => story.confirm(ann)],
    ['was withdrawn', (story) => story.leave(ann)],
    ['its owner declined', (story) => story.does(ann, 'decline')],
  ])('gives none for a request that %s', (_, happens) => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    happens(story);
    story.wait(linkDays * day + 1);
    expect(story.renew(ann)).toEqual({ outcome: { type: 'renewed', locale: 'en' }, changes: null });
  });

  it('leaves out what was left or closed since, and what a newer request brought', () => {
    const story = expired('daily', 'weekly', 'monthly', 'yearly');
    story.leave(ann, 'daily');
    story.model.archive('weekly');
    story.signUp(ann, 'monthly');
    story.confirm(ann, 1);
    story.wait(hour);
    expect(story.renew(ann).changes?.request?.listIds).toEqual([4]);
  });

  it('gives one for many presses within a minute (R-08), and keeps to the caps (A-02)', () => {
    const story = expired('daily');
    expect(story.renew(ann).changes).not.toBeNull();
    expect(story.renew(ann).changes).toBeNull();
    story.wait(hour);
    story.renew(ann);
    story.wait(hour);
    story.renew(ann);
    story.wait(hour);
    expect(story.renew(ann)).toEqual({ outcome: { type: 'renewed', locale: 'en' }, changes: null });
    expect(story.mails(ann)).toHaveLength(4);
  });

  it('knows no token that was never given', () => {
    expect(expired('daily').renew(bob)).toEqual({ outcome: { type: 'unknown' }, changes: null });
  });
});

describe('saying that it was not oneself', () => {
  it('withdraws what waits for confirmation, and no mail tells of it', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    const { outcome, changes } = story.does(ann, 'decline');
    expect(outcome).toEqual({ type: 'declined', locale: 'en' });
    expect(changes).toMatchObject({
      declined: true,
      mails: [],
      sync: null,
      events: [{ kind: 'unsubscribed', channel: 'not_me_page' }],
    });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
    expect(story.confirm(ann).outcome.type).toBe('withdrawn');
  });

  it('ends nothing that was confirmed', () => {
    const story = subscribed('daily', 'weekly');
    expect(story.does(ann, 'decline').changes).toMatchObject({ declined: true, events: [] });
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'subscribed' });
  });

  it('keeps from the address every mail that a stranger could cause, and answers them the same (I9)', () => {
    const story = subscribed('daily', 'weekly');
    story.leave(ann, 'weekly');
    story.does(ann, 'decline');
    story.wait(2 * day);
    const unknown = story.does(bob, 'ask link').outcome;
    expect(story.does(ann, 'ask link')).toEqual({ outcome: unknown, changes: null });
    expect(story.signUp(ann, 'weekly')).toEqual({ outcome: { type: 'accepted' }, changes: null });
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed', 'unsubscribed']);
  });

  it('keeps from its owner no mail that only they could cause', () => {
    const story = subscribed('daily');
    story.does(ann, 'decline');
    expect(story.leave(ann).changes?.mails).toMatchObject([{ kind: 'receipt' }]);
    expect(story.does(ann, 'ask copy').changes?.mails).toMatchObject([{ kind: 'copy' }]);
    expect(story.does(ann, 'ask erasure').changes?.mails).toMatchObject([{ kind: 'erasure' }]);
  });

  it('tells its owner, who ticks more, that no mail can go, and still leaves what they unticked', () => {
    const story = subscribed('daily', 'weekly');
    story.leave(ann, 'weekly');
    story.does(ann, 'decline');
    expect(story.choose(ann, 'weekly').outcome).toMatchObject({
      left: [{ slug: 'daily' }],
      asked: [],
      refused: { why: 'declined', lists: [{ slug: 'weekly' }] },
    });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
  });

  it('concerns one person, and not who shares the mailbox', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.does(ann, 'decline');
    story.wait(hour);
    expect(story.signUp('ann+other@reader.example', 'daily').changes).not.toBeNull();
  });

  it('is done once, and pressed again changes nothing (U-25)', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    const { outcome } = story.does(ann, 'decline');
    expect(story.does(ann, 'decline')).toEqual({ outcome, changes: null });
  });

  it('can be taken back, and then asking works as ever', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.does(ann, 'decline');
    expect(story.does(ann, 'allow')).toMatchObject({
      outcome: { type: 'allowed', locale: 'en' },
      changes: { declined: false, events: [], mails: [] },
    });
    expect(story.does(ann, 'allow').changes).toBeNull();
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
    story.signUp(ann, 'daily');
    story.confirm(ann, 1);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
  });

  it('knows no link that was never given', () => {
    const story = tellStory('daily');
    for (const act of ['decline', 'allow'] as const) {
      expect(story.does(ann, act)).toEqual({ outcome: { type: 'unknown' }, changes: null });
    }
  });
});

describe("typing an address to have its owner's links mailed there (A-27)", () => {
  it('mails them to whoever ever confirmed, subscribed still or not', () => {
    const story = subscribed('daily');
    const { outcome, changes } = story.does(ann, 'ask link');
    expect(outcome).toEqual({ type: 'accepted' });
    expect(changes).toMatchObject({ events: [], mails: [{ kind: 'my_link', dueAt: story.now() }] });
    story.leave(ann);
    story.wait(hour);
    expect(story.does(ann, 'ask link').changes?.mails).toMatchObject([{ kind: 'my_link' }]);
  });

  it('mails nothing to who is unknown, never confirmed, or only shares the mailbox', () => {
    const story = subscribed('daily');
    story.signUp(bob, 'daily');
    for (const email of ['nobody@reader.example', bob, 'ann@reader.example']) {
      expect(story.does(email, 'ask link')).toEqual({ outcome: { type: 'accepted' }, changes: null });
    }
  });

  it('ends and joins nothing', () => {
    const story = subscribed('daily');
    story.does(ann, 'ask link');
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed']);
  });

  it('shares the caps of confirmations, in both directions (A-01, A-02)', () => {
    const story = subscribed('daily', 'weekly');
    story.leave(ann, 'weekly');
    story.wait(hour);
    story.does(ann, 'ask link');
    story.does(ann, 'ask link');
    expect(story.mails(ann, 'my_link')).toEqual([2 * hour, 2 * hour + minute]);
    expect(story.does(ann, 'ask link').changes).toBeNull();
    expect(story.signUp(ann, 'weekly').changes).toBeNull();
  });
});

describe('asking for one’s data (C-25, C-27)', () => {
  it('mails a copy, or the link that erases, to the address itself', () => {
    const story = subscribed('daily');
    expect(story.does(ann, 'ask copy')).toMatchObject({
      outcome: { type: 'mailed', locale: 'en' },
      changes: { events: [], mails: [{ kind: 'copy', tokenHash: null }] },
    });
    expect(story.does(ann, 'ask erasure').changes?.mails).toMatchObject([
      { kind: 'erasure', tokenHash: freshOf(3).eraseTokenHash, dueAt: story.now() },
    ]);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
  });

  it('is for who never confirmed as well', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    expect(story.does(ann, 'ask copy').changes?.mails).toMatchObject([{ kind: 'copy' }]);
  });

  it.each(['ask copy', 'ask erasure'] as const)('has caps of its own: %s', (ask) => {
    const story = subscribed('daily');
    for (let times = 0; times < 3; times++) expect(story.does(ann, ask).changes?.mails).toHaveLength(1);
    expect(story.does(ann, ask)).toEqual({ outcome: { type: 'mailed', locale: 'en' }, changes: null });
    const kind = ask === 'ask copy' ? 'copy' : 'erasure';
    expect(story.mails(ann, kind)).toEqual([hour, hour + minute, hour + 2 * minute]);
    const other = ask === 'ask copy' ? 'ask erasure' : 'ask copy';
    expect(story.does(ann, other).changes).not.toBeNull();
    expect(story.does(ann, 'ask link').changes?.mails).toMatchObject([{ dueAt: story.now() }]);
  });

  it('knows no link that was never given', () => {
    expect(tellStory('daily').does(ann, 'ask copy')).toEqual({ outcome: { type: 'unknown' }, changes: null });
  });
});

describe('being erased (I6, C-23)', () => {
  /** Ann has an erasure mail. */
  const asked = (...slugs: string[]) => {
    const story = subscribed(...slugs);
    story.does(ann, 'ask erasure');
    return story;
  };

  it('ends everything, is the last entry of the ledger, and no mail tells of it', () => {
    const story = asked('daily', 'weekly');
    const { outcome, changes } = story.erase(ann);
    expect(outcome).toEqual({ type: 'erased', locale: 'en' });
    expect(changes).toMatchObject({
      erased: true,
      sync: 'opt_out',
      mails: [],
      events: [
        {
          kind: 'unsubscribed',
          channel: 'erase_page',
          listWordings: ['wording of daily', 'wording of weekly'],
        },
        { kind: 'erased', channel: 'erase_page', listWordings: [] },
      ],
    });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed', 'unsubscribed', 'erased']);
  });

  it('is for who left everything or never confirmed, too', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.signUp(bob, 'daily');
    story.leave(bob);
    for (const email of [ann, bob]) {
      story.does(email, 'ask erasure');
      expect(story.erase(email).changes).toMatchObject({ erased: true, sync: null });
      expect(story.ledger(email)).toEqual(['requested', 'unsubscribed', 'erased']);
    }
  });

  it('is done once, and pressed again says so (U-25), by any of the mails and for ever', () => {
    const story = asked('daily');
    story.does(ann, 'ask erasure');
    const { outcome } = story.erase(ann, 0);
    story.wait(400 * day);
    for (const nth of [0, 1, 0]) expect(story.erase(ann, nth)).toEqual({ outcome, changes: null });
  });

  it('works until the last moment of the seven days after its mail was due, and not after', () => {
    const story = asked('daily');
    story.does(ann, 'ask erasure');
    story.wait(linkDays * day + 1);
    expect(story.erase(ann, 0)).toEqual({ outcome: { type: 'expired', locale: 'en' }, changes: null });
    story.wait(minute - 1);
    expect(story.erase(ann, 1).outcome.type).toBe('erased');
  });

  it('still says that the link is expired when its mail is older than what the caps look at', () => {
    const story = asked('daily');
    story.wait(40 * day);
    expect(story.erase(ann).outcome).toEqual({ type: 'expired', locale: 'en' });
  });

  it('leaves old links that say so and change nothing (U-17)', () => {
    const story = asked('daily');
    story.erase(ann);
    story.wait(hour);
    const leaves = { type: 'left', left: [], remaining: [], locale: 'en' };
    expect(story.leave(ann)).toEqual({ outcome: leaves, changes: null });
    expect(story.confirm(ann)).toMatchObject({ outcome: { type: 'withdrawn' }, changes: null });
    expect(story.choose(ann)).toMatchObject({ outcome: { type: 'chosen', refused: null }, changes: null });
    expect(story.choose(ann, 'daily')).toMatchObject({
      outcome: { asked: [], refused: { why: 'declined', lists: [{ slug: 'daily' }] } },
      changes: null,
    });
    for (const act of ['decline', 'allow', 'ask copy', 'ask erasure'] as const) {
      expect(story.does(ann, act).changes).toBeNull();
    }
    expect(story.run({ act: 'take mail', email: ann, nth: 0 })).toEqual({
      outcome: { type: 'recorded' },
      changes: null,
    });
    story.wait(8 * day);
    expect(story.renew(ann).changes).toBeNull();
  });

  it('cannot be followed by taking back an old "not me"', () => {
    const story = asked('daily');
    story.does(ann, 'decline');
    story.erase(ann);
    expect(story.does(ann, 'allow')).toEqual({ outcome: { type: 'allowed', locale: 'en' }, changes: null });
  });

  it('is done by an operator without a link, with the same effects and no evidence but the address', () => {
    const story = subscribed('daily', 'weekly');
    story.does(ann, 'ask erasure');
    const { outcome, changes } = story.does(ann, 'erase person');
    expect(outcome).toEqual({ type: 'erased', locale: 'en' });
    const evidence = { email: ann, ip: null, userAgent: null, page: null };
    expect(changes).toMatchObject({
      erased: true,
      sync: 'opt_out',
      mails: [],
      events: [
        { kind: 'unsubscribed', channel: 'admin', evidence },
        { kind: 'erased', channel: 'admin', listWordings: [], evidence },
      ],
    });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
    // By whichever way it is repeated, and however late (U-25).
    story.wait(400 * day);
    for (const again of [story.does(ann, 'erase person'), story.erase(ann)]) {
      expect(again).toEqual({ outcome, changes: null });
    }
    expect(story.does(bob, 'erase person')).toEqual({ outcome: { type: 'unknown' }, changes: null });
  });

  it('makes who comes back with the same address another person, whom the old links do not touch', () => {
    const story = asked('daily');
    story.erase(ann);
    story.signUp(ann, 'daily');
    story.confirm(ann);
    const [before, after] = story.model.people(ann);
    expect(after?.id).not.toBe(before?.id);
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed']);
    story.run({ act: 'leave', email: ann, list: null, former: true });
    expect(story.run({ act: 'erase', email: ann, nth: 0, former: true }).changes).toBeNull();
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
  });

  it('concerns one person, and not who shares the mailbox', () => {
    const story = asked('daily');
    story.signUp('ann+other@reader.example', 'daily');
    story.confirm('ann+other@reader.example');
    story.erase(ann);
    expect(story.lists('ann+other@reader.example')).toEqual({ daily: 'subscribed' });
  });

  it('is nothing that the token of a confirmation can do, nor can its own confirm (A-20)', () => {
    const story = asked('daily');
    const [links] = story.model.directory().people('ann+news@reader.example');
    const page = { ip: null, userAgent: null, page: null };
    const [confirming, erasing] = [links?.requests[0]?.token ?? '', links?.erasures[0] ?? ''];
    const commands = [
      { type: 'erase', channel: 'erase_page', ...page, token: confirming },
      { type: 'confirm', channel: 'confirm_page', ...page, token: erasing },
      { type: 'renew', channel: 'confirm_page', ...page, token: erasing },
    ] as const;
    for (const command of commands) {
      const household = story.model.household(command, story.now());
      expect(decide(household, command, story.now(), freshOf(99)).outcome).toEqual({ type: 'unknown' });
    }
  });
});
