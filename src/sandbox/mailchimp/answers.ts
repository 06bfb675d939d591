import type { AccountState } from './account.ts';
import type { Interest, InterestCategory, Member, MergeField, Webhook } from './state.ts';

// The JSON that the API shows of the state.

export const accountAnswer = (state: AccountState) => ({
  account_id: 'sandbox',
  login_id: 'sandbox',
  account_name: 'Sandbox',
  email: 'owner@example.com',
  role: 'owner',
  pricing_plan_type: 'forever_free',
  contact: { company: 'Sandbox', addr1: '', addr2: '', city: '', state: '', zip: '', country: '' },
  total_subscribers: state.members.count('subscribed'),
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
    member_count: state.members.count('subscribed'),
    ...(options.totalContacts && { total_contacts: state.members.size }),
    unsubscribe_count: state.members.count('unsubscribed'),
    cleaned_count: state.members.count('cleaned'),
    campaign_count: state.campaigns.length,
    merge_field_count: state.merge_fields.length,
    avg_sub_rate: 0,
    avg_unsub_rate: 0,
    target_sub_rate: 0,
    open_rate: 0,
    click_rate: 0,
  },
  _links: [],
});

// Written out field by field, as answers hold up to a thousand members.

export function memberAnswer(state: AccountState, member: Member) {
  const { FNAME, LNAME } = member.merge_fields;
  const answer = {
    ...batchMemberAnswer(state, member),
    contact_id: member.contact_id,
    web_id: member.web_id,
    full_name: [FNAME, LNAME].filter(Boolean).join(' '),
    consents_to_one_to_one_messaging: true,
    marketing_permissions: [],
    source: 'API - Generic',
    location: { ...member.location, ...nowhere, region: '' },
  };
  if (member.status !== 'unsubscribed') return answer;
  return { ...answer, unsubscribe_reason: member.unsubscribe_reason };
}

/** A member in the answer to a batch shows a little less. */
export const batchMemberAnswer = (state: AccountState, member: Member) => ({
  id: member.id,
  email_address: member.email_address,
  unique_email_id: member.unique_email_id,
  email_type: member.email_type,
  status: member.status,
  interests: byKey(state.interests, ({ id }) => [id, member.interests[id] ?? false]),
  merge_fields: byKey(state.merge_fields, ({ tag, default_value }) => [
    tag,
    member.merge_fields[tag] ?? default_value,
  ]),
  stats: { avg_open_rate: 0, avg_click_rate: 0 },
  ip_signup: member.ip_signup,
  timestamp_signup: member.timestamp_signup,
  ip_opt: member.ip_opt,
  timestamp_opt: member.timestamp_opt,
  member_rating: 2,
  last_changed: member.last_changed,
  language: member.language,
  vip: member.vip,
  email_client: '',
  location: { ...member.location, ...nowhere },
  tags_count: 0,
  tags: [],
  list_id: state.audience.id,
  _links: [],
});

const nowhere = { gmtoff: 0, dstoff: 0, country_code: '', timezone: '' };

function byKey<Item, Value>(items: Item[], entryOf: (item: Item) => [string, Value]): Record<string, Value> {
  const found: Record<string, Value> = {};
  for (const item of items) {
    const [key, value] = entryOf(item);
    found[key] = value;
  }
  return found;
}

export const categoryAnswer = (state: AccountState, category: InterestCategory) => ({
  list_id: state.audience.id,
  ...category,
  _links: [],
});

export const interestAnswer = (state: AccountState, interest: Interest) => ({
  ...interest,
  list_id: state.audience.id,
  subscriber_count: String(state.members.subscribersOf(interest.id)),
  _links: [],
});

export const mergeFieldAnswer = (state: AccountState, field: MergeField) => ({
  ...field,
  list_id: state.audience.id,
  _links: [],
});

/** A webhook; with `created`, also the secret that is told only once. */
export const webhookAnswer = (
  state: AccountState,
  { signing_secret, disabled: _, ...webhook }: Webhook,
  { created = false } = {},
) => ({
  ...webhook,
  ...(signing_secret !== null && { signing_enabled: true, ...(created && { signing_secret }) }),
  list_id: state.audience.id,
  _links: [],
});
