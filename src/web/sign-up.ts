import cors from 'cors';
import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { openOffer } from '../subscribing/offer.ts';
import { admit, type Refusal } from './admission.ts';
import { isForm, readBody } from './bodies.ts';
import { circumstancesOf } from './circumstances.ts';
import { SignUpPage } from './pages/sign-up.tsx';
import { ThanksPage } from './pages/thanks.tsx';
import { onlyVerbs, Problem, sendProblem } from './problems.ts';
import { languageFor } from './reader.ts';
import {
  checkSignUp,
  type Fault,
  inWords,
  readTyped,
  shownWording,
  type TypedSignUp,
  unknownWording,
} from './sign-up-form.ts';
import type { Web } from './web.ts';

const bodyTypes = ['application/json', 'application/x-www-form-urlencoded'] as const;

/** `GET /` the hosted form, `GET /lists` for a site that draws its own, `POST /subscriptions`. */
export function signUpRoutes(web: Web): Router {
  const { database, subscribing, guard, showPage, links, baseUrl, allowedOrigins } = web;
  const router = Router();
  const origins = [new URL(baseUrl).origin, ...allowedOrigins];
  // W-02: sites on the list may post by fetch; no cookie is ever involved.
  const crossOrigin = cors({ origin: [...allowedOrigins], methods: ['GET', 'POST'], maxAge: 600 });

  const offer = openOffer(database);

  async function showForm(
    req: Request,
    res: Response,
    status: number,
    typed: TypedSignUp = {},
    faults: Fault[] = [],
  ) {
    const language = languageFor(req, typed.locale);
    const [{ consent, lists }, proof] = await Promise.all([offer(language.locale), guard.proof()]);
    const errors = inWords(faults, language);
    const myLinkUrl = `${links.myLink()}?locale=${language.locale}`;
    // What is sent next was read here, so it names the wording of this page, not of the one before.
    const page = createElement(SignUpPage, { consent, lists, typed, errors, myLinkUrl, proof });
    showPage(req, res, page, { status, locale: language.locale });
  }

  router
    .route('/')
    .get((req, res) => showForm(req, res, 200))
    .all(onlyVerbs('GET'));

  router
    .route('/lists')
    .all(crossOrigin)
    .get(async (req, res) => {
      const { consent, lists } = await offer(languageFor(req).locale);
      res
        .vary('Accept-Language')
        .set('Cache-Control', 'public, max-age=60')
        .json({
          consent,
          lists: lists.map(({ slug, name, description }) => ({ slug, name, description })),
        });
    })
    .all(onlyVerbs('GET'));

  router
    .route('/thanks')
    .get((req, res) => showPage(req, res, createElement(ThanksPage)))
    .all(onlyVerbs('GET'));

  router
    .route('/subscriptions')
    .all(crossOrigin)
    .post(refuseStrangers(origins), readBody(...bodyTypes), async (req: Request, res: Response) => {
      const fromForm = isForm(req);
      const { typed, faults } = readTyped(req.body ?? {});
      const language = languageFor(req, typed.locale);
      const refuse = async ({ status, title, faults }: Refusal) => {
        if (fromForm) return showForm(req, res, status, typed, faults);
        const detail =
          status === 429
            ? 'A lot came from your network just now. Try again when Retry-After says.'
            : 'The sign-up cannot be accepted as it is.';
        sendProblem(res, new Problem(status, title, detail, inWords(faults, language)));
      };
      const correct = (faults: Fault[]) => refuse({ status: 422, title: 'Unprocessable Content', faults });

      if (faults.length > 0) return correct(faults);
      const { consent, lists } = await offer(language.locale);
      const checked = checkSignUp(typed, lists);
      if (!checked.ok) return correct(checked.faults);
      const wordingVersion = await shownWording(database, typed.consentVersion, consent);
      if (wordingVersion === null) return correct([unknownWording]);

      const { page, locale, ...signUp } = checked.signUp;
      const refusal = await admit(web, req, res, typed, signUp.address, () =>
        subscribing.run({
          type: 'sign_up',
          ...signUp,
          wordingVersion,
          // As a tag of its own where one was sent: Mailchimp may know a language that we do not speak.
          locale: locale ?? language.locale,
          ...circumstancesOf(req, fromForm ? 'form' : 'api', page),
        }),
      );
      if (refusal !== null) return refuse(refusal);

      // The browser may prefer another language than the form is in.
      const thanks = `${baseUrl}/thanks${typed.locale === undefined ? '' : `?locale=${language.locale}`}`;
      if (fromForm) res.redirect(303, safeRedirect(typed.redirect, origins) ?? thanks);
      else res.status(202).json({ status: 'accepted' });
    })
    .all(onlyVerbs('POST'));

  return router;
}

/**
 * A browser says where a form stands; sites that are not on the list may not post (A-06). Requests
 * without an origin are no browser's, and `null` is what a page with `no-referrer` sends of its own.
 */
export function refuseStrangers(origins: readonly string[]) {
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

/** Where a form asks to go afterwards, if that is a page of an allowed site (A-05). */
export function safeRedirect(target: string | undefined, origins: readonly string[]): string | null {
  const url = target === undefined ? null : URL.parse(target);
  // The protocol as well, since a blob: has the origin of what made it.
  if (url === null || !/^https?:$/.test(url.protocol) || !origins.includes(url.origin)) return null;
  return url.username === '' && url.password === '' ? url.href : null;
}
