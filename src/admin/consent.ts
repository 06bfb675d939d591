import { z } from 'zod';
import { consentWordings, offerConsentWording } from '../consent/wordings.ts';
import { closestLocale, locales } from '../languages/language.ts';
import type { Database } from '../platform/database.ts';
import { Problem } from '../web/problems.ts';
import { type Operation, operation } from './operation.ts';
import { consentText, text as oneText } from './shapes.ts';

const edited = z.strictObject({
  text: oneText.trim().min(1, 'must not be empty').max(4000, 'must be 4000 characters at most'),
});

/** Bytes of a body with a whole text: a form writes a letter as up to nine. */
export const largestText = 64 * 2 ** 10;

/** `/admin/api/consent-texts`: what stands under the forms, one text a language; earlier ones are kept (C-13). */
export function consentOperations(database: Database): Operation[] {
  return [
    operation(
      {
        id: 'consent.list',
        verb: 'get',
        path: '/consent-texts',
        scope: 'read',
        summary: 'What stands under the forms now, one text a language',
        answer: { description: 'The texts', shape: z.object({ texts: z.array(consentText) }) },
      },
      async () => ({ texts: await consentWordings(database) }),
    ),
    operation(
      {
        id: 'consent.edit',
        verb: 'put',
        path: '/consent-texts/:locale',
        scope: 'write',
        summary: 'Put another text under the forms of a language; earlier ones stay as proof',
        params: z.object({ locale: oneText }),
        body: edited,
        largestBody: largestText,
        target: ['version'],
        answer: { description: 'The text as it is shown now', shape: consentText },
        problems: { 404: 'There are no forms in that language.' },
      },
      async ({ params, body: { text } }) => {
        const locale = closestLocale(params.locale);
        if (locale === null) {
          throw new Problem(404, 'Not Found', `There are forms in ${locales.join(', ')} only.`);
        }
        return { version: await offerConsentWording(database, locale, text), locale, text };
      },
    ),
  ];
}
