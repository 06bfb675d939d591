import { createHash } from 'node:crypto';
import { invalidFields } from './problem.ts';
import type { MembersQuery, Page, Selection } from './requests.ts';
import {
  type AccountState,
  type Interest,
  type InterestCategory,
  type Member,
  type MergeField,
  memberId,
  type Status,
  type Webhook,
} from './state.ts';

// The JSON that the API shows of the state.

export const accountAnswer = (state: AccountState) => ({
  account_id: 'sandbox',
  login_id: 'sandbox',
  account_name: 'Sandbox',
  email: 'owner@example.com',
  role: 'owner',
  pricing_plan_type: 'forever_free',
  contact: { company: 'Sandbox', addr1: '', addr2: '', city: '', state: '', zip: '', country: '' },
  total_subscribers: count(state, 'subscribed'),
  _links: [],
});

export const audienceAnswer = (state: AccountState, options: { totalContacts: boolean }) => ({
  ...state.audience,
  contact: {
    company: 'Sandbox',
    address1: '1 Sandbox Way',
    address2: '',
    city: 'Atlanta',
    state: 'GA',
    zip: '30308',
    country: 'US',
    phone: '',
  },
  permission_reminder: 'You signed up under one of our articles.',
  use_archive_bar: true,
  campaign_defaults: { from_name: 'Sandbox', from_email: 'owner@example.com', subject: '', language: 'en' },
  notify_on_subscribe: '',
  notify_on_unsubscribe: '',
  list_rating: 0,
  email_type_option: false,
  subscribe_url_short: 'https://mailchimp.example/sandbox',
  subscribe_url_long: `https://mailchimp.example/subscribe?id=${state.audience.id}`,
  beamer_address: 'sandbox@mailchimp.example',
  visibility: 'prv',
  double_optin: false,
  has_welcome: false,
  marketing_permissions: false,
  modules: [],
  stats: {
    member_count: count(state, 'subscribed'),
    ...(options.totalContacts && { total_contacts: Object.keys(state.members).length }),
    unsubscribe_count: count(state, 'unsubscribed'),
    cleaned_count: count(state, 'cleaned'),
    campaign_count: 0,
    merge_field_count: state.merge_fields.length,
    avg_sub_rate: 0,
    avg_unsub_rate: 0,
    target_sub_rate: 0,
    open_rate: 0,
    click_rate: 0,
  },
  _links: [],
});

export function memberAnswer(state: AccountState, member: Member) {
  const { compliance: _, unsubscribe_reason, location, ...shown } = member;
  const { FNAME, LNAME } = member.merge_fields;
  const identity = createHash('md5').update(`${state.audience.id} ${member.web_id}`).digest('hex');
  return {
    ...shown,
    id: memberId(member.email_address),
    unique_email_id: identity.slice(0, 10),
    contact_id: identity,
    full_name: [FNAME, LNAME].filter(Boolean).join(' '),
    ...(member.status === 'unsubscribed' && { unsubscribe_reason }),
    consents_to_one_to_one_messaging: true,
    interests: Object.fromEntries(state.interests.map(({ id }) => [id, member.interests[id] ?? false])),
    merge_fields: Object.fromEntries(
      state.merge_fields.map(({ tag, default_value }) => [tag, member.merge_fields[tag] ?? default_value]),
    ),
    stats: { avg_open_rate: 0, avg_click_rate: 0 },
    member_rating: 2,
    email_client: '',
    location: { ...location, gmtoff: 0, dstoff: 0, country_code: '', timezone: '', region: '' },
    marketing_permissions: [],
    source: 'API - Generic',
    tags_count: 0,
    tags: [],
    list_id: state.audience.id,
    _links: [],
  };
}

