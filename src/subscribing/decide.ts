import { sha256 } from '../consent/ledger.ts';
import { append, type Changes, type Fresh, isOpen, leave, nothing, request } from './changes.ts';
import type {
  ChangeAddress,
  Choose,
  Circumstances,
  Command,
  Confirm,
  Leave,
  LeftAtMailchimp,
  MailAccepted,
  NamedList,
  Outcome,
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
        (person) => decideConfirm(person, command, now),
      );
    case 'leave':
      return withPerson(household, hasLinkKey(command), (person) => decideLeave(person, command, now));
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
  const asked = request(household, changes, command, now, fresh);
  return { outcome: { type: 'accepted' }, changes: asked ? changes : null };
}

function decideConfirm(person: Person, command: Confirm, now: Date): Decision {
  const answered = person.requests.find(hasToken(command));
  if (answered === undefined) return unknown;
  const open = person.subscriptions.filter((subscription) => isOpen(subscription, answered));
  const done = () => ({ type: 'confirmed' as const, lists: open.map(named), linkKey: person.linkKey });

  // Pressed again (C-25): the same answer for as long as it is still true.
  if (answered.confirmedAt !== null && open.some((subscription) => subscription.state === 'subscribed')) {
    return { outcome: done(), changes: null };
  }
  if (open.length === 0 || answered.confirmedAt !== null)
    return { outcome: { type: 'withdrawn' }, changes: null };
  if (now > answered.expiresAt) return { outcome: { type: 'expired' }, changes: null };

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
  }
  return { outcome: done(), changes };
}

function decideLeave(person: Person, command: Leave, now: Date): Decision {
  const changes = nothing(person);
  const concerned = (subscription: Subscription) =>
    command.list === null || subscription.slug === command.list;
  const left = leave(changes, concerned, command, now);
  const remaining = person.subscriptions.filter(
    (subscription) => subscription.state === 'subscribed' && !concerned(subscription),
  );
  return {
    outcome: { type: 'left', left: left.map(named), remaining: remaining.map(named) },
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
  const left = leave(changes, (subscription) => !ticked.has(subscription.listId), command, now);
  const current = new Map(
    person.subscriptions.map((subscription) => [subscription.listId, subscription.state]),
  );
  const asked = command.lists.filter((list) => (current.get(list.id) ?? 'unsubscribed') === 'unsubscribed');
  const isAsked =
    asked.length > 0 &&
    request(
      household,
      changes,
      { ...command, lists: asked, firstName: null, locale: person.locale },
      now,
      fresh,
    );
  return {
    // What the caps keep from being asked for is not promised either.
    outcome: { type: 'chosen', left: left.map(named), asked: isAsked ? asked.map(named) : [] },
    changes: changes.events.length > 0 ? changes : null,
  };
}

function decideMailAccepted(person: Person, command: MailAccepted, now: Date): Decision {
  const answered = person.requests.find((candidate) => candidate.seq === command.requestSeq);
  if (answered === undefined) return unknown;
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
    outcome: { type: 'left', left: left.map(named), remaining: [] },
    changes: left.length > 0 ? changes : null,
  };
}

/**
 * The person stays the person, with their consent and their links. What they asked for under the old
 * address and did not confirm is withdrawn: its mail proves nothing about the new one.
 */
function decideChangeAddress(person: Person, { address }: ChangeAddress, now: Date): Decision {
  if (address.key === person.key) return { outcome: { type: 'recorded' }, changes: null };
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

const hasToken = (command: Confirm) => (candidate: SignUpRequest) =>
  candidate.tokenHash === sha256(command.token);
const hasLinkKey = (command: Leave | Choose) => (person: Person) => person.linkKey === command.linkKey;
const named = ({ slug, name, description }: NamedList): NamedList => ({ slug, name, description });
