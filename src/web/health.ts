import { setTimeout as pause } from 'node:timers/promises';
import { Router } from 'express';
import { readSignals, type Signals } from '../mailchimp/signals.ts';
import type { Sql } from '../platform/database.ts';
import { standingOf } from '../platform/standing.ts';
import { onlyVerbs } from './problems.ts';
import type { Health } from './web.ts';

/** Anybody may ask, and a server is asked whether it is full by having it write. */
const roomForMs = 5_000;

/**
 * `/healthz`: the process lives. `/readyz`: sign-ups and opt-outs can be taken, which needs the database
 * alone, and room in it; trouble with Mailchimp or mail is told in the body and never takes a node out of the balancer.
 */
export function healthRoutes({ database, workerHealth, isStopping }: Health): Router {
  const router = Router();
  const room = keptFor(roomForMs, () => database.room());

  router
    .route('/healthz')
    .get((_req, res) => {
      res.json({ status: 'ok' });
    })
    .all(onlyVerbs('GET'));

  router
    .route('/readyz')
    .get(async (_req, res) => {
      const standing = await standingOf({ query: database.query, room });
      const ready = standing === 'ok' && !isStopping();
      const { mailchimp, mail } = workerHealth();
      const signals = standing === 'out of reach' ? null : await promptSignals(database);
      res.status(ready ? 200 : 503).json({
        status: ready ? 'ready' : 'not ready',
        database: standing,
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

/** Asks once for all who ask within a time. */
function keptFor<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | null = null;
  return () => {
    const at = performance.now();
    if (last === null || at - last.at >= ms) last = { at, answer: ask() };
    return last.answer;
  };
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
