import { z } from 'zod';
import type { Database } from '../platform/database.ts';
import { everyList } from '../subscribing/lists.ts';
import { totalsSince } from '../subscribing/totals.ts';
import { type Operation, operation } from './operation.ts';
import { stats } from './shapes.ts';

const dayMs = 86_400_000;
const dayOf = (time: Date) => time.toISOString().slice(0, 10);

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
        const today = now();
        const dates = Array.from({ length: days }, (_, n) =>
          dayOf(new Date(today.getTime() - (days - 1 - n) * dayMs)),
        );
        const [lists, totals] = await Promise.all([
          everyList(database),
          totalsSince(database, dates[0] ?? dayOf(today)),
        ]);
        const sum = (day: string | null, listId: number, ...kinds: string[]) =>
          totals
            .filter((total) => total.listId === listId && (day === null || total.day === day))
            .filter(({ kind }) => kinds.includes(kind))
            .reduce((all, { count }) => all + count, 0);
        const happened = (day: string | null, listId: number) => ({
          signUps: sum(day, listId, 'requested'),
          confirmations: sum(day, listId, 'confirmed'),
          optOuts: sum(day, listId, 'unsubscribed_reader', 'unsubscribed_mailchimp', 'unsubscribed_admin'),
          imported: sum(day, listId, 'imported'),
        });
        return {
          lists: lists.map(({ id, slug, name, subscribers }) => ({
            slug,
            name,
            subscribers,
            ...happened(null, id),
          })),
          // 0 stands for an entry of the ledger, whatever lists it names.
          days: dates.map((day) => ({ day, ...happened(day, 0) })),
        };
      },
    ),
  ];
}
