import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import { createElement } from 'react';
import { z } from 'zod';
import type { AdminKeys } from '../../access/keys.ts';
import { openSessions } from '../../access/sessions.ts';
import type { Made } from '../../consent/dossier.ts';
import type { Duties } from '../../duties/open.ts';
import type { Guard } from '../../guard/guard.ts';
import { readSignals } from '../../mailchimp/signals.ts';
import type { Database } from '../../platform/database.ts';
import { type Finding, fault } from '../../platform/finding.ts';
import type { Log } from '../../platform/log.ts';
import { standingOf } from '../../platform/standing.ts';
import { everyList } from '../../subscribing/lists.ts';
import { readBody } from '../../web/bodies.ts';
import { asProblem, logFailure, onlyVerbs } from '../../web/problems.ts';
import { countWrong } from '../../web/wrong-links.ts';
import type { Act } from '../api.ts';
import { judgeRoom } from '../doctor.ts';
import { openCheckUp } from './check-up.ts';
import { type Desk, readForm, type Show, word } from './desk.ts';
import { openDoor, signedIn } from './door.ts';
import { dutyRoutes } from './duties.ts';
import { readHistory, readOwed, readSample } from './numbers.ts';
import { written } from './pages/layout.tsx';
import { OutOfOrderPage } from './pages/out-of-order.tsx';
import { OverviewPage, spans } from './pages/overview.tsx';
import { SignInPage } from './pages/sign-in.tsx';
import { peopleRoutes } from './people.ts';
import { syncRoutes } from './sync.ts';
import { wordingRoutes } from './wording.ts';

/** What the dashboard needs. */
export interface Dashboard {
  database: Database;
  keys: AdminKeys;
  guard: Guard;
  baseUrl: string;
  publication: string;
  doctor: () => Promise<Finding[]>;
  duties: Pick<Duties, 'list'>;
  act: Act;
  /** What a dossier that is made now says of who made it. */
  dossierMade: () => Made;
  log: Log;
  now: () => Date;
}

/** One script and two stylesheets of ours, and nothing else. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join(';');

const closed: RequestHandler = (_req, res, next) => {
  // `same-origin`, as a form of a page that says `no-referrer` does not say where it stands.
  res.set({ 'Content-Security-Policy': policy, 'Referrer-Policy': 'same-origin' });
  next();
};

const keyForm = z.object({ key: word.min(1) });
const viewed = z.object({
  days: z.enum(spans.map(String)).transform(Number).catch(spans[0]),
  list: z.string().catch(''),
});

/** `/admin`: the dashboard, for whoever signs in with a key. It reads; what it changes it asks the admin API for. */
export function dashboardRoutes(dashboard: Dashboard): Router {
  const { database, keys, guard, publication, doctor, act, dossierMade, now } = dashboard;
  const door = openDoor({ sessions: openSessions({ database, keys, now }), baseUrl: dashboard.baseUrl });
  const checkUp = openCheckUp(doctor, now);
  const form = readBody('application/x-www-form-urlencoded');
  const show: Show = (req, res, page, status = 200) => {
    res.status(status).send(written(page({ publication, holder: signedIn(req) })));
  };

  const showSignIn = (res: Response, status: number, fault: string | null) => {
    const frame = { publication, holder: null };
    res.status(status).send(written(createElement(SignInPage, { frame, fault, isOpen: keys.isOpen })));
  };

  const router = Router();
  router.use(closed);
  router
    .route('/sign-in')
    .get(async (req, res) => {
      if (await door.isOpenTo(req)) res.redirect(303, '/admin');
      else showSignIn(res, 200, null);
    })
    .post(door.refuseStrangers, ...form, async (req: Request, res: Response) => {
      const { key } = readForm(keyForm, req.body);
      if (await door.signIn(req, res, key.trim())) return res.redirect(303, '/admin');
      await countWrong(guard, req, res);
      showSignIn(res, 422, 'This key is not valid, revoked, or not of scope read.');
    })
    .all(onlyVerbs('GET', 'POST'));
  router
    .route('/sign-out')
    .post(door.refuseStrangers, async (req, res) => {
      await door.signOut(req, res);
      res.redirect(303, '/admin/sign-in');
    })
    .all(onlyVerbs('POST'));

  const { demandSession, refuseStrangers } = door;
  const acting = [refuseStrangers, demandSession] as const;

  router
    .route('/')
    .get(demandSession, async (req, res) => {
      const { days, list: slug } = viewed.parse(req.query);
      const [lists, history, sample, signals, owed, latest] = await Promise.all([
        everyList(database),
        readHistory(database, { days, now: now() }),
        readSample(database),
        readSignals(database),
        readOwed(database, now()),
        checkUp(),
      ]);
      const list = lists.find((one) => one.slug === slug) ?? null;
      const of = { days, list, lists, history, sample, signals, owed, checkUp: latest };
      show(req, res, (frame) => createElement(OverviewPage, { frame, of }));
    })
    .all(onlyVerbs('GET'));

  const desk: Desk = { database, act, dossierMade, acting, demandSession, form, show };
  router.use(peopleRoutes(desk), syncRoutes(desk), dutyRoutes(desk, dashboard.duties), wordingRoutes(desk));
  router.use(tellDatabase(dashboard));
  return router;
}

/** Where it is the database that keeps a page from being shown, says so, as the findings that say so need it, too. */
function tellDatabase({
  database,
  publication,
  log,
}: Pick<Dashboard, 'database' | 'publication' | 'log'>): ErrorRequestHandler {
  // Express knows by the number of parameters that this is for errors.
  return async (error: unknown, req, res, next) => {
    const isOurs = !res.headersSent && asProblem(error).status >= 500;
    if (!isOurs || req.accepts(['json', 'html']) !== 'html') return next(error);
    const standing = await standingOf(database);
    if (standing === 'ok') return next(error);
    logFailure(log, error, req, res);
    const told =
      standing === 'full'
        ? { finding: { check: 'room', ...(await judgeRoom(database)) }, runbook: 'Disk full, or nearly' }
        : { finding: { check: 'database', ...away }, runbook: 'Database down' };
    const frame = { publication, holder: null };
    res.status(503).send(written(createElement(OutOfOrderPage, { frame, ...told })));
  };
}

const away = fault(
  'It does not answer, so no sign-up and no opt-out can be taken.',
  'See that PostgreSQL runs where DATABASE_URL leads, and takes connections. Footnote connects again by itself.',
);
