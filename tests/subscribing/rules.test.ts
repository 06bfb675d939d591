import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MailKind } from '../../src/generated/prisma/enums.ts';
import type { Decision } from '../../src/subscribing/changes.ts';
import { decide } from '../../src/subscribing/decide.ts';
import { acts, emails, slugs } from './acts.ts';
import { type Act, commandOf, day, freshOf, hour, minute, type Reader, second } from './model.ts';
import { capped, holdsPromises, keepsCaps, type States, statesOf } from './promises.ts';
import { type Story, tellStory } from './story.ts';

type Step =
  | { step: 'act'; act: Act }
  | { step: 'wait'; ms: number }
  | { step: 'archive'; list: string }
  | { step: 'reword'; list: string };

const acting = acts.map((act) => ({ step: 'act' as const, act }));
const waiting = fc
  .constantFrom(1, second, 30 * second, minute, hour, day, 8 * day, 31 * day, -3 * second, -hour)
  .map((ms) => ({ step: 'wait' as const, ms }));
const publishing = fc.record({
  step: fc.constantFrom('archive' as const, 'reword' as const),
  list: fc.constantFrom(...slugs),
});

/** Steps that mean little apart from each other. */
const chain = fc
  .constantFrom(...emails)
  .chain((email) =>
    fc.constantFrom<Act[]>(
      [
        { act: 'sign up', email, lists: slugs },
        { act: 'confirm', email, nth: 0 },
      ],
      [
        { act: 'ask erasure', email },
        { act: 'erase', email, nth: 0 },
      ],
    ),
  )
  .map((acts) => acts.map((act) => ({ step: 'act' as const, act })));

const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: acting.map((one) => [one]) },
      { weight: 4, arbitrary: waiting.map((one) => [one]) },
      { weight: 2, arbitrary: publishing.map((one) => [one]) },
      { weight: 1, arbitrary: chain },
    ),
    { minLength: 4, maxLength: 40, size: 'max' },
  )
  .map((steps) => steps.flat());

describe('the rules, over whatever people do in whatever order (R-05)', () => {
  it('keep the promises after every step', () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const story = tellStory(...slugs);
        for (const next of steps) {
          if (next.step === 'wait') story.wait(next.ms);
          if (next.step === 'archive') story.model.archive(next.list);
          if (next.step === 'reword') story.reword(next.list);
          if (next.step === 'act') takeAndAudit(story, next.act);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('decide the same from the same, and alter nothing that they are given', () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 12 }), acts, fc.nat(3 * day), (past, act, wait) => {
        const story = tellStory(...slugs);
        for (const done of past) story.run(done);
        story.wait(wait);
        const command = commandOf(act, story.model.directory(story.now()));
        const decideNow = () =>
          decide(story.model.household(command, story.now()), command, story.now(), freshOf(1000));
        const first = decideNow();
        expect(decideNow()).toEqual(first);
        // What `story` hands to the rules is frozen, so a change would have thrown.
        expect(story.run(act).outcome).toEqual(first.outcome);
      }),
      { numRuns: 300 },
    );
  });
});

function takeAndAudit(story: Story, act: Act): void {
  const before = new Map(
    story.model.everyone().map((reader) => [reader.id, { ...reader, states: statesOf(reader) }]),
  );
  const asked = story.model.reader(act.email);
  const was = asked && before.get(asked.id);
  const decision = story.run(act);
  const acted = decision.changes?.person.id;
  for (const reader of story.model.everyone()) {
    if (reader.id === acted) continue;
    assert.deepEqual(statesOf(reader), before.get(reader.id)?.states, 'somebody else was changed');
  }
  // What a stranger is answered does not tell who has the address (I9, A-27).
  if (act.act === 'sign up' || act.act === 'ask link') assert.deepEqual(decision.outcome, accepted);
  if (act.act === 'ask link' && acted !== undefined) {
    assert(was?.salt, 'a link goes to nobody');
    assert(
      !was.declined && was.events.some(({ kind }) => kind === 'confirmed' || kind === 'imported'),
      'a link goes to a stranger',
    );
  }
  if (acted === undefined) return;

  const reader = story.model.everyone().find(({ id }) => id === acted);
  assert(reader !== undefined);
  assert.notEqual(before.get(acted)?.salt, null, 'something happens to somebody who was erased (I6)');
  audit(story, reader, before.get(acted)?.states ?? new Map(), act, decision);
  if (before.get(acted)?.declined) {
    const unwanted = decision.changes?.mails.some(({ kind }) => ofStrangers.includes(kind));
    assert(!unwanted, 'a mail that its owner declined');
  }
}

