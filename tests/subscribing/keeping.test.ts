import { describe, expect, it } from 'vitest';
import { linkDays } from '../../src/subscribing/changes.ts';
import { day, hour } from './model.ts';
import { type Story, tellStory } from './story.ts';

// How long people are kept of whom nothing stands any more (C-17, C-20).

const ann = 'ann@reader.example';

const kept = { outcome: { type: 'kept' }, changes: null };
const expire = (story: Story, why: 'unconfirmed' | 'ended', days = 30) =>
  story.run({ act: 'expire', email: ann, why, quiet: days * day });

/** Ann asked, and did not answer the mail. */
function asked(): Story {
  const story = tellStory('daily', 'weekly');
  story.signUp(ann, 'daily', 'weekly');
  return story;
}

describe('who never confirmed', () => {
  it('is forgotten after the days that are set, as nobody who opted out (C-17)', () => {
    const story = asked();
    story.wait(30 * day);
    expect(expire(story, 'unconfirmed')).toEqual(kept);
    story.wait(1);
    const { outcome, changes } = expire(story, 'unconfirmed');
    expect(outcome).toEqual({ type: 'erased', locale: 'en' });
    expect(changes).toMatchObject({
      erased: true,
      suppressed: false,
      sync: null,
      mails: [],
      events: [
        {
          kind: 'expired',
          channel: 'retention',
          listWordings: ['wording of daily', 'wording of weekly'],
        },
        { kind: 'erased', channel: 'retention', listWordings: [] },
      ],
    });
    expect(story.ledger(ann)).toEqual(['requested', 'expired', 'erased']);
    expect(expire(story, 'unconfirmed')).toEqual(kept);
  });

  it('may be brought in by an import afterwards, and sign up anew', () => {
    const imported = asked();
    imported.wait(31 * day);
    expire(imported, 'unconfirmed');
    const row = { act: 'import' as const, email: ann, lists: ['daily'], state: 'subscribed' as const };
    expect(imported.run({ ...row, givenAgo: null }).outcome).toEqual({
      type: 'imported',
      outcome: 'created',
    });
    const again = asked();
    again.wait(31 * day);
    expire(again, 'unconfirmed');
    again.signUp(ann, 'daily');
    expect(again.confirm(ann).outcome.type).toBe('confirmed');
  });

  it('is kept who confirmed meanwhile, asked again, or holds a link that works', () => {
    const confirmed = asked();
    confirmed.confirm(ann);
    confirmed.wait(400 * day);
    expect(expire(confirmed, 'unconfirmed')).toEqual(kept);
    expect(expire(confirmed, 'ended')).toEqual(kept);

    const again = asked();
    again.wait(29 * day);
    again.signUp(ann, 'daily');
    again.wait(2 * day);
    expect(expire(again, 'unconfirmed')).toEqual(kept);

    const fresh = asked();
    fresh.wait(linkDays * day);
    expect(expire(fresh, 'unconfirmed', 0)).toEqual(kept);
    fresh.wait(1);
    expect(expire(fresh, 'unconfirmed', 0).outcome.type).toBe('erased');
  });

  it('is told that the request is no more, behind the old link', () => {
    const story = asked();
    story.wait(31 * day);
    expire(story, 'unconfirmed');
    expect(story.confirm(ann)).toEqual({ outcome: { type: 'withdrawn', locale: 'en' }, changes: null });
    expect(story.leave(ann).changes).toBeNull();
    expect(story.does(ann, 'decline').changes).toBeNull();
  });

  it.each(['leave', 'decline'] as const)(
    'and said no (%s) is kept until it need not be honoured (I2)',
    (no) => {
      const story = asked();
      if (no === 'leave') story.leave(ann);
      else story.does(ann, 'decline');
      story.wait(400 * day);
      expect(expire(story, 'unconfirmed')).toEqual(kept);
      expect(expire(story, 'ended').changes).toMatchObject({ erased: true, suppressed: true });
    },
  );
});

describe('who left everything', () => {
  const left = () => {
    const story = asked();
    story.confirm(ann);
    story.wait(hour);
    story.leave(ann, 'daily');
    return story;
  };

  it('is forgotten when proof is no longer needed, but for a digest that no import passes (C-20, C-26)', () => {
    const story = left();
    story.leave(ann);
    story.wait(31 * day);
    expect(expire(story, 'unconfirmed')).toEqual(kept);
    expect(expire(story, 'ended', 32)).toEqual(kept);
    expect(expire(story, 'ended').changes).toMatchObject({ erased: true, suppressed: true, sync: null });
    expect(story.ledger(ann)).toEqual(['requested', 'confirmed', 'unsubscribed', 'unsubscribed', 'erased']);
    const row = { act: 'import' as const, email: ann, lists: ['daily'], state: 'subscribed' as const };
    expect(story.run({ ...row, givenAgo: null }).outcome).toEqual({
      type: 'imported',
      outcome: 'suppressed',
    });
  });

  it('is kept for as long as one list goes on', () => {
    const story = left();
    story.wait(4000 * day);
    expect(expire(story, 'ended')).toEqual(kept);
  });

  it('and never answered the mail for another list is forgotten with that', () => {
    const story = left();
    story.leave(ann);
    story.wait(hour);
    story.signUp(ann, 'daily');
    story.wait(linkDays * day + hour);
    expect(expire(story, 'ended', 1).outcome.type).toBe('erased');
    expect(story.ledger(ann).slice(-3)).toEqual(['requested', 'expired', 'erased']);
  });

  it('by a mistaken import that was taken back never opted out, so that the right one may follow', () => {
    const story = tellStory('daily');
    const row = { act: 'import' as const, email: ann, lists: ['daily'], state: 'subscribed' as const };
    story.run({ ...row, givenAgo: null });
    story.run({ act: 'undo import', email: ann, nth: 0 });
    story.wait(31 * day);
    expect(expire(story, 'ended').changes).toMatchObject({ erased: true, suppressed: false });
    expect(story.run({ ...row, givenAgo: null }).outcome).toEqual({ type: 'imported', outcome: 'created' });
  });
});
