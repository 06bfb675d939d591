import type { ReactElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';

/** Turns a page into the HTML document to send. */
export function renderPage(page: ReactElement): string {
  return `<!doctype html>${renderToStaticMarkup(page)}`;
}