const accepted = { type: 'accepted' };
const ofStrangers: readonly MailKind[] = capped[0] ?? [];

/** All that must hold of the person whom an act changed. */
function audit(story: Story, reader: Reader, was: States, act: Act, { outcome, changes }: Decision): void {
  const is = statesOf(reader);

  holdsPromises(reader, story.model.worded);

  // Whoever confirms what an import had subscribed them to joins by themselves.
  const joined = act.act === 'confirm' && changes?.subscriptions.length ? [0] : [];
  const left: number[] = [];
  for (const [list, state] of is) {
    const before = was.get(list) ?? 'nothing';
    if (state === before) continue;
    assert(allowed[act.act].includes(`${before} → ${state}`), `${act.act} made ${before} ${state}`);
    if (state === 'subscribed') joined.push(list);
    if (before === 'subscribed') left.push(list);
    if (act.act === 'choose' && state === 'unsubscribed') {
      const slug = slugs[list - 1] ?? '';
      assert(act.shown === null || act.shown.includes(slug), 'a list was left that the page did not show');
    }
  }
  assert([...was.keys()].every((list) => is.has(list)));
  assert.equal(changes?.sync ?? null, left.length > 0 ? 'opt_out' : joined.length > 0 ? 'opt_in' : null);

  const state = (slug: string) => is.get(slugs.indexOf(slug) + 1);
  if (outcome.type === 'confirmed') assert(outcome.lists.every(({ slug }) => state(slug) === 'subscribed'));
  if (outcome.type === 'left') {
    assert(outcome.left.every(({ slug }) => state(slug) === 'unsubscribed'));
    assert.deepEqual(
      new Set(outcome.remaining.map(({ slug }) => slug)),
      new Set(slugs.filter((slug) => state(slug) === 'subscribed')),
    );
  }
  if (outcome.type === 'chosen') {
    assert(outcome.left.every(({ slug }) => state(slug) === 'unsubscribed'));
    assert(outcome.asked.every(({ slug }) => state(slug) === 'pending'));
    assert.notEqual(outcome.refused?.lists.length, 0);
    assert(!outcome.refused?.lists.some(({ slug }) => /^(pending|subscribed)$/.test(state(slug) ?? '')));
  }
  if (outcome.type === 'declined') assert(![...is.values()].includes('pending'));
  assert.equal(reader.salt === null, outcome.type === 'erased');

  const mails = story.model.mailsOf(reader.abuseKey);
  keepsCaps(mails);
  for (const added of changes?.mails ?? []) {
    const kinds = capped.find((kinds) => kinds.includes(added.kind)) ?? [];
    const isWithinMinute = mails.some(
      ({ id, kind, dueAt }) =>
        kinds.includes(kind) && id !== added.id && added.dueAt.getTime() < dueAt.getTime() + minute,
    );
    const lastRequest = reader.requests.at(-2)?.seq ?? 0;
    const leftSince = reader.events.slice(lastRequest).some(({ kind }) => kind === 'unsubscribed');
    assert(!isWithinMinute || (added.kind === 'confirmation' && leftSince), 'two mails within a minute');
  }
}

/** What each act may do to a subscription, and nothing else (I2). */
const allowed: Record<Act['act'], string[]> = {
  'sign up': ['nothing → pending', 'unsubscribed → pending'],
  // The latter by who was on it through an import that was taken back.
  confirm: ['pending → subscribed', 'unsubscribed → subscribed'],
  renew: [],
  leave: ['pending → unsubscribed', 'subscribed → unsubscribed'],
  choose: [
    'nothing → pending',
    'unsubscribed → pending',
    'pending → unsubscribed',
    'subscribed → unsubscribed',
  ],
  decline: ['pending → unsubscribed'],
  allow: [],
  'ask link': [],
  'ask copy': [],
  'ask erasure': [],
  erase: ['pending → unsubscribed', 'subscribed → unsubscribed'],
  'erase person': ['pending → unsubscribed', 'subscribed → unsubscribed'],
  expire: ['pending → unsubscribed'],
  'take mail': [],
  import: [
    'nothing → subscribed',
    'pending → subscribed',
    'unsubscribed → subscribed',
    'nothing → unsubscribed',
    'pending → unsubscribed',
    'subscribed → unsubscribed',
  ],
  'undo import': ['subscribed → unsubscribed'],
};
