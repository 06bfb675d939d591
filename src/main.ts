import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createLog, type Log } from './platform/log.ts';
import { type ServiceSettings, startService } from './service.ts';
import { readSettings, type Settings, SettingsError } from './settings.ts';

// The only place that knows everything: settings, sandbox where nothing else is configured, service,
// signals.

/** Starts stand-ins for what is not configured; in production, settings without it are refused before. */
async function withSandbox(settings: Settings) {
  const { mailchimp, smtp } = settings;
  if (mailchimp !== null && smtp !== null)
    return { settings: { ...settings, mailchimp, smtp }, sandbox: null };

  const { startSandbox } = await import('./sandbox/sandbox.ts');
  const sandbox = await startSandbox({
    port: settings.port + 1,
    smtpPort: settings.port + 2,
    serviceUrl: settings.baseUrl,
    folder: path.join(settings.dataDir, 'sandbox'),
  });
  const complete: ServiceSettings = {
    ...settings,
    mailchimp: mailchimp ?? { ...sandbox.mailchimp, dataCentre: 'us1' },
    smtp: smtp ?? {
      url: sandbox.smtpUrl,
      from: { name: settings.publication.name, address: 'newsletters@daily.example' },
    },
    webhook: { ...settings.webhook, secret: settings.webhook.secret ?? randomBytes(16).toString('hex') },
    allowedOrigins: [...settings.allowedOrigins, sandbox.url],
  };
  return { settings: complete, sandbox };
}

/** Has traces sent, where a collector is named; nothing of it is loaded elsewhere. @returns what sends the rest */
async function traced(tracing: Settings['tracing'], log: Log): Promise<() => Promise<void>> {
  if (tracing === null) return async () => {};
  return (await import('./platform/collector.ts')).startTracing(tracing, log);
}

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile();
  const given = readSettings(process.env);
  const log = createLog(given.logLevel);
  const stopTracing = await traced(given.tracing, log);
  const { settings, sandbox } = await withSandbox(given);
  const service = await startService(settings, { log }).catch(async (error: unknown) => {
    await sandbox?.stop();
    throw error;
  });
  if (sandbox !== null) await (await import('./sandbox/lists.ts')).offerDemoLists(service.database);
  if (given.mailchimp === null) await service.operations.setup();

  log.info({ port: service.port, role: settings.role }, 'Footnote is ready');
  if (sandbox !== null) {
    process.stdout.write(
      [
        '',
        'Footnote is running, with sandboxes for what is not configured. Nothing leaves this machine.',
        `  Demo article      ${sandbox.url}/article     sign up in its footer`,
        ...(given.smtp === null
          ? [`  Sandbox inbox     ${sandbox.url}/inbox       read the mail, confirm`]
          : []),
        ...(given.mailchimp === null
          ? [`  Sandbox Mailchimp ${sandbox.url}/mailchimp   see the audience follow`]
          : []),
        `  Hosted form       ${settings.baseUrl}/`,
        '',
      ].join('\n'),
    );
  }

  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping: finishing what is in flight');
    await service.stop();
    await sandbox?.stop();
    await stopTracing();
    log.info('stopped');
    // Everything is closed; Prisma's engine leaves a timer that would hold the process for seconds.
    process.exit();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  const message =
    error instanceof SettingsError
      ? ['Footnote cannot start, the configuration is wrong:', ...error.faults].join('\n  ')
      : `Footnote cannot start: ${error instanceof Error ? error.message : 'unknown error'}`;
  process.stderr.write(`${message}\n`);
  process.exit(1);
});
