import { type Request, type RequestHandler, type Response, Router } from 'express';
import { createElement } from 'react';
import { z } from 'zod';
import { dossierOf } from '../../consent/dossier.ts';
import { dossierPage } from '../../consent/dossierPage.tsx';
import { lookUp, searchSubscribers } from '../../subscribing/look-up.ts';
import { notFound, onlyVerbs, Problem } from '../../web/problems.ts';
import { type Desk, readForm, word } from './desk.ts';
import { signedIn } from './door.ts';
import { PersonPage, SubscribersPage } from './pages/subscribers.tsx';

const searchForm = z.object({ beginning: word.max(320).trim().min(1) });
const mostFound = 50;

const id: RequestHandler<{ id: string }> = (req, _res, next) => {
  if (z.uuid().safeParse(req.params.id).success) next();
  else notFound(req, _res, next);
};

/** `/admin/subscribers`: finding people, one of them with all that happened, the proof, and erasing. */
export function peopleRoutes({
  database,
  act,
  dossierMade,
  demandSession,
  acting,
  form,
  show,
}: Desk): Router {
  const router = Router();
  router
    .route('/subscribers')
    .get(demandSession, (req, res) => {
      show(req, res, (frame) =>
        createElement(SubscribersPage, { frame, beginning: '', found: null, isMore: false }),
      );
    })
    .post(...acting, ...form, async (req: Request, res: Response) => {
      const { beginning } = readForm(searchForm, req.body);
      const wish = { beginning, list: null, state: null, after: '', limit: mostFound + 1 };
      const people = await searchSubscribers(database, wish);
      const [found, isMore] = [people.slice(0, mostFound), people.length > mostFound];
      show(req, res, (frame) => createElement(SubscribersPage, { frame, beginning, found, isMore }));
    })
    .all(onlyVerbs('GET', 'POST'));
  router
    .route('/subscribers/:id')
    .get(demandSession, id, async (req: Request<{ id: string }>, res) => {
      const [person, dossier] = await Promise.all([
        lookUp(database, req.params.id),
        dossierOf(database, req.params.id, dossierMade()),
      ]);
      if (person === null || dossier === null)
        throw new Problem(404, 'Not Found', 'There is no such person.');
      const holder = signedIn(req);
      show(req, res, (frame) => createElement(PersonPage, { frame, holder, person, dossier }));
    })
    .all(onlyVerbs('GET'));
  router
    .route('/subscribers/:id/proof')
    .get(demandSession, id, async (req: Request<{ id: string }>, res) => {
      const dossier = await dossierOf(database, req.params.id, dossierMade());
      if (dossier === null) throw new Problem(404, 'Not Found', 'There is no such person.');
      // It brings its style along, and nothing else.
      res.set(
        'Content-Security-Policy',
        "default-src 'none';style-src 'unsafe-inline';frame-ancestors 'none'",
      );
      res.type('text/html').send(dossierPage(dossier));
    })
    .all(onlyVerbs('GET'));
  router
    .route('/subscribers/:id/erase')
    .post(...acting, async (req: Request<{ id: string }>, res: Response) => {
      const { params } = req;
      await act('subscribers.erase', { key: signedIn(req), req, res, params });
      res.redirect(303, `/admin/subscribers/${params.id}`);
    })
    .all(onlyVerbs('POST'));

  return router;
}
