import type { ReactNode } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import type { AdminKey } from '../../../access/keys.ts';

/** What every page of the dashboard is drawn with. */
export interface Frame {
  publication: string;
  /** Who is signed in; null on the page where one signs in. */
  holder: AdminKey | null;
}

const places = [
  ['/admin', 'Overview'],
  ['/admin/subscribers', 'Subscribers'],
  ['/admin/sync', 'Mailchimp'],
  ['/admin/duties', 'Duties'],
  ['/admin/lists', 'Lists'],
] as const;

export type Place = (typeof places)[number][0];

/**
 * The frame of the dashboard's pages, which are for operators and in English, as the scripts are. Parts that are
 * marked `data-live` follow by themselves where there is JavaScript.
 */
export function DashboardPage({
  frame: { publication, holder },
  title,
  place = null,
  live = false,
  children,
}: {
  frame: Frame;
  title: string;
  place?: Place | null;
  live?: boolean;
  children: ReactNode;
}) {
  return (
    <html lang="en" dir="ltr">
      <head>
        <meta charSet="utf-8" />
        <title>{`${title} – ${publication} – Footnote`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <link rel="stylesheet" href="/assets/style.css" />
        <link rel="stylesheet" href="/assets/dashboard.css" />
        {live && <script src="/assets/dashboard.js" defer />}
      </head>
      <body className="dashboard">
        <header>
          <p>
            <bdi>{publication}</bdi>
          </p>
          {holder && (
            <>
              <nav aria-label="Dashboard">
                <ul>
                  {places.map(([path, name]) => (
                    <li key={path}>
                      <a href={path} aria-current={path === place ? 'page' : undefined}>
                        {name}
                      </a>
                    </li>
                  ))}
                </ul>
              </nav>
              <form method="post" action="/admin/sign-out">
                <span>
                  Signed in with <bdi>{holder.name}</bdi>
                </span>
                <button type="submit" className="quiet">
                  Sign out
                </button>
              </form>
            </>
          )}
        </header>
        <main>
          {/* Where the script says that it cannot follow: there before, so that it is read aloud. */}
          {live && <div id="connection" role="status" />}
          {children}
        </main>
      </body>
    </html>
  );
}

/** Turns a page into the HTML document to send. */
export const written = (page: ReactNode) => `<!doctype html>${renderToStaticMarkup(page)}`;

/** A part of a page that is brought up to date, by its id. */
export function Live({ id, children }: { id: string; children: ReactNode }) {
  return (
    <div id={id} data-live>
      {children}
    </div>
  );
}
