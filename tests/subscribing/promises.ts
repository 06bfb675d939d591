import assert from 'node:assert/strict';
import type { EventDraft } from '../../src/consent/ledger.ts';
import type { SubscriptionState } from '../../src/generated/prisma/enums.ts';
import type { Subscription } from '../../src/subscribing/person.ts';
import { day } from './model.ts';

// What must hold of people and mailboxes at any time, found by another way than the rules take. Asserted
// with node:assert, which is quick enough for a hundred thousand steps.

/** Lists by state. */
export type States = Map<number, SubscriptionState>;

interface Held {
  events: readonly Pick<EventDraft, 'seq' | 'kind' | 'at' | 'listWordings' | 'requestSeq'>[];
  subscriptions: readonly Pick<Subscription, 'listId' | 'state' | 'consentSeq' | 'endedSeq'>[];
}

export const statesOf = (reader: Held | undefined): States =>
  new Map(reader?.subscriptions.map(({ listId, state }) => [listId, state]));

/**
 * I1, I2, I5: a person's ledger is numbered without gaps and never turns back; every confirmation in it
 * answers a request newer than the last opt-out; and their subscriptions are what it says.
 * @param worded the list that was once worded so
 */
export function holdsPromises(reader: Held, worded: (wording: string) => number | undefined): void {
  const { events, subscriptions } = reader;
  const states: States = new Map();
  const endedSeq = new Map<number, number>();
  const consentSeq = new Map<number, number>();
  const listsOf = (wordings: readonly string[]) => wordings.map((wording) => worded(wording) ?? 0);

  for (const [n, { seq, kind, at, requestSeq, listWordings }] of events.entries()) {
    assert.equal(seq, n + 1);
    assert(at >= (events[n - 1]?.at ?? at), 'the times of a ledger turn back');
    const request = requestSeq === null ? undefined : events[requestSeq - 1];
    for (const list of listsOf(listWordings)) {
      if (kind === 'requested') {
        assert.notEqual(states.get(list), 'subscribed');
        states.set(list, 'pending');
      }
      if (kind === 'confirmed') {
        assert.equal(request?.kind, 'requested');
        assert(listsOf(request.listWordings).includes(list), 'a list is confirmed that was not asked for');
        assert(request.seq > (endedSeq.get(list) ?? 0), 'a list is confirmed that was left since');
        assert.equal(states.get(list), 'pending');
        states.set(list, 'subscribed');
        consentSeq.set(list, seq);
      }
      if (kind === 'unsubscribed') {
        states.set(list, 'unsubscribed');
        endedSeq.set(list, seq);
      }
    }
  }

  assert.deepEqual(statesOf(reader), states);
  for (const subscription of subscriptions) {
    assert.equal(subscription.endedSeq, endedSeq.get(subscription.listId) ?? null);
    assert.equal(subscription.consentSeq, consentSeq.get(subscription.listId) ?? null);
  }
}

/** at most 3 confirmation mails in any 24 hours and 5 in any 30 days, to one folded address. */
export function keepsCaps(mails: readonly Date[]): void {
  const times = mails.map((mail) => mail.getTime()).sort((a, b) => a - b);
  for (const [n, time] of times.entries()) {
    assert((times[n + 3] ?? Number.POSITIVE_INFINITY) - time >= day, 'more than 3 mails in a day');
    assert((times[n + 5] ?? Number.POSITIVE_INFINITY) - time >= 30 * day, 'more than 5 mails in 30 days');
  }
}
