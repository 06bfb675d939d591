import { createLog } from '../../src/platform/log.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { startService } from '../../src/service.ts';
import { readSettings } from '../../src/settings.ts';
import { beat } from '../../src/web/steady.ts';

// The web part alone, on either database, so that what is measured is sign-ups and not the mails they owe.
// BENCH_BEAT is what answers wait for, in milliseconds.
const { mailchimp, smtp, ...settings } = readSettings(process.env);
if (mailchimp === null || smtp === null) throw new Error('the benchmark needs Mailchimp and SMTP settings');
const service = await startService(
  { ...settings, mailchimp, smtp, role: 'web' },
  { log: createLog(settings.logLevel), beat: Number(process.env['BENCH_BEAT'] ?? beat) },
);
await offerDemoLists(service.database);
process.once('SIGTERM', () => service.stop());
process.stdout.write('Footnote is ready\n');
