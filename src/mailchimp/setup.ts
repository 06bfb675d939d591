import type { Database } from '../platform/database.ts';
import type { MailchimpApi, NewWebhook, Webhook } from './api/client.ts';
import { MailchimpError } from './api/error.ts';
import { type AudienceReport, readyAudience } from './audience.ts';

export interface SetupReport extends AudienceReport {
  webhook: WebhookReport;
  /** Told by Mailchimp this once, where the account signs its webhooks. Must not reach a log. */
  signingSecret: string | null;
  /** What remains to be done by hand. */
  advice: string[];
}

export interface WebhookReport {
  /** `skipped` where none is wanted, `failed` where Mailchimp did not take it. */
  state: 'there' | 'created' | 'updated' | 'skipped' | 'failed';
  /** Why it was skipped or failed, in words for the operator. */
  why: string | null;
  /** How many earlier ones of ours, with another secret, were deleted. */
  deleted: number;
}

/**
 * Makes the audience ready for us: its parts, and the webhook by which Mailchimp tells of changes. May be
 * repeated at any time; what is as it should be stays untouched, and so do webhooks of others.
 * @param webhookUrl from `webhookUrlOf`; null: none is wanted
 * @throws MailchimpError; a webhook that Mailchimp does not take is no error, but stands in the report
 */
export async function setup({
  database,
  api,
  webhookUrl,
}: {
  database: Database;
  api: MailchimpApi;
  webhookUrl: string | null;
}): Promise<SetupReport> {
  const audience = await readyAudience({ database, api });
  if (webhookUrl === null) return { ...audience, ...noWebhook };
  const webhook = await database.exclusively('mailchimp-webhook', () => readyWebhook(api, webhookUrl));
  return { ...audience, ...webhook };
}

/** Where Mailchimp calls us; null when no secret is configured. */
export const webhookUrlOf = (baseUrl: string, secret: string | null): string | null =>
  secret === null ? null : `${baseUrl}/webhooks/mailchimp/${secret}`;

/** Picks ours from an audience's webhooks: the current one, and earlier ones with another secret. */
export function ourWebhooks(
  webhooks: Webhook[],
  webhookUrl: string,
): { current: Webhook | null; earlier: Webhook[] } {
  const folder = new URL('.', webhookUrl).href;
  return {
    current: webhooks.find(({ url }) => url === webhookUrl) ?? null,
    earlier: webhooks.filter(({ url }) => url !== webhookUrl && url.startsWith(folder)),
  };
}

/** What of the webhook is not as it should be, such as `events.unsubscribe`. */
export function webhookFaults({ url, events, sources }: Webhook): string[] {
  const wanted = wantedWebhook(url);
  const differing = (kind: string, have: Record<string, boolean>, want: Record<string, boolean>) =>
    Object.keys(want)
      .filter((name) => have[name] !== want[name])
      .map((name) => `${kind}.${name}`);
  return [...differing('events', events, wanted.events), ...differing('sources', sources, wanted.sources)];
}

/** All that readers and Mailchimp's users do; what is done by API would be our own echo. */
const wantedWebhook = (url: string): NewWebhook => ({
  url,
  events: {
    subscribe: true,
    unsubscribe: true,
    profile: true,
    cleaned: true,
    upemail: true,
    campaign: false,
  },
  sources: { user: true, admin: true, api: false },
});

type WebhookPart = Pick<SetupReport, 'webhook' | 'signingSecret' | 'advice'>;

const noWebhook: WebhookPart = {
  webhook: {
    state: 'skipped',
    why: 'MAILCHIMP_WEBHOOK_SECRET is not set, so what changes at Mailchimp is only heard of by reconciliation.',
    deleted: 0,
  },
  signingSecret: null,
  advice: ['Set MAILCHIMP_WEBHOOK_SECRET (openssl rand -hex 32), restart, and run setup again.'],
};

async function readyWebhook(api: MailchimpApi, url: string): Promise<WebhookPart> {
  const { current, earlier } = ourWebhooks(await api.listWebhooks(), url);
  // Before the new one is made: nothing may come between its signing secret and the operator.
  for (const { id } of earlier) await api.deleteWebhook(id);
  const report = (state: WebhookReport['state'], why: string | null = null): WebhookPart => ({
    webhook: { state, why, deleted: earlier.length },
    signingSecret: null,
    advice: [],
  });
  try {
    if (current === null) {
      const { signing_secret } = await api.createWebhook(wantedWebhook(url));
      if (!signing_secret) return report('created');
      return { ...report('created'), signingSecret: signing_secret, advice: [keepSigningSecret] };
    }
    if (webhookFaults(current).length === 0) return report('there');
    await api.updateWebhook(current.id, wantedWebhook(url));
    return report('updated');
  } catch (error) {
    if (!(error instanceof MailchimpError)) throw error;
    // Mailchimp may quote the URL, whose end is secret.
    const detail = error.detail.replaceAll(url, 'the URL');
    return {
      ...report('failed', detail === '' ? error.message : `${error.message}. ${detail}`),
      advice: [beReachable],
    };
  }
}

const keepSigningSecret =
  'Mailchimp signs this webhook and tells the signing secret only now: set MAILCHIMP_WEBHOOK_SIGNING_SECRET ' +
  'to it and restart, so that unsigned calls are refused.';
const beReachable =
  'Mailchimp tries the URL before it takes a webhook: BASE_URL must be reachable from the internet, and ' +
  'this Footnote must be running behind it. Then run setup again.';
