import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { z } from 'zod';
import { consentWordings } from '../../consent/wordings.ts';
import { everyList } from '../../subscribing/lists.ts';
import { readLongForm } from '../../web/bodies.ts';
import type { FieldError } from '../../web/pages/fields.tsx';
import { onlyVerbs, Problem } from '../../web/problems.ts';
import { largestText } from '../consent.ts';
import { type Desk, readForm, word } from './desk.ts';
import { signedIn } from './door.ts';
import { ConsentTextPage, ListPage, ListsPage } from './pages/lists.tsx';

const action = z.enum(['preview', 'save']).default('save');
const listForm = z.object({ name: word, description: word.default(''), action });
const newListForm = listForm.extend({ slug: word });
const textForm = z.object({ text: word, action });

/** `/admin/lists` and `/admin/consent-texts`: what forms show, made or worded anew after a look at it. */
export function wordingRoutes({ database, act, acting, demandSession, form, show }: Desk): Router {
  const router = Router();

  async function listOf(slug: string) {
    const list = (await everyList(database)).find((candidate) => candidate.slug === slug);
    if (list === undefined) throw new Problem(404, 'Not Found', 'There is no such mailing list.');
    return list;
  }
  async function wordingOf(locale: string) {
    const wording = (await consentWordings(database)).find((candidate) => candidate.locale === locale);
    if (wording === undefined) throw new Problem(404, 'Not Found', 'There are no forms in that language.');
    return wording;
  }

  router
    .route('/lists')
    .get(demandSession, async (req, res) => {
      const [lists, texts] = await Promise.all([everyList(database), consentWordings(database)]);
      const of = { holder: signedIn(req), lists, texts, typed: null, errors: [], isPreview: false };
      show(req, res, (frame) => createElement(ListsPage, { frame, ...of }));
    })
    .post(...acting, ...form, async (req: Request, res: Response) => {
      const { action, ...typed } = readForm(newListForm, req.body);
      const holder = signedIn(req);
      const isPreview = action === 'preview';
      const errors = isPreview
        ? []
        : await refusedFields(() => act('lists.create', { key: holder, req, res, body: typed }));
      if (!isPreview && errors.length === 0) return res.redirect(303, '/admin/lists');
      const [lists, texts] = await Promise.all([everyList(database), consentWordings(database)]);
      const of = { holder, lists, texts, typed, errors, isPreview };
      show(req, res, (frame) => createElement(ListsPage, { frame, ...of }), errors.length > 0 ? 422 : 200);
    })
    .all(onlyVerbs('GET', 'POST'));

  router
    .route('/lists/:slug')
    .get(demandSession, async (req: Request<{ slug: string }>, res) => {
      const list = await listOf(req.params.slug);
      const of = { holder: signedIn(req), list, typed: list, errors: [], isPreview: false };
      show(req, res, (frame) => createElement(ListPage, { frame, ...of }));
    })
    .post(...acting, ...form, async (req: Request<{ slug: string }>, res: Response) => {
      const { action, ...typed } = readForm(listForm, req.body);
      const list = await listOf(req.params.slug);
      const holder = signedIn(req);
      const errors =
        action === 'preview'
          ? []
          : await refusedFields(() =>
              act('lists.edit', { key: holder, req, res, params: req.params, body: typed }),
            );
      if (action === 'save' && errors.length === 0) return res.redirect(303, '/admin/lists');
      const of = { holder, list, typed, errors, isPreview: action === 'preview' };
      show(req, res, (frame) => createElement(ListPage, { frame, ...of }), errors.length > 0 ? 422 : 200);
    })
    .all(onlyVerbs('GET', 'POST'));
  for (const what of ['archive', 'offer']) {
    router
      .route(`/lists/:slug/${what}`)
      .post(...acting, async (req: Request<{ slug: string }>, res: Response) => {
        await act(`lists.${what}`, { key: signedIn(req), req, res, params: req.params });
        res.redirect(303, '/admin/lists');
      })
      .all(onlyVerbs('POST'));
  }

  router
    .route('/consent-texts/:locale')
    .get(demandSession, async (req: Request<{ locale: string }>, res) => {
      const { locale, text } = await wordingOf(req.params.locale);
      const of = { holder: signedIn(req), locale, text, errors: [], isPreview: false };
      show(req, res, (frame) => createElement(ConsentTextPage, { frame, ...of }));
    })
    .post(
      ...acting,
      ...readLongForm(largestText),
      async (req: Request<{ locale: string }>, res: Response) => {
        const { action, text } = readForm(textForm, req.body);
        const { locale } = await wordingOf(req.params.locale);
        const holder = signedIn(req);
        const errors =
          action === 'preview'
            ? []
            : await refusedFields(() =>
                act('consent.edit', { key: holder, req, res, params: req.params, body: { text } }),
              );
        if (action === 'save' && errors.length === 0) return res.redirect(303, '/admin/lists');
        const of = { holder, locale, text, errors, isPreview: action === 'preview' };
        show(
          req,
          res,
          (frame) => createElement(ConsentTextPage, { frame, ...of }),
          errors.length > 0 ? 422 : 200,
        );
      },
    )
    .all(onlyVerbs('GET', 'POST'));

  return router;
}

/** @returns what the admin API finds wrong with fields; nothing once it is done @throws whatever else it refuses with */
async function refusedFields(act: () => Promise<void>): Promise<FieldError[]> {
  try {
    await act();
    return [];
  } catch (error) {
    if (error instanceof Problem && error.errors.length > 0) return error.errors;
    throw error;
  }
}
