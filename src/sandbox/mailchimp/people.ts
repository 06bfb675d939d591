import { archiveMember, findMember } from './members.ts';
import { type AccountState, type Member, memberId, timestamp } from './state.ts';

/** What happens at Mailchimp without the API: done by the person, by mail servers or in its own pages. */
export interface People {
  /** The person uses the unsubscribe link in a campaign's footer: out of the whole audience. */
  leaveByFooter(email: string): void;
  /** The person follows the link in Mailchimp's own confirmation mail. */
  confirm(email: string): void;
  /** The address bounced for good. */
  markCleaned(email: string): void;
  /** A Mailchimp user unsubscribes the person. */
  adminUnsubscribe(email: string): void;
  /** A Mailchimp user archives the person. */
  archive(email: string): void;
}

/** Every action throws 404 for a stranger; `changed` is told of each change. */
export function createPeople(state: AccountState, changed: () => void, now: () => Date): People {
  function change(email: string, difference: Partial<Member>): void {
    Object.assign(findMember(state, memberId(email)), difference, { last_changed: timestamp(now()) });
    changed();
  }
  return {
    leaveByFooter: (email) =>
      change(email, { status: 'unsubscribed', compliance: 'left', unsubscribe_reason: 'NO_REASON_GIVEN' }),
    confirm(email) {
      if (findMember(state, memberId(email)).status !== 'pending') {
        throw new Error('Only a pending member has a confirmation mail.');
      }
      change(email, { status: 'subscribed', compliance: null, timestamp_opt: timestamp(now()) });
    },
    markCleaned: (email) => change(email, { status: 'cleaned', compliance: 'bounced' }),
    adminUnsubscribe: (email) =>
      change(email, { status: 'unsubscribed', unsubscribe_reason: 'N/A (Unsubscribed by an admin)' }),
    archive(email) {
      archiveMember(state, memberId(email), now());
      changed();
    },
  };
}
