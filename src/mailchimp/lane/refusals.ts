import { type MailchimpError, timedOut } from '../api/error.ts';

/** Why a contact is not equal yet. Each kind has an end: it is tried again, or parked for the operator. */
export type RefusalKind =
  /** Their fault or the network's. */
  | 'transient'
  /** We stopped waiting; Mailchimp may still be at it. */
  | 'timeout'
  | 'throttled'
  /** Mailchimp's own brake on an address that many forms were sent with; it loosens after hours or days. */
  | 'too_many_sign_ups'
  /** An interest that we hold for a list is gone from the audience. */
  | 'interest'
  /** The member did not take the links for the footer of campaigns. */
  | 'links'
  /** The audience demands a merge field that we do not send. */
  | 'required_field'
  /** The key, the role, the account or the audience. */
  | 'configuration'
  /** Unsubscribed by themselves, bounced or under review: only their own opt-in at Mailchimp helps. */
  | 'compliance'
  /** Asked for that opt-in; the person has Mailchimp's mail. */
  | 'awaiting_mailchimp_confirmation'
  /** Put away by a Mailchimp user, who may bring them back; we do so only for a newer consent (I2). */
  | 'archived'
  /** Not subscribed at Mailchimp for another reason, and we hold no consent that is newer (I2). */
  | 'not_subscribed'
  /** The audience does not know the address any more: deleted, or moved without our hearing where to. */
  | 'missing'
  /** Permanently deleted there: only the person can return, through Mailchimp's own form. */
  | 'forgotten'
  /** Mailchimp takes the address for fake or unusable. */
  | 'invalid'
  /** Mailchimp does not accept what we say: a fault of ours. */
  | 'rejected'
  /** Whoever was erased here is not deleted there yet, for another reason than those of everybody. */
  | 'not_erased';

/**
 * Classifies by status, then title, then detail, then the fields named. Never by `type`, which changed
 * over the years, nor by the fields' messages alone, which are in the language of the audience.
 */
export function classify(error: MailchimpError): RefusalKind {
  const { status, title } = error;
  if (status === null) return title === timedOut ? 'timeout' : 'transient';
  if (error.throttles) return 'throttled';
  if (status === 401 || status === 403 || status === 404) return 'configuration';
  if (status === 400) return title === null ? 'transient' : classifyBadRequest(error);
  return status > 400 && status < 500 && status !== 408 ? 'rejected' : 'transient';
}

const byTitle = new Map<string | null, RefusalKind>([
  ['Member In Compliance State', 'compliance'],
  ['Forgotten Email Not Subscribed', 'forgotten'],
  // Two calls created the member at once; the next one merges into it.
  ['Member Exists', 'transient'],
]);

const byDetail: [RegExp, RefusalKind][] = [
  [/permanently deleted/i, 'forgotten'],
  [/compliance state/i, 'compliance'],
  [/signed up to a lot of lists/i, 'too_many_sign_ups'],
  [/looks fake or invalid|valid email address/i, 'invalid'],
  [/more than \d+ interests/i, 'configuration'],
  [/merge fields were invalid/i, 'required_field'],
];

const byField: [RegExp, RefusalKind][] = [
  [/^interests?\b/i, 'interest'],
  [/^email[_ ]address$/i, 'invalid'],
];

function classifyBadRequest({ title, detail, fields }: MailchimpError): RefusalKind {
  const named = byTitle.get(title);
  if (named !== undefined) return named;
  for (const [pattern, kind] of byDetail) if (pattern.test(detail)) return kind;
  for (const [pattern, kind] of byField) if (fields.some(({ field }) => pattern.test(field))) return kind;
  return 'rejected';
}

const second = 1_000;
const hour = 3_600 * second;

/** How long Mailchimp may go on with a request that we no longer wait for. */
export const serverTimeout = 120 * second;

const firstDelay: Partial<Record<RefusalKind, number>> = {
  transient: 2 * second,
  throttled: 30 * second,
  required_field: 30 * second,
  configuration: 30 * second,
  // Never given up (C-24).
  not_erased: 30 * second,
};

/** What is tried a few times only, and when. */
const fewAttempts: Partial<Record<RefusalKind, number[]>> = {
  too_many_sign_ups: [6 * hour, 24 * hour, 72 * hour],
  // The audience is made ready before each of these; what that does not mend needs an operator.
  interest: [2 * second, 60 * second, hour],
  links: [2 * second, 60 * second, hour],
  // By then, a webhook or a reconciliation tells of an address that moved; else it is made again.
  missing: [2 * hour],
};

/**
 * Milliseconds until the next attempt; null parks the contact until something new is wanted.
 * @param attempts how many have failed, this one included
 * @param random from 0 to 1: spreads repeats by half of the delay either way
 */
export function retryDelay(kind: RefusalKind, attempts: number, random: number): number | null {
  const steps = fewAttempts[kind];
  if (steps !== undefined) return steps[attempts - 1] ?? null;
  if (kind === 'timeout') return Math.min(serverTimeout * 2 ** (attempts - 1), hour) * (1 + random / 2);
  const first = firstDelay[kind];
  return first === undefined ? null : Math.min(first * 2 ** (attempts - 1), hour) * (0.5 + random);
}

/** Whether everybody would have met it: the line, the account, the audience; nothing of the contact's own. */
export const isOfEverybody = (kind: RefusalKind): boolean =>
  ['transient', 'timeout', 'throttled', 'configuration'].includes(kind);

/** Whether Mailchimp sends the person nothing meanwhile, so that an opt-out of theirs is as good as told. */
export const isNotMailed = (kind: RefusalKind): boolean =>
  [
    'compliance',
    'awaiting_mailchimp_confirmation',
    'archived',
    'not_subscribed',
    'missing',
    'forgotten',
    'invalid',
  ].includes(kind);

/** Whether repeating cannot help. */
export const isFinal = (kind: RefusalKind): boolean => retryDelay(kind, 1, 0) === null;
