import type { ReactElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { type Frame, FrameContext } from './layout.tsx';

/** Turns a page into the HTML document to send. */
export function renderPage(frame: Frame, page: ReactElement): string {
  return `<!doctype html>${renderToStaticMarkup(<FrameContext value={frame}>{page}</FrameContext>)}`;
}
