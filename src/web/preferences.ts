import express, { type Response, Router } from 'express';
import { createElement } from 'react';
import { z } from 'zod';
import { offeredConsentWording } from '../consent/wordings.ts';
import { readToken } from '../subscribing/links.ts';
import { offeredLists } from '../subscribing/lists.ts';
import { circumstancesOf } from './circumstances.ts';
import { PreferencesPage } from './pages/preferences.tsx';
import { renderPage } from './pages/render.ts';
import { UnknownLinkPage } from './pages/unknown-link.tsx';
import { onlyVerbs } from './problems.ts';
import { readTyped } from './sign-up-form.ts';
import type { Web } from './web.ts';

/**
 * `GET /preferences/:token` shows a person's lists; `POST` leaves what is no longer ticked and asks, by a
 * confirmation mail, for what is newly ticked: mails get forwarded, so the link alone joins nobody (C-12,
 * C-27).
 */
export function preferencesRoutes({ database, subscribing, site }: Web): Router {
  const router = Router();

  const unknownLink = (res: Response) =>
    res.status(404).send(renderPage(createElement(UnknownLinkPage, { site })));

  type Saved = NonNullable<Parameters<typeof PreferencesPage>[0]['saved']>;

  async function show(res: Response, linkKey: string, saved?: Saved) {
    const subscriber = await database.prisma.subscriber.findUnique({
      where: { linkKey },
      include: { subscriptions: true },
    });
    if (subscriber === null) return unknownLink(res);
    const [offered, consent] = await Promise.all([offeredLists(database), offeredConsentWording(database)]);
    const states = new Map(subscriber.subscriptions.map(({ listId, state }) => [listId, state]));
    const lists = offered.map(({ id, slug, name, description }) => {
      const state = states.get(id) ?? 'unsubscribed';
      return { slug, name, description, state: state === 'unsubscribed' ? ('none' as const) : state };
    });
    const page = createElement(PreferencesPage, {
      site,
      lists,
      action: `/preferences/${linkKey}`,
      unsubscribeAction: `/unsubscribe/${linkKey}`,
      consentText: consent.text,
      consentVersion: consent.version,
      saved,
    });
    return res.send(renderPage(page));
  }

  router
    .route('/preferences/:token')
    .get(async (req, res) => {
      const linkKey = readToken(req.params.token);
      return linkKey === null ? unknownLink(res) : show(res, linkKey);
    })
    .post(
      express.urlencoded({ extended: false, limit: '8kb', parameterLimit: 100, inflate: false }),
      async (req, res) => {
        const linkKey = readToken(z.string().parse(req.params['token']));
        if (linkKey === null) return unknownLink(res);
        const ticked = new Set(readTyped(req.body ?? {}).typed.lists);
        const lists = (await offeredLists(database)).filter(({ slug }) => ticked.has(slug));
        const { version: wordingVersion } = await offeredConsentWording(database);
        const circumstances = circumstancesOf(req, 'preferences_page');
        const outcome = await subscribing.run({
          type: 'choose',
          linkKey,
          lists,
          wordingVersion,
          ...circumstances,
        });
        return outcome.type === 'chosen' ? show(res, linkKey, outcome) : unknownLink(res);
      },
    )
    .all(onlyVerbs('GET', 'POST'));

  return router;
}
