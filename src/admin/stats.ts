import { z } from 'zod';
import type { Database } from '../platform/database.ts';
import { everyList } from '../subscribing/lists.ts';
import { readHistory, sum } from './dashboard/numbers.ts';
import { type Operation, operation } from './operation.ts';
import { stats } from './shapes.ts';

/** `/admin/api/stats`: what happened lately, by day and list, from kept totals. */
export function statsOperations(database: Database, now: () => Date): Operation[] {
  return [
    operation(
      {
        id: 'stats',
        verb: 'get',
        path: '/stats',
        scope: 'read',
        summary: 'Subscribers of each list, and sign-ups, confirmations and opt-outs by day',
        query: z.strictObject({
          days: z
            .string()
            .regex(/^\d{1,3}$/, 'must be a number of days')
            .transform(Number)
            .pipe(z.number().min(1, 'must be 1 at least').max(366, 'must be 366 at most'))
            .prefault('30')
            .meta({ description: 'How many, today included (UTC)' }),
        }),
        answer: { description: 'The numbers; days on which nothing happened are zeros', shape: stats },
      },
      async ({ query: { days } }) => {
        const [lists, history] = await Promise.all([
          everyList(database),
          readHistory(database, { days, now: now() }),
        ]);
        const ofAll = history.of(0);
        return {
          lists: lists.map(({ id, slug, name, subscribers }) => {
            const { requested, confirmed, left, imported } = history.of(id);
            return {
              slug,
              name,
              subscribers,
              signUps: sum(requested),
              confirmations: sum(confirmed),
              optOuts: sum(left),
              imported: sum(imported),
            };
          }),
          days: history.days.map((day, n) => ({
            day,
            signUps: ofAll.requested[n] ?? 0,
            confirmations: ofAll.confirmed[n] ?? 0,
            optOuts: ofAll.left[n] ?? 0,
            imported: ofAll.imported[n] ?? 0,
          })),
        };
      },
    ),
  ];
}
