import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { z } from 'zod';
import { campaign } from '../shapes.ts';
import { call, Failure } from './call.ts';
import { type Json, print, table } from './output.ts';

type Campaign = z.infer<typeof campaign>;

const at = (id: string, action = '') => `/campaigns/${encodeURIComponent(id)}${action}`;

const statuses: Record<string, string> = { save: 'draft', schedule: 'scheduled' };

const readers = (count: number) => (count === 1 ? '1 reader' : `${count} readers`);

function lines({ id, subject, previewText, list, status, recipients, sendTime, sent }: Campaign): string[] {
  return table([
    ['campaign', id],
    ['subject', subject],
    ['preview', previewText],
    ['list', list ?? 'not one of ours alone'],
    ['status', statuses[status] ?? status],
    ['goes to', readers(recipients)],
    ['time', sendTime ?? 'not yet'],
    ['sent', String(sent)],
  ]);
}

async function contentsOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => {
    throw new Failure(`${path} cannot be read`);
  });
}

/** `campaigns create|test|send|schedule|show` */
export function addCampaignCommands(program: Command): void {
  const campaigns = program.command('campaigns').description('newsletters that Mailchimp sends to one list');

  campaigns
    .command('create')
    .description('draft a newsletter at Mailchimp, with the links that end it in its footer')
    .requiredOption('--list <slug>', 'whose readers get it')
    .requiredOption('--subject <text>')
    .requiredOption('--html <file>', 'the whole document')
    .option('--text <file>', 'the plain text; without, it is made from the HTML')
    .option('--preview <text>', 'what mailboxes show beside the subject')
    .option('--title <text>', 'how editors find it at Mailchimp; without, the subject')
    .option('--locale <language>', 'of the footer', 'en')
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      '\nExample:\n  npm run admin -- campaigns create --list morning-briefing --subject "Good morning" --html monday.html',
    )
    .action(
      async ({
        json = false,
        html,
        text,
        preview,
        ...wish
      }: Json & {
        list: string;
        subject: string;
        html: string;
        text?: string;
        preview?: string;
        title?: string;
        locale: string;
      }) => {
        const draft = await call(campaign, 'POST', '/campaigns', {
          ...wish,
          html: await contentsOf(html),
          ...(text !== undefined && { text: await contentsOf(text) }),
          ...(preview !== undefined && { previewText: preview }),
        });
        print(draft, json, lines);
      },
    );

  campaigns
    .command('show')
    .description('how it stands at Mailchimp')
    .argument('<id>')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- campaigns show 5a1b2c3d4e')
    .action(async (id: string, { json = false }: Json) => {
      print(await call(campaign, 'GET', at(id)), json, lines);
    });

  campaigns
    .command('test')
    .description('have Mailchimp mail the draft to a few addresses')
    .argument('<id>')
    .argument('<email...>', 'up to five')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- campaigns test 5a1b2c3d4e ann@daily.example')
    .action(async (id: string, emails: string[], { json = false }: Json) => {
      print(await call(campaign, 'POST', at(id, '/test'), { emails }), json, () => [
        `Mailchimp mails it to ${emails.join(', ')}.`,
      ]);
    });

  campaigns
    .command('send')
    .description('have Mailchimp send it now')
    .argument('<id>')
    .option('--yes', 'do it; without, it is only said what would be sent to how many')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- campaigns send 5a1b2c3d4e --yes')
    .action(async (id: string, { yes = false, json = false }: Json & { yes?: boolean }) => {
      const told = await call(campaign, yes ? 'POST' : 'GET', at(id, yes ? '/send' : ''));
      const { subject, list, recipients } = told;
      print(told, json, () => [
        yes
          ? `Mailchimp sends “${subject}” to ${readers(recipients)} of ${list}.`
          : `This would send “${subject}” to ${readers(recipients)} of ${list}. Say --yes to do it.`,
      ]);
    });

  campaigns
    .command('schedule')
    .description('have Mailchimp send it at a time')
    .argument('<id>')
    .argument('<time>', 'ISO 8601 with its offset, at a quarter of an hour')
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      '\nExample:\n  npm run admin -- campaigns schedule 5a1b2c3d4e 2027-03-01T06:00:00+01:00',
    )
    .action(async (id: string, time: string, { json = false }: Json) => {
      print(await call(campaign, 'POST', at(id, '/schedule'), { at: time }), json, lines);
    });
}
