import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import type { AccountState } from './account.ts';
import { invalid, notFound } from './problem.ts';
import type * as requests from './requests.ts';
import { newId, type Webhook } from './state.ts';

// Which webhooks an audience has. As Mailchimp does, a URL must answer a GET with 200 to be taken.

/** Registers a webhook; with `signing`, its calls are signed with a secret that is told this once. */
export async function createWebhook(
  state: AccountState,
  request: z.infer<typeof requests.createWebhook>,
  { signing }: { signing: boolean },
): Promise<Webhook> {
  await demandUrl(state, request.url);
  const webhook = {
    id: newId(),
    ...request,
    signing_secret: signing ? randomBytes(32).toString('hex') : null,
    disabled: false,
  };
  state.webhooks.push(webhook);
  return webhook;
}

/** Changes what is given. A webhook that an answer of 410 disabled is called again. */
export async function updateWebhook(
  state: AccountState,
  id: string | undefined,
  { url, events, sources }: z.infer<typeof requests.updateWebhook>,
): Promise<Webhook> {
  const webhook = findWebhook(state, id);
  if (url !== undefined && url !== webhook.url) await demandUrl(state, url);
  webhook.url = url ?? webhook.url;
  Object.assign(webhook.events, events);
  Object.assign(webhook.sources, sources);
  webhook.disabled = false;
  return webhook;
}

export function findWebhook(state: AccountState, id: string | undefined): Webhook {
  const webhook = state.webhooks.find((known) => known.id === id);
  if (webhook === undefined) throw notFound();
  return webhook;
}

/** @returns the webhook that is no more */
export function deleteWebhook(state: AccountState, id: string | undefined): Webhook {
  const webhook = findWebhook(state, id);
  state.webhooks = state.webhooks.filter((known) => known !== webhook);
  return webhook;
}

async function demandUrl(state: AccountState, url: string): Promise<void> {
  if (state.webhooks.some((known) => known.url === url)) {
    throw invalid("Sorry, you can't set up multiple WebHooks for one URL");
  }
  const answer = await fetch(url, {
    headers: { 'User-Agent': 'MailChimp.com WebHook Validator' },
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
  }).catch(() => null);
  await answer?.body?.cancel();
  if (answer?.status !== 200) {
    throw invalid('The URL of the WebHook could not be validated: it must answer a GET with 200.');
  }
}
