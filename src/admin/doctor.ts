import { readdir } from 'node:fs/promises';
import { z } from 'zod';
import { examineDuties } from '../duties/doctor.ts';
import type { Duties } from '../duties/open.ts';
import type { Guard } from '../guard/guard.ts';
import { examineMail, judgeOwed, type ResolveTxt } from '../mail/doctor.ts';
import type { MailchimpApi } from '../mailchimp/api/client.ts';
import { examineKey, examineMailchimp } from '../mailchimp/doctor.ts';
import { levelOf } from '../platform/buckets.ts';
import { clockSkew } from '../platform/clock.ts';
import type { Database, Sql } from '../platform/database.ts';
import { examine, type Finding, fault, ok, type Verdict, warning } from '../platform/finding.ts';
import { isLocal } from '../platform/local.ts';
import type { Log } from '../platform/log.ts';
import { migrationsFolder } from '../platform/migrations.ts';
import type { Settings } from '../settings.ts';
import { hour, totalBucket } from '../subscribing/ceilings.ts';

/** What the doctor looks at. */
export interface Patient {
  database: Database;
  api: MailchimpApi;
  guard: Pick<Guard, 'sendersUnknown'>;
  duties: Pick<Duties, 'list'>;
  settings: Pick<Settings, 'database' | 'baseUrl' | 'webhook' | 'dkim' | 'limits' | 'secretKeys'> & {
    mailchimp: NonNullable<Settings['mailchimp']>;
    smtp: NonNullable<Settings['smtp']>;
  };
  now: () => Date;
  /** Stands in for the DNS. */
  resolveTxt?: ResolveTxt;
}

/**
 * Looks at all that a running Footnote depends on and says in plain words what is wrong and what to do.
 * Changes nothing, sends nothing. Every check is made whatever the others find, and none throws.
 */
export async function doctor({
  database,
  api,
  guard,
  duties,
  settings,
  now,
  resolveTxt,
}: Patient): Promise<Finding[]> {
  const { baseUrl, mailchimp, webhook, smtp, dkim, limits } = settings;
  const findings = await Promise.all([
    examine('database', () => judgeDatabase(database, settings.database.kind)),
    examine('clock', () => judgeClock(database, now)),
    examine('room', () => judgeRoom(database)),
    examine('base URL', () => judgeBaseUrl(baseUrl)),
    examine('proxies', async () => judgeProxies(guard.sendersUnknown(), baseUrl)),
    examine('flooding', () => judgeCeiling(database, limits.ceilings.total, now())),
    examineMail({ smtpUrl: smtp.url, dkim, ...(resolveTxt && { resolveTxt }) }),
    examine('owed mails', () => judgeOwed(database, settings.secretKeys, now())),
    examineDuties(database, duties, now()),
    examineMailchimp({ database, api, mailchimp, webhook, baseUrl }),
  ]);
  return findings.flat();
}

/**
 * The part of it that a start in production makes by itself, in the background: with one call to Mailchimp and one
 * login at the mail server. What is not as it should be goes to the log, and nothing is held up by it.
 */
export async function checkAtStart(
  { database, api, settings, now, resolveTxt }: Omit<Patient, 'guard' | 'duties'>,
  log: Log,
): Promise<void> {
  const { baseUrl, mailchimp, smtp, dkim } = settings;
  const findings = await Promise.all([
    examine('database', () => judgeDatabase(database, settings.database.kind)),
    examine('clock', () => judgeClock(database, now)),
    examine('room', () => judgeRoom(database)),
    examine('base URL', () => judgeBaseUrl(baseUrl)),
    examineMail({ smtpUrl: smtp.url, dkim, ...(resolveTxt && { resolveTxt }) }),
    examineKey({ mailchimp }, api.getAccount()),
  ]);
  const wrong = findings.flat().filter(({ status }) => status !== 'ok');
  for (const { check, status, message, remedy } of wrong)
    log[status === 'fault' ? 'error' : 'warn']({ check, remedy }, message);
  if (wrong.length === 0) log.info('what Footnote depends on is there: the doctor says more');
}

