import { isDeepStrictEqual } from 'node:util';
import type { AccountState } from './account.ts';
import { invalid, invalidFields, notFound, Problem } from './problem.ts';
import { demandRequired, knownInterests, mergeValues } from './profile.ts';
import type { BatchMembers, MemberChange } from './requests.ts';
import { type Member, memberId, newContactId, newId, type Status, timestamp } from './state.ts';

// The rules of who may be put into which status, and what the API says when not.

export interface Circumstances {
  now: Date;
  skipMergeValidation: boolean;
  /** Hears of each change once it is done; null stands for nobody. */
  told: (before: Member | null, after: Member | null) => void;
}

/**
 * Addresses that Mailchimp refuses, by local part (a +tag may follow), whatever the domain:
 * `looks-fake+anything@…` for good, `too-many-lists+anything@…` for the moment.
 */
const refusedLocalParts: Record<string, string> = {
  'looks-fake': 'looks fake or invalid, please enter a real email address.',
  'too-many-lists': "has signed up to a lot of lists very recently; we're not allowing more signups for now",
};

/** The id of the member that a path names by MD5 or by address. */
export const idOfPath = (hashOrAddress: string) =>
  /^[0-9a-f]{32}$/i.test(hashOrAddress) ? hashOrAddress.toLowerCase() : memberId(hashOrAddress);

/** The member of an id; throws 404. Archived members are still there. */
export function findMember(state: AccountState, id: string): Member {
  const member = state.members.get(id);
  if (member === undefined) throw notFound();
  return member;
}

/** PUT: creates with `status_if_new`, or changes what is given. */
export function putMember(
  state: AccountState,
  id: string,
  { status_if_new, ...change }: MemberChange & { email_address: string; status_if_new?: Status | undefined },
  circumstances: Circumstances,
): Member {
  const current = state.members.get(id);
  if (current !== undefined) return changeMember(state, current, change, circumstances);
  if (status_if_new === undefined) {
    throw invalidFields([{ field: '', message: 'Required fields were not provided: status_if_new' }]);
  }
  // What the API does with another address's hash is not documented; here it is shown as the mistake it is.
  if (memberId(change.email_address) !== id) {
    throw invalidFields([{ field: 'email_address', message: 'This is not the address of the hash.' }]);
  }
  return create(state, change, change.status ?? status_if_new, circumstances);
}

/** POST: creates only. */
export function postMember(
  state: AccountState,
  change: MemberChange & { email_address: string; status: Status },
  circumstances: Circumstances,
): Member {
  if (state.members.get(memberId(change.email_address)) !== undefined) {
    throw new Problem(
      400,
      'Member Exists',
      `${change.email_address} is already a list member. Use PUT to insert or update list members.`,
    );
  }
  return create(state, change, change.status, circumstances);
}

/** PATCH: changes what is given. */
export const patchMember = (
  state: AccountState,
  id: string,
  change: MemberChange,
  circumstances: Circumstances,
): Member => changeMember(state, findMember(state, id), change, circumstances);

/** DELETE: archives; refused for a cleaned, pending or archived member. */
export function archiveMember(state: AccountState, id: string, circumstances: Circumstances): void {
  const member = findMember(state, id);
  if (member.status === 'cleaned' || member.status === 'pending' || member.status === 'archived') {
    throw new Problem(
      405,
      'Method Not Allowed',
      'This list member cannot be removed. Please contact support.',
    );
  }
  commit(state, member, { ...member, status: 'archived' }, circumstances);
}

/** Deletes for good: from then on the address is refused as forgotten. */
export function forgetMember(state: AccountState, id: string, { told }: Circumstances): void {
  const member = findMember(state, id);
  state.members.replace(member, null);
  state.forgotten.add(id);
  told(member, null);
}

export interface BatchResult {
  created: Member[];
  updated: Member[];
  errors: {
    email_address: string;
    error: string;
    error_code: 'ERROR_CONTACT_EXISTS' | 'ERROR_GENERIC';
    field: string;
    field_message: string;
  }[];
}

/**
 * Many at once. A refused person fails alone; a person named twice is taken once, and nobody is told.
 * Neither is of those in `overlooked` (member ids): they stay as they are.
 */
