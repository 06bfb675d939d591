import { type Response, Router } from 'express';
import { createElement, type ReactElement } from 'react';
import type { Outcome } from '../subscribing/commands.ts';
import { readToken } from '../subscribing/links.ts';
import { circumstancesOf } from './circumstances.ts';
import { ConfirmPage } from './pages/confirm.tsx';
import { ConfirmedPage } from './pages/confirmed.tsx';
import { LinkProblemPage } from './pages/link-problem.tsx';
import { renderPage } from './pages/render.ts';
import { onlyVerbs } from './problems.ts';
import type { Web } from './web.ts';

/** `GET /confirm/:token` shows a page with one button; `POST` confirms, any number of times (U-23, U-25). */
export function confirmRoutes({ subscribing, site, links }: Web): Router {
  const router = Router();
  const send = (res: Response, status: number, page: ReactElement) =>
    res.status(status).send(renderPage(page));

  function answer(res: Response, outcome: Outcome): void {
    switch (outcome.type) {
      case 'confirmed': {
        const preferencesUrl = links.preferences(outcome.linkKey);
        send(res, 200, createElement(ConfirmedPage, { site, lists: outcome.lists, preferencesUrl }));
        return;
      }
      case 'expired':
      case 'withdrawn':
        send(
          res,
          410,
          createElement(LinkProblemPage, { site, problem: outcome.type, signUpUrl: links.signUp() }),
        );
        return;
      default:
        send(
          res,
          404,
          createElement(LinkProblemPage, { site, problem: 'unknown', signUpUrl: links.signUp() }),
        );
    }
  }

  router
    .route('/confirm/:token')
    .get(async (req, res) => {
      const token = readToken(req.params.token);
      if (token === null) return answer(res, { type: 'unknown' });
      const { outcome, isOpen } = await subscribing.preview({
        type: 'confirm',
        token,
        ...circumstancesOf(req, 'confirm_page'),
      });
      if (outcome.type !== 'confirmed' || !isOpen) return answer(res, outcome);
      send(res, 200, createElement(ConfirmPage, { site, lists: outcome.lists, action: `/confirm/${token}` }));
    })
    .post(async (req, res) => {
      const token = readToken(req.params.token);
      if (token === null) return answer(res, { type: 'unknown' });
      answer(res, await subscribing.run({ type: 'confirm', token, ...circumstancesOf(req, 'confirm_page') }));
    })
    .all(onlyVerbs('GET', 'POST'));

  return router;
}
