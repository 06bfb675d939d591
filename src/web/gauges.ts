import { Gauge, Registry } from 'prom-client';
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

/** What is looked at for each scrape. */
export interface Scraped {
  database: Pick<Database, 'query' | 'room'>;
  /** Calls to Mailchimp that this process has under way. */
  callsInFlight: () => number;
  duties: Pick<Duties, 'list'>;
  now?: () => Date;
}

/**
 * How all of it stands at this moment, as gauges for Prometheus: made anew for each scrape, so that none is left over
 * from a state that is gone.
 */
export async function readGauges({
  database,
  callsInFlight,
  duties,
  now: clock,
}: Required<Scraped>): Promise<Registry> {
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