/** A member in the answer to a batch shows a little less. */
export function batchMemberAnswer(state: AccountState, member: Member) {
  const {
    contact_id: _contact,
    full_name: _name,
    web_id: _web,
    unsubscribe_reason: _reason,
    consents_to_one_to_one_messaging: _consents,
    marketing_permissions: _permissions,
    source: _source,
    location: { region: _region, ...location },
    ...shown
  } = memberAnswer(state, member);
  return { ...shown, location };
}

export const categoryAnswer = (state: AccountState, category: InterestCategory) => ({
  list_id: state.audience.id,
  ...category,
  _links: [],
});

export const interestAnswer = (state: AccountState, interest: Interest) => ({
  ...interest,
  list_id: state.audience.id,
  subscriber_count: String(
    Object.values(state.members).filter((m) => m.status === 'subscribed' && m.interests[interest.id]).length,
  ),
  _links: [],
});

export const mergeFieldAnswer = (state: AccountState, field: MergeField) => ({
  ...field,
  list_id: state.audience.id,
  _links: [],
});

export const webhookAnswer = (state: AccountState, webhook: Webhook) => ({
  ...webhook,
  list_id: state.audience.id,
  _links: [],
});

/** The members that a query asks for, and how many there are in all. */
export function findMembers(state: AccountState, query: MembersQuery): { page: Member[]; total: number } {
  const { status, since_last_changed, before_last_changed, interest_ids, sort_field } = query;
  const since = since_last_changed === undefined ? -Infinity : Date.parse(since_last_changed);
  const before = before_last_changed === undefined ? Infinity : Date.parse(before_last_changed);
  const found = Object.values(state.members).filter((member) => {
    const changed = Date.parse(member.last_changed);
    // Whether the unfiltered list shows the archived is not documented; here they must be asked for.
    return (
      (status === undefined ? member.status !== 'archived' : member.status === status) &&
      changed > since &&
      changed < before &&
      (interest_ids === undefined || matchesInterests(member, interest_ids, query.interest_match ?? 'any')) &&
      (query.unique_email_id === undefined ||
        memberAnswer(state, member).unique_email_id === query.unique_email_id)
    );
  });
  if (sort_field !== undefined) {
    const direction = query.sort_dir === 'ASC' ? 1 : -1;
    found.sort((a, b) => direction * (Date.parse(a[sort_field]) - Date.parse(b[sort_field])));
  }
  return { page: pageOf(found, query), total: found.length };
}

function matchesInterests(member: Member, ids: string[], match: 'any' | 'all' | 'none'): boolean {
  const chosen = ids.filter((id) => member.interests[id] === true).length;
  return match === 'any' ? chosen > 0 : match === 'all' ? chosen === ids.length : chosen === 0;
}

/** One page of a collection; ten items unless asked for more, as famously overlooked. */
export const pageOf = <Item>(items: Item[], { count, offset }: Page): Item[] =>
  items.slice(offset, offset + count);

/** Leaves only `fields` (dotted paths, through arrays) of an answer, or leaves `exclude_fields` out. */
export function select(body: unknown, { fields, exclude_fields }: Selection): unknown {
  if (fields !== undefined && exclude_fields !== undefined) {
    throw invalidFields([{ field: 'fields', message: 'fields and exclude_fields exclude each other.' }]);
  }
  if (fields !== undefined) return prune(body, '', (path) => fields.some((field) => related(field, path)));
  if (exclude_fields !== undefined) return prune(body, '', (path) => !exclude_fields.includes(path));
  return body;
}

const related = (field: string, path: string) =>
  field === path || field.startsWith(`${path}.`) || path.startsWith(`${field}.`);

function prune(value: unknown, path: string, keep: (path: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => prune(item, path, keep));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, item, path === '' ? key : `${path}.${key}`] as const)
      .filter(([, , itemPath]) => keep(itemPath))
      .map(([key, item, itemPath]) => [key, prune(item, itemPath, keep)]),
  );
}

const count = (state: AccountState, status: Status) =>
  Object.values(state.members).filter((member) => member.status === status).length;
