import { describe, expect, it } from 'vitest';
import type { ImportPerson } from '../../src/subscribing/commands.ts';
import { decide } from '../../src/subscribing/decide.ts';
import { caps } from '../harness/allowance.ts';
import { addressOf, commandOf, day, freshOf, minute } from './model.ts';
import { type Story, tellStory } from './story.ts';

const ann = 'Ann@reader.example';

/** A row of a file that says this of Ann. */
function importing(
  story: Story,
  { state = 'subscribed', lists = ['daily'], givenAgo = null, email = ann }: Partial<Row> = {},
) {
  return story.run({ act: 'import', email, lists, state, givenAgo });
}

interface Row {
  email: string;
  state: ImportPerson['state'];
  lists: string[];
  givenAgo: number | null;
}

const came = (outcome: string) => ({ type: 'imported', outcome });
const undo = (story: Story, nth = 0) => story.run({ act: 'undo import', email: ann, nth });

/** Ann confirmed these. */
function confirmed(...lists: string[]): Story {
  const story = tellStory('daily', 'weekly', 'monthly');
  story.signUp(ann, ...(lists.length > 0 ? lists : ['daily']));
  story.confirm(ann);
  story.wait(minute);
  return story;
}

describe('a row of somebody subscribed over there', () => {
  it('subscribes who is new, by one entry that says where consent comes from, and mails nobody (I1)', () => {
    const story = tellStory('daily', 'weekly');
    const command = {
      ...commandOf(
        { act: 'import', email: ann, lists: ['daily', 'weekly'], state: 'subscribed', givenAgo: 40 * day },
        story.model.directory(story.now()),
      ),
      ...{ firstName: 'Ann', locale: 'de', importId: 'the import', row: 7 },
    };
    const { outcome, changes } = decide(
      { people: [], mails: [], allowance: { caps, from: story.now() }, suppressed: new Set() },
      command,
      story.now(),
      freshOf(0),
    );
    expect(outcome).toEqual(came('created'));
    expect(changes).toMatchObject({
      created: { email: ann, firstName: 'Ann' },
      person: { locale: 'de' },
      imported: { importId: 'the import', row: 7, seq: 1, outcome: 'created' },
      mails: [],
      mailBlock: null,
      sync: 'opt_in',
    });
    expect(changes?.events).toEqual([
      {
        seq: 1,
        kind: 'imported',
        at: story.now(),
        channel: 'import',
        listWordings: ['wording of daily', 'wording of weekly'],
        wordingVersion: 'where consent comes from',
        requestSeq: null,
        mailHash: null,
        evidence: {
          email: ann,
          ip: '203.0.113.8',
          userAgent: null,
          page: null,
          givenAt: new Date(story.now().getTime() - 40 * day),
        },
      },
    ]);
  });

  it('adds lists to who is known, and leaves those that they have', () => {
    const story = confirmed();
    const { outcome, changes } = importing(story, { lists: ['daily', 'weekly'] });
    expect(outcome).toEqual(came('updated'));
    expect(changes?.created).toBeNull();
    expect(changes?.events[0]?.listWordings).toEqual(['wording of weekly']);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed', weekly: 'subscribed' });
  });

  it('changes nothing when all of it is so already', () => {
    const story = confirmed();
    expect(importing(story)).toEqual({ outcome: came('unchanged'), changes: null });
  });

  it('subscribes who had asked and not confirmed', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    expect(importing(story).outcome).toEqual(came('updated'));
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
  });

  it('never raises who opted out here, whatever time of consent it tells (I2, C-26)', () => {
    for (const givenAgo of [null, 0, 40 * day]) {
      const story = confirmed();
      story.leave(ann);
      expect(importing(story, { givenAgo })).toEqual({ outcome: came('suppressed'), changes: null });
    }
  });

  it('raises nobody who left all that they had, be it on a list that they never had (I2)', () => {
    const story = confirmed();
    story.leave(ann);
    expect(importing(story, { lists: ['daily', 'weekly'] })).toEqual({
      outcome: came('suppressed'),
      changes: null,
    });
  });

  it('raises the lists that were never left of somebody who is a reader still, and them alone', () => {
    const story = confirmed('daily', 'monthly');
    story.leave(ann, 'daily');
    expect(importing(story, { lists: ['daily', 'weekly'] }).outcome).toEqual(came('updated'));
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', monthly: 'subscribed', weekly: 'subscribed' });
    expect(importing(story, { lists: ['daily', 'weekly'] }).outcome).toEqual(came('suppressed'));
  });

  it('lets one row of a file bring what another one left', () => {
    const story = tellStory('daily', 'weekly');
    importing(story, { state: 'unsubscribed' });
    expect(importing(story, { lists: ['weekly'] }).outcome).toEqual(came('updated'));
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'subscribed' });
  });

  it('does not confirm what somebody who opted out asked for anew', () => {
    const story = confirmed();
    story.leave(ann);
    story.signUp(ann, 'daily');
    expect(importing(story).outcome).toEqual(came('suppressed'));
    expect(story.lists(ann)).toEqual({ daily: 'pending' });
  });

  it('raises nobody who declined mails from here', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.does(ann, 'decline');
    expect(importing(story, { lists: ['weekly'] })).toEqual({ outcome: came('suppressed'), changes: null });
  });

  it('raises nobody whose address bounced', () => {
    const story = tellStory('daily', 'weekly');
    importing(story, { state: 'cleaned' });
    expect(importing(story, { lists: ['weekly'] })).toEqual({ outcome: came('suppressed'), changes: null });
  });

  it('raises nobody who was erased, and writes nothing down of them; who came back by themselves stays', () => {
    const story = confirmed();
    story.does(ann, 'ask erasure');
    story.erase(ann);
    expect(importing(story)).toEqual({ outcome: came('suppressed'), changes: null });
    expect(importing(story, { state: 'unsubscribed' })).toEqual({
      outcome: came('suppressed'),
      changes: null,
    });
    story.wait(day);
    story.signUp(ann, 'daily');
    expect(importing(story).outcome).toEqual(came('suppressed'));
    story.confirm(ann);
    expect(importing(story).outcome).toEqual(came('unchanged'));
    expect(importing(story, { lists: ['weekly'] }).outcome).toEqual(came('suppressed'));
  });

  it('leaves the person free to leave, to ask for their link and their data, and to be erased', () => {
    const story = tellStory('daily', 'weekly');
    importing(story, { lists: ['daily', 'weekly'] });
    expect(story.does(ann, 'ask link').changes?.mails).toHaveLength(1);
    expect(story.does(ann, 'ask copy').changes?.mails).toHaveLength(1);
    expect(story.leave(ann, 'daily').changes).toMatchObject({
      sync: 'opt_out',
      mails: [{ kind: 'receipt' }],
    });
    story.does(ann, 'ask erasure');
    expect(story.erase(ann).outcome).toMatchObject({ type: 'erased' });
  });
});

