import { invalid, invalidFields, notFound, Problem } from './problem.ts';
import type { BatchMembers, MemberChange } from './requests.ts';
import {
  type AccountState,
  type Member,
  type MergeField,
  memberId,
  type Status,
  timestamp,
} from './state.ts';

// The rules of who may be put into which status, and what the API says when not.

export interface Circumstances {
  now: Date;
  skipMergeValidation: boolean;
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
  const member = state.members[id];
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
  const current = state.members[id];
  if (current !== undefined) return write(state, current, change, circumstances);
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
  if (state.members[memberId(change.email_address)] !== undefined) {
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
): Member => write(state, findMember(state, id), change, circumstances);

/** DELETE: archives; refused for a cleaned, pending or archived member. */
export function archiveMember(state: AccountState, id: string, now: Date): void {
  const member = findMember(state, id);
  if (member.status === 'cleaned' || member.status === 'pending' || member.status === 'archived') {
    throw new Problem(
      405,
      'Method Not Allowed',
      'This list member cannot be removed. Please contact support.',
    );
  }
  member.status = 'archived';
  member.last_changed = timestamp(now);
}

/** Deletes for good: from then on the address is refused as forgotten. */
export function forgetMember(state: AccountState, id: string): void {
  findMember(state, id);
  delete state.members[id];
  state.forgotten.push(id);
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

/** Many at once. A refused person fails alone; a person named twice is taken once, and nobody is told. */
export function putMembers(
  state: AccountState,
  { members, update_existing }: BatchMembers,
  options: Circumstances & { skipDuplicateCheck: boolean },
): BatchResult {
  const result: BatchResult = { created: [], updated: [], errors: [] };
  const seen = new Set<string>();
  for (const change of members) {
    const id = memberId(change.email_address);
    if (seen.has(id) && !options.skipDuplicateCheck) continue;
    seen.add(id);
    const current = state.members[id];
    try {
      if (current === undefined) {
        if (change.status === undefined) throw invalid('Required fields were not provided: status');
        result.created.push(create(state, change, change.status, options));
      } else if (update_existing) {
        result.updated.push(write(state, current, change, options));
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
  change: MemberChange & { email_address: string },
  status: Status,
  circumstances: Circumstances,
): Member {
  refuseAddress(state, change.email_address);
  state.lastNumber += 1;
  const blank: Member = {
    web_id: state.lastNumber,
    email_address: change.email_address.trim(),
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
  const { status: _, ...profile } = change;
  return write(state, blank, profile, circumstances);
}

/** Brings a changed copy of `current` into the state, or throws and leaves the state as it was. */
function write(
  state: AccountState,
  current: Member,
  { email_address, status, interests, merge_fields, ...profile }: MemberChange,
  { now, skipMergeValidation }: Circumstances,
): Member {
  const member = { ...current, ...profile };
  if (email_address !== undefined && memberId(email_address) !== memberId(current.email_address)) {
    refuseAddress(state, email_address);
    refuseTakenAddress(state, email_address);
    member.email_address = email_address;
  }
  if (status !== undefined) setStatus(member, status);
  // Interests and merge fields are merged key by key: what is left out keeps its value.
  member.interests = { ...current.interests, ...knownInterests(state, interests ?? {}) };
  member.merge_fields = { ...current.merge_fields, ...mergeValues(state, merge_fields ?? {}) };
  if (!skipMergeValidation) demandRequired(state, member);

  if (JSON.stringify(member) !== JSON.stringify(current)) member.last_changed = timestamp(now);
  delete state.members[memberId(current.email_address)];
  state.members[memberId(member.email_address)] = member;
  return member;
}

const byAdmin = 'N/A (Unsubscribed by an admin)';

function setStatus(member: Member, status: Status): void {
  // That `pending` revives someone who left but nobody who bounced is the cautious reading of reports.
  const refused =
    (status === 'subscribed' && member.compliance !== null) ||
    (status === 'pending' && member.compliance === 'bounced');
  if (refused) {
    throw new Problem(
      400,
      'Member In Compliance State',
      `${member.email_address} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.`,
    );
  }
  if (status === 'cleaned') member.compliance = 'bounced';
  if (status === 'unsubscribed' && member.status !== 'unsubscribed') member.unsubscribe_reason = byAdmin;
  if (status !== 'unsubscribed') member.unsubscribe_reason = '';
  member.status = status;
}

function refuseAddress(state: AccountState, email: string): void {
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim()))
    throw invalid('Please provide a valid email address.');
  const localPart = email.trim().toLowerCase().split(/[+@]/)[0] ?? '';
  const refusal = refusedLocalParts[localPart];
  if (refusal !== undefined) throw invalid(`${email} ${refusal}`);
  if (state.forgotten.includes(memberId(email))) {
    throw new Problem(
      400,
      'Forgotten Email Not Subscribed',
      `${email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.`,
    );
  }
}

function refuseTakenAddress(state: AccountState, email: string): void {
  const other = state.members[memberId(email)];
  if (other === undefined) return;
  const status = other.status === 'archived' ? 'Deleted' : other.status.replace(/^./, (c) => c.toUpperCase());
  throw invalidFields([
    { field: 'email address', message: `"${email}" is already in this list with a status of "${status}".` },
  ]);
}

function knownInterests(state: AccountState, interests: Record<string, boolean>): Record<string, boolean> {
  const unknown = Object.keys(interests).filter((id) => !state.interests.some((known) => known.id === id));
  if (unknown.length > 0) {
    throw invalidFields(unknown.map((id) => ({ field: `interests.${id}`, message: 'Invalid interest ID.' })));
  }
  return interests;
}

type MergeValues = Member['merge_fields'];

function mergeValues(state: AccountState, values: MergeValues): MergeValues {
  const kept: MergeValues = {};
  for (const [tag, value] of Object.entries(values)) {
    const field = state.merge_fields.find((known) => known.tag === tag);
    // An unknown tag is dropped without a word: the reference names no refusal for it.
    if (field !== undefined) kept[tag] = mergeValue(field, value);
  }
  return kept;
}

function mergeValue(field: MergeField, value: MergeValues[string]): MergeValues[string] {
  if (value === '') return value;
  if (typeof value === 'object') {
    if (field.type === 'address') return value;
    throw invalidFields([
      {
        field: `merge_fields.${field.tag}`,
        message: 'Data did not match any of the schemas described in anyOf.',
      },
    ]);
  }
  if (field.type === 'number' && Number.isNaN(Number(value))) {
    throw invalidMergeField(field, 'Please enter a number');
  }
  if (field.type === 'url' || field.type === 'imageurl') {
    const protocol = URL.parse(String(value))?.protocol;
    if (protocol !== 'http:' && protocol !== 'https:')
      throw invalidMergeField(field, 'Please enter a valid URL');
  }
  return field.type === 'text' ? cutAt255Bytes(String(value)) : value;
}

function demandRequired(state: AccountState, member: Member): void {
  const missing = state.merge_fields.find(
    (field) => field.required && (member.merge_fields[field.tag] ?? '') === '',
  );
  if (missing !== undefined) throw invalidMergeField(missing, 'Please enter a value');
}

const invalidMergeField = (field: MergeField, message: string) =>
  new Problem(400, 'Invalid Resource', 'Your merge fields were invalid.', [{ field: field.tag, message }]);

/** Text is stored up to 255 bytes, the rest is lost silently; no half character is left behind. */
function cutAt255Bytes(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= 255) return text;
  return new TextDecoder().decode(bytes.subarray(0, 255), { stream: true });
}
