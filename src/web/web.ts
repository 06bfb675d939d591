import express, { type Express, type RequestHandler, type Router } from 'express';
import helmet from 'helmet';
import type { AdminKeys } from '../access/keys.ts';
import type { Guard } from '../guard/guard.ts';
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
import { observe } from './observe.ts';
import { preferencesRoutes } from './preferences.ts';
import { answerErrors, notFound, onlyVerbs } from './problems.ts';
import { proofRoutes } from './proof.ts';
import type { ShowPage } from './reader.ts';
import { signUpRoutes } from './sign-up.ts';
import type { Beat } from './steady.ts';
import { unsubscribeRoutes } from './unsubscribe.ts';
import { webhookRoutes } from './webhook.ts';

/** What tells whether a process does well. */
export interface Health {
  database: Database;
  /** What only this process knows of Mailchimp and the mail server. */
  workerHealth: () => { mailchimp: object; mail: object };
  metrics: Metrics;
  /** Those of scope `read` open `/metrics`. */
  keys: AdminKeys;
  guard: Guard;
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
  /** Whether Mailchimp archives, and does not delete, who is erased here. */
  archives: boolean;
  /** Whether forms ask for a proof of work. */
  altcha: boolean;
  /** What answers about addresses wait for. */
  beat: Beat;
  webhook: {
    /** The last segment of the webhook's URL; null: no webhook is taken. */
    secret: string | null;
    /** What Mailchimp signs deliveries with; null: signatures are not looked at. */
    signingSecret: string | null;
    audienceId: string;
    /** Told after a commit that the lane has somebody to look at. */
    onHint: () => void;
  };
  /** What stands under `/admin/api`, and what describes it. */
  adminApi: Router;
  /** What stands under `/admin` for people. */
  dashboard: Router;
  reference: Router;
}

/** The public web application. */
export function createWeb(web: Web): Express {
  const app = closedApp(web);
  app.set('trust proxy', web.trustProxy.length > 0 ? web.trustProxy : false);

  app.use('/assets', assetRoutes(web));
  app.use(keptOut);

  // Browsers ask for it of their own accord.
  app
    .route('/favicon.ico')
    .get((_req, res) => void res.sendStatus(204))
    .all(onlyVerbs('GET'));
  app.use('/admin/api', web.adminApi);
  app.use('/admin', web.dashboard);
  app.use(
    signUpRoutes(web),
    proofRoutes(web),
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
    web.reference,
  );
  app.use(notFound);
  app.use(answerErrors(web.showPage, web.links, web.log));
  return app;
}

/** All that a process serves whose work is not the web. */
export function createHealth(health: Health): Express {
  const app = closedApp({ baseUrl: health.links.signUp(), metrics: health.metrics });
  app.use(keptOut);
  app.use(healthRoutes(health), metricsRoutes(health), notFound);
  app.use(answerErrors(health.showPage, health.links, health.log));
  return app;
}

/** An app whose answers load, show and tell no more than they must. */
function closedApp({
  baseUrl,
  allowedOrigins = [],
  altcha = false,
  metrics,
}: {
  baseUrl: string;
  metrics: Metrics;
  allowedOrigins?: readonly string[];
  altcha?: boolean;
}): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(observe(app, metrics));
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: ["'self'"],
          // Our pages have no script, but for the one that solves ALTCHA's challenges.
          ...(altcha && { scriptSrc: ["'self'"] }),
          imgSrc: ["'self'"],
          // Chromium holds the redirect after a form against this as well.
          formAction: ["'self'", ...allowedOrigins],
          frameAncestors: ["'none'"],
          baseUri: ["'none'"],
        },
      },
      // For browsers that do not know frame-ancestors.
      frameguard: { action: 'deny' },
      referrerPolicy: { policy: 'no-referrer' },
      strictTransportSecurity: baseUrl.startsWith('https:') && { maxAge: 31_536_000 },
    }),
  );
  return app;
}

/** Out of caches, which may be shared, and out of search. */
const keptOut: RequestHandler = (_req, res, next) => {
  res.set({ 'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex' });
  next();
};
