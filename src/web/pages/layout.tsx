import { createContext, type ReactNode, useContext } from 'react';
import type { Language } from '../../languages/language.ts';
import type { Site } from '../../site/site.ts';

/** From the address that the page has, whatever BASE_URL is. */
const logoPath = '/assets/logo.png';

/** What every page is drawn in: whose it is, and the language of who reads it. */
export interface Frame {
  site: Site;
  language: Language;
}

/** Where `renderPage` puts the frame. */
export const FrameContext = createContext<Frame | null>(null);

/** How the page speaks. @throws outside `renderPage` */
export function useLanguage(): Language {
  return useFrame().language;
}

function useFrame(): Frame {
  const frame = useContext(FrameContext);
  if (frame === null) throw new Error('a page is drawn by renderPage');
  return frame;
}

/**
 * The frame of every page. Holds no script and no inline style, loads nothing but its stylesheet and the
 * publisher's logo, both ours, and passes its address on to nobody, for that holds a reader's token (W-03,
 *
 */
export function PageLayout({ title, children }: { title: string; children: ReactNode }) {
  const { site, language } = useFrame();
  const { logo, publication } = site;
  const masthead = (
    <>
      {logo && (
        <img
          src={logoPath}
          width={logo.width}
          height={logo.height}
          alt={logo.spellsName ? publication : ''}
        />
      )}
      {!logo?.spellsName && <bdi>{publication}</bdi>}
    </>
  );
  return (
    <html lang={language.locale} dir={language.dir}>
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
          <p>{site.home ? <a href={site.home}>{masthead}</a> : masthead}</p>
        </header>
        <main>{children}</main>
        <footer>
          <p>
            <bdi>{site.publication}</bdi>
          </p>
          <address>
            <bdi>{site.postalAddress}</bdi>
          </address>
        </footer>
      </body>
    </html>
  );
}
