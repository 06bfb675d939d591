import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { pauseMeans } from '../../mailchimp/lane/pause.ts';
import { toldCount } from '../../mailchimp/signals.ts';
import { finding, reconciliation, setupReport, syncStatus } from '../shapes.ts';
import { call, Failure } from './call.ts';
import { coloured, type Json, print, status as showStatus, table } from './output.ts';

type Reconciliation = z.infer<typeof reconciliation>;

/** `doctor`, `setup`, `sync status|pause|resume|retry|reconcile` */
export function addMailchimpCommands(program: Command): void {
  program
    .command('doctor')
    .description('what is wrong, and what to do; exits with 1 when a fault is found')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- doctor')
    .action(async ({ json = false }: Json) => {
      const { findings } = await call(z.object({ findings: z.array(finding) }), 'GET', '/doctor');
      print(findings, json, findingLines);
      if (findings.some(({ status }) => status === 'fault')) process.exitCode = 1;
    });

  program
    .command('setup')
    .description('make the Mailchimp audience ready; may be repeated at any time')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- setup')
    .action(async ({ json = false }: Json) => {
      const report = await call(setupReport, 'POST', '/setup');
      print(report, json, setupLines);
      if (report.webhook.state === 'failed') process.exitCode = 1;
    });

  const sync = program.command('sync').description('the Mailchimp audience beside the database');

  sync
    .command('status')
    .description('what waits for Mailchimp, and whom it refuses and why')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- sync status --json')
    .action(async ({ json = false }: Json) => {
      print(await call(syncStatus, 'GET', '/sync'), json, statusLines);
    });

  sync
    .command('pause')
    .description('send nobody to Mailchimp, opt-outs neither, until it is resumed')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- sync pause')
    .action(async ({ json = false }: Json) => {
      const shape = z.object({ pausedBy: z.string(), pausedAt: z.string() });
      print(await call(shape, 'POST', '/sync/pause'), json, pauseLines);
    });

  sync
    .command('resume')
    .description('send to Mailchimp again what waits, opt-outs first')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- sync resume')
    .action(async ({ json = false }: Json) => {
      const done = await call(z.object({ resumed: z.boolean() }), 'POST', '/sync/resume');
      print(done, json, ({ resumed }) => [resumed ? 'The lane goes on.' : 'The lane was not paused.']);
    });

  sync
    .command('retry')
    .description('try refused contacts again at once')
    .argument('[email]', 'only this one')
    .option('--dry-run', 'count them, and change nothing')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- sync retry reader@example.com')
    .action(async (email: string | undefined, { dryRun, json = false }: Json & { dryRun?: boolean }) => {
      const done = await call(z.object({ retried: z.number() }), 'POST', '/sync/retry', { email, dryRun });
      print(done, json, ({ retried }) =>
        dryRun
          ? [`${retried} refused contacts would be tried again.`, 'Nothing was changed.']
          : [`${retried} refused contacts are tried again.`],
      );
    });

  sync
    .command('reconcile')
    .description('compare the whole audience with the database, and repair what differs')
    .addOption(new Option('--full', 'the whole audience (default)').conflicts('incremental'))
    .option('--incremental', 'what changed since the last time')
    .option('--dry-run', 'count, show examples, and change nothing')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- sync reconcile --dry-run')
    .action(
      async ({
        incremental = false,
        dryRun = false,
        json = false,
      }: Json & { incremental?: boolean; dryRun?: boolean }) => {
        const { id } = await call(z.object({ id: z.string() }), 'POST', '/sync/reconcile', {
          kind: incremental ? 'incremental' : 'full',
          dryRun,
        });
        const ended = await followed(id);
        print(ended, json, reconciliationLines);
        if (ended.failure !== null) throw new Failure(`the reconciliation broke off: ${ended.failure}`);
      },
    );
}

