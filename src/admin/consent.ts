import { Router } from 'express';
import { z } from 'zod';
import { consentWordings, offerConsentWording } from '../consent/wordings.ts';
import { closestLocale, locales } from '../languages/language.ts';
import type { Database } from '../platform/database.ts';
import { onlyVerbs, Problem } from '../web/problems.ts';
import { jsonBody, text as oneText, parse } from './bodies.ts';

const edited = z.strictObject({
  text: oneText.trim().min(1, 'must not be empty').max(4000, 'must be 4000 characters at most'),
});

/** `/admin/api/consent-texts`: what stands under the forms, one text a language; earlier ones are kept (C-13). */
export function consentRoutes(database: Database): Router {
  const router = Router();

  router
    .route('/consent-texts')
    .get(async (_req, res) => {
      res.json({ texts: await consentWordings(database) });
    })
    .all(onlyVerbs('GET'));

  router
    .route('/consent-texts/:locale')
    .put(jsonBody, async (req, res) => {
      const locale = closestLocale(z.string().parse(req.params['locale']));
      if (locale === null) {
        throw new Problem(404, 'Not Found', `There are forms in ${locales.join(', ')} only.`);
      }
      const { text } = parse(edited, req.body);
      res.json({ version: await offerConsentWording(database, locale, text), locale, text });
    })
    .all(onlyVerbs('PUT'));

  return router;
}
