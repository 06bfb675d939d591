import { z } from 'zod';
import type { Database } from '../platform/database.ts';
import { addList, archiveList, everyList, offerList, saveList } from '../subscribing/lists.ts';
import { Problem } from '../web/problems.ts';
import { type Operation, operation } from './operation.ts';
import { filledLine, line, mailingList, slug } from './shapes.ts';

const slugPattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const slugRule = 'must be lower-case letters, digits and single hyphens, such as morning-briefing';
const name = filledLine(100);
const description = line(300);

const newList = z.strictObject({
  slug: slug.max(60, 'must be 60 characters at most').regex(slugPattern, slugRule),
  name,
  description: description.default(''),
});
const editedList = z.strictObject({ name: name.optional(), description: description.optional() });

const one = { params: z.object({ slug }), problems: { 404: 'There is no such mailing list.' } };

/** `/admin/api/lists`: what readers can tick. A slug is for ever; an archived list takes no sign-ups. */
export function listOperations(database: Database, now: () => Date): Operation[] {
  async function find(slug: string) {
    const list = (await everyList(database)).find((candidate) => candidate.slug === slug);
    if (list === undefined) throw new Problem(404, 'Not Found', 'There is no such mailing list.');
    return list;
  }

  /** Puts a list on the forms, or takes it off them. */
  const placing = (
    id: 'archive' | 'offer',
    summary: string,
    description: string,
    place: (slug: string) => Promise<void>,
  ) =>
    operation(
      {
        ...one,
        id: `lists.${id}`,
        verb: 'post',
        path: `/lists/:slug/${id}`,
        scope: 'write',
        summary,
        answer: { description, shape: mailingList },
      },
      async ({ params }) => {
        const { slug } = await find(params.slug);
        await place(slug);
        return find(slug);
      },
    );

  return [
    operation(
      {
        id: 'lists.list',
        verb: 'get',
        path: '/lists',
        scope: 'read',
        summary: 'All mailing lists, archived ones too, with their subscribers',
        answer: { description: 'In the order of the form', shape: z.object({ lists: z.array(mailingList) }) },
      },
      async () => ({ lists: await everyList(database) }),
    ),
    operation(
      {
        id: 'lists.create',
        verb: 'post',
        path: '/lists',
        scope: 'write',
        summary: 'Offer a new mailing list',
        body: newList,
        target: ['slug'],
        answer: { status: 201, description: 'It can be ticked', shape: mailingList },
        problems: { 409: 'There is a mailing list of that slug already.' },
      },
      async ({ body }) => {
        if (!(await addList(database, body))) {
          throw new Problem(409, 'Conflict', `There is a mailing list ${body.slug} already.`, [
            { field: 'slug', message: 'is that of another mailing list' },
          ]);
        }
        return find(body.slug);
      },
    ),
    operation(
      {
        ...one,
        id: 'lists.read',
        verb: 'get',
        path: '/lists/:slug',
        scope: 'read',
        summary: 'One mailing list',
        answer: { description: 'The list', shape: mailingList },
      },
      ({ params }) => find(params.slug),
    ),
    operation(
      {
        ...one,
        id: 'lists.edit',
        verb: 'patch',
        path: '/lists/:slug',
        scope: 'write',
        summary: 'Word a mailing list anew; earlier wordings stay as proof',
        body: editedList,
        answer: { description: 'The list as it is offered now', shape: mailingList },
      },
      async ({ params, body }) => {
        const before = await find(params.slug);
        const { name = before.name, description = before.description } = body;
        await saveList(database, { slug: before.slug, name, description, position: before.position });
        return find(params.slug);
      },
    ),
    placing(
      'archive',
      'Take a mailing list off the forms',
      'Nobody new joins; who is on it stays until they leave',
      (slug) => archiveList(database, slug, now()),
    ),
    placing(
      'offer',
      'Put an archived mailing list back on the forms',
      'It can be ticked again, at its old place',
      (slug) => offerList(database, slug),
    ),
  ];
}
