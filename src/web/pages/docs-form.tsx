import type { ReactNode } from 'react';
import { locales } from '../../languages/language.ts';
import { PageLayout, useLanguage } from './layout.tsx';

type DocsFormPageProps = {
  baseUrl: string;
  /** The plain form, as HTML. */
  plain: string;
  /** The script tag of the widget, as HTML. */
  script: string;
};

/** For editors, in English: the three shapes of the sign-up form, each as it looks and as it is pasted. */
export function DocsFormPage({ baseUrl, plain, script }: DocsFormPageProps) {
  const { locale } = useLanguage();
  const widget = `${plain}\n${script}`;
  const hosted = `${baseUrl}/?locale=${locale}`;
  return (
    <PageLayout title="The sign-up form on your site">
      <link rel="stylesheet" href="/assets/docs.css" />
      <div className="docs" lang="en" dir="ltr">
        <h1>The sign-up form on your site</h1>
        <p>
          Three shapes of one form. All of them work on a phone, by keyboard and with a screen reader, and
          keep the same proof of consent. Each can be tried here.
        </p>
        <nav aria-label="Language of the forms">
          <ul className="languages">
            {locales.map((one) => (
              <li key={one}>
                <a href={`?locale=${one}`} lang={one} aria-current={one === locale ? 'page' : undefined}>
                  {nameOf(one)}
                </a>
              </li>
            ))}
          </ul>
        </nav>

        <div className="shapes">
          <Shape title="A link" code={`<a href="${hosted}">Newsletters</a>`} rows={3}>
            <p>
              The form on a page of its own. Nothing to build: link to it from a menu, an article or a printed
              code.
            </p>
            <p>
              <a className="action" href={hosted}>
                {hosted}
              </a>
            </p>
          </Shape>
          <Shape title="Plain HTML" code={plain} rows={14} live={plain}>
            <p>
              The form in your page, in your own style. It needs no script; the reader goes on to a page of
              ours, or of yours.
            </p>
          </Shape>
          <Shape title="The widget" code={widget} rows={14} live={widget}>
            <p>
              The same, with a script behind it that draws the form in your font and colours and sends it
              without leaving the article. Where the script does not run, the plain form stays and works.
            </p>
          </Shape>
        </div>

        <h2>The widget’s attributes</h2>
        <p>
          All are optional. Where the script tag stands alone, the form is drawn there; behind the plain form
          it takes its place, at its height, with its <code>class</code> and <code>id</code> and with what the
          reader already typed, so that nothing on the page moves. There may be several on one page.
        </p>
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Attribute</th>
                <th scope="col">What it does</th>
                <th scope="col">Without it</th>
              </tr>
            </thead>
            <tbody>
              <Attribute name="data-lists" without="All lists on offer.">
                The lists to show, in this order, by their short names: <code>morning,weekend</code>. Names
                that are not on offer are left out.
              </Attribute>
              <Attribute
                name="data-locale"
                without="The language of the page around it (its lang), else of the browser, else English."
              >
                The language: <code>{locales.join(', ')}</code>. Errors and mails speak it as well.
              </Attribute>
              <Attribute name="data-heading" without="Our own heading, in the form’s language.">
                The heading above the form. Empty, for none.
              </Attribute>
            </tbody>
          </table>
        </div>

        <h2>Its look</h2>
        <p>
          The widget takes the font, the size and the colour of the text around it. The button is filled with
          that colour; your style sheet may choose another, and the colour of the words on it. The words are
          black or white, whichever is easier to read, unless you say otherwise:
        </p>
        <pre>
          <code>{'.article { --footnote-accent: #0b5a6b; --footnote-on-accent: white; }'}</code>
        </pre>

        <h2>What your site must allow</h2>
        <p>
          Whoever runs this service lists your site in <code>ALLOWED_ORIGINS</code>, as{' '}
          <code>https://www.your-site.example</code>. From other sites no sign-up is taken, and no reader is
          sent back to them.
        </p>
        <p>If your pages have a Content-Security-Policy, add this address to it:</p>
        <pre>
          <code>{`form-action ${baseUrl}; script-src ${baseUrl}; connect-src ${baseUrl}`}</code>
        </pre>
        <p>
          The plain form needs <code>form-action</code> alone. The widget needs no <code>style-src</code>,
          sets no cookie, loads nothing else, and works under <code>require-trusted-types-for</code>.
        </p>
        <p>
          The consent text belongs to the form: <code>consentVersion</code> says which text the reader saw.
          The widget always shows the present one. Paste the plain form anew when you change the text; until
          then its sign-ups are kept with the text that it shows.
        </p>
      </div>
    </PageLayout>
  );
}

type ShapeProps = {
  title: string;
  children: ReactNode;
  code: string;
  rows: number;
  /** The code at work. */
  live?: string;
};

function Shape({ title, children, code, rows, live }: ShapeProps) {
  return (
    <section>
      <h2>{title}</h2>
      {children}
      <label>
        To paste
        <textarea readOnly rows={rows} spellCheck={false} defaultValue={code} />
      </label>
      {live !== undefined && (
        // biome-ignore lint/security/noDangerouslySetInnerHtml: the very code that is pasted, escaped where it was made.
        <div className="live" dangerouslySetInnerHTML={{ __html: live }} />
      )}
    </section>
  );
}

function Attribute({ name, without, children }: { name: string; without: string; children: ReactNode }) {
  return (
    <tr>
      <th scope="row">
        <code>{name}</code>
      </th>
      <td>{children}</td>
      <td>{without}</td>
    </tr>
  );
}

/** A language in its own words. */
const nameOf = (locale: string) => new Intl.DisplayNames(locale, { type: 'language' }).of(locale) ?? locale;
