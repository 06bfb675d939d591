import { sha256 } from '../consent/ledger.ts';
import {
  append,
  type Decision,
  type Fresh,
  isOpen,
  isWaiting,
  leave,
  newPerson,
  nothing,
  owe,
  request,
  unknown,
} from './changes.ts';
import type {
  ChangeAddress,
  Choose,
  Circumstances,
  Command,
  Confirm,
  Leave,
  LeftAtMailchimp,
  LeftSinceBackup,
  MailAccepted,
  NamedList,
  Renew,
  SignUp,
} from './commands.ts';
import { decideImport, decideUndo } from './imports.ts';
import { decideExpire } from './keeping.ts';
import {
  decideAllow,
  decideAskData,
  decideAskLink,
  decideDecline,
  decideErase,
  decideErasePerson,
} from './owner.ts';
import { type Household, isErased, type Person, type SignUpRequest, type Subscription } from './person.ts';

/**
 * The rules of subscribing (design: I1, I2, I9; states pending → subscribed → unsubscribed). Pure: the
 * same person, command, time and fresh values give the same decision.
 */
export function decide(household: Household, command: Command, now: Date, fresh: Fresh): Decision {
  switch (command.type) {
    case 'sign_up':
      return decideSignUp(household, command, now, fresh);
    case 'confirm':
      return withPerson(
        household,
        (person) => person.requests.some(hasToken(command)),
        (person) => decideConfirm(person, command, now, fresh),
      );
    case 'renew':
      return withPerson(
        household,
        (person) => person.requests.some(hasToken(command)),
        (person) => decideRenew(household, person, command, now, fresh),
      );
    case 'leave':
      return withPerson(household, hasLinkKey(command), (person) => decideLeave(person, command, now, fresh));
    case 'decline':
      return withPerson(household, hasLinkKey(command), (person) => decideDecline(person, command, now));
    case 'allow':
      return withPerson(household, hasLinkKey(command), decideAllow);
    case 'ask_link':
      return decideAskLink(household, command, now, fresh);
    case 'ask_data':
      return withPerson(household, hasLinkKey(command), (person) =>
        decideAskData(household, person, command, now, fresh),
      );
    case 'erase':
      return decideErase(household, command, now);
    case 'erase_person':
      return withPerson(
        household,
        (person) => person.id === command.subscriberId,
        (person) => decideErasePerson(person, command, now),
      );
    case 'expire_person':
      return withPerson(
        household,
        (person) => person.id === command.subscriberId,
        (person) => decideExpire(person, command, now),
      );
    case 'choose':
      return withPerson(household, hasLinkKey(command), (person) =>
        decideChoose(household, person, command, now, fresh),
      );
    case 'mail_accepted':
      return withPerson(
        household,
        (person) => person.id === command.subscriberId,
        (person) => decideMailAccepted(person, command, now),
      );
    case 'left_at_mailchimp':
      return withPerson(
        household,
        (person) => person.id === command.subscriberId,
        (person) => decideLeftAtMailchimp(person, command, now),
      );
    case 'left_since_backup':
      return withPerson(
        household,
        (person) => person.id === command.subscriberId,
        (person) => decideLeftSinceBackup(person, command, now),
      );
    case 'change_address':
      return withPerson(
        household,
        (person) => person.id === command.subscriberId,
        (person) => decideChangeAddress(person, command, now),
      );
    case 'import':
      return decideImport(household, command, now, fresh);
    case 'undo_import':
      return withPerson(
        household,
        (person) => person.id === command.subscriberId,
        (person) => decideUndo(person, command, now),
      );
  }
}

function decideSignUp(household: Household, command: SignUp, now: Date, fresh: Fresh): Decision {
  const { address } = command;
  const known = household.people.find((person) => person.key === address.key);
  const person = known ?? newPerson(address, command.locale, fresh);
  const changes = nothing(person);
  if (known === undefined) {
    changes.created = { email: address.email, firstName: null };
  }
  const result = request(household, changes, command, now, fresh);
  return { outcome: { type: 'accepted' }, changes: result === 'asked' ? changes : null };
}

