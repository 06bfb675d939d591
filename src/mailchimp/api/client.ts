import { createHash } from 'node:crypto';
import ApiClient from '@mailchimp/mailchimp_marketing/src/ApiClient.js';
import { z } from 'zod';
import manifest from '../../../package.json' with { type: 'json' };
import { inSpan } from '../../platform/tracing.ts';
import { type Call, type CallOptions, fieldsOf, noContent } from './call.ts';
import { type CampaignsApi, campaignsApi } from './campaigns.ts';
import { MailchimpError, timedOut, unreadable } from './error.ts';
import type { Gate } from './gate.ts';

/** In bytes: a page of a thousand members has a few megabytes. */
const longestAnswer = 64 * 2 ** 20;

/** The one narrow door to the Mailchimp Marketing API, for one audience. Every method throws `MailchimpError`. */
export interface MailchimpApi extends CampaignsApi {
  readonly audienceId: string;
  getAudience(): Promise<Audience>;
  listInterestCategories(): Promise<InterestCategory[]>;
  createInterestCategory(category: { title: string; type: 'checkboxes' }): Promise<InterestCategory>;
  listInterests(categoryId: string): Promise<Interest[]>;
  createInterest(categoryId: string, interest: { name: string }): Promise<Interest>;
  listMergeFields(): Promise<MergeField[]>;
  createMergeField(field: { tag: string; name: string; type: 'url'; public: boolean }): Promise<MergeField>;
  /** @returns null when the audience has never seen the address, or has forgotten it. */
  getMember(email: string): Promise<Member | null>;
  /** The same by Mailchimp's id of the member, for somebody whose address is not known here any more. */
  getMemberById(id: string): Promise<Member | null>;
  /** Creates the member or merges into it; the same call twice is harmless. */
  putMember(member: PutMember): Promise<Member>;
  /**
   * Puts up to 500 members in one call. A refused one fails alone and stands in `errors`; one may also be
   * passed over without a word, and then stands nowhere.
   * @param options `updateExisting: false` only makes members, and refuses whoever is one, in whatever status
   */
  postMembers(members: PostMember[], options: { updateExisting: boolean }): Promise<PostedMembers>;
  /**
   * Deletes the member and all that is personal of them, for good (C-24): no call brings the address back after
   * it, only the person through Mailchimp's own form. That nobody of that id is there is a 404, and so is a wrong
   * audience. `POST /lists/{list_id}/members/{subscriber_hash}/actions/delete-permanent`, answered by 204.
   */
  deleteForGood(id: string): Promise<void>;
  /**
   * Puts the member into the archive: mailed nothing any more, and all that Mailchimp has of them stays. 405 for one
   * who is cleaned, pending or archived already. `DELETE /lists/{list_id}/members/{subscriber_hash}`, answered by 204.
   */
  archive(id: string): Promise<void>;
  /** One page of up to 1,000 members in the order of their last change, archived ones only if asked for. */
  listMembers(query: MembersQuery): Promise<MembersPage>;
  getAccount(): Promise<Account>;
  listWebhooks(): Promise<Webhook[]>;
  /** Mailchimp asks the URL with a GET first and wants 200. */
  createWebhook(webhook: NewWebhook): Promise<Webhook>;
  updateWebhook(id: string, webhook: NewWebhook): Promise<Webhook>;
  deleteWebhook(id: string): Promise<void>;
}

/** What we say about a person. Keys left out keep the value that Mailchimp has. */
export interface PutMember {
  email_address: string;
  /** For an address that the audience does not hold; archived ones count as held. */
  status_if_new: 'subscribed' | 'unsubscribed';
  status?: 'subscribed' | 'unsubscribed' | 'pending';
  interests: Record<string, boolean>;
  merge_fields?: Record<string, string>;
  language?: string;
  ip_opt?: string;
  timestamp_opt?: string;
}

/** What a bulk call says about a person. It has no `status_if_new`: an absent one is only made with `status`. */
export type PostMember = Omit<PutMember, 'status_if_new'>;

export const memberStatuses = [
  'subscribed',
  'unsubscribed',
  'cleaned',
  'pending',
  'transactional',
  'archived',
] as const;

