import supertest from 'supertest';
import { inject } from 'vitest';
import type { MailKind } from '../../src/generated/prisma/enums.ts';
import type { Sql } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Service, type ServiceSettings, startService } from '../../src/service.ts';
import { readSettings, type Settings } from '../../src/settings.ts';
import { openBeat } from '../../src/web/steady.ts';
import { eventually } from './eventually.ts';
import { isTo, linksIn } from './mails.ts';
import { freePort } from './ports.ts';
import { copyTemplate } from './template.ts';

export const allowedOrigin = 'https://news.example';
const minute = 60_000;

/** A real Footnote: HTTP on a port, its own database, a real SMTP server, Mailchimp over HTTP. */
export class Footnote {
  readonly database: Settings['database'];
  readonly sandbox: Sandbox;
  readonly settings: ServiceSettings;
  private readonly drop: () => Promise<void>;
  private running: Service | null = null;
  private ahead = 0;
  private beat = openBeat(0);
  private log = '';

  private constructor(
    database: Settings['database'],
    drop: () => Promise<void>,
    sandbox: Sandbox,
    settings: ServiceSettings,
  ) {
    this.database = database;
    this.drop = drop;
    this.sandbox = sandbox;
    this.settings = settings;
  }

  /** Starts it. `env` goes over the settings of the tests; answers wait for no beat unless one is asked for. */
  static async start(env: Record<string, string> = {}, { beat = openBeat(0) } = {}): Promise<Footnote> {
    const { settings: database, drop } = await copyTemplate(inject('template'), inject('server'));
    const port = await freePort();
    const serviceUrl = env['BASE_URL'] ?? `http://localhost:${port}`;
    const sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl, folder: null });
    const settings = readSettings({
      NODE_ENV: 'test',
      PORT: String(port),
      MAILCHIMP_API_KEY: sandbox.mailchimp.apiKey,
      MAILCHIMP_AUDIENCE_ID: sandbox.mailchimp.audienceId,
      MAILCHIMP_BASE_URL: sandbox.mailchimp.baseUrl,
      SMTP_URL: sandbox.smtpUrl,
      MAIL_FROM: 'The Daily Example <newsletters@daily.example>',
      ALLOWED_ORIGINS: allowedOrigin,
      LOG_LEVEL: 'silent',
      ...env,
    });
    const { mailchimp, smtp } = settings;
    if (mailchimp === null || smtp === null) throw new Error('the tests need Mailchimp and SMTP settings');
    const footnote = new Footnote(database, drop, sandbox, { ...settings, mailchimp, smtp, database });
    footnote.beat = beat;
    await footnote.startService();
    await offerDemoLists(footnote.service.database);
    return footnote;
  }

  async startService(changed: Partial<ServiceSettings> = {}): Promise<void> {
    this.running = await startService(
      { ...this.settings, ...changed },
      {
        log: createLog(this.settings.logLevel, {
          write: (line) => {
            this.log += line;
          },
        }),
        now: () => this.now(),
        beat: this.beat,
      },
    );
  }

  async stopService(): Promise<void> {
    await this.running?.stop();
    this.running = null;
  }

  async stop(): Promise<void> {
    await this.stopService();
    await this.sandbox.stop();
    await this.drop();
  }

  get service(): Service {
    if (this.running === null) throw new Error('the service is stopped');
    return this.running;
  }

  /** Everything it logged so far: nothing, unless LOG_LEVEL is set. */
  get logged(): string {
    return this.log;
  }

  get http() {
    return supertest(`http://127.0.0.1:${this.service.port}`);
  }

  now(): Date {
    return new Date(Date.now() + this.ahead);
  }

  /** Moves the service's clock; by more than a minute the caps let the next confirmation mail go. */
  advance(ms: number): void {
    this.ahead += ms;
  }

  /** Signs up as a site does by fetch. */
  signUp(email: string, lists: string[] = ['morning-briefing'], more: object = {}) {
    return this.http.post('/subscriptions').send({ email, lists, ...more });
  }

  /** The next mail to an address, or the next one of a kind, and the secret links in it. */
  async mailTo(email: string, kind?: MailKind) {
    const mail = await this.sandbox.inbox.next(isTo(email, kind));
    return { mail, ...linksIn(mail) };
  }

  /**
   * Goes the whole way of a reader: sign-up, mail, button, and the welcome that follows.
   * @returns the links of the confirmation mail
   */
  async subscribe(email: string, lists: string[] = ['morning-briefing'], more: object = {}) {
    await this.signUp(email, lists, more).expect(202);
    const links = await this.mailTo(email, 'confirmation');
    await this.http.post(links.confirm).expect(200);
    await this.mailTo(email, 'welcome');
    this.advance(2 * minute);
    return links;
  }

  /** The kinds of the mails that a person was or is owed, in the order in which they are due. */
  async mails(email: string): Promise<MailKind[]> {
    const mails = await this.service.database.prisma.mail.findMany({
      where: { subscriber: { key: email } },
      orderBy: [{ dueAt: 'asc' }, { id: 'asc' }],
    });
    return mails.map(({ kind }) => kind);
  }

  /** Resolves once every mail that left is noted in the ledger, and none is owed. */
  async mailsNoted(): Promise<void> {
    await eventually(async () => {
      const owed = await this.service.database.prisma.mail.count({
        where: { acceptedAt: null, abandoned: null },
      });
      if (owed > 0) throw new Error(`${owed} mails are still owed`);
    });
  }

  /** Makes due what waits for its next attempt. */
  async hurry(): Promise<void> {
    const { database, sync } = this.service;
    await database.query(`UPDATE jobs.job SET start_after = now() WHERE state = 'retry'`);
    await database.query('UPDATE audience_contacts SET due_at = now() WHERE due_at IS NOT NULL');
    sync?.wake();
  }

  /**
   * A hash of every table of ours, once the sync rests: equal before and after, nothing was changed (I7). The
   * counters of limits, the log of what operators tried, their sessions and the kept totals, which are folded at any
   * time, are left out: they are about nobody's choices. So is what the clock has done at its time, whatever is asked.
   */
  async fingerprint(): Promise<Record<string, string>> {
    const { database, sync } = this.service;
    await sync?.idle();
    const hashes: Record<string, string> = {};
    const leftOut = [
      'buckets',
      'audit_entries',
      'admin_sessions',
      'daily_totals',
      'total_changes',
      'duty_runs',
    ];
    const ofTheClock = "kind = 'incremental' AND NOT dry_run";
    for (const table of await tablesOf(database, 'public')) {
      if (leftOut.includes(table)) continue;
      const only = table === 'reconciliations' ? `WHERE NOT (${ofTheClock})` : '';
      const [row] = await database.query<{ hash: string }>(
        `SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS hash FROM ${table} t ${only}`,
      );
      hashes[table] = row?.hash ?? '';
    }
    return hashes;
  }

  dump(): Promise<string> {
    return dumpOf(this.service.database);
  }

  /** What Mailchimp holds of a person, once it has nothing more to follow. */
  async member(email: string) {
    await this.service.sync?.idle();
    return this.sandbox.audience.member(email);
  }

  /** The lists that a person is on, by state. */
  async lists(email: string): Promise<Record<string, string>> {
    const rows = await this.service.database.query<{ slug: string; state: string }>(
      `SELECT list.slug, subscription.state FROM subscriptions subscription
         JOIN subscribers person ON person.id = subscription.subscriber_id
         JOIN mailing_lists list ON list.id = subscription.list_id
        WHERE person.key = $1`,
      [email],
    );
    return Object.fromEntries(rows.map(({ slug, state }) => [slug, state]));
  }

  /** The kinds of a person's ledger entries, in order. */
  async ledger(email: string): Promise<string[]> {
    const rows = await this.service.database.query<{ kind: string }>(
      `SELECT event.kind FROM consent_events event JOIN subscribers person ON person.id = event.subscriber_id
        WHERE person.key = $1 ORDER BY event.seq`,
      [email],
    );
    return rows.map(({ kind }) => kind);
  }
}

/** Every row of a database as text, the queue's included: what an erasure may leave nothing in (I6, C-23). */
export async function dumpOf(sql: Sql): Promise<string> {
  const rows: string[] = [];
  for (const table of await tablesOf(sql, 'public', 'jobs')) {
    const found = await sql.query<{ row: string }>(`SELECT t::text AS row FROM ${table} t`);
    rows.push(...found.map(({ row }) => `${table}: ${row}`));
  }
  return rows.join('\n');
}

async function tablesOf(sql: Sql, ...schemas: string[]): Promise<string[]> {
  const tables = await sql.query<{ name: string }>(
    `SELECT CASE table_schema WHEN 'public' THEN quote_ident(table_name)
                 ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS name
       FROM information_schema.tables WHERE table_schema = ANY ($1::text[]) ORDER BY 1`,
    [schemas],
  );
  return tables.map(({ name }) => name);
}
