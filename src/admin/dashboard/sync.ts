import { type Request, type Response, Router } from 'express';
import { createElement } from 'react';
import { z } from 'zod';
import { readSignals, refusedContacts } from '../../mailchimp/signals.ts';
import { onlyVerbs } from '../../web/problems.ts';
import { type Desk, readForm, word } from './desk.ts';
import { signedIn } from './door.ts';
import { SyncPage } from './pages/sync.tsx';

/** Nobody's address is everybody's. */
const retryForm = z.object({ email: word });
const reconcileForm = z.object({ how: z.enum(['look', 'repair']) });
const mostRefused = 200;

/** `/admin/sync`: whom Mailchimp refuses and why, trying again, and comparing the audience. */
export function syncRoutes({ database, act, demandSession, acting, form, show }: Desk): Router {
  const router = Router();
  router
    .route('/sync')
    .get(demandSession, async (req, res) => {
      const [signals, refused, compared] = await Promise.all([
        readSignals(database),
        refusedContacts(database, { limit: mostRefused }),
        database.prisma.reconciliation.findMany({
          orderBy: { requestedAt: 'desc' },
          take: 10,
          omit: { report: true, heardUntil: true, startedAt: true },
        }),
      ]);
      const holder = signedIn(req);
      show(req, res, (frame) => createElement(SyncPage, { frame, holder, signals, refused, compared }));
    })
    .all(onlyVerbs('GET'));
  for (const what of ['pause', 'resume']) {
    router
      .route(`/sync/${what}`)
      .post(...acting, async (req: Request, res: Response) => {
        await act(`sync.${what}`, { key: signedIn(req), req, res });
        res.redirect(303, '/admin/sync');
      })
      .all(onlyVerbs('POST'));
  }
  router
    .route('/sync/retry')
    .post(...acting, ...form, async (req: Request, res: Response) => {
      const { email } = readForm(retryForm, req.body);
      const body = email === '' ? {} : { email };
      await act('sync.retry', { key: signedIn(req), req, res, body });
      res.redirect(303, '/admin/sync');
    })
    .all(onlyVerbs('POST'));
  router
    .route('/sync/reconcile')
    .post(...acting, ...form, async (req: Request, res: Response) => {
      const { how } = readForm(reconcileForm, req.body);
      const body = { kind: 'full', dryRun: how === 'look' };
      await act('sync.reconcile', { key: signedIn(req), req, res, body });
      res.redirect(303, '/admin/sync');
    })
    .all(onlyVerbs('POST'));

  return router;
}
