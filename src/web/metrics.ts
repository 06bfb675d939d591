import { Router } from 'express';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import manifest from '../../package.json' with { type: 'json' };
import { checkLedger, ledgerReport } from '../duties/check-ledger.ts';
import type { Duties } from '../duties/open.ts';
import { readDuties } from '../duties/runs.ts';
import type { Scheduled } from '../duties/scheduled.ts';
import { readMailSignals } from '../mail/signals.ts';
import { readSignals } from '../mailchimp/signals.ts';
import { clockSkew } from '../platform/clock.ts';
import type { Database } from '../platform/database.ts';
import { everyList } from '../subscribing/lists.ts';
import { recentSignUps } from '../subscribing/recent.ts';
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

/** What is looked at for each scrape. */
interface Standing {
  database: Pick<Database, 'query' | 'room'>;
  /** Calls to Mailchimp that this process has under way. */
  callsInFlight: () => number;
  duties: Pick<Duties, 'list'>;
  now?: () => Date;
}

/**
 * The counters of one process. Names and units follow Prometheus' conventions; no label holds anything
 * personal.
 */
export function createMetrics({ now = () => new Date(), ...standing }: Standing): Metrics {
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
      const current = await currentState({ ...standing, now });
      return Registry.merge([counted, current]).metrics();
    },
  };
}

/** Gauges are made anew for each scrape, so that none is left over from a state that is gone. */
async function currentState({
  database,
  callsInFlight,
  duties,
  now: clock,
}: Required<Standing>): Promise<Registry> {
  const now = clock();
  const registry = new Registry();
  const gauge = (name: string, help: string, value: number | null) => {
    if (value !== null) new Gauge({ name, help, registers: [registry] }).set(value);
  };
  const gauges = (name: string, help: string, label: string, values: Record<string, number>) => {
    const family = new Gauge({ name, help, labelNames: [label], registers: [registry] });
    for (const [key, value] of Object.entries(values)) family.set({ [label]: key }, value);
  };
  const seconds = (time: Date | null) => time && time.getTime() / 1000;

  gauge(
    'footnote_mailchimp_calls_in_flight',
    'Calls to Mailchimp by this process under way.',
    callsInFlight(),
  );

  const signals = await readSignals(database).catch(() => null);
  gauge('footnote_database_up', 'Whether the database answers.', signals === null ? 0 : 1);
  if (signals === null) return registry;
  const room = await database.room().catch(() => null);
  gauge(
    'footnote_database_full',
    'Whether nothing more can be written, as the disk is full.',
    room && Number(room.full),
  );
  gauge(
    'footnote_database_free_bytes',
    'Bytes that are free where the embedded database is.',
    room?.free ?? null,
  );
  gauge(
    'footnote_database_clock_skew_seconds',
    'How far the clocks of this machine and of the database are apart.',
    await clockSkew(database, clock).catch(() => null),
  );

  gauges(
    'footnote_subscribers',
    'People on a mailing list, by its slug.',
    'list',
    Object.fromEntries((await everyList(database)).map(({ slug, subscribers }) => [slug, subscribers])),
  );
  gauge(
    'footnote_confirmation_median_seconds',
    'Within which time half of those confirmed who did, of the last 1,000 sign-ups.',
    (await recentSignUps(database)).medianSeconds,
  );
  gauge(
    'footnote_mailchimp_contacts_due',
    'Contacts that Mailchimp has yet to hear of; 10001 stands for more.',
    signals.due,
  );
  gauge(
    'footnote_mailchimp_oldest_opt_out_age_seconds',
    'How long the oldest opt-out has been waiting for Mailchimp to know; 0 when none is.',
    signals.oldestOptOutSeconds ?? 0,
  );
  gauges(
    'footnote_mailchimp_contacts_refused',
    'Contacts that could not be made equal, by reason; together 10001 stand for more.',
    'reason',
    signals.refused,
  );
  gauge(
    'footnote_mailchimp_lane_stopped',
    'Whether nobody is sent to Mailchimp, as the key or the audience is not usable.',
    signals.stopped === null ? 0 : 1,
  );
  gauge(
    'footnote_mailchimp_lane_paused',
    'Whether nobody is sent to Mailchimp, as an operator paused it.',
    signals.pausedAt === null ? 0 : 1,
  );
  gauge(
    'footnote_mailchimp_last_webhook_timestamp_seconds',
    'When the last webhook delivery was taken.',
    seconds(signals.lastWebhook),
  );
  gauge(
    'footnote_mailchimp_last_reconciliation_timestamp_seconds',
    'When the audience was last compared to the end.',
    seconds(signals.reconciledAt),
  );
  if (signals.drift !== null) {
    const { missing, extra, conflicting, strangers, due, lost } = signals.drift;
    gauges(
      'footnote_mailchimp_drift_contacts',
      'Contacts that the last comparison found to differ, by how.',
      'kind',
      { missing, extra, conflicting, strangers, due },
    );
    // No kind of drift: they are counted among the strangers.
    gauge(
      'footnote_mailchimp_lost_members',
      "Members of the audience with links of ours that are nobody's, as a backup was restored.",
      lost,
    );
  }
  const mail = await readMailSignals(database, now);
  gauge('footnote_mails_owed', 'Mails that are due and did not leave yet.', mail.owed);
  gauge(
    'footnote_mails_oldest_owed_age_seconds',
    'How long the oldest mail that is due has been waiting to leave; 0 when none is.',
    mail.oldestSeconds,
  );
  gauges(
    'footnote_queue_jobs',
    'Jobs that wait or are under way, by queue.',
    'queue',
    await readQueues(database),
  );
  tellDuties(await duties.list(), registry);
  await tellLedgers(database, now, registry);
  return registry;
}