async function judgeDatabase(sql: Sql, kind: Settings['database']['kind']): Promise<Verdict> {
  const applied = await sql.query<{ name: string; finished: boolean }>(
    `SELECT migration_name AS name, finished_at IS NOT NULL AS finished FROM _prisma_migrations
      WHERE rolled_back_at IS NULL`,
  );
  const entries = await readdir(migrationsFolder, { withFileTypes: true });
  const known = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const missing = known.filter((name) => !applied.some((one) => one.name === name && one.finished));
  if (missing.length > 0) {
    return fault(
      `Migrations are missing or broke off: ${missing.join(', ')}.`,
      'Restart Footnote: it applies them when it starts, or says why it cannot.',
    );
  }
  if (applied.some(({ name }) => !known.includes(name))) {
    return warning(
      'The database was migrated by a newer Footnote than this one.',
      'Run the newer version everywhere.',
    );
  }
  return kind === 'postgres'
    ? ok('PostgreSQL answers, and every migration is applied.')
    : warning(
        'The embedded database answers, and every migration is applied. It serves one process, and what was ' +
          'written in the last moments before a power failure may be lost.',
        'Set DATABASE_URL to a PostgreSQL before real readers depend on it.',
      );
}

/** Above so many seconds, times of consent cannot be compared with what Mailchimp and other nodes say. */
const mostSkew = 30;

async function judgeClock(sql: Sql, now: () => Date): Promise<Verdict> {
  const skew = await clockSkew(sql, now);
  const seconds = Math.round(skew);
  return skew > mostSkew
    ? fault(
        `The clocks of this machine and of the database are ${seconds} seconds apart. Times of consent are compared ` +
          'with times of opt-outs, so this can undo a choice.',
        'Let both machines set their clocks by NTP.',
      )
    : ok(`The clocks of this machine and of the database are ${seconds} seconds apart.`);
}

const mega = 1024 * 1024;
/** Enough for the days that it takes until somebody sees to it. */
const roomy = 1024 * mega;

/** Whether there is room for more rows. */
export async function judgeRoom(database: Pick<Database, 'room'>): Promise<Verdict> {
  const { full, free } = await database.room();
  const amount = free === null ? '' : `${Math.round(free / mega)} MB are free where the database is.`;
  if (full) {
    return fault(
      `The disk of the database is full, so sign-ups and opt-outs fail. ${amount}`.trim(),
      'Make room on it (df -h shows it), never by deleting files of the database. Footnote goes on by itself.',
    );
  }
  if (free !== null && free < roomy) {
    return warning(`Only ${amount}`, 'Make room before it is full: then sign-ups and opt-outs fail.');
  }
  return ok(amount || 'There is room for more rows.');
}

function judgeProxies(sendersUnknown: number, baseUrl: string): Verdict {
  return sendersUnknown === 0 || isLocal(baseUrl)
    ? ok('It is known where sign-ups come from.')
    : warning(
        'Sign-ups come from a private address, which is a proxy rather than a reader: they are not limited by ' +
          'network, and the proof of consent lacks the IP address.',
        'Name the proxies in TRUST_PROXY, and let them set X-Forwarded-For.',
      );
}

async function judgeCeiling(sql: Sql, perHour: number, now: Date): Promise<Verdict> {
  const level = (await levelOf(sql, totalBucket, now)) / hour;
  if (level >= 1) {
    return warning(
      `Strangers cause more mails than the ${perHour} an hour that LIMIT_TOTAL_HOUR lets go. The others wait, ` +
        `now for ${Math.round((level - 1) * 60)} minutes.`,
      'If this is a flood, set ALTCHA=on; if it is success, raise LIMIT_TOTAL_HOUR.',
    );
  }
  return ok(`Strangers cause ${Math.round(level * 100)} % of the mails that LIMIT_TOTAL_HOUR lets go.`);
}

const alive = z.object({ status: z.literal('ok') });

async function judgeBaseUrl(baseUrl: string): Promise<Verdict> {
  const answer = await fetch(`${baseUrl}/healthz`, {
    redirect: 'manual',
    signal: AbortSignal.timeout(5_000),
  }).catch(() => null);
  const isFootnote = answer?.status === 200 && alive.safeParse(await answer.json().catch(() => null)).success;
  if (answer !== null && !isFootnote) {
    return fault(
      `Something else than Footnote answers at BASE_URL (${answer.status}), where every link in our mails leads.`,
      'Let the proxy lead BASE_URL to Footnote without a redirect, or correct BASE_URL.',
    );
  }
  if (isLocal(baseUrl)) {
    return warning(
      'BASE_URL leads to this machine or its network only, so links in mails work for nobody else.',
      'Set BASE_URL to the public https address before real readers get mails.',
    );
  }
  if (answer === null) {
    return warning(
      'Nothing answers at BASE_URL from here. Some networks do not let a machine call its own public address.',
      'Open BASE_URL/healthz from elsewhere; if nothing answers there either, check DNS, proxy and certificate.',
    );
  }
  if (!baseUrl.startsWith('https:')) {
    return warning(
      'BASE_URL is not https: whoever listens in between can read and use the links in our mails.',
      'Put a certificate in front and set BASE_URL to the https address.',
    );
  }
  return ok('BASE_URL leads to Footnote.');
}
