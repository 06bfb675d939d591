import { randomUUID } from 'node:crypto';
import type { Express, Request, RequestHandler, Response } from 'express';
import { nowhere, openSpan, originOf } from '../platform/tracing.ts';
import type { Metrics } from './metrics.ts';

/** Where routers hang that know their routes without it. Their requests are told by the whole pattern. */
const mounts = ['/admin/api', '/assets'];

const verbs = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const ids = new WeakMap<Response, string>();

/** The id of the request that is answered, for the log. */
export const requestIdOf = (res: Response): string | undefined => ids.get(res);

/**
 * Gives each request an id, which a trusted proxy may have given already, tells it in the answer, and counts, times and
 * traces the answers by the pattern of their route: never by the path, which holds secrets and has no end of values.
 */
export function observe(app: Express, { recordRequest }: Pick<Metrics, 'recordRequest'>): RequestHandler {
  return (req, res, next) => {
    const isTrusted = fromTrustedProxy(app, req);
    const id = (isTrusted && given(req)) || randomUUID();
    ids.set(res, id);
    res.set('X-Request-Id', id);
    const began = performance.now();
    const isKnown = verbs.includes(req.method);
    const method = isKnown ? req.method : 'HTTP';
    const span = openSpan(method, {
      kind: 'server',
      // A stranger's word could hang requests into foreign traces, and have more of them recorded than are wanted. Of
      // the state that may come with it nothing is taken, as it may hold anything.
      parent: isTrusted ? originOf(req.get('traceparent')) : nowhere,
      attributes: {
        'http.request.method': isKnown ? method : '_OTHER',
        'url.scheme': req.secure ? 'https' : 'http',
        'http.response.header.x-request-id': [id],
      },
    });
    res.once('finish', () => {
      recordRequest({
        route: patternOf(req) ?? 'unmatched',
        method: isKnown ? method : 'other',
        status: `${Math.floor(res.statusCode / 100)}xx`,
        seconds: (performance.now() - began) / 1000,
      });
    });
    // Whether it was answered to the end or left.
    res.once('close', () => {
      const route = patternOf(req);
      const { statusCode, headersSent } = res;
      span.end(
        {
          ...(route !== undefined && { 'http.route': route }),
          ...(headersSent && { 'http.response.status_code': statusCode }),
          ...(headersSent && statusCode >= 500 && { 'error.type': String(statusCode) }),
        },
        route === undefined ? method : `${method} ${route}`,
      );
    });
    span.within(next);
  };
}

/** What strangers say of a request is not taken, only what a proxy says that is trusted. */
function fromTrustedProxy(app: Express, req: Request): boolean {
  const trusts: unknown = app.get('trust proxy fn');
  return typeof trusts === 'function' && trusts(req.socket.remoteAddress, 0) === true;
}

/** An id that came along, if it can be nothing but an id. */
function given(req: Request): string | undefined {
  const sent = req.get('x-request-id');
  return sent !== undefined && /^[\w-]{8,64}$/.test(sent) ? sent : undefined;
}

function patternOf(req: Request): string | undefined {
  const path: unknown = req.route?.path;
  if (typeof path !== 'string') return undefined;
  const mount = mounts.find((mount) => req.originalUrl.startsWith(`${mount}/`)) ?? '';
  return `${mount}${path}`;
}