function decideConfirm(person: Person, command: Confirm, now: Date, fresh: Fresh): Decision {
  const answered = person.requests.find(hasToken(command));
  if (answered === undefined) return unknown;
  const { locale } = answered;
  const open = person.subscriptions.filter((subscription) => isOpen(subscription, answered));
  const done = () => ({
    type: 'confirmed' as const,
    lists: open.map(named),
    linkKey: person.linkKey,
    locale,
  });

  // Pressed again (C-25): the same answer for as long as it is still true.
  if (answered.confirmedAt !== null && open.some((subscription) => subscription.state === 'subscribed')) {
    return { outcome: done(), changes: null };
  }
  if (open.length === 0 || answered.confirmedAt !== null)
    return { outcome: { type: 'withdrawn', locale }, changes: null };
  if (now > answered.expiresAt) return { outcome: { type: 'expired', locale }, changes: null };

  const changes = nothing(person);
  changes.confirmed = { requestId: answered.id, locale: answered.locale, firstName: answered.firstName };
  // Whom an import subscribed meanwhile consents by themselves now, whatever becomes of the import.
  const joining = open.filter(
    (subscription) =>
      isWaiting(subscription) || (subscription.state === 'subscribed' && subscription.imported),
  );
  if (joining.length > 0) {
    const seq = append(changes, now, command, {
      kind: 'confirmed',
      listWordings: joining.map((subscription) => wordingIn(answered, subscription.listId)),
      requestSeq: answered.seq,
    });
    for (const { listId, endedSeq } of joining) {
      changes.subscriptions.push({ listId, state: 'subscribed', consentSeq: seq, endedSeq });
    }
    changes.sync = 'opt_in';
    owe(changes, { id: fresh.noticeId, kind: 'welcome', seq, dueAt: now });
  }
  return { outcome: done(), changes };
}

/** The lists of an expired request that it still stands for are asked for anew, under the words it was made under. */
function decideRenew(
  household: Household,
  person: Person,
  command: Renew,
  now: Date,
  fresh: Fresh,
): Decision {
  const expired = person.requests.find(hasToken(command));
  if (expired === undefined) return unknown;
  const { locale, wordingVersion, firstName } = expired;
  const outcome = { type: 'renewed' as const, locale };
  if (now <= expired.expiresAt || expired.confirmedAt !== null) return { outcome, changes: null };
  const changes = nothing(person);
  const lists = person.subscriptions
    .filter((subscription) => isWaiting(subscription) && isOpen(subscription, expired))
    .map(({ listId, ...list }) => ({ ...named(list), id: listId, wording: wordingIn(expired, listId) }));
  const wish = { ...command, lists, locale, wordingVersion, firstName };
  const result = request(household, changes, wish, now, fresh);
  return { outcome, changes: result === 'asked' ? changes : null };
}

function decideLeave(person: Person, command: Leave, now: Date, fresh: Fresh): Decision {
  const changes = nothing(person);
  const concerned = (subscription: Subscription) =>
    command.list === null || subscription.slug === command.list;
  const left = leave(changes, concerned, command, now, fresh.noticeId);
  const remaining = person.subscriptions.filter(
    (subscription) => subscription.state === 'subscribed' && !concerned(subscription),
  );
  return {
    outcome: {
      type: 'left',
      left: left.map(named),
      remaining: remaining.map(named),
      locale: person.locale,
    },
    changes: left.length > 0 ? changes : null,
  };
}

function decideChoose(
  household: Household,
  person: Person,
  command: Choose,
  now: Date,
  fresh: Fresh,
): Decision {
  const changes = nothing(person);
  const ticked = new Set(command.lists.map((list) => list.id));
  const { shown } = command;
  const unticked = ({ listId, slug }: Subscription) =>
    !ticked.has(listId) && (shown === null || shown.includes(slug));
  const left = leave(changes, unticked, command, now, fresh.noticeId);
  const current = new Map(
    person.subscriptions.map((subscription) => [subscription.listId, subscription.state]),
  );
  const asked = command.lists.filter((list) => (current.get(list.id) ?? 'unsubscribed') === 'unsubscribed');
  const wish = { ...command, lists: asked, firstName: null, locale: person.locale };
  const isRefused = isErased(person) && asked.length > 0;
  const result = isRefused ? 'declined' : request(household, changes, wish, now, fresh);
  const newOnes = asked.map(named);
  return {
    outcome: {
      type: 'chosen',
      left: left.map(named),
      // What no mail can go for is not promised either.
      asked: result === 'asked' ? newOnes : [],
      refused: result === 'capped' || result === 'declined' ? { why: result, lists: newOnes } : null,
      locale: person.locale,
    },
    changes: changes.events.length > 0 ? changes : null,
  };
}

