import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/consent/ledger.ts';
import { linkDays } from '../../src/subscribing/changes.ts';
import { decide } from '../../src/subscribing/decide.ts';
import { caps } from '../harness/allowance.ts';
import { commandOf, day, freshOf, hour, minute, second } from './model.ts';
import { tellStory } from './story.ts';

const ann = 'Ann+news@Reader.example';
const bob = 'bob@reader.example';

describe('signing up', () => {
  it('makes the ticked lists pending and owes one mail for all of them', () => {
    const story = tellStory('daily', 'weekly', 'monthly');
    const { outcome, changes } = story.signUp(ann, 'daily', 'weekly');
    expect(outcome).toEqual({ type: 'accepted' });
    expect(story.lists(ann)).toEqual({ daily: 'pending', weekly: 'pending' });
    expect(story.ledger(ann)).toEqual(['requested']);
    expect(story.mails(ann)).toEqual([0]);
    expect(changes?.sync).toBeNull();
  });

  it('enters what was shown, who typed what, where and when (C-01 to C-04)', () => {
    const story = tellStory('daily', 'weekly');
    const { changes } = story.signUp(ann, 'daily', 'weekly');
    expect(changes?.created).toEqual({ email: 'Ann+news@reader.example', firstName: null });
    expect(changes?.events).toEqual([
      {
        seq: 1,
        kind: 'requested',
        at: story.now(),
        channel: 'form',
        listWordings: ['wording of daily', 'wording of weekly'],
        wordingVersion: 'the consent text',
        requestSeq: null,
        mailHash: null,
        evidence: {
          email: 'Ann+news@Reader.example',
          ip: '203.0.113.7',
          userAgent: 'A browser',
          page: 'https://news.example/article',
          givenAt: null,
        },
      },
    ]);
  });

  it('gives the link seven days from when its mail is due (C-17)', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.wait(10 * second);
    const { changes } = story.signUp(ann, 'weekly');
    expect(changes?.mails[0]?.dueAt.getTime()).toBe(story.now().getTime() + 50 * second);
    expect(changes?.request?.expiresAt.getTime()).toBe(story.now().getTime() + 50 * second + linkDays * day);
  });

  it('changes nothing for who is subscribed already, and answers the same (I9)', () => {
    const story = tellStory('daily');
    const stranger = story.signUp(ann, 'daily');
    story.confirm(ann);
    story.wait(hour);
    expect(story.signUp(ann, 'daily')).toEqual({ outcome: stranger.outcome, changes: null });
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
  });

  it('asks only for what is not subscribed yet', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    story.wait(hour);
    const { changes } = story.signUp(ann, 'daily', 'weekly');
    expect(changes?.request?.listIds).toEqual([2]);
    expect(changes?.events[0]?.listWordings).toEqual(['wording of weekly']);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'pending' });
  });

  it('takes up what is still pending into the new request, so that its mail confirms both', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.wait(hour);
    const { changes } = story.signUp(ann, 'daily', 'weekly');
    expect(changes?.request?.listIds).toEqual([1, 2]);
    story.confirm(ann, 1);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'subscribed' });
  });

  it('sends the mail of a pending request again after a minute, not before (R-08)', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    expect(story.signUp(ann, 'daily', 'weekly').changes).toBeNull();
    story.wait(minute - 1);
    expect(story.signUp(ann, 'weekly').changes).toBeNull();
    story.wait(1);
    expect(story.signUp(ann, 'weekly').changes).not.toBeNull();
    expect(story.mails(ann)).toEqual([0, minute]);
  });

  it('asks for one more list within the minute by a mail that waits for it', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.wait(20 * second);
    story.signUp(ann, 'weekly');
    story.wait(20 * second);
    expect(story.signUp(ann, 'weekly').changes).toBeNull();
    expect(story.mails(ann)).toEqual([0, minute]);
  });

  it('mails three times a day and five times in 30 days, whatever tags are used (A-01, A-11)', () => {
    const story = tellStory('daily');
    const tags = ['ann', 'ann+a', 'ann+b', 'ann+c', 'ann+d', 'ann+e', 'ann+f'].map(
      (local) => `${local}@reader.example`,
    );
    for (const email of tags) {
      story.signUp(email, 'daily');
      story.wait(hour);
    }
    expect(story.mails(ann)).toEqual([0, hour, 2 * hour]);
    story.wait(day);
    for (const email of tags) story.signUp(email, 'daily');
    expect(story.mails(ann)).toHaveLength(5);
    expect(story.model.everyone()).toHaveLength(3);
    story.signUp(bob, 'daily');
    expect(story.mails(bob)).toHaveLength(1);
  });

  it('leaves no trace of a request that the caps refuse, and answers the same (I9)', () => {
    const story = tellStory('daily');
    for (let request = 0; request < 3; request++) {
      story.signUp(ann, 'daily');
      story.wait(hour);
    }
    expect(story.signUp(ann, 'daily')).toEqual({ outcome: { type: 'accepted' }, changes: null });
    expect(story.ledger(ann)).toEqual(['requested', 'requested', 'requested']);
  });

  it('keeps people of one mailbox apart', () => {
    const story = tellStory('daily');
    story.signUp('ann@reader.example', 'daily');
    story.signUp('ann+news@reader.example', 'daily');
    story.confirm('ann@reader.example');
    expect(story.lists('ann@reader.example')).toEqual({ daily: 'subscribed' });
    expect(story.lists('ann+news@reader.example')).toEqual({ daily: 'pending' });
  });
});

