import cors from 'cors';
import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { openOffer } from '../subscribing/offer.ts';
import { isForm, readBody } from './bodies.ts';
import { circumstancesOf } from './circumstances.ts';
import { renderPage } from './pages/render.ts';
import { SignUpPage } from './pages/sign-up.tsx';
import { ThanksPage } from './pages/thanks.tsx';
import { type FieldError, onlyVerbs, Problem, sendProblem } from './problems.ts';
import { checkSignUp, readTyped, shownWording, type TypedSignUp, unknownWording } from './sign-up-form.ts';
import type { Web } from './web.ts';

const bodyTypes = ['application/json', 'application/x-www-form-urlencoded'] as const;

/** `GET /` the hosted form, `GET /lists` for a site that draws its own, `POST /subscriptions`. */
export function signUpRoutes({ database, subscribing, site, baseUrl, allowedOrigins }: Web): Router {
  const router = Router();
  const origins = [new URL(baseUrl).origin, ...allowedOrigins];
  // W-02: sites on the list may post by fetch; no cookie is ever involved.
  const crossOrigin = cors({ origin: [...allowedOrigins], methods: ['GET', 'POST'], maxAge: 600 });

  const offer = openOffer(database);

  async function showForm(res: Response, status: number, typed: TypedSignUp = {}, errors: FieldError[] = []) {
    const { consent, lists } = await offer();
    // What is sent next was read here, so it names the wording of this page, not of the one before.
    const page = createElement(SignUpPage, { site, consent, lists, typed, errors });
    res.status(status).send(renderPage(page));
  }

  router
    .route('/')
    .get((_req, res) => showForm(res, 200))
    .all(onlyVerbs('GET'));

  router
    .route('/lists')
    .all(crossOrigin)
    .get(async (_req, res) => {
      const { consent, lists } = await offer();
      res.set('Cache-Control', 'public, max-age=60').json({
        consent,
        lists: lists.map(({ slug, name, description }) => ({ slug, name, description })),
      });
    })
    .all(onlyVerbs('GET'));

  router
    .route('/thanks')
    .get((_req, res) => {
      res.send(renderPage(createElement(ThanksPage, { site })));
    })
    .all(onlyVerbs('GET'));

  router
    .route('/subscriptions')
    .all(crossOrigin)
    .post(refuseStrangers(origins), readBody(...bodyTypes), async (req: Request, res: Response) => {
      const fromForm = isForm(req);
      const refuse = async (typed: TypedSignUp, errors: FieldError[]) => {
        if (fromForm) return showForm(res, 422, typed, errors);
        sendProblem(
          res,
          new Problem(422, 'Unprocessable Content', 'The sign-up cannot be accepted as it is.', errors),
        );
      };

      const { typed, errors } = readTyped(req.body ?? {});
      if (errors.length > 0) return refuse(typed, errors);
      const { consent, lists } = await offer();
      const checked = checkSignUp(typed, lists);
      if (!checked.ok) return refuse(typed, checked.errors);
      const wordingVersion = await shownWording(database, typed.consentVersion, consent);
      if (wordingVersion === null) return refuse(typed, [unknownWording]);

      const { page, locale, ...signUp } = checked.signUp;
      await subscribing.run({
        type: 'sign_up',
        ...signUp,
        wordingVersion,
        locale: locale ?? consent.locale,
        ...circumstancesOf(req, fromForm ? 'form' : 'api', page),
      });

      if (fromForm) res.redirect(303, safeRedirect(typed.redirect, origins) ?? `${baseUrl}/thanks`);
      else res.status(202).json({ status: 'accepted' });
    })
    .all(onlyVerbs('POST'));

  return router;
}

/**
 * A browser says where a form stands; sites that are not on the list may not post. Requests
 * without an origin are no browser's, and `null` is what a page with `no-referrer` sends of its own.
 */
function refuseStrangers(origins: readonly string[]) {
  return (req: Request, _res: Response, next: () => void) => {
    const origin = req.get('origin');
    if (origin !== undefined && origin !== 'null' && !origins.includes(origin)) {
      throw new Problem(
        403,
        'Forbidden',
        'This site may not post sign-ups: its origin is not in ALLOWED_ORIGINS.',
      );
    }
    next();
  };
}

/** Where a form asks to go afterwards, if that is a page of an allowed site. */
export function safeRedirect(target: string | undefined, origins: readonly string[]): string | null {
  const url = target === undefined ? null : URL.parse(target);
  // The protocol as well, since a blob: has the origin of what made it.
  if (url === null || !/^https?:$/.test(url.protocol) || !origins.includes(url.origin)) return null;
  return url.username === '' && url.password === '' ? url.href : null;
}
