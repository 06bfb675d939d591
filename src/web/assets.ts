import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Router } from 'express';
import { root } from '../platform/root.ts';
import type { Shade } from '../site/accent.ts';
import { onlyVerbs } from './problems.ts';
import type { Web } from './web.ts';

/** What pages load: the stylesheet in the publisher's colour, and the logo, one request each (W-03). */
export function assetRoutes({ site, logo }: Pick<Web, 'site' | 'logo'>): Router {
  const router = Router();
  const folder = path.join(root, 'src/web/assets');
  const style = `${readFileSync(path.join(folder, 'style.css'), 'utf8')}
:root { ${variables(site.accent.light)} }
@media screen and (prefers-color-scheme: dark) { :root { ${variables(site.accent.dark)} } }
`;
  const etag = (content: string | Buffer) => `"${createHash('sha256').update(content).digest('base64url')}"`;
  router.use((_req, res, next) => {
    res.set('Cache-Control', 'public, max-age=3600');
    next();
  });
  router
    .route('/style.css')
    .get((req, res) => {
      res.set('ETag', etag(style)).type('text/css');
      if (req.fresh) res.sendStatus(304);
      else res.send(style);
    })
    .all(onlyVerbs('GET'));
  for (const file of ['docs.css', 'dashboard.css', 'dashboard.js', 'search.js']) {
    router
      .route(`/${file}`)
      .get((_req, res) => res.sendFile(path.join(folder, file)))
      .all(onlyVerbs('GET'));
  }
  router
    .route('/logo.png')
    .get((_req, res, next) => {
      if (logo === null) return next('router');
      // Mails show it too, and webmail is another site than ours.
      res.set({ ETag: etag(logo), 'Cross-Origin-Resource-Policy': 'cross-origin' });
      res.type('image/png').send(logo);
    })
    .all(onlyVerbs('GET'));
  return router;
}

const variables = ({ accent, strong, on }: Shade) =>
  `--accent: ${accent}; --accent-strong: ${strong}; --on-accent: ${on};`;
