import { createLog } from '../../src/platform/log.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { startService } from '../../src/service.ts';
import { readSettings } from '../../src/settings.ts';
import { beatMs, openBeat } from '../../src/web/steady.ts';

// On either database the web part alone, so that what is measured is sign-ups and not the mails they owe, unless
// BENCH_ROLE says otherwise. BENCH_BEAT is what answers wait for, in milliseconds.
const { mailchimp, smtp, ...settings } = readSettings(process.env);
if (mailchimp === null || smtp === null) throw new Error('the benchmark needs Mailchimp and SMTP settings');
const service = await startService(
  { ...settings, mailchimp, smtp, role: process.env['BENCH_ROLE'] === 'all' ? 'all' : 'web' },
  { log: createLog(settings.logLevel), beat: openBeat(Number(process.env['BENCH_BEAT'] ?? beatMs)) },
);
await offerDemoLists(service.database);
process.once('SIGTERM', () => service.stop());
process.stdout.write('Footnote is ready\n');
