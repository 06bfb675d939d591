import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { z } from 'zod';
import { offeredConsentWording } from '../consent/wordings.ts';
import { readToken } from '../subscribing/links.ts';
import { readBody } from './bodies.ts';
import { circumstancesOf } from './circumstances.ts';
import { PreferencesPage } from './pages/preferences.tsx';
import { renderPage } from './pages/render.ts';
import { UnknownLinkPage } from './pages/unknown-link.tsx';
import { onlyVerbs, Problem } from './problems.ts';
import { readTyped, shownWording, unknownWording } from './sign-up-form.ts';
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

  /** The lists on offer, and archived ones that still come to this person, so that they can be left. */
  async function choicesOf(linkKey: string) {
    const lists = await database.prisma.mailingList.findMany({
      where: {
        OR: [
          { archivedAt: null },
          { subscriptions: { some: { subscriber: { linkKey }, state: 'subscribed' } } },
        ],
      },
      include: { wording: true, subscriptions: { where: { subscriber: { linkKey } } } },
      orderBy: [{ position: 'asc' }, { id: 'asc' }],
    });
    return lists.map(({ id, slug, wording: { version, name, description }, subscriptions: [current] }) => ({
      list: { id, slug, name, description, wording: version },
      state: current?.state ?? 'unsubscribed',
    }));
  }

  async function show(res: Response, linkKey: string, saved?: Saved) {
    if ((await database.prisma.subscriber.count({ where: { linkKey } })) === 0) return unknownLink(res);
    const [choices, consent] = await Promise.all([choicesOf(linkKey), offeredConsentWording(database)]);
    const lists = choices.map(({ list, state }) => ({
      ...list,
      state: state === 'unsubscribed' ? ('none' as const) : state,
    }));
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
    .post(readBody('application/x-www-form-urlencoded'), async (req: Request, res: Response) => {
      const linkKey = readToken(z.string().parse(req.params['token']));
      if (linkKey === null) return unknownLink(res);
      // Read with care, since what is not ticked is left.
      const { typed, errors } = readTyped(req.body ?? {});
      const wordingVersion = await shownWording(
        database,
        typed.consentVersion,
        await offeredConsentWording(database),
      );
      if (wordingVersion === null) errors.push(unknownWording);
      if (errors.length > 0 || wordingVersion === null) {
        throw new Problem(422, 'Unprocessable Content', 'Nothing was saved. Please reload the page.', errors);
      }
      const ticked = new Set(typed.lists);
      const lists = (await choicesOf(linkKey)).flatMap(({ list }) => (ticked.has(list.slug) ? list : []));
      const outcome = await subscribing.run({
        type: 'choose',
        linkKey,
        lists,
        wordingVersion,
        ...circumstancesOf(req, 'preferences_page'),
      });
      return outcome.type === 'chosen' ? show(res, linkKey, outcome) : unknownLink(res);
    })
    .all(onlyVerbs('GET', 'POST'));

  return router;
}
