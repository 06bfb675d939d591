import type { ReactNode } from 'react';
import { texts } from './texts.ts';

/** Who publishes: printed in the frame of every page. */
export type Site = { publication: string; postalAddress: string };

/**
 * The frame of every page. Holds no script and no inline style, loads nothing but its stylesheet and
 * passes its address on to nobody, for that holds a reader's token (W-03, A-19).
 */
export function PageLayout({ site, title, children }: { site: Site; title: string; children: ReactNode }) {
  return (
    <html {...texts.language}>
      <head>
        <meta charSet="utf-8" />
        <title>{`${title} – ${site.publication}`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <meta name="referrer" content="no-referrer" />
        <link rel="stylesheet" href="/assets/style.css" />
      </head>
      <body>
        <header>
          <p>{site.publication}</p>
        </header>
        <main>{children}</main>
        <footer>
          <p>{site.publication}</p>
          <address>{site.postalAddress}</address>
        </footer>
      </body>
    </html>
  );
}
