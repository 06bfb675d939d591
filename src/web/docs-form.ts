import { Router } from 'express';
import { createElement } from 'react';
import { openOffer } from '../subscribing/offer.ts';
import { DocsFormPage } from './pages/docs-form.tsx';
import { onlyVerbs } from './problems.ts';
import { languageFor } from './reader.ts';
import { plainSnippet, widgetSnippet } from './snippets.ts';
import type { Web } from './web.ts';

/**
 * `GET /docs/form`: how a site gets the sign-up form, with the three shapes of it side by side. `?locale=`
 * chooses the language of the forms.
 */
export function docsFormRoutes({ database, baseUrl, showPage }: Web): Router {
  const router = Router();
  const offer = openOffer(database);

  router
    .route('/docs/form')
    .get(async (req, res) => {
      const language = languageFor(req);
      const { consent, lists } = await offer(language.locale);
      const policy = String(res.getHeader('Content-Security-Policy'));
      // Nothing secret is here, and the widget runs as on any site.
      res.set('Content-Security-Policy', `${policy};script-src 'self';connect-src 'self'`);
      const plain = plainSnippet({ baseUrl, lists, consent, language });
      const script = widgetSnippet({ baseUrl, language });
      showPage(req, res, createElement(DocsFormPage, { baseUrl, plain, script }));
    })
    .all(onlyVerbs('GET'));

  return router;
}
