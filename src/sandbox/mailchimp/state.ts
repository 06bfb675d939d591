import { hash, randomUUID } from 'node:crypto';
import { z } from 'zod';

// The shapes of everything the sandbox account knows. Fields that the API shows carry its names.

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

/** Ids of categories, interests, webhooks, campaigns and addresses: ten hexadecimal digits. */
export const newId = () => randomUUID().slice(-10);
/** The id of a contact, which stays when the address changes. */
export const newContactId = () => randomUUID().replaceAll('-', '');

const savedMember = z.object({
  web_id: z.number(),
  contact_id: z.string().default(newContactId),
  /** Of the address, not of the contact. */
  unique_email_id: z.string().default(newId),
  email_address: z.string(),
  status: z.enum(statuses),
  /** Set when the person or a bounce ended it: from then on only the person can come back. */
  compliance: z.enum(['left', 'complained', 'bounced']).nullable(),
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
  /** Null: calls are not signed. */
  signing_secret: z.string().nullable().default(null),
  /** By an answer of 410: no longer called. */
  disabled: z.boolean().default(false),
});

const campaignStatuses = ['save', 'schedule', 'sending', 'sent'] as const;

/** Whom a campaign goes to, by the groups that they chose. */
export const segment = z.strictObject({
  match: z.enum(['any', 'all']),
  conditions: z
    .array(
      z.strictObject({
        condition_type: z.literal('Interests'),
        field: z.string().regex(/^interests-\w+$/),
        op: z.enum(['interestcontains', 'interestcontainsall', 'interestnotcontains']),
        value: z.array(z.string()).min(1),
      }),
    )
    .min(1),
});
export const campaignSettings = z.strictObject({
  subject_line: z.string().default(''),
  preview_text: z.string().default(''),
  title: z.string().default(''),
  from_name: z.string().default(''),
  reply_to: z.string().default(''),
  auto_footer: z.boolean().default(false),
});
export const campaignTracking = z.strictObject({
  opens: z.boolean().default(true),
  html_clicks: z.boolean().default(true),
  text_clicks: z.boolean().default(false),
});

const campaign = z.object({
  id: z.string(),
  web_id: z.number(),
  status: z.enum(campaignStatuses),
  create_time: z.string(),
  send_time: z.string(),
  emails_sent: z.number(),
  /** Null: the whole audience. */
  segment_opts: segment.nullable(),
  settings: campaignSettings,
  tracking: campaignTracking,
  html: z.string(),
  plain_text: z.string(),
});

/** The account as it is kept in a file. */
export const savedAccount = z.object({
  audience: z.object({ id: z.string(), web_id: z.number(), name: z.string(), date_created: z.string() }),
  /** The last number given out as a `web_id`. */
  lastNumber: z.number(),
  categories: z.array(category),
  interests: z.array(interest),
  merge_fields: z.array(mergeField),
  webhooks: z.array(webhook),
  campaigns: z.array(campaign).default([]),
  /** By member id. */
  members: z.record(z.string(), savedMember),
  /** Member ids that were permanently deleted. */
  forgotten: z.array(z.string()),
});

export type SavedAccount = z.infer<typeof savedAccount>;
/** `id` is the MD5 of the lower-cased address. A change makes a new object. */
export type Member = Readonly<z.infer<typeof savedMember> & { id: string }>;
export type InterestCategory = z.infer<typeof category>;
export type Interest = z.infer<typeof interest>;
export type MergeField = z.infer<typeof mergeField>;
export type Webhook = z.infer<typeof webhook>;
export type Campaign = z.infer<typeof campaign>;
export type Status = (typeof statuses)[number];
/** Who caused an event: the person, a Mailchimp user, or a program. */
export type Source = keyof Webhook['sources'];

/** The member id of an address. */
export const memberId = (email: string) => hash('md5', email.trim().toLowerCase(), 'hex');

/** The API's way of writing a time: ISO 8601, whole seconds, with offset. */
export const timestamp = (time: Date) => time.toISOString().replace(/\.\d+Z$/, '+00:00');
