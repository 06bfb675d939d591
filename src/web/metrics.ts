import { Router } from 'express';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import manifest from '../../package.json' with { type: 'json' };
import { readGauges, type Scraped } from './gauges.ts';
import { demandKey, holderOf } from './keys.ts';
import { onlyVerbs } from './problems.ts';
import type { Health } from './web.ts';

/** What a process counts, and what it tells Prometheus. */
export interface Metrics {
  /** Notes a call to Mailchimp that has ended. `outcome` is one of a few words. */
  recordCall(outcome: string, seconds: number): void;
  /** Notes a webhook delivery by its type and what became of it. */
  recordDelivery(type: string, outcome: string): void;
  /** Notes what the guard made of a wish for a mail: `welcome`, `bot`, `refused` or `limited`. */
  recordWish(verdict: string): void;
  /** Notes mails that a ceiling put off, or did not let go. */
  recordCeiling(mails: { putOff: number; refused: number }): void;
  /** Notes what was entered into ledgers: sign-ups, confirmations, opt-outs, by whichever door. */
  recordEntries(entries: readonly { kind: string; channel: string }[]): void;
  /** Notes an attempt to hand a mail over, by what became of it. */
  recordMail(outcome: string): void;
  /** Notes an answered request by the pattern of its route, a known verb and the class of its status. */
  recordRequest(answer: { route: string; method: string; status: string; seconds: number }): void;
  /** Everything in Prometheus' text format. How Mailchimp stands is read now; unknown is left out. */
  text(): Promise<string>;
}

/**
 * The counters of one process. Names and units follow Prometheus' conventions; no label holds anything
 * personal.
 */
export function createMetrics({ now = () => new Date(), ...scraped }: Scraped): Metrics {
  const counted = new Registry();
  const registers = [counted];
  const calls = new Counter({
    name: 'footnote_mailchimp_calls_total',
    help: 'Calls to Mailchimp by this process, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'footnote_mailchimp_call_duration_seconds',
    help: 'How long calls to Mailchimp took.',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45],
    registers,
  });
  const deliveries = new Counter({
    name: 'footnote_mailchimp_webhook_deliveries_total',
    help: 'Webhook deliveries to this process, by type and outcome.',
    labelNames: ['type', 'outcome'],
    registers,
  });

  const wishes = new Counter({
    name: 'footnote_wishes_total',
    help: 'Sign-ups and wishes for a link to this process, by what was made of them.',
    labelNames: ['verdict'],
    registers,
  });
  const ceiling = new Counter({
    name: 'footnote_mails_over_ceiling_total',
    help: 'Mails that strangers caused above LIMIT_DOMAIN_HOUR or LIMIT_TOTAL_HOUR, by what became of them.',
    labelNames: ['outcome'],
    registers,
  });

  const entries = new Counter({
    name: 'footnote_ledger_entries_total',
    help: 'Entries into ledgers by this process, by kind (requested, confirmed, unsubscribed and others) and channel.',
    labelNames: ['kind', 'channel'],
    registers,
  });
  const attempts = new Counter({
    name: 'footnote_mail_attempts_total',
    help: 'Attempts of this process to hand a mail over: accepted, refused for good, or unreachable and tried again.',
    labelNames: ['outcome'],
    registers,
  });
  const requests = new Counter({
    name: 'footnote_http_requests_total',
    help: 'Requests answered by this process, by pattern of the route, verb and class of the status.',
    labelNames: ['route', 'method', 'status'],
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'footnote_http_request_duration_seconds',
    help: 'How long answers took, by pattern of the route.',
    labelNames: ['route'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  new Gauge({
    name: 'footnote_build_info',
    help: 'Always 1; its labels tell the version of Footnote and of Node.',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version: manifest.version, node: process.version }, 1);

  return {
    recordEntries: (entered) => {
      for (const { kind, channel } of entered) entries.inc({ kind, channel });
    },
    recordMail: (outcome) => attempts.inc({ outcome }),
    recordRequest: ({ route, method, status, seconds }) => {
      requests.inc({ route, method, status });
      requestSeconds.observe({ route }, seconds);
    },
    recordWish: (verdict) => wishes.inc({ verdict }),
    recordCeiling: ({ putOff, refused }) => {
      ceiling.inc({ outcome: 'put_off' }, putOff);
      ceiling.inc({ outcome: 'refused' }, refused);
    },
    recordCall: (outcome, seconds) => {
      calls.inc({ outcome });
      callSeconds.observe(seconds);
    },
    recordDelivery: (type, outcome) => deliveries.inc({ type, outcome }),
    text: async () => {
      const gauges = await readGauges({ ...scraped, now });
      return Registry.merge([counted, gauges]).metrics();
    },
  };
}

/** `GET /metrics`, for whoever holds a key of scope `read`. */
export function metricsRoutes({ metrics, keys, guard }: Health): Router {
  const router = Router();
  router
    .route('/metrics')
    .get(demandKey(keys, guard), async (req, res) => {
      holderOf(req, 'read');
      res.set('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE).send(await metrics.text());
    })
    .all(onlyVerbs('GET'));
  return router;
}
