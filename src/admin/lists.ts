import { Router } from 'express';
import { z } from 'zod';
import type { Database } from '../platform/database.ts';
import { archiveList, everyList, saveList } from '../subscribing/lists.ts';
import { onlyVerbs, Problem } from '../web/problems.ts';
import { jsonBody, parse, text } from './bodies.ts';

const slugPattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const slugRule = 'must be lower-case letters, digits and single hyphens, such as morning-briefing';
const name = text.trim().min(1, 'must not be empty').max(100, 'must be 100 characters at most');
const description = text.trim().max(300, 'must be 300 characters at most');

const newList = z.strictObject({
  slug: z.string('must be text').max(60, 'must be 60 characters at most').regex(slugPattern, slugRule),
  name,
  description: description.default(''),
});

const editedList = z.strictObject({ name: name.optional(), description: description.optional() });

/** `/admin/api/lists`: what readers can tick. A slug is for ever; an archived list takes no sign-ups. */
export function listRoutes(database: Database): Router {
  const router = Router();

  router
    .route('/lists')
    .get(async (_req, res) => {
      res.json({ lists: await everyList(database) });
    })
    .post(jsonBody, async (req, res) => {
      const list = parse(newList, req.body);
      const lists = await everyList(database);
      if (lists.some(({ slug }) => slug === list.slug)) {
        throw new Problem(409, 'Conflict', `There is a mailing list ${list.slug} already.`);
      }
      await saveList(database, { ...list, position: lists.length });
      res.status(201).json(await find(list.slug));
    })
    .all(onlyVerbs('GET', 'POST'));

  router
    .route('/lists/:slug')
    .get(async (req, res) => {
      res.json(await find(req.params.slug));
    })
    .patch(jsonBody, async (req, res) => {
      const list = await find(z.string().parse(req.params['slug']));
      const { name = list.name, description = list.description } = parse(editedList, req.body);
      await saveList(database, { slug: list.slug, name, description, position: list.position });
      res.json(await find(list.slug));
    })
    .all(onlyVerbs('GET', 'PATCH'));

  router
    .route('/lists/:slug/archive')
    .post(async (req, res) => {
      const { slug } = await find(req.params.slug);
      await archiveList(database, slug, new Date());
      res.json(await find(slug));
    })
    .all(onlyVerbs('POST'));

  async function find(slug: string) {
    const list = (await everyList(database)).find((candidate) => candidate.slug === slug);
    if (list === undefined) throw new Problem(404, 'Not Found', 'There is no such mailing list.');
    return list;
  }

  return router;
}
