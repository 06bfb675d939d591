import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { offeredConsentWording } from '../consent/wordings.ts';
import type { Leave } from '../subscribing/commands.ts';
import { readToken } from '../subscribing/links.ts';
import { circumstancesOf } from './circumstances.ts';
import { DeclinedPage, NotMePage } from './pages/not-me.tsx';
import { UnknownLinkPage } from './pages/unknown-link.tsx';
import { UnsubscribePage } from './pages/unsubscribe.tsx';
import { UnsubscribedPage } from './pages/unsubscribed.tsx';
import { onlyVerbs } from './problems.ts';
import { languageFor } from './reader.ts';
import type { Web } from './web.ts';
import { unknownLinks } from './wrong-links.ts';

/**
 * `GET /unsubscribe/:token` shows a page; `POST` ends it at once, for one list (`?list=slug`) or all. The
 * page's button and a mailbox provider's one-click (RFC 8058) are the same request: its body is never
 * read, so multipart and urlencoded are alike, and it needs no cookie, no origin and no second step, and
 * never redirects (U-06 to U-09). Nothing here waits for Mailchimp or a mail server.
 *
 * `GET` and `POST /not-me/:token` are the same for a request that was never the reader's own.
 */
export function unsubscribeRoutes({ database, subscribing, showPage, links, guard }: Web): Router {
  const router = Router();
  const showUnknown = unknownLinks(guard, showPage);

  const unknownLink = (req: Request, res: Response) =>
    showUnknown(req, res, createElement(UnknownLinkPage, { myLinkUrl: links.myLink() }));

  router
    .route('/unsubscribe/:token')
    .get(async (req, res) => {
      const linkKey = readToken(req.params.token);
      if (linkKey === null) return unknownLink(req, res);
      const { outcome } = await subscribing.preview(leaving(req, linkKey, null));
      if (outcome.type !== 'left') return unknownLink(req, res);
      const { left: lists, locale } = outcome;
      const page = createElement(UnsubscribePage, {
        lists,
        only: lists.find(({ slug }) => slug === listOf(req)),
        action: `/unsubscribe/${linkKey}`,
        preferencesUrl: `/preferences/${linkKey}`,
      });
      showPage(req, res, page, { locale });
    })
    .post(async (req, res) => {
      const linkKey = readToken(req.params.token);
      if (linkKey === null) return unknownLink(req, res);
      const outcome = await subscribing.run(leaving(req, linkKey, listOf(req)));
      if (outcome.type !== 'left') return unknownLink(req, res);
      const { left, remaining, locale } = outcome;
      const consent = await offeredConsentWording(database, languageFor(req, locale).locale);
      const preferencesUrl = `/preferences/${linkKey}`;
      const page = createElement(UnsubscribedPage, { left, remaining, preferencesUrl, consent });
      showPage(req, res, page, { locale });
    })
    .all(onlyVerbs('GET', 'POST'));

  router
    .route('/not-me/:token')
    .get(async (req, res) => {
      const linkKey = readToken(req.params.token);
      if (linkKey === null) return unknownLink(req, res);
      const { outcome } = await subscribing.preview(declining(req, linkKey));
      if (outcome.type !== 'declined') return unknownLink(req, res);
      const { locale } = outcome;
      showPage(req, res, createElement(NotMePage, { action: `/not-me/${linkKey}` }), { locale });
    })
    .post(async (req, res) => {
      const linkKey = readToken(req.params.token);
      if (linkKey === null) return unknownLink(req, res);
      const outcome = await subscribing.run(declining(req, linkKey));
      if (outcome.type !== 'declined') return unknownLink(req, res);
      const { locale } = outcome;
      showPage(req, res, createElement(DeclinedPage, { preferencesUrl: `/preferences/${linkKey}` }), {
        locale,
      });
    })
    .all(onlyVerbs('GET', 'POST'));

  return router;
}

function leaving(req: Request, linkKey: string, list: string | null): Leave {
  // Browsers say that a person navigates; mailbox providers' machines do not.
  const channel = req.get('sec-fetch-mode') === 'navigate' ? 'unsubscribe_page' : 'one_click';
  return { type: 'leave', linkKey, list, ...circumstancesOf(req, channel) };
}

const declining = (req: Request, linkKey: string) => ({
  type: 'decline' as const,
  linkKey,
  ...circumstancesOf(req, 'not_me_page'),
});

/** The list that `?list=` limits the request to; several or none mean all. */
function listOf(req: Request): string | null {
  const { list } = req.query;
  return typeof list === 'string' && list !== '' ? list : null;
}
