import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import type { Leave } from '../subscribing/commands.ts';
import { readToken } from '../subscribing/links.ts';
import { circumstancesOf } from './circumstances.ts';
import { renderPage } from './pages/render.ts';
import { UnknownLinkPage } from './pages/unknown-link.tsx';
import { UnsubscribePage } from './pages/unsubscribe.tsx';
import { UnsubscribedPage } from './pages/unsubscribed.tsx';
import { onlyVerbs } from './problems.ts';
import type { Web } from './web.ts';

/**
 * `GET /unsubscribe/:token` shows a page; `POST` ends it at once, for one list (`?list=slug`) or all. The
 * page's button and a mailbox provider's one-click (RFC 8058) are the same request: its body is never
 * read, so multipart and urlencoded are alike, and it needs no cookie, no origin and no second step, and
 * never redirects (U-06 to U-09). Nothing here waits for Mailchimp or a mail server.
 */
export function unsubscribeRoutes({ subscribing, site, links }: Web): Router {
  const router = Router();

  const unknownLink = (res: Response) =>
    res.status(404).send(renderPage(createElement(UnknownLinkPage, { site })));

  router
    .route('/unsubscribe/:token')
    .get(async (req, res) => {
      const linkKey = readToken(req.params.token);
      if (linkKey === null) return unknownLink(res);
      const { outcome } = await subscribing.preview(leaving(req, linkKey, null));
      if (outcome.type !== 'left') return unknownLink(res);
      const lists = outcome.left;
      const only = lists.find(({ slug }) => slug === listOf(req));
      const action = `/unsubscribe/${linkKey}`;
      return res.send(renderPage(createElement(UnsubscribePage, { site, lists, only, action })));
    })
    .post(async (req, res) => {
      const linkKey = readToken(req.params.token);
      if (linkKey === null) return unknownLink(res);
      const outcome = await subscribing.run(leaving(req, linkKey, listOf(req)));
      if (outcome.type !== 'left') return unknownLink(res);
      const { left, remaining } = outcome;
      const preferencesUrl = links.preferences(linkKey);
      return res.send(renderPage(createElement(UnsubscribedPage, { site, left, remaining, preferencesUrl })));
    })
    .all(onlyVerbs('GET', 'POST'));

  return router;
}

function leaving(req: Request, linkKey: string, list: string | null): Leave {
  // Browsers say that a person navigates; mailbox providers' machines do not.
  const channel = req.get('sec-fetch-mode') === 'navigate' ? 'unsubscribe_page' : 'one_click';
  return { type: 'leave', linkKey, list, ...circumstancesOf(req, channel) };
}

/** The list that `?list=` limits the request to; several or none mean all. */
function listOf(req: Request): string | null {
  const { list } = req.query;
  return typeof list === 'string' && list !== '' ? list : null;
}