export interface MembersQuery {
  status: (typeof memberStatuses)[number] | null;
  /** Only those that changed after it, to the second. */
  changedSince: Date | null;
  offset: number;
}

/** What Mailchimp is asked to tell us of, and where to. */
export interface NewWebhook {
  url: string;
  events: Record<'subscribe' | 'unsubscribe' | 'profile' | 'cleaned' | 'upemail' | 'campaign', boolean>;
  sources: Record<'user' | 'admin' | 'api', boolean>;
}

/** Most members in one page, and most in one bulk call. */
export const pageSize = 1000;
export const bulkSize = 500;

const account = z.object({ account_name: z.string(), role: z.string(), pricing_plan_type: z.string() });
const audience = z.object({
  id: z.string(),
  name: z.string(),
  double_optin: z.boolean(),
  marketing_permissions: z.boolean().default(false),
  subscribe_url_short: z.string().default(''),
});
const interestCategory = z.object({ id: z.string(), title: z.string() });
const interest = z.object({ id: z.string(), name: z.string() });
const mergeField = z.object({
  tag: z.string(),
  name: z.string(),
  type: z.string(),
  required: z.boolean().default(false),
});
const member = z.object({
  email_address: z.string(),
  status: z.enum(memberStatuses),
  interests: z.record(z.string(), z.boolean()).default({}),
  merge_fields: z.record(z.string(), z.unknown()).default({}),
  /** ISO 8601 in whole seconds, both; may be empty. */
  timestamp_opt: z.string().default(''),
  last_changed: z.string().default(''),
});
const postedMembers = z.object({
  new_members: z.array(member),
  updated_members: z.array(member),
  errors: z.array(
    z.object({
      email_address: z.string().default(''),
      error: z.string().default(''),
      field: z.string().default(''),
      field_message: z.string().default(''),
    }),
  ),
});
const on = z.boolean().default(false);
const webhook = z.object({
  id: z.string(),
  url: z.string(),
  events: z.object({
    subscribe: on,
    unsubscribe: on,
    profile: on,
    cleaned: on,
    upemail: on,
    campaign: on,
  }),
  sources: z.object({ user: on, admin: on, api: on }),
  signing_enabled: on,
  /** Told once, by the answer that created it, where the account signs its webhooks. */
  signing_secret: z.string().nullish(),
});
const pageOf = { total_items: z.number() };
const membersPage = z.object({ ...pageOf, members: z.array(member) });
const webhooks = z.object({ ...pageOf, webhooks: z.array(webhook) });
const interestCategories = z.object({ ...pageOf, categories: z.array(interestCategory) });
const interests = z.object({ ...pageOf, interests: z.array(interest) });
const mergeFields = z.object({ ...pageOf, merge_fields: z.array(mergeField) });

export type Account = z.infer<typeof account>;
export type Audience = z.infer<typeof audience>;
export type InterestCategory = z.infer<typeof interestCategory>;
export type Interest = z.infer<typeof interest>;
export type MergeField = z.infer<typeof mergeField>;
export type Member = z.infer<typeof member>;
export type PostedMembers = z.infer<typeof postedMembers>;
export type MembersPage = z.infer<typeof membersPage>;
export type Webhook = z.infer<typeof webhook>;

/** Milliseconds after which we stop waiting. */
const callTimeout = 30_000;

/**
 * Connects to one audience through Mailchimp's own client. Nothing is sent before the first call.
 * @param settings the API key, `https://<dc>.api.mailchimp.com/3.0` or what stands in for it, the audience
 * @param gate what every call has to pass; without one, every call is made at once
 * @param onCall told of every call that ended: `ok`, the HTTP status, `timeout`, `unreadable` or `no answer`
 */
