import type { MailKind, SubscriptionState } from '../generated/prisma/enums.ts';
import type { Caps } from './caps.ts';

/** Everything that the rules need to know of the people behind one folded address. */
export interface Household {
  people: Person[];
  /** The mails to the folded address of the last 30 days, and those that the command is about. */
  mails: OwedMail[];
  allowance: Allowance;
  /** The addresses, by key, that were erased here (C-22); looked up for imports alone. */
  suppressed: ReadonlySet<string>;
}

/** What mails strangers may cause. */
export interface Allowance {
  /** To one folded address. */
  caps: Caps;
  /** When the ceilings of all addresses together let one go: null, not within a day. */
  from: Date | null;
}

/** Nothing follows in the ledger of an erased person, and nothing about them changes (I6). */
export const isErased = ({ ledger }: Pick<Person, 'ledger'>): boolean => ledger.salt === null;

/**
 * Whether an address may get a mail. Who complained gets no more than what they ask for behind their own link; what
 * bounces gets nothing.
 */
export function isMailable(mailBlock: string | null, kind: MailKind): boolean {
  return mailBlock === null || (mailBlock === 'complained' && (kind === 'copy' || kind === 'erasure'));
}

/** A mail that was or is owed, as far as the rules need it. */
export interface OwedMail {
  subscriberId: string;
  kind: MailKind;
  dueAt: Date;
  /** Of the link in an erasure mail. */
  tokenHash: string | null;
}

export interface Person {
  id: string;
  key: string;
  /** As typed; the address that ledger entries carry as evidence. */
  typed: string;
  abuseKey: string;
  linkKey: string;
  locale: string;
  /** The address bounced, or its owner complained: it gets no mail of ours. */
  mailBlock: 'bounced' | 'complained' | null;
  /** The owner of the address wants no mail that a stranger could cause. */
  declined: boolean;
  /** `salt` is null once the person is erased: nothing may follow in this ledger. */
  ledger: { seq: number; hash: string; salt: string | null; lastAt: Date | null };
  subscriptions: Subscription[];
  /** Unexpired ones, the newest, and those that the command is about. */
  requests: SignUpRequest[];
}

export interface Subscription {
  listId: number;
  slug: string;
  name: string;
  description: string;
  /** How the list is worded now. */
  wording: string;
  archived: boolean;
  state: SubscriptionState;
  consentSeq: number | null;
  endedSeq: number | null;
  changedAt: Date;
  /** Whether its consent is but an import's word. */
  imported: boolean;
  /** When that consent was given: over there, for an imported one. Null when unknown, or when there is none. */
  givenAt: Date | null;
  /** Whether what ended it was an import taken back, which is no opt-out: then there never was one. */
  undone: boolean;
  /** Whether it was left here or at Mailchimp, and not just by the word of a file. */
  leftHere: boolean;
}

/** Whether the person opted out of it, and nothing but their own newer confirmation may raise it (I2). */
export const isOptedOut = ({ endedSeq, undone }: Subscription): boolean => endedSeq !== null && !undone;

export interface SignUpRequest {
  id: string;
  seq: number;
  tokenHash: string;
  /** `wordings[i]` is how `listIds[i]` was worded to the person. */
  listIds: number[];
  wordings: string[];
  /** The consent text that it was made under. */
  wordingVersion: string;
  locale: string;
  firstName: string | null;
  expiresAt: Date;
  confirmedAt: Date | null;
  /** When its newest confirmation mail was or is due. */
  mailDueAt: Date | null;
}
