import { Router } from 'express';
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
      res.status(ready ? 200 : 503).json({
        status: ready ? 'ready' : 'not ready',
        database: reachable ? 'ok' : 'out of reach',
        ...workerHealth(),
      });
    })
    .all(onlyVerbs('GET'));

  return router;
}
