import type { Command } from 'commander';
import { z } from 'zod';
import { mailingList as list } from '../shapes.ts';
import { call } from './call.ts';
import { print } from './output.ts';

type List = z.infer<typeof list>;

function lines(lists: List[]): string[] {
  const width = Math.max(4, ...lists.map(({ slug }) => slug.length));
  return lists.map(
    ({ slug, name, subscribers, archived }) =>
      `${slug.padEnd(width)}  ${String(subscribers).padStart(9)}  ${name}${archived ? '  (archived)' : ''}`,
  );
}

const at = (slug: string) => `/lists/${encodeURIComponent(slug)}`;

/** `lists ls|create|edit|archive|offer` */
export function addListCommands(program: Command): void {
  const lists = program.command('lists').description('mailing lists');

  lists
    .command('ls')
    .description('all mailing lists, with their subscribers')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- lists ls')
    .action(async ({ json = false }: { json?: boolean }) => {
      print((await call(z.object({ lists: z.array(list) }), 'GET', '/lists')).lists, json, lines);
    });

  lists
    .command('create')
    .description('offer a new mailing list')
    .argument('<slug>', 'how forms name it; never changes')
    .requiredOption('--name <name>', 'how readers know it')
    .option('--description <text>', 'a line under the name')
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      '\nExample:\n  npm run admin -- lists create morning-briefing --name "Morning Briefing"',
    )
    .action(
      async (
        slug: string,
        { json = false, ...wording }: { json?: boolean; name: string; description?: string },
      ) => {
        print([await call(list, 'POST', '/lists', { slug, ...wording })], json, lines);
      },
    );

  lists
    .command('edit')
    .description('word a mailing list anew; earlier wordings stay as proof')
    .argument('<slug>')
    .option('--name <name>')
    .option('--description <text>')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- lists edit morning-briefing --name "The Briefing"')
    .action(
      async (
        slug: string,
        { json = false, ...wording }: { json?: boolean; name?: string; description?: string },
      ) => {
        print([await call(list, 'PATCH', at(slug), wording)], json, lines);
      },
    );

  const placings = {
    archive: 'take a mailing list off the forms; who is on it stays until they leave',
    offer: 'put an archived mailing list back on the forms, where it stood',
  };
  for (const [placing, description] of Object.entries(placings)) {
    lists
      .command(placing)
      .description(description)
      .argument('<slug>')
      .option('--json', 'for machines')
      .addHelpText('after', `\nExample:\n  npm run admin -- lists ${placing} morning-briefing`)
      .action(async (slug: string, { json = false }: { json?: boolean }) => {
        print([await call(list, 'POST', `${at(slug)}/${placing}`)], json, lines);
      });
  }
}
