import express, { type Router } from 'express';
import { audienceRoutes } from './audienceRoutes.ts';
import { campaignRoutes } from './campaignRoutes.ts';
import type { Door, Routes } from './door.ts';
import { memberRoutes } from './memberRoutes.ts';
import { notFound } from './problem.ts';

export type { Exchange } from './door.ts';

/** The API under `/3.0`. */
export function apiRouter(
  options: {
    door: Door;
    changed: () => void;
  } & Parameters<typeof audienceRoutes>[1] &
    Parameters<typeof memberRoutes>[1] &
    Parameters<typeof campaignRoutes>[1],
): Router {
  const { door, changed } = options;
  const router = express.Router();
  const routes: Routes = {
    read: (path, work) => router.get(path, door(path, work)),
    write: (method, path, work) =>
      router[method](
        path,
        door(path, async (call) => {
          const body = await work(call);
          changed();
          return body;
        }),
      ),
  };
  audienceRoutes(routes, options);
  memberRoutes(routes, options);
  campaignRoutes(routes, options);
  router.all(
    '/{*path}',
    door('unknown', () => {
      throw notFound();
    }),
  );
  return router;
}