/** pg-boss counts its jobs every few seconds. */
async function readQueues(sql: Pick<Database, 'query'>): Promise<Record<string, number>> {
  const rows = await sql.query<{ name: string; jobs: number }>(
    'SELECT name, queued_count + active_count AS jobs FROM jobs.queue ORDER BY name',
  );
  return Object.fromEntries(rows.map(({ name, jobs }) => [name, jobs]));
}

function tellDuties(all: readonly Scheduled[], registry: Registry): void {
  const labelled = { labelNames: ['duty'], registers: [registry] };
  const succeeded = new Gauge({
    name: 'footnote_duty_last_success_timestamp_seconds',
    help: 'When a scheduled duty last went well.',
    ...labelled,
  });
  const failed = new Gauge({
    name: 'footnote_duty_failed',
    help: 'Whether the last run of a scheduled duty failed.',
    ...labelled,
  });
  const overdue = new Gauge({
    name: 'footnote_duty_overdue',
    help: 'Whether a scheduled duty has not gone well for twice as long as it should take.',
    ...labelled,
  });
  for (const { name, succeededAt, failure, isOverdue } of all) {
    const label = { duty: name };
    failed.set(label, failure === null ? 0 : 1);
    overdue.set(label, isOverdue ? 1 : 0);
    if (succeededAt !== null) succeeded.set(label, succeededAt.getTime() / 1000);
  }
}

async function tellLedgers(sql: Pick<Database, 'query'>, now: Date, registry: Registry): Promise<void> {
  const [state] = await readDuties(sql, [checkLedger], now);
  const ledger = ledgerReport.safeParse(state?.run?.report).data;
  if (ledger === undefined || !state?.run?.succeededAt) return;
  const registers = [registry];
  new Gauge({
    name: 'footnote_ledgers_broken',
    help: 'Ledgers that the last whole check found altered.',
    registers,
  }).set(ledger.broken);
  new Gauge({
    name: 'footnote_ledgers_checked',
    help: 'Ledgers that the last whole check looked at.',
    registers,
  }).set(ledger.people);
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
