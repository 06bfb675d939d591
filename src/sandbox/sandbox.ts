import { createServer } from 'node:http';
import { join } from 'node:path';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { createTransport } from 'nodemailer';
import { articlePages } from './article.tsx';
import { type Inbox, startInbox } from './inbox.ts';
import { inboxPages } from './inboxPages.tsx';
import { listening } from './listening.ts';
import { controlApi } from './mailchimp/control.ts';
import { createMailchimp, type MailchimpOptions, type SandboxMailchimp } from './mailchimp/mailchimp.ts';
import { mailchimpPages } from './mailchimp/page.tsx';
import { indexPage } from './page.tsx';

/** The data centre stands in the key as in a real one. */
const apiKey = 'sandbox-us1';

export interface Sandbox {
  /** The index page. On `localhost`, so that the article is of another origin than the service. */
  url: string;
  mailchimp: { baseUrl: string; apiKey: string; audienceId: string };
  smtpUrl: string;
  /** The sandbox Mailchimp from the inside: people, faults, observers. */
  audience: SandboxMailchimp;
  inbox: Inbox;
  /** Closes every connection and writes what is not yet written. */
  stop(): Promise<void>;
}

/**
 * Starts stand-ins for Mailchimp, a mail server and a publisher's site on 127.0.0.1.
 * `folder` keeps the audience and the mails between starts, null keeps them in memory; port 0 takes a
 * free one. Throws one clear line when a port is in use.
 */
export async function startSandbox(
  options: {
    port: number;
    smtpPort: number;
    serviceUrl: string;
    folder: string | null;
  } & Pick<MailchimpOptions, 'audienceId' | 'signing' | 'webhookRetryGapsMs' | 'now'>,
): Promise<Sandbox> {
  const { port: wantedPort, smtpPort, serviceUrl, ...account } = options;
  const { folder } = account;
  const server = createServer();
  const port = await listening(server.listen(wantedPort, '127.0.0.1'), 'the sandbox pages and Mailchimp');
  const closeServer = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  try {
    const inbox = await startInbox({
      port: smtpPort,
      folder: folder === null ? null : join(folder, 'mails'),
    });
    const url = `http://localhost:${port}`;
    const transport = createTransport({ host: '127.0.0.1', port: inbox.port });
    const audience = await createMailchimp({
      apiKey,
      ...account,
      url,
      post: async (mail) => {
        await transport.sendMail(mail);
      },
    });

    const app = express();
    app.disable('x-powered-by');
    app.use('/3.0', audience.router);
    app.use(pageHeaders([serviceUrl, url]), refuseOtherSites);
    app.get('/', (_request, response) => {
      response.send(indexPage());
    });
    app.get('/style.css', (_request, response) => {
      response.sendFile(join(import.meta.dirname, 'style.css'));
    });
    app.use('/article', allowWidget(serviceUrl), articlePages({ serviceUrl, url }));
    app.use('/inbox', inboxPages(inbox, serviceUrl));
    app.use('/mailchimp', mailchimpPages(audience));
    app.use('/control', controlApi(audience));
    app.use((_request, response) => {
      response.status(404).type('text').send('There is no such page.');
    });
    app.use(failed);
    server.on('request', app);

    return {
      url,
      mailchimp: { baseUrl: `http://127.0.0.1:${port}/3.0`, apiKey, audienceId: audience.audienceId },
      smtpUrl: `smtp://127.0.0.1:${inbox.port}`,
      audience,
      inbox,
      async stop() {
        await closeServer();
        await audience.close();
        await inbox.close();
      },
    };
  } catch (error) {
    await closeServer();
    throw error;
  }
}

/** Mails are shown with their own inline styles and pictures; nothing but the article runs a script. */
function pageHeaders(formTargets: string[]): RequestHandler {
  const targets = formTargets.map((target) => new URL(target).origin).join(' ');
  const policy = [
    "default-src 'none'",
    "style-src 'self' 'unsafe-inline'",
    'img-src https: http: data:',
    `form-action 'self' ${targets}`,
    "frame-ancestors 'none'",
  ].join('; ');
  return (_request, response, next) => {
    response.set({
      'Content-Security-Policy': policy,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    next();
  };
}

/** The article has the service's widget, which runs and sends. */
function allowWidget(serviceUrl: string): RequestHandler {
  const { origin } = new URL(serviceUrl);
  return (_request, response, next) => {
    const policy = String(response.getHeader('Content-Security-Policy'));
    response.set('Content-Security-Policy', `${policy}; script-src ${origin}; connect-src ${origin}`);
    next();
  };
}

/** The buttons act without a login, so only the sandbox's own pages may press them. */
const refuseOtherSites: RequestHandler = (request, response, next) => {
  const site = request.get('sec-fetch-site');
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (reads || site === undefined || site === 'same-origin') next();
  else response.status(403).type('text').send('This button belongs to the sandbox.');
};

const failed: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) return next(error);
  const status =
    error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500;
  response.status(status).type('text').send('This did not work.');
};
