import { createHash } from 'node:crypto';
import ApiClient from '@mailchimp/mailchimp_marketing/src/ApiClient.js';
import { z } from 'zod';
import manifest from '../../package.json' with { type: 'json' };

/** The one narrow door to the Mailchimp Marketing API, for one audience. Every method throws `MailchimpError`. */
export interface MailchimpApi {
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
  /** Creates the member or merges into it; the same call twice is harmless. */
  putMember(member: PutMember): Promise<Member>;
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

const audience = z.object({ id: z.string(), name: z.string(), double_optin: z.boolean() });
const interestCategory = z.object({ id: z.string(), title: z.string() });
const interest = z.object({ id: z.string(), name: z.string() });
const mergeField = z.object({ tag: z.string(), type: z.string() });
const member = z.object({
  status: z.enum(['subscribed', 'unsubscribed', 'cleaned', 'pending', 'transactional', 'archived']),
  interests: z.record(z.string(), z.boolean()).default({}),
  merge_fields: z.record(z.string(), z.unknown()).default({}),
});
const pageOf = { total_items: z.number() };
const interestCategories = z.object({ ...pageOf, categories: z.array(interestCategory) });
const interests = z.object({ ...pageOf, interests: z.array(interest) });
const mergeFields = z.object({ ...pageOf, merge_fields: z.array(mergeField) });

export type Audience = z.infer<typeof audience>;
export type InterestCategory = z.infer<typeof interestCategory>;
export type Interest = z.infer<typeof interest>;
export type MergeField = z.infer<typeof mergeField>;
export type Member = z.infer<typeof member>;

/** An answer of Mailchimp that is not the wanted one, or none at all. */
export class MailchimpError extends Error {
  override readonly name = 'MailchimpError';
  /** HTTP status; null when no answer arrived. */
  readonly status: number | null;
  /** The title of Mailchimp's problem body; null when the body was none: a proxy, a firewall, an empty 429. */
  readonly title: string | null;
  /** May hold the person's address: for the operator's eyes, never for a log. */
  readonly detail: string;
  readonly fields: { field: string; message: string }[];
  readonly requestId: string | null;

  constructor(facts: {
    status: number | null;
    title?: string | null;
    detail?: string;
    fields?: { field: string; message: string }[];
    requestId?: string | null;
  }) {
    const { status, title = null, detail = '', fields = [], requestId = null } = facts;
    super(`Mailchimp: ${status ?? 'no answer'}${title === null ? '' : `, ${title}`}`);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.fields = fields;
    this.requestId = requestId;
  }
}

/** No status and this title: we stopped waiting, and Mailchimp may still do what we asked. */
export const timedOut = 'Timeout';

/** A title of ours: HTTP 200 with a page of a proxy, an empty body, or another shape than documented. */
export const unreadable = 'Unreadable answer';

/** Most lists of the API answer ten entries unless told otherwise, and a thousand at most. */
const pageSize = 1000;

/**
 * Connects to one audience through Mailchimp's own client. Nothing is sent before the first call.
 * @param settings the API key, `https://<dc>.api.mailchimp.com/3.0` or what stands in for it, the audience
 */
export function connect(settings: {
  apiKey: string;
  baseUrl: string;
  audienceId: string;
  timeoutMs?: number;
}): MailchimpApi {
  const client = new ApiClient();
  // The client replaces the first "server" of a URL by this setting; as the base URL is complete, by itself.
  client.setConfig({ apiKey: settings.apiKey, server: 'server' });
  client.basePath = settings.baseUrl.replace(/\/+$/, '');
  client.timeout = settings.timeoutMs ?? 30_000;
  client.defaultHeaders = { 'User-Agent': `footnote/${manifest.version}` };
  // Its cookie jar is the one place that sees a request before it leaves. The API never redirects, and a
  // followed 307 would carry people's addresses to another host (A-25).
  client.enableCookies = true;
  client.agent = { attachCookies: (request) => request.redirects(0), saveCookies: () => {} };

  async function call<T>(
    shape: z.ZodType<T>,
    method: string,
    path: string,
    options: CallOptions = {},
  ): Promise<T> {
    try {
      const { data, response } = await client.callApi(
        path,
        method,
        {},
        options.query ?? {},
        {},
        {},
        options.body,
        [],
        ['application/json'],
        ['application/json'],
        Object,
      );
      return understood(shape, data, response.status);
    } catch (cause) {
      // Nothing of `cause` may leave but what is picked from it: its request holds the key.
      throw cause instanceof MailchimpError ? cause : failed(cause);
    }
  }

  async function listAll<Page extends { total_items: number }, Item>(
    path: string,
    shape: z.ZodType<Page>,
    itemsOf: (page: Page) => Item[],
  ): Promise<Item[]> {
    const all: Item[] = [];
    for (;;) {
      const page = await call(shape, 'GET', path, { query: { count: pageSize, offset: all.length } });
      const items = itemsOf(page);
      all.push(...items);
      if (items.length === 0 || all.length >= page.total_items) return all;
    }
  }

  const list = `/lists/${encodeURIComponent(settings.audienceId)}`;
  const categoriesPath = `${list}/interest-categories`;
  const interestsPath = (categoryId: string) =>
    `${categoriesPath}/${encodeURIComponent(categoryId)}/interests`;
  const memberPath = (email: string) => `${list}/members/${memberId(email)}`;

  return {
    audienceId: settings.audienceId,
    getAudience: () => call(audience, 'GET', list),
    listInterestCategories: () => listAll(categoriesPath, interestCategories, (page) => page.categories),
    createInterestCategory: (body) => call(interestCategory, 'POST', categoriesPath, { body }),
    listInterests: (categoryId) => listAll(interestsPath(categoryId), interests, (page) => page.interests),
    createInterest: (categoryId, body) => call(interest, 'POST', interestsPath(categoryId), { body }),
    listMergeFields: () => listAll(`${list}/merge-fields`, mergeFields, (page) => page.merge_fields),
    createMergeField: (body) => call(mergeField, 'POST', `${list}/merge-fields`, { body }),
    getMember: async (email) => {
      try {
        return await call(member, 'GET', memberPath(email));
      } catch (error) {
        if (error instanceof MailchimpError && error.status === 404) return null;
        throw error;
      }
    },
    // An audience may demand fields that our form does not ask for; that must not cost anybody the newsletter.
    putMember: (body) =>
      call(member, 'PUT', memberPath(body.email_address), { body, query: { skip_merge_validation: true } }),
  };
}

interface CallOptions {
  query?: Record<string, unknown>;
  body?: unknown;
}

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
