import { append, type Decision, end, nothing } from './changes.ts';
import type { Circumstances, ExpirePerson } from './commands.ts';
import { isErased, isOptedOut, type Person } from './person.ts';

// How long people are kept of whom nothing stands any more. A part of the rules: pure, as they are.

/**
 * Destroys all that is personal of somebody whose time is over, unless something stands or happened since. What
 * waited for a confirmation ends as expired, which is no opt-out, for nobody wished it. An opt-out is not forgotten
 * with them: then a digest of the address stays, as after an erasure, so that no import brings them back (I2, C-21).
 */
export function decideExpire(person: Person, { why, before }: ExpirePerson, now: Date): Decision {
  const isTheirs = why === (isUnconfirmed(person) ? 'unconfirmed' : 'ended');
  if (!isTheirs || !isOver(person, before, now)) return { outcome: { type: 'kept' }, changes: null };
  const changes = nothing(person);
  const waiting = person.subscriptions.filter(({ state }) => state === 'pending');
  if (waiting.length > 0) end(changes, 'expired', waiting, byTime, now);
  append(changes, now, byTime, { kind: 'erased', listWordings: [] });
  changes.erased = true;
  changes.suppressed = hasRefused(person);
  return { outcome: { type: 'erased', locale: person.locale }, changes };
}

const byTime: Circumstances = { channel: 'retention', ip: null, userAgent: null, page: null };

/** Nothing is subscribed, no link that was mailed still works, and nothing happened since. */
function isOver(person: Person, before: Date, now: Date): boolean {
  const { lastAt } = person.ledger;
  return (
    !isErased(person) &&
    (lastAt === null || lastAt < before) &&
    person.subscriptions.every(({ state }) => state !== 'subscribed') &&
    person.requests.every(({ confirmedAt, expiresAt }) => confirmedAt !== null || expiresAt < now)
  );
}

/** Of whom there is neither a consent to prove nor a refusal to honour. */
const isUnconfirmed = (person: Person): boolean =>
  !hasRefused(person) && person.subscriptions.every(({ consentSeq }) => consentSeq === null);

/** Opted out of something, wants no mails of strangers' making, or gets none as the address bounced or complained. */
const hasRefused = ({ subscriptions, declined, mailBlock }: Person): boolean =>
  declined || mailBlock !== null || subscriptions.some(isOptedOut);