describe('confirming', () => {
  it('subscribes to all lists of the request at once, and Mailchimp has to follow', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.wait(hour);
    const { outcome, changes } = story.confirm(ann);
    expect(outcome).toEqual({
      type: 'confirmed',
      lists: [
        { slug: 'daily', name: 'The daily', description: 'All about daily.' },
        { slug: 'weekly', name: 'The weekly', description: 'All about weekly.' },
      ],
      linkKey: freshOf(0).linkKey,
      locale: 'en',
    });
    expect(changes?.sync).toBe('opt_in');
    expect(changes?.events).toMatchObject([
      { seq: 2, kind: 'confirmed', requestSeq: 1, listWordings: ['wording of daily', 'wording of weekly'] },
    ]);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'subscribed' });
  });

  it("covers the lists of its own request and not another's (C-12)", () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.wait(hour);
    story.signUp(ann, 'weekly');
    story.confirm(ann, 0);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'pending' });
  });

  it('covers the wording that was shown, although the list is called otherwise now (C-13)', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.reword('daily');
    const { outcome, changes } = story.confirm(ann);
    expect(changes?.events[0]?.listWordings).toEqual(['wording of daily']);
    expect(outcome).toMatchObject({ type: 'confirmed', lists: [{ name: 'The daily, renamed' }] });
  });

  it('answers the same for as long as it is true, and enters nothing twice (U-25)', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    const { outcome } = story.confirm(ann);
    story.wait(30 * day);
    for (let press = 0; press < 4; press++) {
      expect(story.confirm(ann)).toEqual({ outcome, changes: null });
    }
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed']);
  });

  it('takes every mail of a request that was sent again, and enters one confirmation', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.wait(hour);
    story.signUp(ann, 'daily');
    expect(story.confirm(ann, 1).outcome.type).toBe('confirmed');
    expect(story.confirm(ann, 0).outcome.type).toBe('confirmed');
    expect(story.ledger(ann)).toEqual(['requested', 'requested', 'confirmed']);
  });

  it('works until the last moment of the seven days, and not after (C-17)', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.signUp(bob, 'daily');
    story.wait(linkDays * day);
    expect(story.confirm(ann).outcome.type).toBe('confirmed');
    story.wait(1);
    expect(story.confirm(bob)).toEqual({ outcome: { type: 'expired', locale: 'en' }, changes: null });
    expect(story.lists(bob)).toEqual({ daily: 'pending' });
  });

  it('brings back nothing that was left since, not even after asking again (I2)', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.confirm(ann, 0);
    story.leave(ann);
    expect(story.confirm(ann, 0)).toEqual({ outcome: { type: 'withdrawn', locale: 'en' }, changes: null });
    story.signUp(ann, 'daily');
    expect(story.confirm(ann, 0)).toEqual({ outcome: { type: 'withdrawn', locale: 'en' }, changes: null });
    expect(story.lists(ann)).toEqual({ daily: 'pending', weekly: 'unsubscribed' });
    expect(story.confirm(ann, 1).outcome.type).toBe('confirmed');
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
  });

  it('confirms what still stands of a request when one of its lists was left', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.leave(ann, 'weekly');
    expect(story.confirm(ann).outcome).toMatchObject({ type: 'confirmed', lists: [{ slug: 'daily' }] });
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed' });
  });

  it('joins no list that was archived since', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.signUp(bob, 'weekly');
    story.model.archive('weekly');
    expect(story.confirm(ann).outcome).toMatchObject({ type: 'confirmed', lists: [{ slug: 'daily' }] });
    expect(story.confirm(bob)).toEqual({ outcome: { type: 'withdrawn', locale: 'en' }, changes: null });
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'pending' });
  });

  it('knows no token that was never given', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    expect(story.confirm(ann, 1)).toEqual({ outcome: { type: 'unknown' }, changes: null });
  });

  it('makes the name and language of a form theirs only now that they proved to be them', () => {
    const story = tellStory('daily');
    const command = {
      ...commandOf({ act: 'sign up', email: ann, lists: ['daily'] }, story.model.directory()),
    };
    if (command.type !== 'sign_up') throw new Error('expected a sign-up');
    const named = { ...command, firstName: 'Ann', locale: 'fr' };
    const { changes } = decide(
      { people: [], mails: [], allowance: { caps, from: story.now() }, suppressed: new Set() },
      named,
      story.now(),
      freshOf(0),
    );
    if (changes === null) throw new Error('expected changes');
    story.model.save(changes, story.now());
    expect(story.confirm(ann).changes?.confirmed).toEqual({
      requestId: freshOf(0).requestId,
      firstName: 'Ann',
      locale: 'fr',
    });
  });
});

