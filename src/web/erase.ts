import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import type { Outcome } from '../subscribing/commands.ts';
import { readToken } from '../subscribing/links.ts';
import { circumstancesOf } from './circumstances.ts';
import { ErasedPage, ErasePage, EraseProblemPage } from './pages/erase.tsx';
import { onlyVerbs } from './problems.ts';
import type { Web } from './web.ts';
import { unknownLinks } from './wrong-links.ts';

/**
 * `GET /erase/:token` says what erasing means; `POST` erases for good. The link goes to the address alone,
 * so whoever holds a link out of a forwarded mail erases nobody (C-27).
 */
export function eraseRoutes({ subscribing, showPage, guard, archives }: Web): Router {
  const router = Router();
  const showUnknown = unknownLinks(guard, showPage);

  async function answer(req: Request, res: Response, outcome: Outcome) {
    if (outcome.type === 'erased') {
      showPage(req, res, createElement(ErasedPage, { archives }), { locale: outcome.locale });
    } else if (outcome.type === 'expired') {
      const page = createElement(EraseProblemPage, { problem: 'expired' });
      showPage(req, res, page, { status: 410, locale: outcome.locale });
    } else {
      await showUnknown(req, res, createElement(EraseProblemPage, { problem: 'unknown' }));
    }
  }

  router
    .route('/erase/:token')
    .get(async (req, res) => {
      const token = readToken(req.params.token);
      if (token === null) return answer(req, res, { type: 'unknown' });
      const { outcome, isOpen } = await subscribing.preview(erasing(req, token));
      if (outcome.type !== 'erased' || !isOpen) return answer(req, res, outcome);
      const page = createElement(ErasePage, { action: `/erase/${token}`, archives });
      showPage(req, res, page, { locale: outcome.locale });
    })
    .post(async (req, res) => {
      const token = readToken(req.params.token);
      await answer(
        req,
        res,
        token === null ? { type: 'unknown' } : await subscribing.run(erasing(req, token)),
      );
    })
    .all(onlyVerbs('GET', 'POST'));

  return router;
}

const erasing = (req: Request, token: string) => ({
  type: 'erase' as const,
  token,
  ...circumstancesOf(req, 'erase_page'),
});