describe('a row of somebody who left over there, or bounced', () => {
  it('brings the opt-out of who is new, which no later row raises (I2)', () => {
    const story = tellStory('daily');
    const { outcome, changes } = importing(story, { state: 'unsubscribed', givenAgo: day });
    expect(outcome).toEqual(came('suppressed'));
    expect(changes).toMatchObject({ sync: null, mails: [], imported: { outcome: 'suppressed', seq: 1 } });
    expect(changes?.events[0]).toMatchObject({
      kind: 'unsubscribed',
      channel: 'import',
      wordingVersion: null,
    });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
    expect(importing(story)).toEqual({ outcome: came('suppressed'), changes: null });
  });

  it('ends what is older, on the lists of the row alone', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily', 'weekly');
    story.confirm(ann);
    story.wait(day);
    expect(importing(story, { state: 'unsubscribed', givenAgo: minute }).changes?.sync).toBe('opt_out');
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'subscribed' });
  });

  it('counts as just now when it tells no time', () => {
    const story = confirmed();
    importing(story, { state: 'unsubscribed' });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
  });

  it.each([
    ['a consent', true],
    ['a request', false],
  ])('leaves %s that is newer', (_, isConfirmed) => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    if (isConfirmed) story.confirm(ann);
    expect(importing(story, { state: 'unsubscribed', givenAgo: day }).changes).toBeNull();
    expect(story.lists(ann)).toEqual({ daily: isConfirmed ? 'subscribed' : 'pending' });
  });

  it('compares with when an imported consent was given, and not with when it was imported', () => {
    const story = tellStory('daily', 'weekly');
    importing(story, { lists: ['daily'], givenAgo: 40 * day });
    importing(story, { lists: ['weekly'], givenAgo: minute });
    importing(story, { lists: ['daily', 'weekly'], state: 'unsubscribed', givenAgo: day });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed', weekly: 'subscribed' });
  });

  it('is recorded on lists that the person never had, and on those that an undone import had brought', () => {
    const story = confirmed();
    importing(story, { lists: ['weekly'] });
    undo(story);
    importing(story, { lists: ['weekly', 'monthly'], state: 'unsubscribed' });
    expect(story.lists(ann)).toEqual({
      daily: 'subscribed',
      weekly: 'unsubscribed',
      monthly: 'unsubscribed',
    });
    expect(importing(story, { lists: ['weekly', 'monthly'] }).outcome).toEqual(came('suppressed'));
  });

  it('has an address that bounced get no mail, unless it was reached here since', () => {
    const story = tellStory('daily');
    expect(importing(story, { state: 'cleaned' }).changes?.mailBlock).toBe('bounced');
    expect(importing(story, { state: 'cleaned' }).changes).toBeNull();
    expect(importing(confirmed(), { state: 'cleaned', givenAgo: day }).changes).toBeNull();
  });

  it('lets the person return by a confirmation of their own (I2)', () => {
    const story = tellStory('daily');
    importing(story, { state: 'unsubscribed' });
    story.signUp(ann, 'daily');
    story.confirm(ann);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
  });
});

