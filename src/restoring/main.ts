import { existsSync } from 'node:fs';
import { openDatabase } from '../platform/database.ts';
import { createLog } from '../platform/log.ts';
import { readSettings, SettingsError } from '../settings.ts';
import { openSubscribing } from '../subscribing/subscribing.ts';
import { goneBy, type Logged } from './gone.ts';
import { afterRestore } from './restored.ts';

// `npm run restored -- [LOG …]`: to be run once after a backup was restored, before Footnote starts on it, with what
// Footnote logged since that backup. Exit codes: 0 done, 1 failed.

async function* goneByAll(files: readonly string[]): AsyncGenerator<Logged> {
  for (const file of files) yield* goneBy(file);
}

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile();
  const settings = readSettings(process.env);
  const files = process.argv.slice(2);
  const lacking = files.find((file) => !existsSync(file));
  if (lacking !== undefined) throw new Error(`there is no file ${lacking}`);

  const log = createLog('warn');
  const database = await openDatabase(settings.database, log);
  try {
    const subscribing = openSubscribing({
      database,
      secretKeys: settings.secretKeys,
      ...settings.limits,
      now: () => new Date(),
      // Nobody is mailed for what happened before.
      enqueueMails: async () => {},
      onSyncDue: () => {},
      onCeiling: () => {},
    });
    const { left, erased } = await afterRestore({ database, subscribing, log }, goneByAll(files));
    process.stdout.write(
      [
        files.length === 0
          ? 'No log was given: who left or was erased since the backup is known from Mailchimp alone.'
          : `${left} people who left since the backup have left again, and ${erased} are erased again.`,
        'Start Footnote now: it compares the whole audience first, and ends here what ended there.',
        'Then see what remains: npm run admin -- sync reconcile',
        '',
      ].join('\n'),
    );
  } finally {
    await database.close();
  }
}

main().then(
  // Prisma's engine leaves a timer that would hold the process for seconds.
  () => process.exit(),
  (error: unknown) => {
    const why = error instanceof Error ? error.message : 'unknown error';
    process.stderr.write(
      `That failed: ${error instanceof SettingsError ? error.faults.join('\n  ') : why}. It may be repeated.\n`,
    );
    process.exit(1);
  },
);
