import { type Command, Option } from 'commander';
import { z } from 'zod';
import { foundSubscriber, subscriber, subscriptionState } from '../shapes.ts';
import { ask, call, Failure } from './call.ts';
import { wholeNumber } from './numbers.ts';
import { type Json, pour, print, table, tell } from './output.ts';

type Found = z.infer<typeof foundSubscriber>;

const found = z.object({ subscribers: z.array(foundSubscriber), next: z.string().nullable() });

/** The id of whoever has an address. @throws Failure when nobody has */
export async function idOf(email: string): Promise<string> {
  const { subscribers } = await call(found, 'POST', '/subscribers/search', { email });
  const [person] = subscribers;
  if (person === undefined) throw new Failure(`there is nobody with the address ${email}`);
  return person.id;
}

const standing = ({ lists }: Found) =>
  lists.map(({ slug, state }) => (state === 'subscribed' ? slug : `${slug} (${state})`)).join(', ');

const stateOption = () =>
  new Option('--state <state>', 'those in this state only').choices(subscriptionState.options);

/** `subscribers find|show|export` @returns `subscribers`, for what else it can do */
export function addSubscriberCommands(program: Command): Command {
  const subscribers = program.command('subscribers').description('people on mailing lists');

  subscribers
    .command('find')
    .description('people whose address begins so, in the order of addresses')
    .argument('[beginning]', 'of the address', '')
    .option('--list <slug>', 'those on this list only')
    .addOption(stateOption())
    .option('--after <address>', 'those that follow on this address only')
    .option('--limit <number>', 'how many at the most, up to 1000', wholeNumber(1, 1000), 100)
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      '\nExample:\n  npm run admin -- subscribers find ann --list morning-briefing --state subscribed',
    )
    .action(
      async (
        beginning: string,
        {
          json = false,
          after: cursor,
          ...wish
        }: Json & { after?: string; limit: number; list?: string; state?: string },
      ) => {
        const page = await call(found, 'POST', '/subscribers/search', { beginning, cursor, ...wish });
        print(page.subscribers, json, (people) =>
          table(people.map((person) => [person.email, standing(person)])),
        );
        if (page.next !== null)
          tell(
            `There may be more than these ${wish.limit}: raise --limit up to 1000, or go on with --after ${page.next}`,
          );
      },
    );

  subscribers
    .command('show')
    .description('one person: lists, and what Mailchimp shows of them')
    .argument('<email>')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- subscribers show reader@example.com')
    .action(async (email: string, { json = false }: Json) => {
      print(await call(subscriber, 'GET', `/subscribers/${await idOf(email)}`), json, lines);
    });

  subscribers
    .command('export')
    .description('everybody on every list, a row each, to standard output; the import reads it again')
    .option('--list <slug>', 'this list only')
    .addOption(stateOption())
    .addOption(
      new Option('--format <format>', 'csv is safe in spreadsheets').choices(['csv', 'jsonl']).default('csv'),
    )
    .option('--json', 'the same as --format jsonl')
    .addHelpText(
      'after',
      '\nExample:\n  npm run --silent admin -- subscribers export --list morning-briefing > readers.csv',
    )
    .action(
      async ({ json = false, format, ...wish }: Json & { format: string; list?: string; state?: string }) => {
        const query = new URLSearchParams({ ...wish, format: json ? 'jsonl' : format });
        await pour(await ask('GET', `/subscribers/export?${query}`), 'the export');
      },
    );
  return subscribers;
}

function lines(person: z.infer<typeof subscriber>): string[] {
  const { email, typed, firstName, locale, createdAt, mailBlock, declined, lists, mailchimp } = person;
  return [
    ...table([
      ['address', email],
      ...(typed === email ? [] : [['typed', typed]]),
      ...(firstName === null ? [] : [['first name', firstName]]),
      ['language', locale],
      ['known since', createdAt],
      ...(mailBlock === null ? [] : [['no mail', `the address ${mailBlock}`]]),
      ...(declined ? [['no mail', 'that others may cause, by their wish']] : []),
      [
        'Mailchimp',
        mailchimp === null
          ? 'was never told'
          : `${mailchimp.status ?? 'unknown'}${mailchimp.due ? ', something is due' : ''}`,
      ],
      ...(mailchimp?.refusal == null
        ? []
        : [['refused', `${mailchimp.refusal.reason}: ${mailchimp.refusal.detail}`]]),
    ]),
    ...table(lists.map(({ slug, state, since }) => [`  ${slug}`, state, `since ${since}`])),
  ];
}
