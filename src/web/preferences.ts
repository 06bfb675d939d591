import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { z } from 'zod';
import { offeredConsentWording } from '../consent/wordings.ts';
import { readToken } from '../subscribing/links.ts';
import { readBody } from './bodies.ts';
import { circumstancesOf } from './circumstances.ts';
import { type PreferencesNews, PreferencesPage } from './pages/preferences.tsx';
import { UnknownLinkPage } from './pages/unknown-link.tsx';
import { NotSubscribedPage } from './pages/unsubscribe.tsx';
import { onlyVerbs } from './problems.ts';
import { languageFor } from './reader.ts';
import { readTyped, shownWording } from './sign-up-form.ts';
import type { Web } from './web.ts';
import { unknownLinks } from './wrong-links.ts';

/** What the page's other buttons ask for; without one, the choices are saved. */
const wish = z.object({ action: z.enum(['copy', 'erase', 'allow']).optional() });

/**
 * `GET /preferences/:token` shows a person's lists; `POST` leaves what is no longer ticked and asks, by a
 * confirmation mail, for what is newly ticked: mails get forwarded, so the link alone joins nobody (C-12,
 * C-27). With `action=copy` or `action=erase`, a copy of one's data or the link to erase it is mailed, with
 * `action=allow` a "this was not me" is taken back.
 */
export function preferencesRoutes({ database, subscribing, showPage, links, guard }: Web): Router {
  const router = Router();
  const showUnknown = unknownLinks(guard, showPage);

  const unknownLink = (req: Request, res: Response) =>
    showUnknown(req, res, createElement(UnknownLinkPage, { myLinkUrl: links.myLink() }));

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

  async function show(req: Request, res: Response, linkKey: string, news?: PreferencesNews) {
    const person = await database.prisma.subscriber.findUnique({ where: { linkKey } });
    if (person === null) return unknownLink(req, res);
    const { locale, declinedAt, ledgerSalt } = person;
    if (ledgerSalt === null) return showPage(req, res, createElement(NotSubscribedPage), { locale });
    const [choices, consent] = await Promise.all([
      choicesOf(linkKey),
      offeredConsentWording(database, languageFor(req, locale).locale),
    ]);
    const lists = choices.map(({ list, state }) => ({
      ...list,
      state: state === 'unsubscribed' ? ('none' as const) : state,
    }));
    const page = createElement(PreferencesPage, {
      lists,
      declined: declinedAt !== null,
      action: `/preferences/${linkKey}`,
      unsubscribeAction: `/unsubscribe/${linkKey}`,
      consent,
      news,
    });
    showPage(req, res, page, { status: news?.type === 'stale' ? 422 : 200, locale });
  }

  /** Carries out what a page sent. @returns what is to be told; null for a link that we do not know */
  async function act(req: Request, linkKey: string): Promise<PreferencesNews | null> {
    const asked = wish.safeParse(req.body ?? {});
    // Read with care, since what is not ticked is left.
    const { typed, faults } = readTyped(req.body ?? {});
    if (!asked.success || faults.length > 0) return { type: 'stale' };

    const { action } = asked.data;
    if (action === 'allow') {
      const outcome = await subscribing.run({ type: 'allow', linkKey });
      return outcome.type === 'allowed' ? outcome : null;
    }
    if (action !== undefined) {
      const what = action === 'copy' ? 'copy' : 'erasure';
      const outcome = await subscribing.run({ type: 'ask_data', linkKey, what });
      return outcome.type === 'mailed' ? { type: 'mailed', what } : null;
    }

    const person = await database.prisma.subscriber.findUnique({ where: { linkKey } });
    if (person === null) return null;
    const offered = await offeredConsentWording(database, languageFor(req, person.locale).locale);
    const wordingVersion = await shownWording(database, typed.consentVersion, offered);
    if (wordingVersion === null) return { type: 'stale' };
    const ticked = new Set(typed.lists);
    const lists = (await choicesOf(linkKey)).flatMap(({ list }) => (ticked.has(list.slug) ? list : []));
    const outcome = await subscribing.run({
      type: 'choose',
      linkKey,
      lists,
      shown: typed.shown ?? null,
      wordingVersion,
      ...circumstancesOf(req, 'preferences_page'),
    });
    return outcome.type === 'chosen' ? outcome : null;
  }

  router
    .route('/preferences/:token')
    .get(async (req, res) => {
      const linkKey = readToken(req.params.token);
      return linkKey === null ? unknownLink(req, res) : show(req, res, linkKey);
    })
    .post(readBody('application/x-www-form-urlencoded'), async (req: Request, res: Response) => {
      const linkKey = readToken(z.string().parse(req.params['token']));
      if (linkKey === null) return unknownLink(req, res);
      const news = await act(req, linkKey);
      return news === null ? unknownLink(req, res) : show(req, res, linkKey, news);
    })
    .all(onlyVerbs('GET', 'POST'));

  return router;
}
