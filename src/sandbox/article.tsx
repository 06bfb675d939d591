import express, { type Router } from 'express';
import { z } from 'zod';
import { closestLocale, type Language, languageOf } from '../languages/language.ts';
import { page } from './page.tsx';

/** What the service offers to a site that draws its own form. */
const offer = z.object({
  consent: z.object({ version: z.string(), text: z.string(), locale: z.string() }),
  lists: z.array(z.object({ slug: z.string(), name: z.string(), description: z.string() })),
});
type Offer = z.infer<typeof offer>;

/**
 * The page of an invented newspaper with the sign-up form at its foot, as a publisher would build it: plain
 * HTML, drawn anew from the service's lists for each visitor, and behind it the widget, which takes its place
 * where scripts run. `?lang=` tries the form in another language.
 */
export function articlePages(options: { serviceUrl: string; url: string }): Router {
  const router = express.Router();
  router.get('/', async ({ query }, response) => {
    const { lang } = query;
    const language = languageOf(closestLocale(typeof lang === 'string' ? lang : null) ?? 'en');
    response.send(articlePage(await fetchOffer(options.serviceUrl, language), { ...options, language }));
  });
  router.get('/thanks', (_request, response) => {
    response.send(thanksPage());
  });
  return router;
}

/** Null when the service cannot be asked: the article must be readable without it. */
async function fetchOffer(serviceUrl: string, { locale }: Language): Promise<Offer | null> {
  try {
    const answer = await fetch(new URL(`/lists?locale=${locale}`, serviceUrl), {
      signal: AbortSignal.timeout(3000),
    });
    return answer.ok ? offer.parse(await answer.json()) : null;
  } catch {
    return null;
  }
}

const Masthead = () => (
  <header className="masthead">
    The Saltmarsh Courier
    <small>Printed by the harbour since 1871</small>
  </header>
);

interface Place {
  serviceUrl: string;
  url: string;
  language: Language;
}

const articlePage = (offered: Offer | null, place: Place) =>
  page({
    title: 'The ferry that waits for the tide – The Saltmarsh Courier',
    children: (
      <>
        <Masthead />
        <main>
          <article>
            <h1>The ferry that waits for the tide</h1>
            <p className="lead">
              Every crossing to Gull Island leaves when the water allows it, and not a minute sooner. The
              islanders would not have it any other way.
            </p>
            <p>
              There is no timetable on the quay at Saltmarsh, only a slate. Each evening Maud Penhallow, who
              has run the ferry for nineteen years, wipes it with her sleeve and chalks up two times for the
              morning. They come from a tide table, a look at the barometer, and what she calls a word with
              the mud.
            </p>
            <p>
              The channel has moved four hundred yards since she began. Where her predecessor steered by the
              chapel tower, she now keeps the chapel behind her and aims for a farm gate painted orange for
              the purpose. “People think the island stays where it is,” she says. “It is the only thing here
              that does not.”
            </p>
            <p>
              Last spring the county offered a bridge. Engineers came with drones and a model under glass, and
              forty of the island’s sixty-one residents filled the schoolroom to look at it. They asked about
              the herons, about the lorries, and about who would decide when it was closed. Then they thanked
              the engineers, gave them soup, and voted to repair the boat.
            </p>
            <p>
              The repair is nearly done. The new planks are pale against the old ones, and there is a bench
              now for those who used to stand. On the slate this morning, below the two times, someone has
              added a line in another hand: <em>worth the wait</em>.
            </p>
          </article>
          {offered === null ? (
            <p className="sign-up">The newsletter form cannot be shown right now. Please come back later.</p>
          ) : (
            <SignUpForm offered={offered} {...place} />
          )}
        </main>
      </>
    ),
  });

function SignUpForm({ offered, serviceUrl, url, language }: Place & { offered: Offer }) {
  const { consent, lists } = offered;
  const { text, locale, dir } = language;
  return (
    <>
      <form
        className="sign-up"
        lang={locale}
        dir={dir}
        method="post"
        action={new URL('/subscriptions', serviceUrl).href}
        aria-labelledby="sign-up"
      >
        <h2 id="sign-up">{text('signUp.title')}</h2>
        <fieldset>
          <legend>{text('signUp.legend')}</legend>
          {lists.map(({ slug, name, description }) => (
            <div className="choice" key={slug}>
              <input
                type="checkbox"
                name="lists"
                value={slug}
                id={`list-${slug}`}
                aria-describedby={`about-${slug}`}
              />
              <label htmlFor={`list-${slug}`}>
                <bdi>{name}</bdi>
              </label>
              <span id={`about-${slug}`}>
                <bdi>{description}</bdi>
              </span>
            </div>
          ))}
        </fieldset>
        <p className="field">
          <label htmlFor="email">{text('signUp.email')}</label>
          <input type="email" name="email" id="email" autoComplete="email" required />
        </p>
        <input type="hidden" name="consentVersion" value={consent.version} />
        <input type="hidden" name="locale" value={locale} />
        <input type="hidden" name="source" value={`${url}/article`} />
        <input type="hidden" name="redirect" value={`${url}/article/thanks`} />
        <button type="submit">{text('signUp.submit')}</button>
        <p className="consent" lang={consent.locale}>
          {consent.text}
        </p>
      </form>
      {/* Not `async`: React would move it to the head, away from its form. */}
      <script defer src={new URL('/embed.js', serviceUrl).href} data-locale={locale} />
    </>
  );
}

const thanksPage = () =>
  page({
    title: 'Nearly there – The Saltmarsh Courier',
    children: (
      <>
        <Masthead />
        <main>
          <article>
            <h1>Nearly there</h1>
            <p>
              Please look into your inbox and press the button in the mail that we have just sent, so that we
              know the address is yours.
            </p>
            <p>
              <a href="/article">Back to the article</a>
            </p>
            <p className="quiet">
              On this machine the mail is in the <a href="/inbox">sandbox inbox</a>.
            </p>
          </article>
        </main>
      </>
    ),
  });