describe('the welcome after a confirmation', () => {
  it('is owed once, for the entry that it tells of, and counts against no cap', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.wait(second);
    expect(story.confirm(ann).changes?.mails).toEqual([
      {
        id: freshOf(1).noticeId,
        kind: 'welcome',
        seq: 2,
        dueAt: story.now(),
        requestId: null,
        tokenHash: null,
      },
    ]);
    story.confirm(ann);
    expect(story.mails(ann, 'welcome')).toEqual([second]);
    story.leave(ann, 'weekly');
    story.wait(minute);
    expect(story.signUp(ann, 'weekly').changes?.mails).toMatchObject([{ dueAt: story.now() }]);
  });

  it('is owed for what joined, and not for a request whose lists another one brought already', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.wait(hour);
    story.signUp(ann, 'daily');
    story.confirm(ann, 1);
    expect(story.confirm(ann, 0).changes).toMatchObject({ mails: [], events: [], sync: null });
    expect(story.mails(ann, 'welcome')).toHaveLength(1);
  });
});

describe('the receipt of leaving', () => {
  it('is owed once for what was subscribed, however it was left', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.confirm(ann);
    expect(story.leave(ann, 'daily').changes?.mails).toMatchObject([{ kind: 'receipt', seq: 3 }]);
    expect(story.choose(ann).changes?.mails).toMatchObject([{ kind: 'receipt', seq: 4 }]);
    story.leave(ann);
    expect(story.mails(ann, 'receipt')).toHaveLength(2);
  });

  it('is not owed for what never came', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    expect(story.leave(ann).changes?.mails).toEqual([]);
  });
});

