import { randomUUID } from 'node:crypto';
import type { Express, Request, RequestHandler, Response } from 'express';
import type { Metrics } from './metrics.ts';

/** Where routers hang that know their routes without it. Their requests are told by the whole pattern. */
const mounts = ['/admin/api', '/assets'];

const verbs = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const ids = new WeakMap<Response, string>();

/** The id of the request that is answered, for the log. */
export const requestIdOf = (res: Response): string | undefined => ids.get(res);

/**
 * Gives each request an id, which a trusted proxy may have given already, tells it in the answer, and counts and times
 * the answers by the pattern of their route: never by the path, which holds secrets and has no end of values.
 */
export function observe(app: Express, { recordRequest }: Pick<Metrics, 'recordRequest'>): RequestHandler {
  return (req, res, next) => {
    const id = given(app, req) ?? randomUUID();
    ids.set(res, id);
    res.set('X-Request-Id', id);
    const began = performance.now();
    res.once('finish', () => {
      recordRequest({
        route: patternOf(req),
        method: verbs.includes(req.method) ? req.method : 'other',
        status: `${Math.floor(res.statusCode / 100)}xx`,
        seconds: (performance.now() - began) / 1000,
      });
    });
    next();
  };
}

/** An id that came along is taken from a proxy that is trusted, and if it can be nothing but an id. */
function given(app: Express, req: Request): string | undefined {
  const sent = req.get('x-request-id');
  const trusts: unknown = app.get('trust proxy fn');
  const isTrusted = typeof trusts === 'function' && trusts(req.socket.remoteAddress, 0) === true;
  return isTrusted && sent !== undefined && /^[\w-]{8,64}$/.test(sent) ? sent : undefined;
}

function patternOf(req: Request): string {
  const path: unknown = req.route?.path;
  if (typeof path !== 'string') return 'unmatched';
  const mount = mounts.find((mount) => req.originalUrl.startsWith(`${mount}/`)) ?? '';
  return `${mount}${path}`;
}
