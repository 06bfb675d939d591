import type { ReactNode } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';

/** A page of the sandbox as HTML text; everything in it is escaped by React. */
export function page(options: {
  title: string;
  children: ReactNode;
  lang?: string;
  /** Loads the page anew every so many seconds. */
  refresh?: number;
}): string {
  const { title, children, lang = 'en', refresh } = options;
  return `<!doctype html>${renderToStaticMarkup(
    <html lang={lang}>
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        {refresh !== undefined && <meta httpEquiv="refresh" content={String(refresh)} />}
        <title>{title}</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>{children}</body>
    </html>,
  )}`;
}

/** The bar on top of the pages that show what happens behind the article. */
export const Navigation = () => (
  <nav className="top" aria-label="Sandbox">
    <a href="/">Sandbox</a>
    <a href="/article">Article</a>
    <a href="/inbox">Inbox</a>
    <a href="/mailchimp">Mailchimp</a>
  </nav>
);

/** A moment as people read it, in UTC, with the exact time for machines. */
export const Time = ({ at }: { at: string }) => (
  <time dateTime={at}>{new Date(at).toISOString().slice(0, 19).replace('T', ' ')}</time>
);

export const indexPage = () =>
  page({
    title: 'Footnote sandbox',
    children: (
      <>
        <Navigation />
        <main>
          <h1>Footnote sandbox</h1>
          <p>Stand-ins for the world outside, so that the whole flow can be seen on one machine.</p>
          <ul>
            <li>
              <a href="/article">The article</a>: a demo page with the sign-up form at its foot.
            </li>
            <li>
              <a href="/inbox">The inbox</a>: every mail that was sent, to whomever.
            </li>
            <li>
              <a href="/mailchimp">Mailchimp</a>: the audience as Mailchimp would hold it.
            </li>
          </ul>
        </main>
      </>
    ),
  });
