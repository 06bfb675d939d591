import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decision, decide } from '../../src/subscribing/decide.ts';
import { acts, emails, slugs } from './acts.ts';
import { type Act, commandOf, day, freshOf, hour, minute, type Reader, second } from './model.ts';
import { holdsPromises, keepsCaps, type States, statesOf } from './promises.ts';
import { type Story, tellStory } from './story.ts';

type Step =
  | { step: 'act'; act: Act }
  | { step: 'wait'; ms: number }
  | { step: 'archive'; list: string }
  | { step: 'reword'; list: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: acts.map((act) => ({ step: 'act' as const, act })) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(1, second, 30 * second, minute, hour, day, 8 * day, 31 * day, -3 * second, -hour)
      .map((ms) => ({ step: 'wait' as const, ms })),
  },
  { weight: 1, arbitrary: fc.constantFrom(...slugs).map((list) => ({ step: 'archive' as const, list })) },
  { weight: 1, arbitrary: fc.constantFrom(...slugs).map((list) => ({ step: 'reword' as const, list })) },
);

describe('the rules, over whatever people do in whatever order (R-05)', () => {
  it('keep the promises after every step', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 40 }), (steps) => {
        const story = tellStory(...slugs);
        for (const next of steps) {
          if (next.step === 'wait') story.wait(next.ms);
          if (next.step === 'archive') story.model.archive(next.list);
          if (next.step === 'reword') story.reword(next.list);
          if (next.step === 'act') takeAndAudit(story, next.act);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('decide the same from the same, and alter nothing that they are given', () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 12 }), acts, fc.nat(3 * day), (past, act, wait) => {
        const story = tellStory(...slugs);
        for (const done of past) story.run(done);
        story.wait(wait);
        const command = commandOf(act, story.model.directory());
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
  const before = new Map(emails.map((email) => [email, statesOf(story.model.reader(email))]));
  const decision = story.run(act);
  for (const email of emails) {
    const reader = story.model.reader(email);
    const was = before.get(email) ?? new Map();
    if (email !== act.email) assert.deepEqual(statesOf(reader), was);
    else if (reader !== undefined) audit(story, reader, was, act.act, decision);
  }
}

/** All that must hold of the person who acted. */
function audit(
  story: Story,
  reader: Reader,
  was: States,
  act: Act['act'],
  { outcome, changes }: Decision,
): void {
  const is = statesOf(reader);

  holdsPromises(reader, story.model.worded);

  const joined: number[] = [];
  const left: number[] = [];
  for (const [list, state] of is) {
    const before = was.get(list) ?? 'nothing';
    if (state === before) continue;
    assert(allowed[act].includes(`${before} → ${state}`), `${act} made ${before} ${state}`);
    if (state === 'subscribed') joined.push(list);
    if (before === 'subscribed') left.push(list);
  }
  assert([...was.keys()].every((list) => is.has(list)));
  assert.equal(changes?.sync ?? null, left.length > 0 ? 'opt_out' : joined.length > 0 ? 'opt_in' : null);

  const state = (slug: string) => is.get(slugs.indexOf(slug) + 1);
  if (act === 'sign up') assert.deepEqual(outcome, { type: 'accepted' });
  if (outcome.type === 'confirmed') assert(outcome.lists.every(({ slug }) => state(slug) === 'subscribed'));
  if (outcome.type === 'left') {
    assert(outcome.left.every(({ slug }) => state(slug) === 'unsubscribed'));
    assert.deepEqual(
      new Set(outcome.remaining.map(({ slug }) => slug)),
      new Set(slugs.filter((slug) => state(slug) === 'subscribed')),
    );
  }

  const mails = story.model.mailsOf(reader.abuseKey);
  keepsCaps(mails.map(({ dueAt }) => dueAt));
  const added = changes?.mail ?? null;
  if (added === null) return;
  const isWithinMinute = mails.some(
    ({ id, dueAt }) => id !== added.id && added.dueAt.getTime() < dueAt.getTime() + minute,
  );
  const lastRequest = reader.requests.at(-2)?.seq ?? 0;
  const leftSince = reader.events.slice(lastRequest).some(({ kind }) => kind === 'unsubscribed');
  assert(!isWithinMinute || leftSince, 'two mails within a minute');
}

/** What each act may do to a subscription, and nothing else (I2). */
const allowed: Record<Act['act'], string[]> = {
  'sign up': ['nothing → pending', 'unsubscribed → pending'],
  confirm: ['pending → subscribed'],
  leave: ['pending → unsubscribed', 'subscribed → unsubscribed'],
  choose: [
    'nothing → pending',
    'unsubscribed → pending',
    'pending → unsubscribed',
    'subscribed → unsubscribed',
  ],
  'take mail': [],
};