describe('leaving', () => {
  const subscribed = () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.confirm(ann);
    story.wait(hour);
    return story;
  };

  it('ends one list and names those that remain (U-29)', () => {
    const story = subscribed();
    const { outcome, changes } = story.leave(ann, 'daily');
    expect(outcome).toMatchObject({
      type: 'left',
      left: [{ slug: 'daily' }],
      remaining: [{ slug: 'weekly' }],
    });
    expect(changes).toMatchObject({ sync: 'opt_out', events: [{ kind: 'unsubscribed', seq: 3 }] });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'subscribed' });
  });

  it('ends everything, with one entry', () => {
    const story = subscribed();
    expect(story.leave(ann).outcome).toMatchObject({ left: [{}, {}], remaining: [] });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed', 'unsubscribed']);
  });

  it('is done once, and pressed again says that nothing is left (U-25)', () => {
    const story = subscribed();
    story.leave(ann);
    expect(story.leave(ann)).toEqual({
      outcome: { type: 'left', left: [], remaining: [], locale: 'en' },
      changes: null,
    });
  });

  it('ends nothing for a list that there is not', () => {
    const story = subscribed();
    expect(story.leave(ann, 'never-heard-of')).toMatchObject({ outcome: { left: [] }, changes: null });
  });

  it('withdraws what was never confirmed, and Mailchimp has nothing to follow', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    expect(story.leave(ann).changes?.sync).toBeNull();
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
    expect(story.confirm(ann).outcome.type).toBe('withdrawn');
  });

  it('works for a list that was archived', () => {
    const story = subscribed();
    story.model.archive('daily');
    expect(story.leave(ann, 'daily').outcome).toMatchObject({ left: [{ slug: 'daily' }] });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'subscribed' });
  });

  it('knows no link that was never given', () => {
    expect(tellStory('daily').leave(ann)).toEqual({ outcome: { type: 'unknown' }, changes: null });
  });

  it('lets who asks again at once have a mail at once', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    story.leave(ann);
    story.signUp(ann, 'daily');
    expect(story.mails(ann)).toEqual([0, 0]);
    expect(story.signUp(ann, 'daily').changes).toBeNull();
    expect(story.lists(ann)).toEqual({ daily: 'pending' });
  });

  it('lets who left long ago wait behind other mails to the same mailbox', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.leave(ann);
    story.signUp(ann, 'daily');
    story.wait(linkDays * day + hour);
    const later = linkDays * day + hour;
    story.signUp('ann@reader.example', 'daily');
    story.signUp(ann, 'daily');
    expect(story.mails(ann).sort((a, b) => a - b)).toEqual([0, 0, later, later + minute]);
  });
});

