import { randomUUID } from 'node:crypto';
import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import * as answers from './answers.ts';
import * as audience from './audience.ts';
import type { ApiRequest, Faults } from './faults.ts';
import * as members from './members.ts';
import { notFound, Problem } from './problem.ts';
import * as requests from './requests.ts';
import type { Store } from './store.ts';

const maxSimultaneous = 10;

/** A request and what became of it; `status` is null when the answer never left. */
export interface Exchange {
  method: string;
  path: string;
  query: Record<string, string>;
  requestBody: unknown;
  status: number | null;
  responseBody: unknown;
  /** The answer is that of a fault, not of the API. */
  injected: boolean;
}

interface Call {
  params: Partial<Record<'list' | 'category' | 'interest' | 'webhook' | 'member', string>>;
  query: Record<string, string>;
  body: unknown;
}

/** What a route does with a call: the body of a 200, or null for 204. Throws `Problem`. */
type Work = (call: Call) => unknown;

/** The API under `/3.0`, with its authentication, limits and problem bodies. */
export function apiRouter(options: {
  apiKey: string;
  store: Store;
  faults: Faults;
  observed: (exchange: Exchange) => void;
  now: () => Date;
}): Router {
  const { apiKey, store, faults, observed, now } = options;
  const { state } = store;
  const router = express.Router();
  let busy = 0;
  router.use(express.text({ type: () => true, limit: '5mb' }));

  const read = (path: string, work: Work) => router.get(path, door(work));
  const write = (method: 'post' | 'put' | 'patch' | 'delete', path: string, work: Work) =>
    router[method](
      path,
      door(async (call) => {
        const body = await work(call);
        store.changed();
        return body;
      }),
    );

  const circumstances = (query: { skip_merge_validation: boolean }): members.Circumstances => ({
    now: now(),
    skipMergeValidation: query.skip_merge_validation,
  });
  const idIn = (call: Call) => members.idOfPath(call.params.member ?? '');

  read('/ping', ({ query }) => {
    requests.parse(requests.noQuery, query);
    return { health_status: "Everything's Chimpy!" };
  });
  read('/', ({ query }) =>
    answers.select(answers.accountAnswer(state), requests.parse(requests.selectionQuery, query)),
  );
  read('/lists/:list', (call) => {
    const query = requests.parse(requests.audienceQuery, call.query);
    const totalContacts = query.include_total_contacts ?? false;
    return answers.select(answers.audienceAnswer(state, { totalContacts }), query);
  });

  const categories = '/lists/:list/interest-categories';
  read(categories, (call) => {
    const query = requests.parse(requests.pageQuery, call.query);
    const page = answers.pageOf(state.categories, query);
    return answers.select(
      {
        list_id: state.audience.id,
        categories: page.map((category) => answers.categoryAnswer(state, category)),
        total_items: state.categories.length,
        _links: [],
      },
      query,
    );
  });
  write('post', categories, ({ body }) =>
    answers.categoryAnswer(
      state,
      audience.createCategory(state, requests.parse(requests.interestCategory, body)),
    ),
  );
  read(`${categories}/:category`, ({ params }) =>
    answers.categoryAnswer(state, audience.findCategory(state, params.category)),
  );
  write('patch', `${categories}/:category`, ({ params, body }) => {
    const category = audience.findCategory(state, params.category);
    Object.assign(category, requests.parse(requests.interestCategory, body));
    return answers.categoryAnswer(state, category);
  });
  write('delete', `${categories}/:category`, ({ params }) => {
    audience.deleteCategory(state, params.category);
    return null;
  });

  const interests = `${categories}/:category/interests`;
  read(interests, (call) => {
    const query = requests.parse(requests.pageQuery, call.query);
    const category = audience.findCategory(state, call.params.category);
    const all = audience.interestsOf(state, category);
    return answers.select(
      {
        list_id: state.audience.id,
        category_id: category.id,
        interests: answers.pageOf(all, query).map((interest) => answers.interestAnswer(state, interest)),
        total_items: all.length,
        _links: [],
      },
      query,
    );
  });
  write('post', interests, ({ params, body }) =>
    answers.interestAnswer(
      state,
      audience.createInterest(state, params.category, requests.parse(requests.interest, body)),
    ),
  );
  read(`${interests}/:interest`, ({ params }) =>
    answers.interestAnswer(state, audience.findInterest(state, params.category, params.interest)),
  );
  write('patch', `${interests}/:interest`, ({ params, body }) => {
    const interest = audience.findInterest(state, params.category, params.interest);
    Object.assign(interest, requests.parse(requests.interest, body));
    return answers.interestAnswer(state, interest);
  });
  write('delete', `${interests}/:interest`, ({ params }) => {
    audience.deleteInterest(state, params.category, params.interest);
    return null;
  });

  read('/lists/:list/merge-fields', (call) => {
    const query = requests.parse(requests.pageQuery, call.query);
    const page = answers.pageOf(state.merge_fields, query);
    return answers.select(
      {
        list_id: state.audience.id,
        merge_fields: page.map((field) => answers.mergeFieldAnswer(state, field)),
        total_items: state.merge_fields.length,
        _links: [],
      },
      query,
    );
  });
  write('post', '/lists/:list/merge-fields', ({ body }) =>
    answers.mergeFieldAnswer(
      state,
      audience.createMergeField(state, requests.parse(requests.mergeField, body)),
    ),
  );

  read('/lists/:list/webhooks', () => ({
    list_id: state.audience.id,
    webhooks: state.webhooks.map((webhook) => answers.webhookAnswer(state, webhook)),
    total_items: state.webhooks.length,
    _links: [],
  }));
  write('post', '/lists/:list/webhooks', async ({ body }) =>
    answers.webhookAnswer(state, await audience.createWebhook(state, requests.parse(requests.webhook, body))),
  );
  read('/lists/:list/webhooks/:webhook', ({ params }) =>
    answers.webhookAnswer(state, audience.findWebhook(state, params.webhook)),
  );
  write('delete', '/lists/:list/webhooks/:webhook', ({ params }) => {
    audience.deleteWebhook(state, params.webhook);
    return null;
  });

  read('/lists/:list/members', (call) => {
    const query = requests.parse(requests.membersQuery, call.query);
    const { page, total } = answers.findMembers(state, query);
    return answers.select(
      {
        members: page.map((member) => answers.memberAnswer(state, member)),
        list_id: state.audience.id,
        total_items: total,
        _links: [],
      },
      query,
    );
  });
  write('post', '/lists/:list/members', ({ query, body }) => {
    const change = requests.parse(requests.postMember, body);
    const options = circumstances(requests.parse(requests.writeQuery, query));
    return answers.memberAnswer(state, members.postMember(state, change, options));
  });
  write('post', '/lists/:list', ({ query, body }) => {
    const batch = requests.parse(requests.batchMembers, body);
    const options = requests.parse(requests.batchQuery, query);
    const result = members.putMembers(state, batch, {
      ...circumstances(options),
      skipDuplicateCheck: options.skip_duplicate_check,
    });
    return {
      new_members: result.created.map((member) => answers.batchMemberAnswer(state, member)),
      updated_members: result.updated.map((member) => answers.batchMemberAnswer(state, member)),
      errors: result.errors,
      total_created: result.created.length,
      total_updated: result.updated.length,
      error_count: result.errors.length,
      _links: [],
    };
  });

  const member = '/lists/:list/members/:member';
  read(member, (call) =>
    answers.select(
      answers.memberAnswer(state, members.findMember(state, idIn(call))),
      requests.parse(requests.selectionQuery, call.query),
    ),
  );
  write('put', member, (call) => {
    const change = requests.parse(requests.putMember, call.body);
    const options = circumstances(requests.parse(requests.writeQuery, call.query));
    return answers.memberAnswer(state, members.putMember(state, idIn(call), change, options));
  });
  write('patch', member, (call) => {
    const change = requests.parse(requests.patchMember, call.body);
    const options = circumstances(requests.parse(requests.writeQuery, call.query));
    return answers.memberAnswer(state, members.patchMember(state, idIn(call), change, options));
  });
  write('delete', member, (call) => {
    members.archiveMember(state, idIn(call), now());
    return null;
  });
  write('post', `${member}/actions/delete-permanent`, (call) => {
    members.forgetMember(state, idIn(call));
    return null;
  });

  router.all(
    '/{*path}',
    door(() => {
      throw notFound();
    }),
  );
  return router;

  /** The one way in and out of every route: limit, faults, key, work, answer, observer. */
  function door(work: Work): RequestHandler {
    return async (request, response) => {
      const free = occupyPlace(response);
      const query = Object.fromEntries(new URL(request.url, 'http://sandbox').searchParams);
      const parsed = parseJson(request.body);
      const apiRequest: ApiRequest = {
        method: request.method,
        path: decodeURIComponent(request.path),
        query,
        body: parsed.body,
      };
      const report = (status: number | null, responseBody: unknown, injected = false) =>
        observed({
          method: apiRequest.method,
          path: apiRequest.path,
          query,
          requestBody: parsed.body,
          status,
          responseBody,
          injected,
        });
      const fault = faults.take(apiRequest);

      if (fault?.does === 'answer') {
        report(fault.status, fault.body, true);
        response.status(fault.status).set(fault.headers).end(fault.body);
        return;
      }
      if (fault?.when === 'before') {
        if (fault.does === 'reset') {
          report(null, undefined, true);
          request.socket.resetAndDestroy();
          return;
        }
        await fault.until;
      }

      const requestId = randomUUID();
      const { status, body } = await perform(async () => {
        if (!free) {
          throw new Problem(
            429,
            'Too Many Requests',
            `You have exceeded the limit of ${maxSimultaneous} simultaneous connections.`,
          );
        }
        demandKey(request);
        if (parsed.failed) {
          throw new Problem(400, 'JSON Parse Exception', 'We encountered an unspecified JSON parsing error.');
        }
        const params: Call['params'] = stringsOf(request.params);
        if (params.list !== undefined && params.list !== state.audience.id) throw notFound();
        return work({ params, query, body: parsed.body });
      }, requestId);

      if (fault?.when === 'after') {
        if (fault.does === 'reset') {
          report(null, undefined, true);
          request.socket.resetAndDestroy();
          return;
        }
        await fault.until;
      }
      report(status, body);
      response.status(status).set('X-Request-Id', requestId);
      if (body === null) response.end();
      else {
        response
          .type(status < 400 ? 'application/json' : 'application/problem+json')
          .send(JSON.stringify(body));
      }
    };
  }

  function occupyPlace(response: Response): boolean {
    busy += 1;
    response.once('close', () => {
      busy -= 1;
    });
    return busy <= maxSimultaneous;
  }

  function demandKey(request: Request): void {
    const [scheme, value = ''] = (request.get('authorization') ?? '').split(' ');
    const given =
      scheme === 'Bearer'
        ? value
        : Buffer.from(value, 'base64')
            .toString()
            .replace(/^[^:]*:/, '');
    if (given !== apiKey) {
      throw new Problem(
        401,
        'API Key Invalid',
        "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
      );
    }
  }
}

async function perform(work: () => unknown, instance: string): Promise<{ status: number; body: unknown }> {
  try {
    const body = await work();
    return { status: body === null ? 204 : 200, body };
  } catch (error) {
    const { status, title, detail, errors } =
      error instanceof Problem
        ? error
        : new Problem(500, 'InternalServerError', 'An unexpected internal error has occurred.');
    const type = 'https://mailchimp.com/developer/marketing/docs/errors/';
    const fields = errors.length > 0 && { errors };
    return { status, body: { type, title, status, detail, instance, ...fields } };
  }
}

function parseJson(text: unknown): { body: unknown; failed: boolean } {
  if (typeof text !== 'string' || text === '') return { body: undefined, failed: false };
  try {
    return { body: JSON.parse(text), failed: false };
  } catch {
    return { body: text, failed: true };
  }
}

const stringsOf = (params: Record<string, string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
