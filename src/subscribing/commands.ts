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

/** Asking for another link in place of one that expired unused. */
export interface Renew extends Circumstances {
  type: 'renew';
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
  /** Slugs of the lists that the page showed: what it did not show is not left. Null: it showed all. */
  shown: readonly string[] | null;
  wordingVersion: string;
}

/**
 * "This was not me": whatever waits for confirmation is called off, and no mail that a stranger can cause
 * goes to the address any more, until its owner allows it again.
 */
export interface Decline extends Circumstances {
  type: 'decline';
  linkKey: string;
}

/** Takes a `Decline` back. */
export interface Allow {
  type: 'allow';
  linkKey: string;
}

/** Anybody types an address to have its owner's links mailed there. */
export interface AskLink {
  type: 'ask_link';
  address: Address;
}

/** Asking, behind one's link, for a mail with all that is known of one, or with the link that erases it. */
export interface AskData {
  type: 'ask_data';
  linkKey: string;
  what: 'copy' | 'erasure';
}

/** Pressing the button behind the link of an erasure mail. */
export interface Erase extends Circumstances {
  type: 'erase';
  token: string;
}

/** An operator erases somebody who asked for it by another way than our mails. */
export interface ErasePerson {
  type: 'erase_person';
  subscriberId: string;
  channel: 'admin';
}

/**
 * The time is over for which somebody is kept: who never confirmed anything, nor opted out of anything
 * (`unconfirmed`, C-17), or whose proof is no longer needed, as all of it ended (`ended`, C-20).
 */
export interface ExpirePerson {
  type: 'expire_person';
  subscriberId: string;
  why: 'unconfirmed' | 'ended';
  /** Whoever did something since is kept. */
  before: Date;
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

/** What somebody left, after the backup that the database was restored from: so says the log of that time. */
export interface LeftSinceBackup {
  type: 'left_since_backup';
  subscriberId: string;
  /** The ids of the lists. */
  lists: number[];
  /** Whether it was a `Decline`. */
  declined: boolean;
  /** When. What they asked for or consented to since stays (I2). */
  at: Date;
}

/** Mailchimp shows the person under another address, which is nobody else's here. */
export interface ChangeAddress {
  type: 'change_address';
  subscriberId: string;
  address: Address;
}

/** A row of a file from another system. The address is as it stands there. */
export interface ImportPerson {
  type: 'import';
  importId: string;
  /** Its place in the import, from 0. */
  row: number;
  address: Address;
  lists: OfferedList[];
  /** `cleaned`: the address bounced over there; `complained`: its owner reported a mail as spam. */
  state: 'subscribed' | 'unsubscribed' | 'cleaned' | 'complained';
  /** What the operator says where consent comes from. */
  wordingVersion: string;
  /** What the row itself says of that; null when it says nothing. */
  source: string | null;
  /** When consent was given over there, or taken back; null when nobody knows. */
  givenAt: Date | null;
  ip: string | null;
  firstName: string | null;
  locale: string;
}

/** What became of a row: `suppressed` when it subscribes nobody, as they opted out, here or over there. */
export type RowOutcome = 'created' | 'updated' | 'unchanged' | 'suppressed';

/** Takes back what a row of an import subscribed to. */
export interface UndoImport {
  type: 'undo_import';
  subscriberId: string;
  importId: string;
  /** The ledger entry that the row made. */
  seq: number;
}

export type Command =
  | SignUp
  | Confirm
  | Renew
  | Leave
  | Choose
  | Decline
  | Allow
  | AskLink
  | AskData
  | Erase
  | ErasePerson
  | ExpirePerson
  | MailAccepted
  | LeftAtMailchimp
  | LeftSinceBackup
  | ChangeAddress
  | ImportPerson
  | UndoImport;

export interface NamedList {
  slug: string;
  name: string;
  description: string;
}

/** What became of a command. `locale` is the language that the person is spoken to in. */
export type Outcome =
  /** Of a sign-up or a wish for one's link: the same whatever was known of the address (I9). */
  | { type: 'accepted' }
  /** No such token or key. */
  | { type: 'unknown' }
  | { type: 'recorded' }
  /** Of an expiry: something stands or happened meanwhile. */
  | { type: 'kept' }
  | { type: 'imported'; outcome: RowOutcome }
  /** `lists`: what rested on that import's word alone and is taken back. */
  | { type: 'undone'; lists: NamedList[] }
  | ({ locale: string } & (
      | { type: 'confirmed'; lists: NamedList[]; linkKey: string }
      | { type: 'expired' }
      /** Every list of the request was left or closed since. */
      | { type: 'withdrawn' }
      /** A new link comes, if the caps and the owner of the address allow it. */
      | { type: 'renewed' }
      | { type: 'left'; left: NamedList[]; remaining: NamedList[] }
      /** `refused`: newly ticked, but no confirmation mail can go for them, and why. */
      | {
          type: 'chosen';
          left: NamedList[];
          asked: NamedList[];
          refused: { why: 'capped' | 'declined'; lists: NamedList[] } | null;
        }
      | { type: 'declined' }
      | { type: 'allowed' }
      | { type: 'mailed' }
      | { type: 'erased' }
    ));
