import type { EventDraft } from '../consent/ledger.ts';
import type { MailKind } from '../generated/prisma/enums.ts';
import type { Address } from './address.ts';
import { nextMailDue } from './caps.ts';
import type { Circumstances, OfferedList, Outcome, RowOutcome, SignUp } from './commands.ts';
import {
  type Household,
  isMailable,
  isOptedOut,
  type Person,
  type SignUpRequest,
  type Subscription,
} from './person.ts';

// What a decision changes, and the steps that decisions are made of. Pure, as they are.

/** How long a mailed link to confirm or to erase works (C-17; above the 20 hours of WCAG 2.2.1). */
export const linkDays = 7;

/** Kinds of mail that anybody can cause for an address, which share one cap. */
const causedByAnybody: readonly MailKind[] = ['confirmation', 'my_link'];

/** Whether a decision sends a mail that counts under the ceilings of all addresses together. */
export const mailsAStranger = ({ mails }: Changes): boolean =>
  mails.some(({ kind }) => causedByAnybody.includes(kind));

/** Random values drawn before the decision, so that the rules stay pure. Unused ones are thrown away. */
export interface Fresh {
  subscriberId: string;
  linkKey: string;
  ledgerSalt: string;
  requestId: string;
  tokenHash: string;
  mailId: string;
  /** Of a second mail, beside the one that asks: a welcome or a receipt. */
  noticeId: string;
  /** Of the erasing link in the mail `mailId`, should it be one. */
  eraseTokenHash: string;
}

/** What the rules make of a command. */
export interface Decision {
  outcome: Outcome;
  changes: Changes | null;
}

/** About nobody whom we know. */
export const unknown: Decision = { outcome: { type: 'unknown' }, changes: null };

/** What a decision changes. An empty one (`changes: null`) leaves the database as it is. */
export interface Changes {
  person: Person;
  /** Set when the person is new. */
  created: { email: string; firstName: string | null } | null;
  /** Set when the person's address changes to another. */
  moved: Address | null;
  events: EventDraft[];
  subscriptions: {
    listId: number;
    state: Subscription['state'];
    consentSeq: number | null;
    endedSeq: number | null;
  }[];
  request: Pick<
    SignUpRequest,
    'id' | 'seq' | 'tokenHash' | 'listIds' | 'wordingVersion' | 'locale' | 'firstName' | 'expiresAt'
  > | null;
  confirmed: { requestId: string; locale: string; firstName: string | null } | null;
  /** The mails that are now owed. */
  mails: {
    id: string;
    kind: MailKind;
    dueAt: Date;
    /** Of a confirmation. */
    requestId: string | null;
    /** The ledger entry that a welcome or a receipt tells of. */
    seq: number | null;
    /** Of the link of an erasure. */
    tokenHash: string | null;
  }[];
  /** Set when the address is known to bounce, or its owner to have complained. */
  mailBlock: Person['mailBlock'];
  /** The row of an import that made the entry `seq`. */
  imported: { importId: string; row: number; seq: number; outcome: RowOutcome } | null;
  /** Whether strangers may cause mails to the address from now on. */
  declined: boolean | null;
  /** Everything personal is to be destroyed after the rest is saved. */
  erased: boolean;
  /** Set when a digest of the address outlives that, so that no import brings them back (C-22). */
  suppressed: boolean;
  mailAccepted: { mailId: string; copy: string } | null;
  /** Mailchimp has to follow; opt-outs go first. */
  sync: 'opt_in' | 'opt_out' | null;
}

/** When a mail that anybody could cause may go to the folded address; null when no more may. */
export function strangersMailDue(household: Household, now: Date, leftSince: boolean): Date | null {
  const { caps, from } = household.allowance;
  const due = nextMailDue(mailsOfKinds(household, causedByAnybody), caps, now, leftSince);
  return due === null || from === null ? null : new Date(Math.max(due.getTime(), from.getTime()));
}

