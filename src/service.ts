import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import manifest from '../package.json' with { type: 'json' };
import { openKeys } from './access/keys.ts';
import { adminApi } from './admin/api.ts';
import { dashboardRoutes } from './admin/dashboard/dashboard.ts';
import { checkAtStart, doctor } from './admin/doctor.ts';
import type { Operations } from './admin/mailchimp.ts';
import { referenceRoutes } from './admin/reference.ts';
import { offerDefaultWordings } from './consent/wordings.ts';
import { type Duties, dutyQueues, openDuties, startDuties } from './duties/open.ts';
import { everyMinute, nightly, otherDuties } from './duties/others.ts';
import { openGuard } from './guard/guard.ts';
import { deliver, type MailHealth, mailHurry, mailQueue, type Postman } from './mail/deliver.ts';
import { openTransport } from './mail/transport.ts';
import { connect } from './mailchimp/api/client.ts';
import { openGate } from './mailchimp/api/gate.ts';
import { openCampaigns } from './mailchimp/campaigns/campaigns.ts';
import { type Sync, startSync } from './mailchimp/lane/sync.ts';
import {
  type Reconciling,
  readForImports,
  reconcileJob,
  reconcileQueue,
  requestReconciliation,
} from './mailchimp/reconcile.ts';
import { setup, webhookUrlOf } from './mailchimp/setup.ts';
import { type Database, openDatabase, type Sql } from './platform/database.ts';
import type { Log } from './platform/log.ts';
import { openQueue } from './platform/queue.ts';
import { cronOf } from './platform/schedule.ts';
import { logGone } from './restoring/gone.ts';
import type { Settings } from './settings.ts';
import { siteOf } from './site/site.ts';
import { linksOf } from './subscribing/links.ts';
import { openSubscribing, type Subscribing } from './subscribing/subscribing.ts';
import { foldTotals } from './subscribing/totals.ts';
import { createMetrics } from './web/metrics.ts';
import { pagesOf } from './web/reader.ts';
import { type Beat, openBeat } from './web/steady.ts';
import { createHealth, createWeb } from './web/web.ts';

/** Settings that name a Mailchimp account and a mail server, be they the sandbox's. */
export type ServiceSettings = Settings & {
  mailchimp: NonNullable<Settings['mailchimp']>;
  smtp: NonNullable<Settings['smtp']>;
};

export interface Service {
  port: number;
  /** What answers at the port. */
  app: Express;
  database: Database;
  subscribing: Subscribing;
  /** Absent in a process that only serves the web. */
  sync: Sync | null;
  operations: Operations;
  duties: Duties;
  /** Takes nothing new, finishes what is in flight, and closes everything. */
  stop(): Promise<void>;
}

/**
 * Puts the parts together and starts them: the web for readers, the worker that mails and syncs, or both.
 * @throws when the database or the port cannot be had; nothing is left running then
 */
