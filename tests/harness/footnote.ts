import supertest from 'supertest';
import { inject, vi } from 'vitest';
import { createLog } from '../../src/platform/log.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Service, type ServiceSettings, startService } from '../../src/service.ts';
import { readSettings, type Settings } from '../../src/settings.ts';
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

  /** Starts it. `env` goes over the settings of the tests. */
  static async start(env: Record<string, string> = {}): Promise<Footnote> {
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
    await footnote.startService();
    await offerDemoLists(footnote.service.database);
    return footnote;
  }

  async startService(changed: Partial<ServiceSettings> = {}): Promise<void> {
    this.running = await startService(
      { ...this.settings, ...changed },
      { log: createLog(this.settings.logLevel), now: () => this.now() },
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

  /** The next mail to an address, and the secret links in it. */
  async mailTo(email: string) {
    const mail = await this.sandbox.inbox.next(({ envelope }) => envelope.to.includes(email));
    const link = (path: string) =>
      new RegExp(`${this.settings.baseUrl}(/${path}/[0-9a-f]+)`).exec(mail.text)?.[1] ?? '';
    return {
      mail,
      confirm: link('confirm'),
      unsubscribe: link('unsubscribe'),
      preferences: link('preferences'),
    };
  }

  /** Goes the whole way of a reader: sign-up, mail, button. @returns the links of the mail */
  async subscribe(email: string, lists: string[] = ['morning-briefing']) {
    await this.signUp(email, lists).expect(202);
    const links = await this.mailTo(email);
    await this.http.post(links.confirm).expect(200);
    this.advance(2 * minute);
    return links;
  }

  /** Resolves once every mail that left is noted in the ledger, and none is owed. */
  async mailsNoted(): Promise<void> {
    await vi.waitFor(
      async () => {
        const owed = await this.service.database.prisma.mail.count({
          where: { acceptedAt: null, abandoned: null },
        });
        if (owed > 0) throw new Error(`${owed} mails are still owed`);
      },
      { timeout: 5_000, interval: 10 },
    );
  }

  /** Makes due what waits for its next attempt. */
  async hurry(): Promise<void> {
    const { database, sync } = this.service;
    await database.query(`UPDATE jobs.job SET start_after = now() WHERE state = 'retry'`);
    await database.query('UPDATE audience_contacts SET due_at = now() WHERE due_at IS NOT NULL');
    sync?.wake();
  }

  /** A hash of every table of ours, once the sync rests: equal before and after, nothing was changed (I7). */
  async fingerprint(): Promise<Record<string, string>> {
    const { database, sync } = this.service;
    await sync?.idle();
    const tables = await database.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
    );
    const hashes: Record<string, string> = {};
    for (const { name } of tables) {
      const [row] = await database.query<{ hash: string }>(
        `SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS hash FROM "${name}" t`,
      );
      hashes[name] = row?.hash ?? '';
    }
    return hashes;
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
