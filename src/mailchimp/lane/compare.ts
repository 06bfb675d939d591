import type { Member, PutMember } from '../api/client.ts';
import type { Contact } from './contacts.ts';
import { restsOnImport } from './member.ts';

// What Mailchimp shows of a person, held against what we hold. Pure.

/** Whether the audience mails this member, or waits for their own opt-in to. */
export const isOn = (member: Pick<Member, 'status'> | null): boolean =>
  member?.status === 'subscribed' || member?.status === 'pending';

/** Whether the audience holds what we want of it: for somebody on no list, that they are off. */
export function isEqual(contact: Contact, wanted: PutMember, member: Member | null): boolean {
  if (contact.consent === null) {
    if (member === null || member.status === 'archived' || member.status === 'cleaned') return true;
    return !isOn(member) && Object.keys(wanted.interests).every((id) => member.interests[id] !== true);
  }
  return (
    member?.status === 'subscribed' && hasInterests(wanted, member) && carriesLinks(member, contact.linkKey)
  );
}

export const hasInterests = (wanted: PutMember, member: Member): boolean =>
  Object.entries(wanted.interests).every(([id, on]) => member.interests[id] === on);

/** Whether the footer links in the member's merge fields are this person's; Mailchimp may respell a URL. */
export const carriesLinks = ({ merge_fields }: Member, linkKey: string): boolean =>
  [merge_fields['UNSUBURL'], merge_fields['PREFURL']].every(
    (link) => typeof link === 'string' && link.includes(linkKey),
  );

/** A subscription that ended over there, and the consent that it is compared with. */
export interface Ending {
  listId: number;
  consentSeq: number;
}

/**
 * What an "off" at Mailchimp ends here. It wins over our "on" unless our consent is newer: Mailchimp has
 * not taken it yet and it is younger than the member's last change. An imported one is as old as it is said to
 * be, whatever we saw since. An address that is archived or gone was put away by a Mailchimp user; that alone
 * is no opt-out, but with a webhook that told of one it is.
 */
export function endingsOf(contact: Contact, member: Member | null): Ending[] {
  const arrived = hasArrived(contact, member);
  const taken = (seq: number) => arrived || seq <= contact.takenConsentSeq;
  return contact.lists.flatMap(({ id, interest, mappedAt, subscribed, consentSeq, consentAt, imported }) => {
    if (!subscribed || consentSeq === null || consentAt === null) return [];
    const older = imported
      ? member === null || (consentAt <= lastChange(member) && !comesBack(contact, member))
      : member !== null && isNews(contact, member) && consentAt <= lastChange(member);
    const ended = hasLeft(contact, member)
      ? taken(consentSeq) || older
      : isOn(member) &&
        interest !== null &&
        member?.interests[interest] === false &&
        toldOf(mappedAt, consentSeq);
    return ended ? { listId: id, consentSeq } : [];
  });

  /** Whether Mailchimp once had this interest on by our word, so that an "off" came after it. */
  function toldOf(mappedAt: Date | null, consentSeq: number): boolean {
    const { consent, acknowledgedAt, takenConsentSeq } = contact;
    if (mappedAt === null) return false;
    // It may be an older call of ours that arrived late. Theirs, a webhook tells of, or the next comparison.
    if (contact.unanswered && !contact.look) return false;
    const confirmed = consentSeq <= takenConsentSeq && acknowledgedAt !== null && acknowledgedAt > mappedAt;
    return confirmed || (arrived && consent !== null && consent.at !== null && consent.at > mappedAt);
  }
}

/**
 * Whether an import may bring the member back: undoing one before it is what put them off, by a call of ours, and
 * Mailchimp shows them as that call left them. They themselves never left.
 */
export function comesBack(contact: Contact, member: Member): boolean {
  const { undone, takenConsentSeq, memberStatus } = contact;
  if (undone === null || undone > takenConsentSeq || !restsOnImport(contact)) return false;
  return member.status === 'unsubscribed' && memberStatus === 'unsubscribed';
}

/**
 * Whether a call whose answer got lost did its work: the member carries the time of our newest consent. Told
 * in whole seconds, that proves nothing while no call can have been lost; nor of an import, whose time Mailchimp
 * may have had before.
 */
function hasArrived({ consent, refusal, unanswered }: Contact, member: Member | null): boolean {
  if (consent === null || member === null || (refusal === null && !unanswered)) return false;
  if (consent.at === null || consent.raises < consent.seq) return false;
  return Date.parse(member.timestamp_opt) === Math.floor(consent.at.getTime() / 1000) * 1000;
}

function hasLeft(contact: Contact, member: Member | null): boolean {
  if (member === null || member.status === 'archived') return contact.reported !== null;
  return member.status === 'unsubscribed' || member.status === 'cleaned';
}

/** An "off" that we saw before this consent is not newer than it, whatever else changed about the member. */
const isNews = (contact: Contact, member: Member): boolean =>
  member.status !== 'archived' && member.status !== contact.memberStatus;

/** Mailchimp tells whole seconds, so the change may lie up to one later. Untold, it counts as just now. */
function lastChange({ last_changed }: Member): Date {
  const time = Date.parse(last_changed);
  return new Date(Number.isNaN(time) ? Date.now() : time + 999);
}

/** Why the person's address must get no mail of ours, by what the audience shows. */
export function mailBlockOf(contact: Contact, member: Member): Contact['mailBlock'] {
  if (member.status === 'subscribed') return null;
  const complained = contact.reported === 'complained' && !isOn(member);
  if (complained) return 'complained';
  return member.status === 'cleaned' && contact.mailBlock === null ? 'bounced' : contact.mailBlock;
}