export async function startService(
  settings: ServiceSettings,
  {
    log,
    now = () => new Date(),
    beat = openBeat(),
  }: {
    log: Log;
    now?: () => Date;
    beat?: Beat;
  },
): Promise<Service> {
  const closing: (() => Promise<unknown>)[] = [];
  const closeAll = async () => {
    for (const close of closing.reverse()) await close();
  };

  try {
    const isWeb = settings.role !== 'worker';
    const isWorker = settings.role !== 'web';
    const links = linksOf(settings.baseUrl);
    const site = siteOf(settings);

    const database = await openDatabase(settings.database, log);
    closing.push(() => database.close());
    const queue = await openQueue(
      database,
      { mail: mailQueue, reconcile: reconcileQueue, totals: {}, shred: shredQueue, ...dutyQueues },
      { worker: isWorker, log },
    );
    closing.push(() => queue.stop());
    await offerDefaultWordings(database);

    const { concurrency, reconcileMinutes } = settings.sync;
    const archives = settings.sync.erasure === 'archive';
    const askToReconcile: Operations['requestReconciliation'] = (wish) =>
      database.transaction(async (tx) => {
        const id = await requestReconciliation(tx, wish);
        await queue.add(tx, 'reconcile', [{ data: { id }, startAfter: 0 }]);
        return id;
      });
    const others = otherDuties({
      database,
      queue,
      reconcileMinutes,
      requestReconciliation: askToReconcile,
    });
    const duties = openDuties(queue, { database, now, others });

    const gate = openGate(database.places('mailchimp', concurrency), concurrency);
    const metrics = createMetrics({ database, callsInFlight: gate.inFlight, duties, now });
    const api = connect(settings.mailchimp, gate, metrics.recordCall);

    const { shred } = database;
    const enqueueShredding = async (tx: Sql) => {
      if (shred !== null) await queue.add(tx, 'shred', [{ data: {}, startAfter: 0 }]);
    };
    const alarm = ceilingAlarm(log);
    let sync: Sync | null = null;
    let mail: MailHealth | null = null;
    const subscribing = openSubscribing({
      database,
      secretKeys: settings.secretKeys,
      caps: settings.limits.caps,
      ceilings: settings.limits.ceilings,
      now,
      enqueueMails: (tx, mails) =>
        queue.add(
          tx,
          'mail',
          // In seconds from now, since the queue goes by the database's clock.
          mails.map(({ id, dueAt }) => ({
            data: { mailId: id },
            startAfter: Math.ceil(Math.max(0, dueAt.getTime() - now().getTime()) / 1000),
          })),
        ),
      enqueueShredding,
      onSyncDue: () => sync?.wake(),
      onGone: (gone) => logGone(log, gone),
      onEntered: metrics.recordEntries,
      onCeiling: (mails) => {
        metrics.recordCeiling(mails);
        alarm(mails);
      },
    });
    closing.push(() => subscribing.drained());
    const guard = await openGuard({
      database,
      now,
      secretKeys: settings.secretKeys,
      ...settings.limits,
      ...settings.form,
    });
    closing.push(() => guard.drained());
    const keys = openKeys({ database, adminApiKey: settings.adminApiKey, now });

    if (isWorker) {
      const transport = openTransport(settings.smtp.url, settings.dkim);
      closing.push(async () => transport.close());
      const sender = { from: settings.smtp.from, links };
      mail = { trouble: null };
      const postman: Postman = {
        database,
        subscribing,
        transport,
        sender,
        site,
        links,
        secretKeys: settings.secretKeys,
        now,
        health: mail,
        onMended: mailHurry({ database, queue, now }),
        onAttempt: metrics.recordMail,
        log,
        archives,
      };
      // Whoever mends SMTP_URL restarts.
      await queue.hurry(database, 'mail');
      await queue.work('mail', async (data) => {
        await beat.quiet();
        await deliver(postman, data);
      });

      const footerLinks = (key: string) => ({
        unsubscribe: links.unsubscribe(key),
        preferences: links.preferences(key),
      });
      const reconciling: Reconciling = { database, api, footerLinks, log };
      await queue.work('reconcile', (data) => reconcileJob(reconciling, data));
      await queue.schedule('reconcile', 'incremental', cronOf({ every: reconcileMinutes }), {
        kind: 'incremental',
      });
      await queue.schedule('reconcile', 'full', cronOf(nightly), { kind: 'full' });
      await queue.work('totals', () => foldTotals(database));
      await queue.schedule('totals', 'fold', cronOf(everyMinute), {});
      if (shred !== null) await queue.work('shred', shred);
      sync = startSync({
        database,
        api,
        subscribing,
        footerLinks,
        log,
        hear: () => reconcileJob(reconciling, { kind: 'incremental' }),
        read: () => readForImports(reconciling),
        concurrency,
        erasure: settings.sync.erasure,
        enqueueShredding,
      });
      const lane = sync;
      closing.push(() => lane.stop());
      const parts = { database, subscribing, retention: settings.retention, now, log };
      const breakOff = await startDuties(queue, parts);
      closing.push(async () => breakOff());
    }
    // Before the lane stops, which waits for its calls: those that wait for a place are not made any more.
    closing.push(() => gate.close());

    const operations: Operations = {
      doctor: () => doctor({ database, api, settings, guard, duties, now }),
      setup: () =>
        setup({ database, api, webhookUrl: webhookUrlOf(settings.baseUrl, settings.webhook.secret) }),
      requestReconciliation: askToReconcile,
      wakeLane: () => sync?.wake(),
    };

    let stopping = false;
    const health = {
      database,
      workerHealth: () => ({
        mailchimp: sync === null ? elsewhere : { callsInFlight: gate.inFlight() },
        mail: mail ?? elsewhere,
      }),
      metrics,
      keys,
      guard,
      isStopping: () => stopping,
      showPage: pagesOf(site),
      links,
      log,
    };
    const { baseUrl, allowedOrigins, trustProxy } = settings;
    const { publication, postalAddress } = site;
    const dossierMade = () => ({
      at: now(),
      version: manifest.version,
      site: { publication, postalAddress },
      mailDomain: settings.smtp.from.address.replace(/^.*@/, ''),
    });
    const campaigns = openCampaigns({ database, api, site, from: settings.smtp.from, now });
    const admin = adminApi({
      database,
      subscribing,
      keys,
      guard,
      operations,
      duties,
      campaigns,
      dossierMade,
      archives,
      now,
    });
    const app = isWeb
      ? createWeb({
          ...health,
          subscribing,
          baseUrl,
          site,
          logo: settings.publication.logo?.png ?? null,
          allowedOrigins,
          trustProxy,
          archives,
          altcha: settings.form.altchaDifficulty !== null,
          beat,
          webhook: { ...settings.webhook, audienceId: api.audienceId, onHint: () => sync?.wake() },
          adminApi: admin.router,
          dashboard: dashboardRoutes({
            database,
            duties,
            keys,
            guard,
            baseUrl,
            publication,
            doctor: operations.doctor,
            act: admin.act,
            dossierMade,
            log,
            now,
          }),
          reference: referenceRoutes(baseUrl, admin.described),
        })
      : createHealth(health);
    const server = createServer(slowClients, app);
    // Nor one that reads none of its answer, or little by little.
    server.setTimeout(30_000);
    server.on('request', (_req, res) => hurryAnswer(res, server.timeout));
    // Nor one that asks for a thousand things at once: all are answered before it is seen to read.
    server.maxRequestsPerSocket = 100;
    const port = await listen(server, settings.port, settings.host);
    closing.push(() => closeServer(server));
    if (settings.production) void checkAtStart({ database, api, settings, now }, log);

    return {
      port,
      app,
      database,
      subscribing,
      sync,
      operations,
      duties,
      stop: async () => {
        stopping = true;
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** slow or endless requests do not hold a connection; Node looks every 30 seconds unless told. */
const slowClients = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
};

/** Whatever a client takes of an answer counts as a sign of life, so a whole one has its time as well. */
function hurryAnswer(res: ServerResponse, ms: number): void {
  res.once('prefinish', () => {
    const timer = setTimeout(() => res.destroy(), ms);
    res.once('close', () => clearTimeout(timer));
  });
}

/** One that waits does for everybody who is erased meanwhile. */
const shredQueue = { policy: 'short' } as const;

/** What a process that only serves the web says of the worker's part. */
const elsewhere = { worker: 'in another process' };

/** Says that a ceiling is reached, which may be a flood: once in ten minutes, with what came since. */
function ceilingAlarm(log: Log) {
  let saidAt = Number.NEGATIVE_INFINITY;
  let putOff = 0;
  let refused = 0;
  return (mails: { putOff: number; refused: number }) => {
    putOff += mails.putOff;
    refused += mails.refused;
    if (Date.now() - saidAt < 600_000) return;
    log.error(
      { putOff, refused },
      'more mails are asked for than LIMIT_DOMAIN_HOUR and LIMIT_TOTAL_HOUR let go at once: is somebody flooding?',
    );
    saidAt = Date.now();
    putOff = 0;
    refused = 0;
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      reject(inUse ? new Error(`port ${port} is in use: stop what uses it or set PORT to another`) : error);
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Lets requests in flight finish; idle keep-alive connections are closed at once. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 10_000).unref();
  });
}
