import type { Member, PutMember } from './client.ts';
import type { Contact } from './contacts.ts';

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
 * not taken it yet and it is younger than the member's last change. An address that is archived or gone
 * was put away by a Mailchimp user; that alone is no opt-out, but with a webhook that told of one it is.
 */
export function endingsOf(contact: Contact, member: Member | null): Ending[] {
  const { takenConsentSeq, lists } = contact;
  const taken = (seq: number) => seq <= takenConsentSeq;
  return lists.flatMap(({ id, interest, mappedAt, subscribed, consentSeq, consentAt }) => {
    if (!subscribed || consentSeq === null || consentAt === null) return [];
    const ended = hasLeft(contact, member)
      ? taken(consentSeq) || (member !== null && isNews(contact, member) && consentAt <= lastChange(member))
      : isOn(member) && switchedOff(interest, mappedAt) && taken(consentSeq);
    return ended ? { listId: id, consentSeq } : [];
  });

  /** Off over there, though Mailchimp confirmed to us that it was on. */
  function switchedOff(interest: string | null, mappedAt: Date | null): boolean {
    return (
      interest !== null &&
      member?.interests[interest] === false &&
      mappedAt !== null &&
      contact.acknowledgedAt !== null &&
      contact.acknowledgedAt > mappedAt
    );
  }
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
