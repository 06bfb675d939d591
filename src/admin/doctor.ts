import { readdir } from 'node:fs/promises';
import { z } from 'zod';
import { examineMail, type ResolveTxt } from '../mail/doctor.ts';
import type { MailchimpApi } from '../mailchimp/api/client.ts';
import { examineMailchimp } from '../mailchimp/doctor.ts';
import type { Database, Sql } from '../platform/database.ts';
import { examine, type Finding, fault, ok, type Verdict, warning } from '../platform/finding.ts';
import { isLocal } from '../platform/local.ts';
import { migrationsFolder } from '../platform/migrations.ts';
import type { Settings } from '../settings.ts';

/** What the doctor looks at. */
export interface Patient {
  database: Database;
  api: MailchimpApi;
  settings: Pick<Settings, 'database' | 'baseUrl' | 'webhook' | 'dkim'> & {
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
export async function doctor({ database, api, settings, now, resolveTxt }: Patient): Promise<Finding[]> {
  const { baseUrl, mailchimp, webhook, smtp, dkim } = settings;
  const findings = await Promise.all([
    examine('database', () => judgeDatabase(database, settings.database.kind)),
    examine('clock', () => judgeClock(database, now)),
    examine('base URL', () => judgeBaseUrl(baseUrl)),
    examineMail({ smtpUrl: smtp.url, dkim, ...(resolveTxt && { resolveTxt }) }),
    examineMailchimp({ database, api, mailchimp, webhook, baseUrl }),
  ]);
  return findings.flat();
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

/** Above this, times of consent cannot be compared with what Mailchimp and other nodes say. */
const mostSkew = 30_000;

async function judgeClock(sql: Sql, now: () => Date): Promise<Verdict> {
  const asked = now().getTime();
  const [row] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const answered = now().getTime();
  if (row === undefined) return fault('The database does not tell the time.', null);
  const skew = Math.max(asked - row.now.getTime(), row.now.getTime() - answered, 0);
  const seconds = Math.round(skew / 1000);
  return skew > mostSkew
    ? fault(
        `The clocks of this machine and of the database are ${seconds} seconds apart. Times of consent are compared ` +
          'with times of opt-outs, so this can undo a choice.',
        'Let both machines set their clocks by NTP.',
      )
    : ok(`The clocks of this machine and of the database are ${seconds} seconds apart.`);
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
