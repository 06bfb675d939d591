import type { Command } from 'commander';
import type { z } from 'zod';
import { stats } from '../shapes.ts';
import { call } from './call.ts';
import { wholeNumber } from './numbers.ts';
import { print, table } from './output.ts';

/** `stats` */
export function addStatsCommand(program: Command): void {
  program
    .command('stats')
    .description('subscribers of each list; sign-ups, confirmations and opt-outs by day')
    .option('--days <number>', 'how many, today included', wholeNumber(1, 366), 30)
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- stats --days 7')
    .action(async ({ days, json = false }: { days: number; json?: boolean }) => {
      print(await call(stats, 'GET', `/stats?days=${days}`), json, lines);
    });
}

function lines({ lists, days }: z.infer<typeof stats>): string[] {
  const busy = days.filter((day) => day.signUps + day.confirmations + day.optOuts + day.imported > 0);
  const numbers = ({
    signUps,
    confirmations,
    optOuts,
    imported,
  }: (typeof days)[number] | (typeof lists)[number]) => [signUps, confirmations, optOuts, imported];
  const head = ['sign-ups', 'confirmed', 'opt-outs', 'imported'];
  return [
    ...table([
      ['list', 'subscribers', ...head],
      ...lists.map((list) => [list.slug, list.subscribers, ...numbers(list)]),
    ]),
    '',
    ...(busy.length === 0
      ? [`Nothing happened in these ${days.length} days.`]
      : table([['day', ...head], ...busy.map((day) => [day.day, ...numbers(day)])])),
  ];
}
