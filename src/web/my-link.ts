import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { parseAddress } from '../subscribing/address.ts';
import { readBody } from './bodies.ts';
import { MyLinkPage, MyLinkSentPage } from './pages/my-link.tsx';
import { onlyVerbs } from './problems.ts';
import { languageFor } from './reader.ts';
import { inWords, readTyped } from './sign-up-form.ts';
import type { Web } from './web.ts';

/**
 * `GET /my-link` takes an address, and `POST` has its owner's links mailed there. It never ends anything by
 * an address alone, and answers the same for each (A-27, I9).
 */
export function myLinkRoutes({ subscribing, showPage }: Web): Router {
  const router = Router();
  const action = '/my-link';

  router
    .route(action)
    .get((req, res) => showPage(req, res, createElement(MyLinkPage, { action })))
    .post(readBody('application/x-www-form-urlencoded'), async (req: Request, res: Response) => {
      const { typed, faults } = readTyped(req.body ?? {});
      const address = parseAddress(typed.email ?? '');
      if (!address.ok) {
        faults.push({ field: 'email', ...address.fault });
        const errors = inWords(faults, languageFor(req, typed.locale));
        const page = createElement(MyLinkPage, { action, typed: typed.email, errors });
        return showPage(req, res, page, { status: 422, locale: typed.locale ?? null });
      }
      await subscribing.run({ type: 'ask_link', address: address.address });
      showPage(req, res, createElement(MyLinkSentPage), { locale: typed.locale ?? null });
    })
    .all(onlyVerbs('GET', 'POST'));

  return router;
}