/** When the earlier mails of some kinds were or are due. */
export const mailsOfKinds = ({ mails }: Household, kinds: readonly MailKind[]): Date[] =>
  mails.filter(({ kind }) => kinds.includes(kind)).map(({ dueAt }) => dueAt);

/**
 * Asks for lists: whatever is not subscribed becomes pending under one new request with one mail, within
 * the caps.
 * @returns what became of it: `needless` when all is subscribed already or a mail is on its way
 */
export function request(
  household: Household,
  changes: Changes,
  command: Pick<SignUp, 'lists' | 'wordingVersion' | 'locale' | 'firstName'> & Circumstances,
  now: Date,
  fresh: Fresh,
): 'asked' | 'needless' | 'capped' | 'declined' {
  const { person } = changes;
  const current = new Map(person.subscriptions.map((subscription) => [subscription.listId, subscription]));
  const wanted = command.lists.filter((list) => current.get(list.id)?.state !== 'subscribed');
  if (wanted.length === 0) return 'needless';
  if (person.declined) return 'declined';

  const dueAt = strangersMailDue(household, now, leftSinceLastRequest(person));
  if (dueAt === null || person.mailBlock !== null) return 'capped';
  if (isOnItsWay(person, wanted, now)) return 'needless';

  const seq = append(changes, now, command, {
    kind: 'requested',
    listWordings: wanted.map((list) => list.wording),
    wordingVersion: command.wordingVersion,
  });
  for (const list of wanted) {
    const before = current.get(list.id);
    if (before?.state === 'pending') continue;
    changes.subscriptions.push({
      listId: list.id,
      state: 'pending',
      consentSeq: before?.consentSeq ?? null,
      endedSeq: before?.endedSeq ?? null,
    });
  }
  changes.request = {
    id: fresh.requestId,
    seq,
    tokenHash: fresh.tokenHash,
    listIds: wanted.map((list) => list.id),
    wordingVersion: command.wordingVersion,
    locale: command.locale,
    firstName: command.firstName,
    expiresAt: linkExpiry(dueAt),
  };
  owe(changes, { id: fresh.mailId, kind: 'confirmation', dueAt, requestId: fresh.requestId });
  return 'asked';
}

/** When a link in a mail that is due then stops working. */
export function linkExpiry(dueAt: Date): Date {
  return new Date(dueAt.getTime() + linkDays * 86_400_000);
}

/** Owes a mail, if the address may get it. */
export function owe(
  changes: Changes,
  mail: Pick<Changes['mails'][number], 'id' | 'kind' | 'dueAt'> & Partial<Changes['mails'][number]>,
): void {
  if (!isMailable(changes.person.mailBlock, mail.kind)) return;
  changes.mails.push({ requestId: null, seq: null, tokenHash: null, ...mail });
}

/**
 * Ends what is pending or subscribed among the lists concerned.
 * @param receiptId of the mail that tells the person, if something that they received ended; null for none
 * @returns what was ended
 */
export function leave(
  changes: Changes,
  concerned: (subscription: Subscription) => boolean,
  command: Circumstances,
  now: Date,
  receiptId: string | null = null,
): Subscription[] {
  // What only an import's undoing ended, the person may yet opt out of (I2).
  const ending = changes.person.subscriptions.filter(
    (subscription) =>
      (subscription.state !== 'unsubscribed' || subscription.undone) && concerned(subscription),
  );
  if (ending.length === 0) return [];
  const seq = end(changes, 'unsubscribed', ending, command, now);
  // Who never confirmed is not at Mailchimp, so there is nothing to take back there.
  if (ending.some((subscription) => subscription.state === 'subscribed')) {
    changes.sync = 'opt_out';
    if (receiptId !== null) owe(changes, { id: receiptId, kind: 'receipt', seq, dueAt: now });
  }
  return ending;
}

