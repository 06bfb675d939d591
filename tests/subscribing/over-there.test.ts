import { describe, expect, it } from 'vitest';
import { decide } from '../../src/subscribing/decide.ts';
import type { Person } from '../../src/subscribing/person.ts';
import { type Act, addressOf, commandOf, freshOf, hour } from './model.ts';
import { type Story, tellStory } from './story.ts';

// What Mailchimp, or a log beside a backup, tells of a person, as commands of the same rules.

const ann = 'ann@reader.example';

/** Decides a command about a person of the story, as they are now. */
function told(
  story: Story,
  email: string,
  command: Parameters<typeof decide>[1],
  more: Partial<Person> = {},
) {
  const asked = commandOf({ act: 'sign up', email, lists: ['daily'] }, story.model.directory());
  const known = story.model.household(asked, story.now());
  const household = { ...known, people: known.people.map((person) => ({ ...person, ...more })) };
  return decide(household, command, story.now(), freshOf(99));
}

function reader(story: Story, email: string) {
  const found = story.model.reader(email);
  if (found === undefined) throw new Error('there is no such reader');
  return found;
}

describe('who left at Mailchimp', () => {
  it('has left here what rests on the consent that it was compared with, and nothing newer (I2)', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    story.wait(hour);
    story.signUp(ann, 'weekly');
    story.confirm(ann, 1);
    const { id, subscriptions } = reader(story, ann);
    const [daily, weekly] = subscriptions;
    const endings = [
      { listId: 1, consentSeq: daily?.consentSeq ?? 0 },
      // Compared before the confirmation that weekly rests on.
      { listId: 2, consentSeq: (weekly?.consentSeq ?? 0) - 1 },
    ];
    const { outcome, changes } = told(story, ann, { type: 'left_at_mailchimp', subscriberId: id, endings });
    expect(outcome).toMatchObject({ type: 'left', left: [{ slug: 'daily' }] });
    expect(changes?.subscriptions).toMatchObject([{ listId: 1, state: 'unsubscribed' }]);
    expect(changes?.events).toMatchObject([{ kind: 'unsubscribed', channel: 'mailchimp' }]);
    expect(changes?.sync).toBe('opt_out');
  });

  it('keeps what they ask for anew and have not confirmed yet', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    const { id } = reader(story, ann);
    const endings = [{ listId: 1, consentSeq: 0 }];
    expect(told(story, ann, { type: 'left_at_mailchimp', subscriberId: id, endings }).changes).toBeNull();
  });
});

describe('who left since the backup that was restored', () => {
  const leftAt = (story: Story, at: Date, more: { lists?: number[]; declined?: boolean } = {}) =>
    told(story, ann, {
      type: 'left_since_backup',
      subscriberId: reader(story, ann).id,
      ...{ lists: [1, 2], declined: false, at, ...more },
    });

  it('has left again what they were on, and what waited for their confirmation (I2)', () => {
    const story = tellStory('daily', 'weekly', 'monthly');
    story.signUp(ann, 'daily', 'monthly');
    story.confirm(ann);
    story.wait(hour);
    story.signUp(ann, 'weekly');
    const { changes } = leftAt(story, story.now());
    expect(changes?.subscriptions).toMatchObject([
      { listId: 1, state: 'unsubscribed' },
      { listId: 2, state: 'unsubscribed' },
    ]);
    expect(changes).toMatchObject({ events: [{ kind: 'unsubscribed', channel: 'admin' }], mails: [] });
    expect(changes).toMatchObject({ sync: 'opt_out', declined: null });
  });

  it('has left what an import was taken back of, too', () => {
    const story = tellStory('daily');
    story.run({ act: 'import', email: ann, lists: ['daily'], state: 'subscribed', givenAgo: null });
    story.run({ act: 'undo import', email: ann, nth: 0 });
    expect(leftAt(story, story.now()).changes?.events).toMatchObject([{ kind: 'unsubscribed' }]);
  });

  it('keeps what they asked for or consented to since', () => {
    const story = tellStory('daily', 'weekly');
    const before = story.now();
    story.wait(hour);
    story.signUp(ann, 'daily');
    story.confirm(ann);
    story.signUp(ann, 'weekly');
    expect(leftAt(story, before).changes).toBeNull();
  });

  it('wants no mail that a stranger could cause, if they said "this was not me"', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    const { changes } = leftAt(story, story.now(), { declined: true });
    expect(changes).toMatchObject({ declined: true, subscriptions: [{ state: 'unsubscribed' }] });
    story.does(ann, 'decline');
    expect(leftAt(story, story.now(), { declined: true }).changes).toBeNull();
  });
});

