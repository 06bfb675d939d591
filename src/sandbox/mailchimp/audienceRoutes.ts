import type { AccountState } from './account.ts';
import * as answers from './answers.ts';
import * as audience from './audience.ts';
import type { Routes } from './door.ts';
import * as requests from './requests.ts';
import { pageOf, select } from './selection.ts';
import type { Webhook } from './state.ts';
import * as webhooks from './webhooks.ts';

/** The account, its audience, and how that is set up. `signing` is of new webhooks. */
export function audienceRoutes(
  { read, write }: Routes,
  options: { state: AccountState; signing: boolean; removed: (webhook: Webhook) => void },
): void {
  const { state, signing, removed } = options;

  read('/ping', ({ query }) => {
    requests.parse(requests.noQuery, query);
    return { health_status: "Everything's Chimpy!" };
  });
  read('/', ({ query }) =>
    select(answers.accountAnswer(state), requests.parse(requests.selectionQuery, query)),
  );
  read('/lists/:list', (call) => {
    const query = requests.parse(requests.audienceQuery, call.query);
    const totalContacts = query.include_total_contacts ?? false;
    return select(answers.audienceAnswer(state, { totalContacts }), query);
  });

  const categories = '/lists/:list/interest-categories';
  read(categories, (call) => {
    const query = requests.parse(requests.pageQuery, call.query);
    const page = pageOf(state.categories, query);
    return select(
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
    return select(
      {
        list_id: state.audience.id,
        category_id: category.id,
        interests: pageOf(all, query).map((interest) => answers.interestAnswer(state, interest)),
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
    const page = pageOf(state.merge_fields, query);
    return select(
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
  write('post', '/lists/:list/webhooks', async ({ body }) => {
    const request = requests.parse(requests.createWebhook, body);
    const webhook = await webhooks.createWebhook(state, request, { signing });
    return answers.webhookAnswer(state, webhook, { created: true });
  });
  read('/lists/:list/webhooks/:webhook', ({ params }) =>
    answers.webhookAnswer(state, webhooks.findWebhook(state, params.webhook)),
  );
  write('patch', '/lists/:list/webhooks/:webhook', async ({ params, body }) => {
    const request = requests.parse(requests.updateWebhook, body);
    return answers.webhookAnswer(state, await webhooks.updateWebhook(state, params.webhook, request));
  });
  write('delete', '/lists/:list/webhooks/:webhook', ({ params }) => {
    removed(webhooks.deleteWebhook(state, params.webhook));
    return null;
  });
}
