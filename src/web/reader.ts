import type { Request, Response } from 'express';
import type { ReactElement } from 'react';
import { closestLocale, type Language, languageOf, locales } from '../languages/language.ts';
import type { Site } from '../site/site.ts';
import { renderPage } from './pages/render.tsx';

/**
 * The language to answer in: the one that `?locale=` asks for, else the one that we remember of the person,
 * else what the browser prefers, else English (W-06).
 * @param remembered a language tag, of the person or of the form
 */
export function languageFor(req: Request, remembered?: string | null): Language {
  const { locale } = req.query;
  const asked = typeof locale === 'string' ? closestLocale(locale) : null;
  return languageOf(asked ?? closestLocale(remembered) ?? preferred(req));
}

function preferred(req: Request) {
  // Without the header Express answers the first of ours, as any will do.
  return closestLocale(req.acceptsLanguages(...locales) || null) ?? 'en';
}

/** Answers with a page. */
export type ShowPage = (
  req: Request,
  res: Response,
  page: ReactElement,
  /** `locale`: what is remembered of the person; 200 unless told. */
  how?: { status?: number; locale?: string | null },
) => void;

/** @returns how pages of this site are shown: drawn in the reader's language */
export function pagesOf(site: Site): ShowPage {
  return (req, res, page, { status = 200, locale = null } = {}) => {
    const language = languageFor(req, locale);
    res
      .status(status)
      .set({ 'Content-Language': language.locale })
      .vary('Accept-Language')
      .send(renderPage({ site, language }, page));
  };
}
