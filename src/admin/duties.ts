import { z } from 'zod';
import type { Duties } from '../duties/open.ts';
import { cronOf } from '../platform/schedule.ts';
import { Problem } from '../web/problems.ts';
import { type Operation, operation } from './operation.ts';
import { duty, text, time } from './shapes.ts';

/** `/admin/api/duties`: what is done by itself, when it was done last, and doing it now. */
export function dutyOperations(duties: Duties): Operation[] {
  return [
    operation(
      {
        id: 'duties.list',
        verb: 'get',
        path: '/duties',
        scope: 'read',
        summary: 'What is done by itself: when last, what came of it, and when next',
        answer: { description: 'All of them', shape: z.object({ duties: z.array(duty) }) },
      },
      async () => ({
        duties: (await duties.list()).map(({ at, since: _, isOverdue, ...told }) => ({
          ...told,
          cron: cronOf(at),
          overdue: isOverdue,
        })),
      }),
    ),
    operation(
      {
        id: 'duties.run',
        verb: 'post',
        path: '/duties/:name/run',
        scope: 'write',
        summary: 'Do a duty now; while it is under way, that run does',
        params: z.object({ name: text }),
        answer: {
          status: 202,
          description: 'It has been asked for; the list tells when it has ended',
          shape: z.object({ askedAt: time }),
        },
        problems: { 404: 'There is no such duty.' },
      },
      async ({ params: { name } }) => {
        const askedAt = await duties.run(name);
        if (askedAt === null) throw new Problem(404, 'Not Found', 'There is no such duty.');
        return { askedAt };
      },
    ),
  ];
}
