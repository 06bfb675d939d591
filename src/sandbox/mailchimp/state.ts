import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

// Everything the sandbox account knows, as one plain object. Fields that the API shows carry its names.

export const settableStatuses = [
  'subscribed',
  'unsubscribed',
  'cleaned',
  'pending',
  'transactional',
] as const;
export const statuses = [...settableStatuses, 'archived'] as const;
export const categoryTypes = ['checkboxes', 'dropdown', 'radio', 'hidden'] as const;
export const mergeFieldTypes = [
  'text',
  'number',
  'address',
  'phone',
  'date',
  'url',
  'imageurl',
  'radio',
  'dropdown',
  'birthday',
  'zip',
] as const;

export const mergeValue = z.union([z.string(), z.number(), z.record(z.string(), z.string())]);

const member = z.object({
  web_id: z.number(),
  email_address: z.string(),
  status: z.enum(statuses),
  /** Set when the person or a bounce ended it: from then on only the person can come back. */
  compliance: z.enum(['left', 'bounced']).nullable(),
  unsubscribe_reason: z.string(),
  email_type: z.string(),
  interests: z.record(z.string(), z.boolean()),
  merge_fields: z.record(z.string(), mergeValue),
  language: z.string(),
  vip: z.boolean(),
  location: z.object({ latitude: z.number(), longitude: z.number() }),
  ip_signup: z.string(),
  timestamp_signup: z.string(),
  ip_opt: z.string(),
  timestamp_opt: z.string(),
  last_changed: z.string(),
});

const category = z.object({
  id: z.string(),
  title: z.string(),
  type: z.enum(categoryTypes),
  display_order: z.number(),
});

const interest = z.object({
  id: z.string(),
  category_id: z.string(),
  name: z.string(),
  display_order: z.number(),
});

const mergeField = z.object({
  merge_id: z.number(),
  tag: z.string(),
  name: z.string(),
  type: z.enum(mergeFieldTypes),
  required: z.boolean(),
  default_value: z.string(),
  public: z.boolean(),
  display_order: z.number(),
  options: z.object({ choices: z.array(z.string()).optional(), size: z.number().optional() }),
  help_text: z.string(),
});

const off = z.boolean().default(false);
export const webhookEvents = z.strictObject({
  subscribe: off,
  unsubscribe: off,
  profile: off,
  cleaned: off,
  upemail: off,
  campaign: off,
});
export const webhookSources = z.strictObject({ user: off, admin: off, api: off });

const webhook = z.object({
  id: z.string(),
  url: z.string(),
  events: webhookEvents,
  sources: webhookSources,
});

export const accountState = z.object({
  audience: z.object({ id: z.string(), web_id: z.number(), name: z.string(), date_created: z.string() }),
  /** The last number given out as a `web_id` or `merge_id`. */
  lastNumber: z.number(),
  categories: z.array(category),
  interests: z.array(interest),
  merge_fields: z.array(mergeField),
  webhooks: z.array(webhook),
  /** By the MD5 of the lower-cased address, the API's member id. */
  members: z.record(z.string(), member),
  /** Member ids that were permanently deleted. */
  forgotten: z.array(z.string()),
});

export type Member = z.infer<typeof member>;
export type InterestCategory = z.infer<typeof category>;
export type Interest = z.infer<typeof interest>;
export type MergeField = z.infer<typeof mergeField>;
export type Webhook = z.infer<typeof webhook>;
export type AccountState = z.infer<typeof accountState>;
export type Status = (typeof statuses)[number];

/** The member id of an address. */
export const memberId = (email: string) => createHash('md5').update(email.trim().toLowerCase()).digest('hex');

/** Ids of categories, interests and webhooks: ten hexadecimal digits. */
export const newId = () => randomBytes(5).toString('hex');

/** The API's way of writing a time: ISO 8601, whole seconds, with offset. */
export const timestamp = (time: Date) => time.toISOString().replace(/\.\d+Z$/, '+00:00');

const nameField = (merge_id: number, tag: string, name: string): MergeField => ({
  merge_id,
  tag,
  name,
  type: 'text',
  required: false,
  default_value: '',
  public: true,
  display_order: merge_id + 1,
  options: { size: 25 },
  help_text: '',
});

/** A new account with one empty audience and the merge fields that every audience starts with. */
export const freshAccount = (now: Date): AccountState => ({
  audience: { id: newId(), web_id: 1001, name: 'Newsletters', date_created: timestamp(now) },
  lastNumber: 1001,
  categories: [],
  interests: [],
  merge_fields: [nameField(1, 'FNAME', 'First Name'), nameField(2, 'LNAME', 'Last Name')],
  webhooks: [],
  members: {},
  forgotten: [],
});