export function putMembers(
  state: AccountState,
  { members, update_existing }: BatchMembers,
  options: Circumstances & { skipDuplicateCheck: boolean; overlooked: ReadonlySet<string> },
): BatchResult {
  const result: BatchResult = { created: [], updated: [], errors: [] };
  const seen = new Set<string>();
  for (const change of members) {
    const id = memberId(change.email_address);
    if (options.overlooked.has(id) || (seen.has(id) && !options.skipDuplicateCheck)) continue;
    seen.add(id);
    const current = state.members.get(id);
    try {
      if (current === undefined) {
        if (change.status === undefined) throw invalid('Required fields were not provided: status');
        result.created.push(create(state, change, change.status, options));
      } else if (update_existing) {
        result.updated.push(changeMember(state, current, change, options));
      } else {
        result.errors.push({
          email_address: change.email_address,
          error: `${change.email_address} is already a list member, do you want to update? please provide update_existing:true in the request body`,
          error_code: 'ERROR_CONTACT_EXISTS',
          field: '',
          field_message: '',
        });
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      result.errors.push({
        email_address: change.email_address,
        error: problem.detail,
        error_code: 'ERROR_GENERIC',
        field: problem.errors[0]?.field ?? '',
        field_message: problem.errors[0]?.message ?? '',
      });
    }
  }
  return result;
}

function create(
  state: AccountState,
  { status: _, ...profile }: MemberChange & { email_address: string },
  status: Status,
  circumstances: Circumstances,
): Member {
  refuseAddress(state, profile.email_address);
  state.lastNumber += 1;
  const blank: Member = {
    id: memberId(profile.email_address),
    web_id: state.lastNumber,
    contact_id: newContactId(),
    unique_email_id: newId(),
    email_address: profile.email_address.trim(),
    status,
    compliance: status === 'cleaned' ? 'bounced' : null,
    unsubscribe_reason: status === 'unsubscribed' ? byAdmin : '',
    email_type: 'html',
    interests: {},
    merge_fields: {},
    language: 'en',
    vip: false,
    location: { latitude: 0, longitude: 0 },
    ip_signup: '',
    timestamp_signup: '',
    ip_opt: '',
    timestamp_opt: timestamp(circumstances.now),
    last_changed: timestamp(circumstances.now),
  };
  return commit(state, null, revise(state, blank, profile, circumstances), circumstances);
}

/** Changes what is given, or throws and leaves the member as it was. */
const changeMember = (
  state: AccountState,
  member: Member,
  change: MemberChange,
  circumstances: Circumstances,
): Member => commit(state, member, revise(state, member, change, circumstances), circumstances);

/** What the member would be after the change; throws what the API would refuse. */
export function revise(
  state: AccountState,
  current: Member,
  { email_address, status, interests, merge_fields, ...profile }: MemberChange,
  { skipMergeValidation }: Circumstances,
): Member {
  const member: Member = {
    ...current,
    ...profile,
    ...(status !== undefined && statusAfter(current, status)),
    ...(email_address !== undefined && addressAfter(state, current, email_address)),
    // Interests and merge fields are merged key by key: what is left out keeps its value.
    ...(interests && { interests: { ...current.interests, ...knownInterests(state, interests) } }),
    ...(merge_fields && { merge_fields: { ...current.merge_fields, ...mergeValues(state, merge_fields) } }),
  };
  if (!skipMergeValidation) demandRequired(state, member);
  return member;
}

/** The only way by which a member changes: keeps it, notes the time and tells, if there is a difference. */
export function commit(
  state: AccountState,
  before: Member | null,
  revised: Member,
  { now, told }: Circumstances,
): Member {
  if (before !== null && isDeepStrictEqual(before, revised)) return before;
  const after = { ...revised, last_changed: timestamp(now) };
  state.members.replace(before, after);
  told(before, after);
  return after;
}

const byAdmin = 'N/A (Unsubscribed by an admin)';

function statusAfter(current: Member, status: Status): Partial<Member> {
  const { compliance, email_address } = current;
  // That `pending` revives someone who left but nobody who bounced is the cautious reading of reports.
  const refused =
    (status === 'subscribed' && compliance !== null) || (status === 'pending' && compliance === 'bounced');
  if (refused) {
    throw new Problem(
      400,
      'Member In Compliance State',
      `${email_address} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.`,
    );
  }
  return {
    status,
    compliance: status === 'cleaned' ? 'bounced' : compliance,
    unsubscribe_reason:
      status !== 'unsubscribed' ? '' : current.status === status ? current.unsubscribe_reason : byAdmin,
  };
}

function addressAfter(state: AccountState, current: Member, email: string): Partial<Member> {
  const id = memberId(email);
  if (id === current.id) return {};
  refuseAddress(state, email);
  refuseTakenAddress(state, email);
  return { id, email_address: email.trim(), unique_email_id: newId() };
}

function refuseAddress(state: AccountState, email: string): void {
  if (!/^[^\s@]+@[^\s@][^\s@.]*\.[^\s@]+$/.test(email.trim()))
    throw invalid('Please provide a valid email address.');
  const localPart = email.trim().toLowerCase().split(/[+@]/)[0] ?? '';
  const refusal = refusedLocalParts[localPart];
  if (refusal !== undefined) throw invalid(`${email} ${refusal}`);
  if (state.forgotten.has(memberId(email))) {
    throw new Problem(
      400,
      'Forgotten Email Not Subscribed',
      `${email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.`,
    );
  }
}

function refuseTakenAddress(state: AccountState, email: string): void {
  const other = state.members.get(memberId(email));
  if (other === undefined) return;
  const status = other.status === 'archived' ? 'Deleted' : other.status.replace(/^./, (c) => c.toUpperCase());
  throw invalidFields([
    { field: 'email address', message: `"${email}" is already in this list with a status of "${status}".` },
  ]);
}
