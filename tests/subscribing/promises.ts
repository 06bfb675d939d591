import assert from 'node:assert/strict';
import type { EventDraft } from '../../src/consent/ledger.ts';
import type { Mail } from '../../src/generated/prisma/client.ts';
import type { MailKind, SubscriptionState } from '../../src/generated/prisma/enums.ts';
import type { Subscription } from '../../src/subscribing/person.ts';
import { day } from './model.ts';

// What must hold of people and mailboxes at any time, found by another way than the rules take. Asserted
// with node:assert, which is quick enough for a hundred thousand steps.

/** Lists by state. */
export type States = Map<number, SubscriptionState>;

interface Held {
  events: readonly Pick<
    EventDraft,
    'seq' | 'kind' | 'at' | 'channel' | 'listWordings' | 'requestSeq' | 'wordingVersion'
  >[];
  subscriptions: readonly Pick<Subscription, 'listId' | 'state' | 'consentSeq' | 'endedSeq'>[];
  mails: readonly Pick<Mail, 'kind' | 'seq'>[];
  mailBlock: string | null;
}

export const statesOf = (reader: Pick<Held, 'subscriptions'> | undefined): States =>
  new Map(reader?.subscriptions.map(({ listId, state }) => [listId, state]));

/**
 * I1, I2, I5: a person's ledger is numbered without gaps and never turns back; every confirmation in it
 * answers a request newer than the last opt-out; every import subscribes only who never opted out, and says where
 * consent comes from; and their subscriptions are what it says. I6: an erasure
 * is the end of it, with nothing left to end. Each confirmation is welcomed once, and each opt-out by the
 * person that ended something they received has its one receipt.
 * @param worded the list that was once worded so
 */
export function holdsPromises(reader: Held, worded: (wording: string) => number | undefined): void {
  const { events, subscriptions, mails, mailBlock } = reader;
  const owed = { confirmation: 0, welcome: [] as number[], receipt: [] as number[] };
  const states: States = new Map();
  const endedSeq = new Map<number, number>();
  const optedOutSeq = new Map<number, number>();
  const consentSeq = new Map<number, number>();
  const listsOf = (wordings: readonly string[]) => wordings.map((wording) => worded(wording) ?? 0);

  for (const [n, { seq, kind, at, channel, requestSeq, listWordings, wordingVersion }] of events.entries()) {
    assert.equal(seq, n + 1);
    if (kind === 'requested') owed.confirmation += 1;
    if (kind === 'confirmed') owed.welcome.push(seq);
    if (kind === 'unsubscribed' && byThePerson.has(channel)) {
      if (listsOf(listWordings).some((list) => states.get(list) === 'subscribed')) owed.receipt.push(seq);
    }
    if (kind === 'erased') {
      assert.equal(seq, events.length, 'something follows an erasure');
      assert([...states.values()].every((state) => state === 'unsubscribed'));
    }
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
        assert(request.seq > (optedOutSeq.get(list) ?? 0), 'a list is confirmed that was left since');
        const before = events[(consentSeq.get(list) ?? 0) - 1]?.kind;
        if (states.get(list) === 'subscribed') assert.equal(before, 'imported', 'confirmed for nothing');
        else if (states.get(list) !== 'pending') assert.notEqual(endedSeq.get(list), optedOutSeq.get(list));
        states.set(list, 'subscribed');
        consentSeq.set(list, seq);
      }
      if (kind === 'imported') {
        assert(wordingVersion !== null && channel === 'import', 'an import without its source');
        assert(!optedOutSeq.has(list), 'an import raises who opted out');
        assert.notEqual(states.get(list), 'subscribed');
        states.set(list, 'subscribed');
        consentSeq.set(list, seq);
      }
      if (kind === 'import_undone') {
        assert.equal(states.get(list), 'subscribed');
        assert.equal(
          events[(consentSeq.get(list) ?? 0) - 1]?.kind,
          'imported',
          'more than an import is undone',
        );
      }
      if (kind === 'expired') {
        assert.equal(states.get(list), 'pending', 'more than an unconfirmed request expired');
        assert.equal(events[n + 1]?.kind, 'erased', 'a request expired, and the person stays');
      }
      if (kind === 'unsubscribed' || kind === 'import_undone' || kind === 'expired') {
        states.set(list, 'unsubscribed');
        endedSeq.set(list, seq);
        if (kind === 'unsubscribed') optedOutSeq.set(list, seq);
      }
    }
  }

  assert.deepEqual(statesOf(reader), states);
  for (const subscription of subscriptions) {
    assert.equal(subscription.endedSeq, endedSeq.get(subscription.listId) ?? null);
    assert.equal(subscription.consentSeq, consentSeq.get(subscription.listId) ?? null);
  }
  const entriesOf = (kind: MailKind) => mails.flatMap((mail) => (mail.kind === kind ? (mail.seq ?? 0) : []));
  for (const kind of ['welcome', 'receipt'] as const) {
    const written = entriesOf(kind).sort(ascending);
    // What bounces gets no more.
    assert.deepEqual(written, mailBlock === null ? owed[kind] : owed[kind].slice(0, written.length));
  }
  assert.equal(mails.filter(({ kind }) => kind === 'confirmation').length, owed.confirmation);
}

/** Who leaves so is there to be told. Not at Mailchimp, who tells them, nor with an erasure. */
const byThePerson = new Set<EventDraft['channel']>(['one_click', 'unsubscribe_page', 'preferences_page']);

const ascending = (a: number, b: number) => a - b;

/** The kinds of mail that are capped, those together that a stranger can cause. */
export const capped: readonly MailKind[][] = [['confirmation', 'my_link'], ['copy'], ['erasure']];

/** of each capped kind, at most 3 mails in any 24 hours and 5 in any 30 days to one folded address. */
export function keepsCaps(mails: readonly { kind: MailKind; dueAt: Date }[]): void {
  for (const kinds of capped) {
    spread(mails.filter(({ kind }) => kinds.includes(kind)).map(({ dueAt }) => dueAt.getTime()));
  }
}

function spread(due: number[]): void {
  const times = due.sort(ascending);
  for (const [n, time] of times.entries()) {
    assert((times[n + 3] ?? Number.POSITIVE_INFINITY) - time >= day, 'more than 3 mails in a day');
    assert((times[n + 5] ?? Number.POSITIVE_INFINITY) - time >= 30 * day, 'more than 5 mails in 30 days');
  }
}
