import { isIP } from 'node:net';
import { z } from 'zod';
import { invalidFields } from './problem.ts';
import {
  campaignSettings,
  campaignTracking,
  categoryTypes,
  mergeFieldTypes,
  mergeValue,
  segment,
  settableStatuses,
  statuses,
  webhookEvents,
  webhookSources,
} from './state.ts';

// What the API takes. Objects are strict where the API may be lenient: a misspelt field is a mistake
// of the caller that a stand-in should show rather than swallow.

const ip = z.string().refine((text) => isIP(text) !== 0, 'This value is not a valid IP address.');
const time = z.iso.datetime({ offset: true });
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const list = z.string().transform((text) => text.split(','));

const profile = {
  email_type: z.enum(['html', 'text']).exactOptional(),
  interests: z.record(z.string(), z.boolean()).exactOptional(),
  merge_fields: z.record(z.string(), mergeValue).exactOptional(),
  language: z.string().exactOptional(),
  vip: z.boolean().exactOptional(),
  location: z.strictObject({ latitude: z.number(), longitude: z.number() }).exactOptional(),
  ip_signup: ip.exactOptional(),
  timestamp_signup: time.exactOptional(),
  ip_opt: ip.exactOptional(),
  timestamp_opt: time.exactOptional(),
};
const email_address = z.string().min(1, 'This value should not be blank.');
const status = z.enum(settableStatuses);

export const putMember = z.strictObject({
  ...profile,
  email_address,
  status: status.exactOptional(),
  status_if_new: status.exactOptional(),
});
export const postMember = z.strictObject({ ...profile, email_address, status });
export const patchMember = z.strictObject({
  ...profile,
  email_address: email_address.exactOptional(),
  status: status.exclude(['transactional']).exactOptional(),
});
export const batchMember = z.strictObject({
  ...profile,
  email_address: z.string(),
  status: status.exactOptional(),
});
export const batchMembers = z.strictObject({
  members: z.array(batchMember).min(1).max(500),
  update_existing: z.boolean().default(false),
});
export type MemberChange = z.infer<typeof patchMember> | z.infer<typeof putMember>;
export interface BatchMembers {
  members: z.infer<typeof batchMember>[];
  update_existing: boolean;
}

export const interestCategory = z.strictObject({
  title: z.string().min(1),
  type: z.enum(categoryTypes),
  display_order: z.int().optional(),
});

export const interest = z.strictObject({ name: z.string().min(1), display_order: z.int().optional() });

export const mergeField = z.strictObject({
  name: z.string().min(1),
  type: z.enum(mergeFieldTypes),
  tag: z
    .string()
    .regex(/^[A-Z0-9_]{1,10}$/)
    .optional(),
  required: z.boolean().default(false),
  default_value: z.string().default(''),
  public: z.boolean().default(false),
  display_order: z.int().optional(),
  options: z.strictObject({ choices: z.array(z.string()).optional(), size: z.int().optional() }).default({}),
  help_text: z.string().default(''),
});

const webhookUrl = z.url({ protocol: /^https?$/ });
export const createWebhook = z.strictObject({
  url: webhookUrl,
  events: webhookEvents.prefault({}),
  sources: webhookSources.prefault({}),
});
export const updateWebhook = z.strictObject({
  url: webhookUrl.exactOptional(),
  events: z.partialRecord(webhookEvents.keyof(), z.boolean()).exactOptional(),
  sources: z.partialRecord(webhookSources.keyof(), z.boolean()).exactOptional(),
});

export const campaign = z.strictObject({
  type: z.literal('regular'),
  recipients: z.strictObject({ list_id: z.string(), segment_opts: segment.optional() }),
  settings: campaignSettings.prefault({}),
  tracking: campaignTracking.prefault({}),
});
export const campaignContent = z.strictObject({
  html: z.string(),
  plain_text: z.string().exactOptional(),
});
export const campaignTest = z.strictObject({
  test_emails: z.array(z.email()).min(1),
  send_type: z.enum(['html', 'plaintext']),
});
export const campaignSchedule = z.strictObject({ schedule_time: time });

const selection = { fields: list.optional(), exclude_fields: list.optional() };
const page = {
  count: z.coerce.number().int().min(0).max(1000).default(10),
  offset: z.coerce.number().int().min(0).default(0),
};

export const noQuery = z.strictObject({});
export const selectionQuery = z.strictObject(selection);
export const audienceQuery = z.strictObject({ ...selection, include_total_contacts: flag.optional() });
export const pageQuery = z.strictObject({ ...selection, ...page });
export const writeQuery = z.strictObject({ skip_merge_validation: flag.default(false) });
export const batchQuery = z.strictObject({
  skip_merge_validation: flag.default(false),
  skip_duplicate_check: flag.default(false),
});
export const membersQuery = z.strictObject({
  ...selection,
  ...page,
  status: z.enum(statuses).optional(),
  since_last_changed: time.optional(),
  before_last_changed: time.optional(),
  interest_category_id: z.string().optional(),
  interest_ids: list.optional(),
  interest_match: z.enum(['any', 'all', 'none']).optional(),
  unique_email_id: z.string().optional(),
  sort_field: z.enum(['timestamp_opt', 'timestamp_signup', 'last_changed']).optional(),
  sort_dir: z.enum(['ASC', 'DESC']).default('ASC'),
});
/** Dotted paths of answers. */
export type Selection = z.infer<typeof selectionQuery>;
export type Page = z.infer<typeof pageQuery>;
export type MembersQuery = z.infer<typeof membersQuery>;

/** Parses a query or body; what does not fit becomes the API's 400 with one error per field. */
export function parse<Output>(schema: z.ZodType<Output>, input: unknown): Output {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw invalidFields(
    result.error.issues.map((issue) => ({ field: issue.path.join('.'), message: issue.message })),
  );
}