export function connect(
  settings: { apiKey: string; baseUrl: string; audienceId: string; timeoutMs?: number },
  gate: Pick<Gate, 'run'> = { run: (call) => call() },
  onCall: (outcome: string, seconds: number) => void = () => {},
): MailchimpApi {
  const client = new ApiClient();
  // The client replaces the first "server" of a URL by this setting; as the base URL is complete, by itself.
  client.setConfig({ apiKey: settings.apiKey, server: 'server' });
  client.basePath = settings.baseUrl.replace(/(?<!\/)\/+$/, '');
  client.timeout = settings.timeoutMs ?? callTimeout;
  client.defaultHeaders = { 'User-Agent': `footnote/${manifest.version}` };
  // Its cookie jar is the one place that sees a request before it leaves. The API never redirects, and a
  // followed 307 would carry people's addresses to another host.
  client.enableCookies = true;
  client.agent = {
    attachCookies: (request) => request.redirects(0).maxResponseSize(longestAnswer),
    saveCookies: () => {},
  };

  const call: Call = async (shape, method, path, options = {}) => {
    let seconds = 0;
    const exchanging = gate.run(async () => {
      const begun = performance.now();
      try {
        return await exchange(method, path, options);
      } finally {
        seconds = (performance.now() - begun) / 1000;
      }
    });
    try {
      // Read when the place is another's already.
      const { data, status } = await exchanging;
      const answer = understood(shape, data, status);
      onCall('ok', seconds);
      return answer;
    } catch (error) {
      if (error instanceof MailchimpError) onCall(error.outcome, seconds);
      throw error;
    }
  };

  const { hostname, port, protocol } = new URL(client.basePath);
  const asClient = {
    kind: 'client',
    attributes: {
      'server.address': hostname,
      'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
    },
  } as const;

  /** The span tells the path without its values, as Mailchimp knows people by a digest of their address. */
  const exchange = (method: string, path: string, options: CallOptions) =>
    inSpan(`${method} ${path}`, asClient, async (tell) => {
      tell({ 'http.request.method': method, 'url.template': path });
      try {
        const { response, ...answer } = await send(method, path, options);
        tell(answered(response.status, response.headers['x-request-id']));
        return { ...answer, status: response.status };
      } catch (error) {
        if (error instanceof MailchimpError)
          tell({ 'error.type': error.outcome, ...answered(error.status, error.requestId) });
        throw error;
      }
    });

  async function send(method: string, path: string, options: CallOptions) {
    try {
      return await client.callApi(
        path,
        method,
        { list_id: settings.audienceId, ...options.path },
        options.query ?? {},
        {},
        {},
        options.body,
        [],
        ['application/json'],
        ['application/json'],
        Object,
      );
    } catch (cause) {
      // Nothing of `cause` may leave but what is picked from it: its request holds the key.
      throw failed(cause);
    }
  }

  async function listAll<Page extends { total_items: number }, Item>(
    path: string,
    shape: z.ZodType<Page>,
    itemsOf: (page: Page) => Item[],
    options: CallOptions = {},
  ): Promise<Item[]> {
    const all: Item[] = [];
    for (;;) {
      const page = await call(shape, 'GET', path, {
        ...options,
        query: { count: pageSize, offset: all.length },
      });
      const items = itemsOf(page);
      all.push(...items);
      if (items.length === 0 || all.length >= page.total_items) return all;
    }
  }

  const list = '/lists/{list_id}';
  const webhooksPath = `${list}/webhooks`;
  const webhookPath = `${webhooksPath}/{webhook_id}`;
  const categoriesPath = `${list}/interest-categories`;
  const interestsPath = `${categoriesPath}/{interest_category_id}/interests`;
  const ofCategory = (id: string) => ({ path: { interest_category_id: id } });
  const memberPath = `${list}/members/{subscriber_hash}`;
  const ofMember = (id: string) => ({ path: { subscriber_hash: id } });

  async function getMemberById(id: string): Promise<Member | null> {
    try {
      return await call(member, 'GET', memberPath, { ...ofMember(id), query: { fields: fieldsOf(member) } });
    } catch (error) {
      if (error instanceof MailchimpError && error.status === 404) return null;
      throw error;
    }
  }

  return {
    ...campaignsApi(call),
    audienceId: settings.audienceId,
    getAccount: () => call(account, 'GET', '/', { query: { fields: fieldsOf(account) } }),
    getAudience: () => call(audience, 'GET', list),
    listInterestCategories: () => listAll(categoriesPath, interestCategories, (page) => page.categories),
    createInterestCategory: (body) => call(interestCategory, 'POST', categoriesPath, { body }),
    listInterests: (categoryId) =>
      listAll(interestsPath, interests, (page) => page.interests, ofCategory(categoryId)),
    createInterest: (categoryId, body) =>
      call(interest, 'POST', interestsPath, { ...ofCategory(categoryId), body }),
    listMergeFields: () => listAll(`${list}/merge-fields`, mergeFields, (page) => page.merge_fields),
    createMergeField: (body) => call(mergeField, 'POST', `${list}/merge-fields`, { body }),
    getMember: (email) => getMemberById(memberId(email)),
    getMemberById,
    // An audience may demand fields that our form does not ask for; that must not cost anybody the newsletter.
    putMember: (body) =>
      call(member, 'PUT', memberPath, {
        ...ofMember(memberId(body.email_address)),
        body,
        query: { skip_merge_validation: true },
      }),
    postMembers: (members, { updateExisting }) =>
      call(postedMembers, 'POST', list, {
        body: { members, update_existing: updateExisting },
        query: { skip_merge_validation: true },
      }),
    deleteForGood: async (id) => {
      await call(noContent, 'POST', `${memberPath}/actions/delete-permanent`, ofMember(id));
    },
    archive: async (id) => {
      await call(noContent, 'DELETE', memberPath, ofMember(id));
    },
    listMembers: ({ status, changedSince, offset }) =>
      call(membersPage, 'GET', `${list}/members`, {
        query: {
          ...(status !== null && { status }),
          ...(changedSince !== null && { since_last_changed: withoutMilliseconds(changedSince) }),
          sort_field: 'last_changed',
          sort_dir: 'ASC',
          count: pageSize,
          offset,
          fields: `${fieldsOf(member, 'members.')},total_items`,
        },
      }),
    listWebhooks: async () => (await call(webhooks, 'GET', webhooksPath)).webhooks,
    createWebhook: (body) => call(webhook, 'POST', webhooksPath, { body }),
    updateWebhook: (id, body) => call(webhook, 'PATCH', webhookPath, { path: { webhook_id: id }, body }),
    deleteWebhook: async (id) => {
      await call(z.unknown(), 'DELETE', webhookPath, { path: { webhook_id: id } });
    },
  };
}

