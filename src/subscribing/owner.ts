import { sha256 } from '../consent/ledger.ts';
import { nextMailDue } from './caps.ts';
import {
  append,
  type Decision,
  type Fresh,
  leave,
  linkExpiry,
  mailsOfKinds,
  nothing,
  owe,
  strangersMailDue,
  unknown,
} from './changes.ts';
import type { AskData, AskLink, Circumstances, Decline, Erase, ErasePerson } from './commands.ts';
import { type Household, isErased, type Person } from './person.ts';

// What the owner of an address may do about it, beside choosing lists. A part of the rules: pure, as they are.

/** Whatever waits for confirmation is called off, and no more mail that a stranger can cause goes there. */
export function decideDecline(person: Person, command: Decline, now: Date): Decision {
  const changes = nothing(person);
  leave(changes, ({ state }) => state === 'pending', command, now);
  changes.declined = true;
  const alreadySo = person.declined && changes.events.length === 0;
  return {
    outcome: { type: 'declined', locale: person.locale },
    changes: alreadySo || isErased(person) ? null : changes,
  };
}

/** Takes a `decline` back. */
export function decideAllow(person: Person): Decision {
  const changes = nothing(person);
  changes.declined = false;
  return {
    outcome: { type: 'allowed', locale: person.locale },
    changes: person.declined && !isErased(person) ? changes : null,
  };
}

/** Goes to whoever ever confirmed: before that, nothing but the confirmation is mailed to an address. */
export function decideAskLink(household: Household, { address }: AskLink, now: Date, fresh: Fresh): Decision {
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
export function decideAskData(
  household: Household,
  person: Person,
  { what }: AskData,
  now: Date,
  fresh: Fresh,
): Decision {
  const outcome = { type: 'mailed' as const, locale: person.locale };
  const dueAt = nextMailDue(mailsOfKinds(household, [what]), household.allowance.caps, now, false);
  if (isErased(person) || dueAt === null) return { outcome, changes: null };
  const changes = nothing(person);
  const tokenHash = what === 'erasure' ? fresh.eraseTokenHash : null;
  owe(changes, { id: fresh.mailId, kind: what, dueAt, tokenHash });
  return { outcome, changes: changes.mails.length > 0 ? changes : null };
}

/** Behind the mailed link. */
export function decideErase(household: Household, command: Erase, now: Date): Decision {
  const mail = household.mails.find(({ tokenHash }) => tokenHash === sha256(command.token));
  const person = household.people.find(({ id }) => id === mail?.subscriberId);
  if (mail === undefined || person === undefined) return unknown;
  const { locale } = person;
  if (!isErased(person) && now > linkExpiry(mail.dueAt)) {
    return { outcome: { type: 'expired', locale }, changes: null };
  }
  return erase(person, command, now);
}

/** Who asks an operator needs no mailed link: the operator sees to it that it is them. */
export function decideErasePerson(person: Person, { channel }: ErasePerson, now: Date): Decision {
  return erase(person, { channel, ip: null, userAgent: null, page: null }, now);
}

/** Everything ends, and then everything personal is destroyed (I6): the ledger keeps that it was. */
function erase(person: Person, circumstances: Circumstances, now: Date): Decision {
  const outcome = { type: 'erased' as const, locale: person.locale };
  if (isErased(person)) return { outcome, changes: null };
  const changes = nothing(person);
  leave(changes, () => true, circumstances, now);
  append(changes, now, circumstances, { kind: 'erased', listWordings: [] });
  changes.erased = true;
  changes.suppressed = true;
  return { outcome, changes };
}
