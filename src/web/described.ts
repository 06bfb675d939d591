import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { signUpBody } from './sign-up-form.ts';

// What is said of the public routes in the description of the API. Pages are described as what they are.

/** RFC 9457. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })),
  })
  .meta({ id: 'Problem', description: 'What is wrong, and what would be right (RFC 9457)' });

export const refusedAs = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problem } },
});

/** Why who tries many keys, secrets or links is refused. @param what such as `keys` */
export const tooManyWrong = (what: string) =>
  `Too many wrong ${what} came from that network; \`Retry-After\` says when to try again.`;

type Answers = ZodOpenApiOperationObject['responses'];

const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema } },
});
const html = (description: string) => ({
  description,
  content: { 'text/html': { schema: z.string() } },
});

const page = (summary: string, responses: Answers): ZodOpenApiOperationObject => ({
  tags: ['Pages for readers'],
  summary,
  responses,
});
const token = z.object({ token: z.string().meta({ description: "The secret of the reader's own link" }) });
const unknown = { 404: html('Nobody has this link.'), 429: html(tooManyWrong('links')) };

/** A page behind a link of a mail: GET shows it, and its button POSTs to the same address (I7). */
const linked = (summary: string, act: string, more: ZodOpenApiOperationObject | null = null) => ({
  get: {
    ...page(summary, { 200: html('The page; nothing is changed'), ...unknown }),
    requestParams: { path: token },
  },
  post: {
    ...page(act, { 200: html('Done, however often it is pressed'), ...unknown }),
    requestParams: { path: token },
    ...more,
  },
});

const list = z.object({ slug: z.string(), name: z.string(), description: z.string() });
const challenge = z
  .looseObject({})
  .nullable()
  .meta({ description: "ALTCHA's challenge; null where ALTCHA is off" });

const wrongSecret = {
  404: refusedAs('The secret is wrong: nothing is there.'),
  429: refusedAs(tooManyWrong('secrets')),
};

/** The public routes, by path. */
export const publicPaths: ZodOpenApiPathsObject = {
  '/lists': {
    get: {
      tags: ['Sign-up'],
      summary: 'What a form offers: the consent text and the mailing lists',
      requestParams: { query: z.object({ locale: z.string().optional() }) },
      responses: {
        200: json(
          'For a site that draws its own form',
          z.object({
            consent: z.object({ version: z.string(), text: z.string(), locale: z.string() }),
            lists: z.array(list),
          }),
        ),
      },
    },
  },
  '/subscriptions': {
    post: {
      tags: ['Sign-up'],
      summary: 'Sign up',
      description:
        'The answer is the same whether the address is new, subscribed or has left. A browser form is sent on to ' +
        'a page instead, or gets the form back with what is wrong.',
      requestBody: {
        content: {
          'application/json': { schema: signUpBody },
          'application/x-www-form-urlencoded': { schema: signUpBody },
        },
      },
      responses: {
        202: json('Accepted', z.object({ status: z.literal('accepted') })),
        303: { description: 'A form: to its `redirect`, or to the thanks page' },
        403: refusedAs('The site is not in ALLOWED_ORIGINS.'),
        413: refusedAs('The body is larger than a sign-up can be.'),
        415: refusedAs('The body is of another type.'),
        422: refusedAs('A field is missing or wrong; `errors` says which.'),
        429: refusedAs('Too much came from that network; `Retry-After` says when to try again.'),
      },
    },
  },
  '/nonce': {
    get: {
      tags: ['Sign-up'],
      summary: 'What a form that a script draws sends along; to be asked for when a reader begins',
      responses: { 200: json('The nonce', z.object({ nonce: z.string(), challenge })) },
    },
  },
  '/altcha': {
    get: {
      tags: ['Sign-up'],
      summary: "The challenge alone, as ALTCHA's own widget fetches it",
      responses: { 200: json('The challenge', z.looseObject({})), 404: refusedAs('ALTCHA is off.') },
    },
  },
  '/altcha.js': {
    get: {
      tags: ['Sign-up'],
      summary: 'The script that solves challenges',
      responses: { 200: { description: 'A script', content: { 'text/javascript': { schema: z.string() } } } },
    },
  },
  '/embed.js': {
    get: {
      tags: ['Sign-up'],
      summary: 'The widget: draws the form where its script tag stands',
      responses: { 200: { description: 'A script', content: { 'text/javascript': { schema: z.string() } } } },
    },
  },
  '/': { get: page('The hosted form', { 200: html('The form') }) },
  '/thanks': { get: page('Where a form leads that names no page of its own', { 200: html('A page') }) },
  '/docs/form': { get: page('How to put the form on a site', { 200: html('A page') }) },
  '/confirm/{token}': linked('Confirm a sign-up', 'Confirm'),
  '/unsubscribe/{token}': linked('Leave', 'Leave at once; one-click (RFC 8058) is this same request', {
    requestParams: {
      path: token,
      query: z.object({
        list: z.string().optional().meta({ description: 'This list only; without it, all' }),
      }),
    },
    requestBody: {
      required: false,
      description: 'Never read: multipart and urlencoded are alike.',
      content: {
        'application/x-www-form-urlencoded': { schema: z.looseObject({}) },
        'multipart/form-data': { schema: z.looseObject({}) },
      },
    },
    responses: { 200: html('Left'), ...unknown },
  }),
  '/preferences/{token}': linked('Choose lists, or ask for a copy of all data or for erasure', 'Save'),
  '/not-me/{token}': linked('"This was not me"', 'No mail that others can cause goes there any more'),
  '/erase/{token}': linked('Be erased', 'Erase for good'),
  '/my-link': {
    get: page('Get the own link by mail', { 200: html('A form') }),
    post: page('Have the own link mailed', {
      200: html('The same for every address'),
      422: html('What is wrong with the address'),
      429: html('Too much came from that network.'),
    }),
  },
  '/webhooks/mailchimp/{secret}': {
    get: {
      tags: ['Mailchimp'],
      summary: 'Mailchimp checks the address of the webhook',
      requestParams: { path: z.object({ secret: z.string() }) },
      responses: { 200: { description: 'It is ours' }, ...wrongSecret },
    },
    post: {
      tags: ['Mailchimp'],
      summary: 'Mailchimp tells of a change; a hint, looked up before it is believed',
      requestParams: { path: z.object({ secret: z.string() }) },
      requestBody: { content: { 'application/x-www-form-urlencoded': { schema: z.looseObject({}) } } },
      responses: {
        200: { description: 'Taken; nothing would be mended by sending it again' },
        401: refusedAs('The signature is missing, wrong or too old.'),
        413: refusedAs('It is larger than 256 kB.'),
        415: refusedAs('It is compressed.'),
        ...wrongSecret,
      },
    },
  },
  '/healthz': {
    get: {
      tags: ['Operation'],
      summary: 'The process lives',
      responses: { 200: json('It does', z.object({ status: z.literal('ok') })) },
    },
  },
  '/readyz': {
    get: {
      tags: ['Operation'],
      summary: 'Sign-ups and opt-outs can be taken',
      responses: {
        200: json(
          'They can; trouble with Mailchimp or mail stands in the body',
          z.looseObject({ status: z.string() }),
        ),
        503: json('They cannot', z.looseObject({ status: z.string() })),
      },
    },
  },
  '/metrics': {
    get: {
      tags: ['Operation'],
      summary: 'For Prometheus',
      security: [{ key: [] }],
      responses: {
        200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } },
        401: refusedAs('The key is missing or wrong.'),
        403: refusedAs('The key is not for reading.'),
        429: refusedAs(tooManyWrong('keys')),
      },
    },
  },
};
