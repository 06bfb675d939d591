import { setTimeout as pause } from 'node:timers/promises';
import { Router } from 'express';
import { readSignals, type Signals } from '../mailchimp/signals.ts';
import type { Sql } from '../platform/database.ts';
import { onlyVerbs } from './problems.ts';
import type { Health } from './web.ts';

/**
 * `/healthz`: the process lives. `/readyz`: sign-ups and opt-outs can be taken, which needs the database
 * alone; trouble with Mailchimp or mail is told in the body and never takes a node out of the balancer.
 */
export function healthRoutes({ database, workerHealth, isStopping }: Health): Router {
  const router = Router();

  router
    .route('/healthz')
    .get((_req, res) => {
      res.json({ status: 'ok' });
    })
    .all(onlyVerbs('GET'));

  router
    .route('/readyz')
    .get(async (_req, res) => {
      const reachable = await database.query('SELECT 1').then(
        () => true,
        () => false,
      );
      const ready = reachable && !isStopping();
      const { mailchimp, mail } = workerHealth();
      const signals = reachable ? await promptSignals(database) : null;
      res.status(ready ? 200 : 503).json({
        status: ready ? 'ready' : 'not ready',
        database: reachable ? 'ok' : 'out of reach',
        mailchimp: {
          ...(signals === null ? { signals: 'out of reach' } : forEverybody(signals)),
          ...mailchimp,
        },
        mail,
      });
    })
    .all(onlyVerbs('GET'));

  return router;
}

/** Anybody may ask, so how large the audience is stays out, and who paused the lane. */
function forEverybody({ drift, pausedBy: _, ...signals }: Signals): object {
  if (drift === null) return { ...signals, drift };
  const { missing, extra, conflicting } = drift;
  return { ...signals, drift: { missing, extra, conflicting } };
}

/** The signals, or null when they cannot be had at once: a balancer does not wait for numbers. */
async function promptSignals(sql: Sql): Promise<Signals | null> {
  const enough = new AbortController();
  const tooLate = pause(500, null, { signal: enough.signal }).catch(() => null);
  const signals = await Promise.race([readSignals(sql).catch(() => null), tooLate]);
  enough.abort();
  return signals;
}