/** A time with fractions of a second is ignored without a word, and then everything is answered. */
export const withoutMilliseconds = (time: Date) => time.toISOString().replace(/\.\d+Z$/, '+00:00');

const answered = (status: number | null, requestId: string | null | undefined) => ({
  ...(status !== null && { 'http.response.status_code': status }),
  ...(requestId && { 'http.response.header.x-request-id': [requestId] }),
});

const memberId = (email: string) => createHash('md5').update(email.toLowerCase()).digest('hex');

/** Parses a 2xx answer. The client resolves with a string when a proxy answers HTML, with '' for no body. */
function understood<T>(shape: z.ZodType<T>, data: unknown, status: number): T {
  const parsed = shape.safeParse(data);
  if (parsed.success) return parsed.data;
  const detail = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole body').join(', ');
  throw new MailchimpError({ status, title: unreadable, detail: `not as documented: ${detail}` });
}

const thrown = z.object({
  message: z.string(),
  code: z.string().optional(),
  status: z.number().optional(),
  response: z
    .object({ body: z.unknown(), headers: z.object({ 'x-request-id': z.string().optional() }) })
    .optional(),
});

const problem = z.object({
  title: z.string(),
  detail: z.string().default(''),
  errors: z.array(z.object({ field: z.string().default(''), message: z.string().default('') })).default([]),
});

/** Picks the facts from whatever the client threw. */
function failed(cause: unknown): MailchimpError {
  // Its message quotes the answer, which may be about a person.
  if (cause instanceof SyntaxError)
    return new MailchimpError({ status: null, title: unreadable, detail: 'not JSON' });
  const { data } = thrown.safeParse(cause);
  if (data === undefined) return new MailchimpError({ status: null });
  if (data.status === undefined || data.response === undefined) {
    const title = data.code === 'ECONNABORTED' ? timedOut : (data.code ?? null);
    return new MailchimpError({ status: null, title, detail: data.message });
  }
  const { data: body } = problem.safeParse(data.response.body);
  return new MailchimpError({
    status: data.status,
    title: body?.title ?? null,
    detail: body?.detail ?? '',
    fields: body?.errors ?? [],
    requestId: data.response.headers['x-request-id'] ?? null,
  });
}