function decideMailAccepted(person: Person, command: MailAccepted, now: Date): Decision {
  const answered = person.requests.find((candidate) => candidate.seq === command.requestSeq);
  if (answered === undefined) return unknown;
  if (isErased(person)) return { outcome: { type: 'recorded' }, changes: null };
  const changes = nothing(person);
  changes.mailAccepted = { mailId: command.mailId, copy: command.copy };
  append(
    changes,
    now,
    { channel: 'mail', ip: null, userAgent: null, page: null },
    {
      kind: 'mailed',
      listWordings: answered.wordings,
      requestSeq: answered.seq,
      mailHash: sha256(command.copy),
    },
  );
  return { outcome: { type: 'recorded' }, changes };
}

/** An opt-out over there ends what it was compared with; what was consented to since stays (I2). */
function decideLeftAtMailchimp(person: Person, { endings }: LeftAtMailchimp, now: Date): Decision {
  const changes = nothing(person);
  const ended = ({ listId, state, consentSeq }: Subscription) =>
    state === 'subscribed' &&
    endings.some((ending) => ending.listId === listId && ending.consentSeq === consentSeq);
  const left = leave(changes, ended, atMailchimp, now);
  return {
    outcome: { type: 'left', left: left.map(named), remaining: [], locale: person.locale },
    changes: left.length > 0 ? changes : null,
  };
}

/** What they left once is left again, whether it was confirmed by then or not; and a "not me" holds again. */
function decideLeftSinceBackup(
  person: Person,
  { lists, declined, at }: LeftSinceBackup,
  now: Date,
): Decision {
  const changes = nothing(person);
  const ended = ({ listId, changedAt }: Subscription) => lists.includes(listId) && changedAt <= at;
  const left = leave(changes, ended, byOperator, now);
  if (declined && !person.declined) changes.declined = true;
  const isSomething = left.length > 0 || changes.declined !== null;
  return {
    outcome: { type: 'left', left: left.map(named), remaining: [], locale: person.locale },
    changes: isSomething && !isErased(person) ? changes : null,
  };
}

/**
 * The person stays the person, with their consent and their links. What they asked for under the old
 * address and did not confirm is withdrawn: its mail proves nothing about the new one.
 */
function decideChangeAddress(person: Person, { address }: ChangeAddress, now: Date): Decision {
  if (address.key === person.key || isErased(person)) return { outcome: { type: 'recorded' }, changes: null };
  const changes = nothing(person);
  leave(changes, ({ state }) => state === 'pending', atMailchimp, now);
  append(
    changes,
    now,
    atMailchimp,
    {
      kind: 'address_changed',
      listWordings: person.subscriptions
        .filter(({ state }) => state === 'subscribed')
        .map(({ wording }) => wording),
    },
    address.typed,
  );
  changes.moved = address;
  changes.sync = 'opt_in';
  return { outcome: { type: 'recorded' }, changes };
}

const atMailchimp: Circumstances = { channel: 'mailchimp', ip: null, userAgent: null, page: null };
const byOperator: Circumstances = { ...atMailchimp, channel: 'admin' };

function wordingIn(answered: SignUpRequest, listId: number): string {
  const wording = answered.wordings[answered.listIds.indexOf(listId)];
  if (wording === undefined) throw new Error('a request lacks the wording of one of its lists');
  return wording;
}

function withPerson(
  household: Household,
  is: (person: Person) => boolean,
  decideFor: (person: Person) => Decision,
): Decision {
  const person = household.people.find(is);
  return person === undefined ? unknown : decideFor(person);
}

const hasToken = (command: Confirm | Renew) => (candidate: SignUpRequest) =>
  candidate.tokenHash === sha256(command.token);
const hasLinkKey =
  ({ linkKey }: { linkKey: string }) =>
  (person: Person) =>
    person.linkKey === linkKey;
const named = ({ slug, name, description }: NamedList): NamedList => ({ slug, name, description });
