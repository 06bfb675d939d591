import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import type { Duties } from '../../duties/open.ts';
import { onlyVerbs } from '../../web/problems.ts';
import type { Desk } from './desk.ts';
import { signedIn } from './door.ts';
import { DutiesPage } from './pages/duties.tsx';

/** `/admin/duties`: what is done by itself, and having it done now. */
export function dutyRoutes({ act, demandSession, acting, show }: Desk, duties: Pick<Duties, 'list'>): Router {
  const router = Router();
  router
    .route('/duties')
    .get(demandSession, async (req, res) => {
      const all = await duties.list();
      const holder = signedIn(req);
      show(req, res, (frame) => createElement(DutiesPage, { frame, holder, duties: all }));
    })
    .all(onlyVerbs('GET'));
  router
    .route('/duties/:name/run')
    .post(...acting, async (req: Request<{ name: string }>, res: Response) => {
      await act('duties.run', { key: signedIn(req), req, res, params: req.params });
      res.redirect(303, '/admin/duties');
    })
    .all(onlyVerbs('POST'));
  return router;
}
