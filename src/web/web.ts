import path from 'node:path';
import express, { type Express, type Router } from 'express';
import helmet from 'helmet';
import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { root } from '../platform/root.ts';
import type { Links } from '../subscribing/links.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';
import { confirmRoutes } from './confirm.ts';
import { healthRoutes } from './health.ts';
import { type Metrics, metricsRoutes } from './metrics.ts';
import type { Site } from './pages/layout.tsx';
import { preferencesRoutes } from './preferences.ts';
import { answerErrors, notFound } from './problems.ts';
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
  site: Site;
  log: Log;
}

/** What the public routes need. */
export interface Web extends Health {
  subscribing: Subscribing;
  baseUrl: string;
  links: Links;
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
  app.use(
    '/assets',
    express.static(path.join(root, 'src/web/assets'), { index: false, redirect: false, maxAge: '1h' }),
  );
  app.use((_req, res, next) => {
    res.set({ 'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex' });
    next();
  });

  app.use('/admin/api', web.adminApi);
  app.use(
    signUpRoutes(web),
    confirmRoutes(web),
    unsubscribeRoutes(web),
    preferencesRoutes(web),
    webhookRoutes(web),
    healthRoutes(web),
    metricsRoutes(web),
  );
  app.use(notFound);
  app.use(answerErrors(web.site, web.log));
  return app;
}

/** All that a process serves whose work is not the web. */
export function createHealth(health: Health): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(healthRoutes(health), metricsRoutes(health), notFound);
  app.use(answerErrors(health.site, health.log));
  return app;
}
