import express, { type Express, type Router } from 'express';
import helmet from 'helmet';
import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import type { Site } from '../site/site.ts';
import type { Links } from '../subscribing/links.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';
import { assetRoutes } from './assets.ts';
import { confirmRoutes } from './confirm.ts';
import { docsFormRoutes } from './docs-form.ts';
import { embedRoutes } from './embed.ts';
import { eraseRoutes } from './erase.ts';
import { healthRoutes } from './health.ts';
import { type Metrics, metricsRoutes } from './metrics.ts';
import { myLinkRoutes } from './my-link.ts';
import { preferencesRoutes } from './preferences.ts';
import { answerErrors, notFound } from './problems.ts';
import type { ShowPage } from './reader.ts';
import { signUpRoutes } from './sign-up.ts';
import { unsubscribeRoutes } from './unsubscribe.ts';
import { webhookRoutes } from './webhook.ts';

/** What tells whether a process does well. */
export interface Health {
  database: Database;
  /** What only this process knows of Mailchimp and the mail server. */
  workerHealth: () => { mailchimp: object; mail: object };
  metrics: Metrics;
  /** Opens `/metrics`; null keeps it closed. */
  adminApiKey: string | null;
  isStopping: () => boolean;
  showPage: ShowPage;
  links: Links;
  log: Log;
}

/** What the public routes need. */
export interface Web extends Health {
  subscribing: Subscribing;
  baseUrl: string;
  site: Site;
  /** The publisher's, as PNG. */
  logo: Buffer | null;
  allowedOrigins: readonly string[];
  trustProxy: string[];
  webhook: {
    /** The last segment of the webhook's URL; null: no webhook is taken. */
    secret: string | null;
    /** What Mailchimp signs deliveries with; null: signatures are not looked at. */
    signingSecret: string | null;
    audienceId: string;
    /** Told after a commit that the lane has somebody to look at. */
    onHint: () => void;
  };
  /** What stands under `/admin/api`. */
  adminApi: Router;
}

/** The public web application. */
export function createWeb(web: Web): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', web.trustProxy.length > 0 ? web.trustProxy : false);

  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'"],
          // Chromium holds the redirect after a form against this as well.
          formAction: ["'self'", ...web.allowedOrigins],
          frameAncestors: ["'none'"],
          baseUri: ["'none'"],
        },
      },
      referrerPolicy: { policy: 'no-referrer' },
      strictTransportSecurity: web.baseUrl.startsWith('https:') && { maxAge: 31_536_000 },
    }),
  );
  app.use('/assets', assetRoutes(web));
  app.use((_req, res, next) => {
    res.set({ 'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex' });
    next();
  });

  // Browsers ask for it of their own accord.
  app.get('/favicon.ico', (_req, res) => void res.sendStatus(204));
  app.use('/admin/api', web.adminApi);
  app.use(
    signUpRoutes(web),
    embedRoutes(web),
    docsFormRoutes(web),
    confirmRoutes(web),
    unsubscribeRoutes(web),
    preferencesRoutes(web),
    myLinkRoutes(web),
    eraseRoutes(web),
    webhookRoutes(web),
    healthRoutes(web),
    metricsRoutes(web),
  );
  app.use(notFound);
  app.use(answerErrors(web.showPage, web.links, web.log));
  return app;
}

/** All that a process serves whose work is not the web. */
export function createHealth(health: Health): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(healthRoutes(health), metricsRoutes(health), notFound);
  app.use(answerErrors(health.showPage, health.links, health.log));
  return app;
}
