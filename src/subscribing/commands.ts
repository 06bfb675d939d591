import type { ConsentChannel } from '../generated/prisma/enums.ts';
import type { Address } from './address.ts';

/** The circumstances of an act, as evidence for the ledger. */
export interface Circumstances {
  channel: ConsentChannel;
  /** A valid address, or null when unknown. */
  ip: string | null;
  userAgent: string | null;
  /** The page that held the form. */
  page: string | null;
}

/** A list as it was offered to the person. */
export interface OfferedList extends NamedList {
  id: number;
  wording: string;
}

/** Ticking lists and giving an address. */
export interface SignUp extends Circumstances {
  type: 'sign_up';
  address: Address;
  lists: OfferedList[];
  wordingVersion: string;
  locale: string;
  firstName: string | null;
}

/** Pressing the button behind the link of a confirmation mail. */
export interface Confirm extends Circumstances {
  type: 'confirm';
  token: string;
}

/** Leaving one list, or all of them. */
export interface Leave extends Circumstances {
  type: 'leave';
  linkKey: string;
  /** A list's slug; null leaves all. */
  list: string | null;
}

/** Saving the preference page: leave what is not ticked, ask for what is newly ticked. */
export interface Choose extends Circumstances {
  type: 'choose';
  linkKey: string;
  lists: OfferedList[];
  wordingVersion: string;
}

/** A mail server took the confirmation mail of a request. */
export interface MailAccepted {
  type: 'mail_accepted';
  subscriberId: string;
  mailId: string;
  requestSeq: number;
  /** The text part as sent, its secret links blanked. */
  copy: string;
}

/** Mailchimp shows that the person, or a bounce, ended subscriptions over there. */
export interface LeftAtMailchimp {
  type: 'left_at_mailchimp';
  subscriberId: string;
  /** What ended, with the consent that it was compared with: a newer one stays (I2). */
  endings: { listId: number; consentSeq: number }[];
}

/** Mailchimp shows the person under another address, which is nobody else's here. */
export interface ChangeAddress {
  type: 'change_address';
  subscriberId: string;
  address: Address;
}

export type Command = SignUp | Confirm | Leave | Choose | MailAccepted | LeftAtMailchimp | ChangeAddress;

export interface NamedList {
  slug: string;
  name: string;
  description: string;
}

export type Outcome =
  /** Of a sign-up: the same whatever was known of the address (I9). */
  | { type: 'accepted' }
  | { type: 'confirmed'; lists: NamedList[]; linkKey: string }
  | { type: 'expired' }
  /** Every list of the request was left or closed since. */
  | { type: 'withdrawn' }
  | { type: 'left'; left: NamedList[]; remaining: NamedList[] }
  | { type: 'chosen'; left: NamedList[]; asked: NamedList[] }
  /** No such token or key. */
  | { type: 'unknown' }
  | { type: 'recorded' };
