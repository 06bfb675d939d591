import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { parseAddress } from '../subscribing/address.ts';
import { admit } from './admission.ts';
import { readBody } from './bodies.ts';
import { MyLinkPage, MyLinkSentPage } from './pages/my-link.tsx';
import { onlyVerbs } from './problems.ts';
import { languageFor } from './reader.ts';
import { refuseStrangers } from './sign-up.ts';
import { type Fault, inWords, readTyped, type TypedSignUp } from './sign-up-form.ts';
import type { Web } from './web.ts';

/**
 * `GET /my-link` takes an address, and `POST` has its owner's links mailed there. It never ends anything by
 * an address alone, and answers the same for each (A-27, I9).
 */
export function myLinkRoutes(web: Web): Router {
  const { subscribing, guard, showPage, baseUrl, allowedOrigins } = web;
  const router = Router();
  const action = '/my-link';

  async function showForm(
    req: Request,
    res: Response,
    status: number,
    typed: TypedSignUp = {},
    faults: Fault[] = [],
  ) {
    const { email, locale = null } = typed;
    const errors = inWords(faults, languageFor(req, locale));
    const page = createElement(MyLinkPage, { action, typed: email, errors, proof: await guard.proof() });
    showPage(req, res, page, { status, locale });
  }

  router
    .route(action)
    .get((req, res) => showForm(req, res, 200))
    .post(
      refuseStrangers([new URL(baseUrl).origin, ...allowedOrigins]),
      readBody('application/x-www-form-urlencoded'),
      async (req: Request, res: Response) => {
        const { typed, faults } = readTyped(req.body ?? {});
        const parsed = parseAddress(typed.email ?? '');
        if (!parsed.ok) faults.push({ field: 'email', ...parsed.fault });
        if (!parsed.ok || faults.length > 0) return showForm(req, res, 422, typed, faults);
        const { address } = parsed;
        const refusal = await admit(web, req, res, typed, address, () =>
          subscribing.run({ type: 'ask_link', address }),
        );
        if (refusal !== null) return showForm(req, res, refusal.status, typed, refusal.faults);
        showPage(req, res, createElement(MyLinkSentPage), { locale: typed.locale ?? null });
      },
    )
    .all(onlyVerbs('GET', 'POST'));

  return router;
}
