import type { AccountState } from './account.ts';
import { deleteInterest } from './audience.ts';
import type { AudienceEvent } from './events.ts';
import * as members from './members.ts';
import { invalid } from './problem.ts';
import { type Member, memberId, type Source, timestamp } from './state.ts';

/**
 * What happens at Mailchimp without the API: done by the person, by mail servers or in its own pages. Every
 * action throws a `Problem`: 404 for a stranger, and what the API would say where Mailchimp refuses.
 */
export interface People {
  /** The person uses the unsubscribe link in a campaign's footer: out of the whole audience. */
  leaveByFooter(email: string): void;
  /** The person marks a campaign as spam. */
  complain(email: string): void;
  /** The person fills in Mailchimp's own form: the way back for whoever left, bounced or was forgotten. */
  subscribeByForm(email: string, interestIds?: string[]): void;
  /** The person follows the link in Mailchimp's own confirmation mail. */
  confirm(email: string): void;
  /** Mailchimp's preference page, or a Mailchimp user, sets some of the groups. */
  chooseGroups(email: string, interests: Record<string, boolean>, by?: 'user' | 'admin'): void;
  /** The person enters another address on Mailchimp's preference page. */
  changeEmail(email: string, newEmail: string): void;
  /** The address bounced for good. */
  markCleaned(email: string): void;
  /** A Mailchimp user unsubscribes the person. */
  adminUnsubscribe(email: string): void;
  /** A Mailchimp user subscribes the person again; refused when the person left or bounced. */
  adminSubscribe(email: string): void;
  /** A Mailchimp user archives the person. */
  archive(email: string): void;
  /** A Mailchimp user deletes the person for good. */
  deletePermanently(email: string): void;
  /** A Mailchimp user deletes an interest, whatever its category. */
  deleteInterest(interestId: string): void;
  /** A campaign of that subject was sent. */
  sendCampaign(subject: string): void;
}

/** `changed` is told of each change; `announce` gets events, with no source where nobody caused them. */
export function createPeople(options: {
  state: AccountState;
  changed: () => void;
  /** Hears of changes of members that the source made. */
  tell: (source: Source | null) => members.Circumstances['told'];
  announce: (event: AudienceEvent, source: Source | null) => void;
  now: () => Date;
}): People {
  const { state, changed, tell, announce, now } = options;

  /** Runs `act` in the name of the source. */
  function as(source: Source | null, act: (circumstances: members.Circumstances) => void): void {
    act({ now: now(), skipMergeValidation: true, told: tell(source) });
    changed();
  }
  function change(
    source: Source | null,
    email: string,
    difference: (member: Member) => Partial<Member>,
  ): void {
    const member = members.findMember(state, memberId(email));
    as(source, (circumstances) =>
      members.commit(state, member, { ...member, ...difference(member) }, circumstances),
    );
  }

  return {
    leaveByFooter: (email) =>
      change('user', email, () => ({
        status: 'unsubscribed',
        compliance: 'left',
        unsubscribe_reason: 'NO_REASON_GIVEN',
      })),
    complain: (email) =>
      change('user', email, () => ({
        status: 'unsubscribed',
        compliance: 'complained',
        unsubscribe_reason: 'ABUSE_COMPLAINT',
      })),
    subscribeByForm: (email, interestIds = []) =>
      as('user', (circumstances) => {
        const id = memberId(email);
        const interests = Object.fromEntries(interestIds.map((interest) => [interest, true]));
        const member = state.members.get(id);
        state.forgotten.delete(id);
        if (member === undefined) {
          members.postMember(state, { email_address: email, status: 'subscribed', interests }, circumstances);
          return;
        }
        const free = { ...member, compliance: null, timestamp_opt: timestamp(circumstances.now) };
        const revised = members.revise(state, free, { status: 'subscribed', interests }, circumstances);
        members.commit(state, member, revised, circumstances);
      }),
    confirm: (email) =>
      change('user', email, ({ status }) => {
        if (status !== 'pending') throw invalid('Only a pending member has a confirmation mail.');
        return { status: 'subscribed', compliance: null, timestamp_opt: timestamp(now()) };
      }),
    chooseGroups: (email, interests, by = 'user') =>
      as(by, (circumstances) => {
        members.patchMember(state, memberId(email), { interests }, circumstances);
      }),
    changeEmail: (email, newEmail) =>
      as('user', (circumstances) => {
        members.patchMember(state, memberId(email), { email_address: newEmail }, circumstances);
      }),
    markCleaned: (email) => change(null, email, () => ({ status: 'cleaned', compliance: 'bounced' })),
    adminUnsubscribe: (email) =>
      as('admin', (circumstances) => {
        members.patchMember(state, memberId(email), { status: 'unsubscribed' }, circumstances);
      }),
    adminSubscribe: (email) =>
      as('admin', (circumstances) => {
        members.patchMember(state, memberId(email), { status: 'subscribed' }, circumstances);
      }),
    archive: (email) =>
      as('admin', (circumstances) => members.archiveMember(state, memberId(email), circumstances)),
    deletePermanently: (email) =>
      as('admin', (circumstances) => members.forgetMember(state, memberId(email), circumstances)),
    deleteInterest(interestId) {
      const categoryId = state.interests.find(({ id }) => id === interestId)?.category_id;
      deleteInterest(state, categoryId, interestId);
      changed();
    },
    sendCampaign: (subject) => announce({ type: 'campaign', subject }, null),
  };
}
