import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { linkDays } from '../subscribing/changes.ts';
import type { Outcome } from '../subscribing/commands.ts';
import { readToken } from '../subscribing/links.ts';
import { circumstancesOf } from './circumstances.ts';
import { ConfirmPage } from './pages/confirm.tsx';
import { ConfirmedPage } from './pages/confirmed.tsx';
import { LinkProblemPage } from './pages/link-problem.tsx';
import { NoticePage } from './pages/notice.tsx';
import { onlyVerbs } from './problems.ts';
import type { Web } from './web.ts';
import { unknownLinks } from './wrong-links.ts';

/**
 * `GET /confirm/:token` shows a page with one button; `POST` confirms, any number of times (U-23, U-25). Once
 * the link is expired, `POST /confirm/:token/renew` has another one mailed to the same address.
 */
export function confirmRoutes({ subscribing, showPage, links, guard }: Web): Router {
  const router = Router();
  const showUnknown = unknownLinks(guard, showPage);

  async function answer(req: Request, res: Response, token: string | null, outcome: Outcome) {
    switch (outcome.type) {
      case 'confirmed': {
        const { lists, locale } = outcome;
        const preferencesUrl = links.preferences(outcome.linkKey);
        return showPage(req, res, createElement(ConfirmedPage, { lists, preferencesUrl }), { locale });
      }
      case 'expired': {
        const renewAction = `/confirm/${token}/renew`;
        const page = createElement(LinkProblemPage, { problem: 'expired', days: linkDays, renewAction });
        return showPage(req, res, page, { status: 410, locale: outcome.locale });
      }
      case 'withdrawn': {
        const page = createElement(LinkProblemPage, { problem: 'withdrawn', signUpUrl: links.signUp() });
        return showPage(req, res, page, { status: 410, locale: outcome.locale });
      }
      default: {
        const page = createElement(LinkProblemPage, { problem: 'unknown', signUpUrl: links.signUp() });
        return showUnknown(req, res, page);
      }
    }
  }

  router
    .route('/confirm/:token')
    .get(async (req, res) => {
      const token = readToken(req.params.token);
      if (token === null) return answer(req, res, token, { type: 'unknown' });
      const { outcome, isOpen } = await subscribing.preview({
        type: 'confirm',
        token,
        ...circumstancesOf(req, 'confirm_page'),
      });
      if (outcome.type !== 'confirmed' || !isOpen) return answer(req, res, token, outcome);
      const { lists, locale } = outcome;
      showPage(req, res, createElement(ConfirmPage, { lists, action: `/confirm/${token}` }), { locale });
    })
    .post(async (req, res) => {
      const token = readToken(req.params.token);
      if (token === null) return answer(req, res, token, { type: 'unknown' });
      const confirm = { type: 'confirm' as const, token, ...circumstancesOf(req, 'confirm_page') };
      await answer(req, res, token, await subscribing.run(confirm));
    })
    .all(onlyVerbs('GET', 'POST'));

  router
    .route('/confirm/:token/renew')
    .post(async (req, res) => {
      const token = readToken(req.params.token);
      if (token === null) return answer(req, res, token, { type: 'unknown' });
      const renew = { type: 'renew' as const, token, ...circumstancesOf(req, 'confirm_page') };
      const outcome = await subscribing.run(renew);
      if (outcome.type !== 'renewed') return answer(req, res, token, outcome);
      const says = ['renewed.message', 'renewed.limit', 'thanks.spam'] as const;
      showPage(req, res, createElement(NoticePage, { title: 'renewed.title', says }), {
        locale: outcome.locale,
      });
    })
    .all(onlyVerbs('POST'));

  return router;
}