describe('taking an import back', () => {
  it('ends what rests on its word alone, with no mail, and once', () => {
    const story = tellStory('daily');
    importing(story);
    const { outcome, changes } = undo(story);
    expect(outcome).toMatchObject({ type: 'undone', lists: [{ slug: 'daily' }] });
    expect(changes).toMatchObject({ sync: 'opt_out', mails: [] });
    expect(changes?.events[0]).toMatchObject({ kind: 'import_undone', channel: 'import' });
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
    expect(undo(story)).toEqual({ outcome, changes: null });
  });

  it('is no opt-out: the right file may follow', () => {
    const story = tellStory('daily');
    importing(story);
    undo(story);
    expect(importing(story).outcome).toEqual(came('updated'));
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
    undo(story);
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
    undo(story, 1);
    expect(story.lists(ann)).toEqual({ daily: 'unsubscribed' });
  });

  it('leaves what was confirmed since', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    importing(story);
    expect(story.confirm(ann).outcome).toMatchObject({ type: 'confirmed', lists: [{ slug: 'daily' }] });
    expect(story.ledger(ann)).toEqual(['requested', 'imported', 'confirmed']);
    expect(undo(story)).toEqual({ outcome: { type: 'undone', lists: [] }, changes: null });
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
  });

  it('lets who had asked by themselves confirm afterwards', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    importing(story);
    undo(story);
    expect(story.confirm(ann).outcome).toMatchObject({ type: 'confirmed', lists: [{ slug: 'daily' }] });
    expect(story.lists(ann)).toEqual({ daily: 'subscribed' });
  });

  it('leaves what was left since, and opt-outs that the import brought', () => {
    const story = tellStory('daily', 'weekly');
    importing(story);
    story.leave(ann);
    expect(undo(story).changes).toBeNull();
    importing(story, { lists: ['weekly'], state: 'unsubscribed' });
    expect(undo(story, 1).changes).toBeNull();
    expect(importing(story, { lists: ['daily', 'weekly'] }).outcome).toEqual(came('suppressed'));
  });

  it('takes an opt-out by the link in an old campaign for one, although there is nothing to end (I2)', () => {
    const story = tellStory('daily');
    importing(story);
    undo(story);
    expect(story.leave(ann).changes?.events[0]).toMatchObject({ kind: 'unsubscribed' });
    expect(story.leave(ann).changes).toBeNull();
    expect(importing(story).outcome).toEqual(came('suppressed'));
  });

  it('does not count as leaving for the minute between mails (A-01)', () => {
    const story = tellStory('daily', 'weekly', 'monthly');
    importing(story);
    story.signUp(ann, 'weekly');
    undo(story);
    story.signUp(ann, 'monthly');
    expect(story.mails(ann)).toEqual([0, minute]);
  });

  it('changes nothing of somebody who was erased, or of nobody', () => {
    const story = tellStory('daily');
    importing(story);
    story.does(ann, 'ask erasure');
    story.erase(ann);
    expect(undo(story).changes).toBeNull();
    expect(story.run({ act: 'undo import', email: 'nobody@reader.example', nth: 0 }).outcome).toEqual({
      type: 'unknown',
    });
  });
});

it('tells people apart by their address, and not by their mailbox', () => {
  const story = confirmed();
  story.leave(ann);
  expect(importing(story, { email: 'ann+news@reader.example' }).outcome).toEqual(came('created'));
  expect(addressOf('ann+news@reader.example').abuseKey).toBe(addressOf(ann).abuseKey);
});
