import { type Command, Option } from 'commander';
import { z } from 'zod';
import { erasable, ledgerCheck } from '../shapes.ts';
import { ask, call } from './call.ts';
import { type Json, pour, print, status, table } from './output.ts';
import { idOf } from './subscribers.ts';

/** `consent prove|verify` and `erase` */
export function addProofCommands(program: Command, consent: Command): void {
  consent
    .command('prove')
    .description("the proof of a person's consent, complete in one document, to standard output")
    .argument('<email>', 'their address; or the id of somebody who was erased')
    .addOption(
      new Option('--format <format>', 'html for people, json for machines')
        .choices(['html', 'json'])
        .default('html'),
    )
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      '\nExample:\n  npm run --silent admin -- consent prove reader@example.com > proof.html',
    )
    .action(async (email: string, { format, json = false }: Json & { format: string }) => {
      const id = z.uuid().safeParse(email).success ? email : await idOf(email);
      await pour(await ask('GET', `/subscribers/${id}/proof?format=${json ? 'json' : format}`), 'the proof');
    });

  consent
    .command('verify')
    .description(
      'check the whole ledger: chains, evidence, words, mails; exits with 1 when something is broken',
    )
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- consent verify')
    .action(async ({ json = false }: Json) => {
      const sum = { checked: 0, events: 0, broken: [] as z.infer<typeof ledgerCheck>['broken'] };
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = new URLSearchParams({ limit: '1000', ...(cursor && { cursor }) });
        const page: z.infer<typeof ledgerCheck> = await call(ledgerCheck, 'GET', `/ledgers/check?${query}`);
        sum.checked += page.checked;
        sum.events += page.events;
        sum.broken.push(...page.broken);
        cursor = page.next;
        status(`${sum.checked} people checked`);
      }
      status('');
      print(sum, json, ({ checked, events, broken }) => [
        ...broken.map(({ subscriberId, seq, why }) => `${subscriberId} entry ${seq}: ${why}`),
        `${checked} people, ${events} entries, ${broken.length === 0 ? 'all whole' : `${broken.length} broken`}`,
      ]);
      if (sum.broken.length > 0) process.exitCode = 1;
    });

  program
    .command('erase')
    .description('destroy everything personal of a person, for good')
    .argument('<email>')
    .addOption(new Option('--yes', 'do it; without, it is only said what would happen').conflicts('dryRun'))
    .option('--dry-run', 'say what would be destroyed here and at Mailchimp, and change nothing (default)')
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      `
Their ledger stays, nameless, and still verifies. A keyed digest of the address stays too, so that no import brings
them back. Mailchimp is told to delete them (MAILCHIMP_ERASURE says how); after a deletion for good, only they
themselves can return there, by Mailchimp's own form.

Examples:
  npm run admin -- erase reader@example.com --dry-run
  npm run admin -- erase reader@example.com --yes`,
    )
    .action(async (email: string, { yes = false, json = false }: Json & { yes?: boolean }) => {
      const id = await idOf(email);
      const path = `/subscribers/${id}/erase`;
      if (yes) {
        const { erased } = await call(z.object({ erased: z.literal(true) }), 'POST', path);
        print({ id, erased }, json, () => [
          `Everything personal is destroyed. Their ledger remains as ${id}.`,
        ]);
      } else {
        const would = await call(erasable, 'GET', path);
        print({ id, erased: false, would }, json, () => erasableLines(would));
      }
    });
}

const erasures = { delete: 'is told to delete them for good', archive: 'is told to archive them' };

function erasableLines({
  email,
  lists,
  evidence,
  mails,
  owed,
  mailchimp,
}: z.infer<typeof erasable>): string[] {
  return [
    `This would destroy everything personal of ${email}:`,
    ...table([
      ['  lists that they leave', lists.join(', ') || 'none'],
      ['  entries of their ledger that become nameless', String(evidence)],
      ['  copies of mails', String(mails)],
      ['  mails that are not sent any more', String(owed)],
      ['  Mailchimp', mailchimp === null ? 'never heard of them' : erasures[mailchimp]],
    ]),
    'Nothing was changed. Say --yes to do it.',
  ];
}