/** Waits for its end, and shows on a terminal how far it is. */
async function followed(id: string): Promise<Reconciliation> {
  for (;;) {
    const now = await call(reconciliation, 'GET', `/sync/reconciliations/${encodeURIComponent(id)}`);
    if (now.finishedAt !== null || now.failure !== null) {
      showStatus('');
      return now;
    }
    showStatus(now.startedAt === null ? 'waiting for its turn' : `${now.report?.members ?? 0} members read`);
    await pause(500);
  }
}

const colours = { ok: 'green', warning: 'yellow', fault: 'red' } as const;

function findingLines(findings: z.infer<typeof finding>[]): string[] {
  return findings.flatMap(({ check, status, message, remedy }) => [
    `${coloured(colours[status], status.padEnd(7))}  ${check}: ${message}`,
    ...(remedy === null ? [] : [`         -> ${remedy}`]),
  ]);
}

function setupLines(report: z.infer<typeof setupReport>): string[] {
  const { category, interests, mergeFields, webhook, signingSecret, advice } = report;
  return [
    ...table([
      ['category', category.name, category.state],
      ...interests.map(({ name, state }) => ['interest', name, state]),
      ...mergeFields.map(({ name, state }) => ['merge field', name, state]),
      ['webhook', '', webhook.state],
    ]),
    ...(webhook.why === null ? [] : [webhook.why]),
    ...(webhook.deleted === 0 ? [] : [`${webhook.deleted} earlier webhooks of ours were deleted.`]),
    ...(signingSecret === null ? [] : [`Signing secret: ${signingSecret}`]),
    ...advice,
  ];
}

const pauseLines = ({ pausedBy, pausedAt }: { pausedBy: string; pausedAt: string }) => [
  coloured(
    'yellow',
    `Paused by ${pausedBy} since ${pausedAt}: \`npm run admin -- sync resume\` lets it go on.`,
  ),
  pauseMeans,
];

function statusLines({ signals, refused }: z.infer<typeof syncStatus>): string[] {
  const { stopped, pausedBy, pausedAt, trouble, due, oldestOptOutSeconds, lastWebhook, reconciledAt } =
    signals;
  return [
    ...(pausedBy === null || pausedAt === null ? [] : pauseLines({ pausedBy, pausedAt })),
    ...(stopped === null ? [] : [`Nobody is sent to Mailchimp: ${stopped}`]),
    ...(trouble === null ? [] : [`The last calls failed: ${trouble}`]),
    ...table([
      ['due', toldCount(due)],
      [
        'oldest opt-out that waits',
        oldestOptOutSeconds === null ? 'none' : `${Math.round(oldestOptOutSeconds)} seconds`,
      ],
      ['last webhook', lastWebhook ?? 'none yet'],
      ['last reconciled', reconciledAt ?? 'never'],
      ['refused', toldCount(Object.values(signals.refused).reduce((sum, count) => sum + count, 0))],
    ]),
    ...refused.flatMap(({ email, reason, title, detail, since, nextAttempt }) => [
      `  ${email}  ${reason} since ${since}, ${nextAttempt === null ? 'parked' : `next attempt ${nextAttempt}`}`,
      `    ${[title, detail].filter(Boolean).join('. ')}`,
    ]),
  ];
}

function reconciliationLines({ dryRun, report }: Reconciliation): string[] {
  if (report === null) return [];
  return [
    ...table([
      ['members read', report.members],
      ['in sync', report.inSync],
      ['due', report.due],
      ['missing', report.missing],
      ['extra', report.extra],
      ['conflicting', report.conflicting],
      ...Object.entries(report.refused).map(([reason, count]) => [`refused: ${reason}`, count]),
      ['strangers', report.strangers],
      ...(report.lost === 0 ? [] : [["with links of ours that are nobody's", report.lost]]),
    ]),
    ...(dryRun ? ['Nothing was changed.'] : []),
    ...report.examples.map(({ email, finding, would }) => `  ${email}  ${finding}: ${would}`),
  ];
}