describe('choosing on the preference page', () => {
  it('leaves what is not ticked, asks for what is, and keeps the rest', () => {
    const story = tellStory('daily', 'weekly', 'monthly');
    story.signUp(ann, 'daily', 'weekly');
    story.confirm(ann);
    story.wait(hour);
    const { outcome, changes } = story.choose(ann, 'weekly', 'monthly');
    expect(outcome).toMatchObject({
      type: 'chosen',
      left: [{ slug: 'daily' }],
      asked: [{ slug: 'monthly' }],
    });
    expect(changes?.sync).toBe('opt_out');
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'subscribed', monthly: 'pending' });
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed', 'unsubscribed', 'requested']);
  });

  it('asks again for what was left before, and not for what is pending', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.leave(ann, 'daily');
    story.wait(hour);
    expect(story.choose(ann, 'daily', 'weekly').outcome).toMatchObject({ asked: [{ slug: 'daily' }] });
    expect(story.lists(ann)).toEqual({ daily: 'pending', weekly: 'pending' });
    expect(story.model.reader(ann)?.requests.at(-1)?.listIds).toEqual([1]);
  });

  it('joins nothing by itself, for a mail with its link may have been forwarded (C-12, C-27)', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    story.wait(hour);
    story.choose(ann, 'daily', 'weekly');
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'pending' });
    story.confirm(ann, 1);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'subscribed' });
  });

  it('ends everything when nothing is ticked', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.confirm(ann);
    story.choose(ann);
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
  });

  it('changes nothing when nothing was changed', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    expect(story.choose(ann, 'daily', 'weekly').changes).toBeNull();
    story.confirm(ann);
    expect(story.choose(ann, 'daily', 'weekly')).toEqual({
      outcome: { type: 'chosen', left: [], asked: [], refused: null, locale: 'en' },
      changes: null,
    });
  });

  it('asks within the caps only, and still leaves beyond them', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    for (const tag of ['a', 'b']) {
      story.wait(hour);
      story.signUp(`ann+${tag}@reader.example`, 'daily');
    }
    expect(story.choose(ann, 'weekly').outcome).toMatchObject({
      left: [{ slug: 'daily' }],
      asked: [],
      refused: { why: 'capped', lists: [{ slug: 'weekly' }] },
    });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
    expect(story.mails(ann)).toHaveLength(3);
  });

  it('leaves nothing that the page did not show: a page of yesterday knows no list joined since', () => {
    const story = tellStory('daily', 'weekly', 'monthly');
    story.signUp(ann, 'daily', 'weekly', 'monthly');
    story.confirm(ann);
    const chosen = story.run({ act: 'choose', email: ann, lists: ['daily'], shown: ['daily', 'weekly'] });
    expect(chosen.outcome).toMatchObject({ left: [{ slug: 'weekly' }], asked: [], refused: null });
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'unsubscribed', monthly: 'subscribed' });
  });

  it('undoes an opt-out on the page after it: what was left is asked for again at once', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.confirm(ann);
    story.leave(ann, 'daily');
    const undone = story.run({ act: 'choose', email: ann, lists: ['daily'], shown: ['daily'] });
    expect(undone.outcome).toMatchObject({ left: [], asked: [{ slug: 'daily' }], refused: null });
    expect(undone.changes?.mails).toMatchObject([{ kind: 'confirmation', dueAt: story.now() }]);
    expect(story.lists(ann)).toEqual({ daily: 'pending', weekly: 'subscribed' });
    story.confirm(ann, 1);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'subscribed' });
  });

  it('promises no mail to who undoes and leaves again beyond the caps', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    const undo = () => story.run({ act: 'choose', email: ann, lists: ['daily'], shown: ['daily'] });
    for (let times = 1; times <= 2; times++) {
      story.leave(ann);
      expect(undo().outcome).toMatchObject({ asked: [{ slug: 'daily' }], refused: null });
    }
    story.leave(ann);
    expect(undo()).toMatchObject({
      outcome: { asked: [], refused: { why: 'capped', lists: [{ slug: 'daily' }] } },
      changes: null,
    });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
  });

  it('knows no link that was never given', () => {
    expect(tellStory('daily').choose(ann, 'daily')).toEqual({
      outcome: { type: 'unknown' },
      changes: null,
    });
  });
});

describe('the mail server taking a confirmation mail', () => {
  it('is entered with the mail as sent (C-02, C-05)', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.wait(second);
    const { outcome, changes } = story.run({ act: 'take mail', email: ann, nth: 0 });
    expect(outcome).toEqual({ type: 'recorded' });
    expect(changes).toMatchObject({
      mailAccepted: { mailId: freshOf(0).mailId, copy: 'Please confirm: [token]' },
      sync: null,
      events: [
        {
          seq: 2,
          kind: 'mailed',
          channel: 'mail',
          requestSeq: 1,
          listWordings: ['wording of daily', 'wording of weekly'],
          mailHash: sha256('Please confirm: [token]'),
          evidence: { ip: null, userAgent: null, page: null },
        },
      ],
    });
    expect(story.lists(ann)).toEqual({ daily: 'pending', weekly: 'pending' });
  });

  it('is entered although the person left or confirmed meanwhile', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    story.leave(ann);
    story.run({ act: 'take mail', email: ann, nth: 0 });
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed', 'unsubscribed', 'mailed']);
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
  });
});

describe('the clocks of several nodes', () => {
  it('never turn the times of a ledger back', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    story.wait(-5 * second);
    story.confirm(ann);
    const [requested, confirmed] = story.model.reader(ann)?.events ?? [];
    expect(confirmed?.at).toEqual(requested?.at);
  });
});