/** Ends subscriptions by one entry. @returns its number */
export function end(
  changes: Changes,
  kind: 'unsubscribed' | 'import_undone' | 'expired',
  ending: readonly Subscription[],
  command: Circumstances,
  now: Date,
): number {
  const listWordings = ending.map((subscription) => subscription.wording);
  const seq = append(changes, now, command, { kind, listWordings });
  for (const { listId, consentSeq } of ending) {
    changes.subscriptions.push({ listId, state: 'unsubscribed', consentSeq, endedSeq: seq });
  }
  return seq;
}

/** @param email the address that is the entry's evidence; `givenAt`, when that happened elsewhere */
export function append(
  changes: Changes,
  now: Date,
  { channel, ip, userAgent, page, givenAt = null }: Circumstances & { givenAt?: Date | null },
  event: Pick<EventDraft, 'kind' | 'listWordings'> &
    Partial<Pick<EventDraft, 'wordingVersion' | 'requestSeq' | 'mailHash'>>,
  email: string = changes.person.typed,
): number {
  const { ledger } = changes.person;
  const seq = ledger.seq + changes.events.length + 1;
  // Nodes' clocks differ a little; a ledger's times never run backwards.
  const at = ledger.lastAt !== null && ledger.lastAt > now ? ledger.lastAt : now;
  changes.events.push({
    wordingVersion: null,
    requestSeq: null,
    mailHash: null,
    ...event,
    seq,
    at,
    channel,
    evidence: { email, ip, userAgent, page, givenAt },
  });
  return seq;
}

/** A double click, or a reader in doubt: their mail was just sent or is about to be. */
function isOnItsWay(person: Person, wanted: OfferedList[], now: Date): boolean {
  const subscriptions = new Map(
    person.subscriptions.map((subscription) => [subscription.listId, subscription]),
  );
  return person.requests.some(
    (open) =>
      open.confirmedAt === null &&
      open.mailDueAt !== null &&
      open.mailDueAt.getTime() > now.getTime() - 60_000 &&
      wanted.every((list) => {
        const subscription = subscriptions.get(list.id);
        return subscription !== undefined && isOpen(subscription, open);
      }),
  );
}

/** Whether a request still stands for a list: it was not left since (I2), nor closed. */
export function isOpen(subscription: Subscription, { listIds, seq }: SignUpRequest): boolean {
  return listIds.includes(subscription.listId) && !subscription.archived && optedOutSeq(subscription) < seq;
}

/** Whether a list that was asked for waits for its confirmation, though an import came and went meanwhile. */
export const isWaiting = ({ state, undone }: Subscription): boolean =>
  state === 'pending' || (state === 'unsubscribed' && undone);

function leftSinceLastRequest(person: Person): boolean {
  const lastRequest = Math.max(0, ...person.requests.map((past) => past.seq));
  return person.subscriptions.some((subscription) => optedOutSeq(subscription) > lastRequest);
}

/** The entry of the latest opt-out; 0 when there was none. */
const optedOutSeq = (subscription: Subscription): number =>
  isOptedOut(subscription) ? (subscription.endedSeq ?? 0) : 0;

/** Somebody whom nobody knew until now. */
export function newPerson(address: Address, locale: string, fresh: Fresh): Person {
  return {
    id: fresh.subscriberId,
    key: address.key,
    typed: address.typed,
    abuseKey: address.abuseKey,
    linkKey: fresh.linkKey,
    locale,
    mailBlock: null,
    declined: false,
    ledger: { seq: 0, hash: '', salt: fresh.ledgerSalt, lastAt: null },
    subscriptions: [],
    requests: [],
  };
}

/** A decision that changes nothing yet. */
export function nothing(person: Person): Changes {
  return {
    person,
    created: null,
    moved: null,
    events: [],
    subscriptions: [],
    request: null,
    confirmed: null,
    mails: [],
    mailBlock: null,
    imported: null,
    declined: null,
    erased: false,
    suppressed: false,
    mailAccepted: null,
    sync: null,
  };
}
