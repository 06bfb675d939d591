import express, { type Router } from 'express';
import type { Inbox, ReceivedMail } from './inbox.ts';
import { Navigation, page, Time } from './page.tsx';

/** The inbox on the web. `serviceUrl` is the only origin that its unsubscribe button talks to. */
export function inboxPages(inbox: Inbox, serviceUrl: string): Router {
  const router = express.Router();
  const find = (id: string) => inbox.mails().find((mail) => mail.id === id);

  router.get('/', (_request, response) => {
    response.send(listPage(inbox.mails().toReversed().slice(0, 200)));
  });
  router.get('/:id.eml', (request, response, next) => {
    const mail = find(request.params.id);
    if (mail === undefined) return next();
    response.type('text/plain; charset=utf-8').send(mail.source);
  });
  router.get('/:id', (request, response, next) => {
    const mail = find(request.params.id);
    if (mail === undefined) return next();
    const { answered } = request.query;
    response.send(
      mailPage(mail, oneClickUrl(mail, serviceUrl), typeof answered === 'string' ? answered : null),
    );
  });
  router.post('/:id/unsubscribe', async (request, response, next) => {
    const mail = find(request.params.id);
    const url = mail && oneClickUrl(mail, serviceUrl);
    if (mail === undefined || url === null || url === undefined) return next();
    response.redirect(303, `/inbox/${mail.id}?answered=${await postOneClick(url)}`);
  });
  return router;
}

/** The URL for RFC 8058 one-click, if the mail offers it and it belongs to the service. */
function oneClickUrl(mail: ReceivedMail, serviceUrl: string): string | null {
  if (mail.headers.get('list-unsubscribe-post')?.[0] !== 'List-Unsubscribe=One-Click') return null;
  const links = mail.headers.get('list-unsubscribe')?.[0]?.matchAll(/<([^<>]+)>/g) ?? [];
  for (const [, link] of links) {
    const url = URL.parse(link ?? '');
    if (url !== null && url.origin === new URL(serviceUrl).origin) return url.href;
  }
  return null;
}

/** What a mailbox provider sends: this body, no cookie, no redirect followed (U-06, U-07, U-08). */
async function postOneClick(url: string): Promise<number | 'nothing'> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'List-Unsubscribe=One-Click',
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    });
    return answer.status;
  } catch {
    return 'nothing';
  }
}

const listPage = (mails: ReceivedMail[]) =>
  page({
    title: 'Inbox – Footnote sandbox',
    refresh: 3,
    children: (
      <>
        <Navigation />
        <main>
          <h1>Inbox</h1>
          <p className="quiet">Every mail that was sent, to whomever. This page loads itself anew.</p>
          {mails.length === 0 ? (
            <p>No mail yet.</p>
          ) : (
            <table>
              <thead>
                <tr>
                  <th scope="col">Subject</th>
                  <th scope="col">To</th>
                  <th scope="col">Received (UTC)</th>
                </tr>
              </thead>
              <tbody>
                {mails.map((mail) => (
                  <tr key={mail.id}>
                    <td>
                      <a href={`/inbox/${mail.id}`}>{mail.subject || '(no subject)'}</a>
                    </td>
                    <td>{mail.to}</td>
                    <td>
                      <Time at={mail.receivedAt.toISOString()} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </main>
      </>
    ),
  });

const shownHeaders = ['From', 'To', 'Subject', 'List-Unsubscribe', 'List-Unsubscribe-Post'];

const mailPage = (mail: ReceivedMail, oneClick: string | null, answered: string | null) =>
  page({
    title: `${mail.subject} – Footnote sandbox`,
    children: (
      <>
        <Navigation />
        <main>
          <h1>{mail.subject || '(no subject)'}</h1>
          {answered !== null && (
            <p className="notice" role="status">
              The one-click request was sent; the service answered {answered}.
            </p>
          )}
          <dl>
            {shownHeaders.map((name) => (
              <Header key={name} name={name} value={shownValue(mail, name)} />
            ))}
          </dl>
          {oneClick !== null && (
            <form method="post" action={`/inbox/${mail.id}/unsubscribe`}>
              <button type="submit">Unsubscribe</button>{' '}
              <span className="quiet">as a mailbox provider’s button does (RFC 8058)</span>
            </form>
          )}
          {mail.html !== null && (
            <>
              <h2>HTML part</h2>
              <iframe
                title="HTML part"
                srcDoc={withLinksInNewTabs(mail.html)}
                sandbox="allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
              />
            </>
          )}
          <h2>Text part</h2>
          <pre>{mail.text}</pre>
          <p>
            <a href={`/inbox/${mail.id}.eml`}>Source of the mail</a>
          </p>
        </main>
      </>
    ),
  });

/** Subject and addresses decoded, the rest as it came. */
function shownValue(mail: ReceivedMail, name: string): string | null {
  if (name === 'From') return mail.from;
  if (name === 'To') return mail.to;
  if (name === 'Subject') return mail.subject;
  return mail.headers.get(name.toLowerCase())?.join('\n') ?? null;
}

const Header = ({ name, value }: { name: string; value: string | null }) =>
  value !== null && (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );

function withLinksInNewTabs(html: string): string {
  const base = '<base target="_blank">';
  return /<head[\s>]/i.test(html) ? html.replace(/<head(\s[^<>]*)?>/i, `$&${base}`) : `${base}${html}`;
}
