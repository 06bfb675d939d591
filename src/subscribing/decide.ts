import { sha256 } from '../consent/ledger.ts';
import { nextMailDue } from './caps.ts';
import {
  append,
  type Changes,
  type Fresh,
  isOpen,
  leave,
  linkExpiry,
  nothing,
  owe,
  request,
  strangersMailDue,
} from './changes.ts';
import type {
  AskData,
  AskLink,
  ChangeAddress,
  Choose,
  Circumstances,
  Command,
  Confirm,
  Decline,
  Erase,
  Leave,
  LeftAtMailchimp,
  MailAccepted,
  NamedList,
  Outcome,
  Renew,
  SignUp,
} from './commands.ts';
import type { Household, Person, SignUpRequest, Subscription } from './person.ts';

export interface Decision {
  outcome: Outcome;
  changes: Changes | null;
}

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
    case 'change_address':
      return withPerson(
        household,
        (person) => person.id === command.subscriberId,
        (person) => decideChangeAddress(person, command, now),
      );
  }
}

function decideSignUp(household: Household, command: SignUp, now: Date, fresh: Fresh): Decision {
  const { address } = command;
  const known = household.people.find((person) => person.key === address.key);
  const person = known ?? newPerson(address, command.locale, fresh);
  const changes = nothing(person);
  if (known === undefined) {
    changes.created = { email: address.email };
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
  const joining = open.filter((subscription) => subscription.state === 'pending');
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
    .filter((subscription) => subscription.state === 'pending' && isOpen(subscription, expired))
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

function decideDecline(person: Person, command: Decline, now: Date): Decision {
  const changes = nothing(person);
  leave(changes, ({ state }) => state === 'pending', command, now);
  changes.declined = true;
  const alreadySo = person.declined && changes.events.length === 0;
  return {
    outcome: { type: 'declined', locale: person.locale },
    changes: alreadySo || isErased(person) ? null : changes,
  };
}

function decideAllow(person: Person): Decision {
  const changes = nothing(person);
  changes.declined = false;
  return {
    outcome: { type: 'allowed', locale: person.locale },
    changes: person.declined && !isErased(person) ? changes : null,
  };
}

/** Goes to whoever ever confirmed: before that, nothing but the confirmation is mailed to an address. */
function decideAskLink(household: Household, { address }: AskLink, now: Date, fresh: Fresh): Decision {
  const outcome = { type: 'accepted' as const };
  const person = household.people.find(({ key }) => key === address.key);
  const confirmedOnce = person?.subscriptions.some(({ consentSeq }) => consentSeq !== null);
  const dueAt = strangersMailDue(household, now, false);
  if (person === undefined || !confirmedOnce || person.declined || dueAt === null) {
    return { outcome, changes: null };
  }
  const changes = nothing(person);
  owe(changes, { id: fresh.mailId, kind: 'my_link', dueAt });
  return { outcome, changes: changes.mails.length > 0 ? changes : null };
}

/** Both go to the address itself, whoever holds the link (C-25, C-27), within caps of their own. */
function decideAskData(
  household: Household,
  person: Person,
  { what }: AskData,
  now: Date,
  fresh: Fresh,
): Decision {
  const outcome = { type: 'mailed' as const, locale: person.locale };
  const earlier = household.mails.filter(({ kind }) => kind === what).map(({ dueAt }) => dueAt);
  const dueAt = nextMailDue(earlier, now, false);
  if (isErased(person) || dueAt === null) return { outcome, changes: null };
  const changes = nothing(person);
  const tokenHash = what === 'erasure' ? fresh.eraseTokenHash : null;
  owe(changes, { id: fresh.mailId, kind: what, dueAt, tokenHash });
  return { outcome, changes: changes.mails.length > 0 ? changes : null };
}

/** Everything ends, and then everything personal is destroyed (I6): the ledger keeps that it was. */
function decideErase(household: Household, command: Erase, now: Date): Decision {
  const mail = household.mails.find(({ tokenHash }) => tokenHash === sha256(command.token));
  const person = household.people.find(({ id }) => id === mail?.subscriberId);
  if (mail === undefined || person === undefined) return unknown;
  const { locale } = person;
  if (isErased(person)) return { outcome: { type: 'erased', locale }, changes: null };
  if (now > linkExpiry(mail.dueAt)) return { outcome: { type: 'expired', locale }, changes: null };
  const changes = nothing(person);
  leave(changes, () => true, command, now);
  append(changes, now, command, { kind: 'erased', listWordings: [] });
  changes.erased = true;
  return { outcome: { type: 'erased', locale }, changes };
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

function wordingIn(answered: SignUpRequest, listId: number): string {
  const wording = answered.wordings[answered.listIds.indexOf(listId)];
  if (wording === undefined) throw new Error('a request lacks the wording of one of its lists');
  return wording;
}

function newPerson(address: SignUp['address'], locale: string, fresh: Fresh): Person {
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

const unknown: Decision = { outcome: { type: 'unknown' }, changes: null };

function withPerson(
  household: Household,
  is: (person: Person) => boolean,
  decideFor: (person: Person) => Decision,
): Decision {
  const person = household.people.find(is);
  return person === undefined ? unknown : decideFor(person);
}

const isErased = ({ ledger }: Person) => ledger.salt === null;

const hasToken = (command: Confirm | Renew) => (candidate: SignUpRequest) =>
  candidate.tokenHash === sha256(command.token);
const hasLinkKey =
  ({ linkKey }: { linkKey: string }) =>
  (person: Person) =>
    person.linkKey === linkKey;
const named = ({ slug, name, description }: NamedList): NamedList => ({ slug, name, description });