describe('who has another address at Mailchimp', () => {
  it('stays the person, and what they did not confirm under the old one is withdrawn', () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    story.wait(hour);
    story.signUp(ann, 'weekly');
    const address = addressOf('Ann.New@reader.example');
    const { id } = reader(story, ann);
    const { changes } = told(story, ann, { type: 'change_address', subscriberId: id, address });
    expect(changes?.moved).toEqual(address);
    expect(changes?.subscriptions).toMatchObject([{ listId: 2, state: 'unsubscribed' }]);
    expect(changes?.events).toMatchObject([
      { kind: 'unsubscribed', evidence: { email: ann } },
      {
        kind: 'address_changed',
        evidence: { email: 'Ann.New@reader.example' },
        listWordings: ['wording of daily'],
      },
    ]);
  });

  it('has nothing to change when it is the same in other letters', () => {
    const story = tellStory('daily');
    story.signUp(ann, 'daily');
    const { id } = reader(story, ann);
    const address = addressOf('ANN@reader.example');
    expect(told(story, ann, { type: 'change_address', subscriberId: id, address }).changes).toBeNull();
  });
});

describe.each(['bounced', 'complained'] as const)('who %s', (mailBlock) => {
  const subscribed = () => {
    const story = tellStory('daily', 'weekly');
    story.signUp(ann, 'daily');
    story.confirm(ann);
    story.wait(hour);
    return story;
  };
  const by = (story: Story, act: Act) =>
    told(story, ann, commandOf(act, story.model.directory()), { mailBlock });

  it('is asked for nothing by mail, and the answer is the same (I9)', () => {
    const story = subscribed();
    const asked: Act = { act: 'sign up', email: ann, lists: ['weekly'] };
    expect(by(story, asked)).toEqual({ outcome: { type: 'accepted' }, changes: null });
    expect(told(story, ann, commandOf(asked, story.model.directory())).changes).not.toBeNull();
    expect(by(story, { act: 'ask link', email: ann })).toEqual({
      outcome: { type: 'accepted' },
      changes: null,
    });
  });

  it('is told of no mail that cannot come when they tick a list', () => {
    const chosen = by(subscribed(), { act: 'choose', email: ann, lists: ['daily', 'weekly'], shown: null });
    expect(chosen.outcome).toMatchObject({ asked: [], refused: { why: 'capped' } });
  });

  it('has no welcome and no receipt', () => {
    const story = subscribed();
    expect(by(story, { act: 'leave', email: ann, list: null }).changes).toMatchObject({
      events: [{ kind: 'unsubscribed' }],
      mails: [],
    });
    story.signUp(ann, 'weekly');
    expect(by(story, { act: 'confirm', email: ann, nth: 1 }).changes).toMatchObject({
      events: [{ kind: 'confirmed' }],
      mails: [],
    });
  });

  it(`gets ${mailBlock === 'bounced' ? 'nothing' : 'what they ask for behind their own link, and nothing'} more`, () => {
    const mailed = (act: 'ask copy' | 'ask erasure') =>
      by(subscribed(), { act, email: ann }).changes?.mails.map(({ kind }) => kind) ?? [];
    const all = [...mailed('ask copy'), ...mailed('ask erasure')];
    expect(all).toEqual(mailBlock === 'bounced' ? [] : ['copy', 'erasure']);
  });
});

it('who left at Mailchimp is told so by Mailchimp, not by a receipt of ours', () => {
  const story = tellStory('daily');
  story.signUp(ann, 'daily');
  story.confirm(ann);
  const { id, subscriptions } = reader(story, ann);
  const endings = [{ listId: 1, consentSeq: subscriptions[0]?.consentSeq ?? 0 }];
  const { changes } = told(story, ann, { type: 'left_at_mailchimp', subscriberId: id, endings });
  expect(changes).toMatchObject({ events: [{ kind: 'unsubscribed' }], mails: [] });
});

it('who was erased is neither ended nor moved by what Mailchimp or a log tells late (I6)', () => {
  const story = tellStory('daily');
  story.signUp(ann, 'daily');
  story.confirm(ann);
  const { id, subscriptions } = reader(story, ann);
  const endings = [{ listId: 1, consentSeq: subscriptions[0]?.consentSeq ?? 0 }];
  story.does(ann, 'ask erasure');
  story.erase(ann);
  const left = { type: 'left_at_mailchimp', subscriberId: id, endings } as const;
  const moved = {
    type: 'change_address',
    subscriberId: id,
    address: addressOf('new@reader.example'),
  } as const;
  const sinceBackup = { lists: [1], declined: true, at: story.now() };
  const leftSince = { type: 'left_since_backup', subscriberId: id, ...sinceBackup } as const;
  for (const command of [left, leftSince, moved]) {
    const household = story.model.household(command, story.now());
    expect(household.people).toHaveLength(1);
    expect(decide(household, command, story.now(), freshOf(99)).changes).toBeNull();
  }
});
