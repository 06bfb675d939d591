import path from 'node:path';
import { type RequestHandler, Router } from 'express';
import { getAbsoluteFSPath } from 'swagger-ui-dist';
import { onlyVerbs } from '../web/problems.ts';
import { openapi } from './openapi.ts';
import type { Described } from './operation.ts';

// Swagger UI puts styles into elements, and its icons are in data: addresses. Nothing comes from elsewhere.
const policy = [
  "default-src 'none'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "script-src 'self'",
  "connect-src 'self'",
].join(';');

const page = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The API of Footnote</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="reference"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#reference', deepLinking: true, docExpansion: 'none', validatorUrl: null });
`;

/** `GET /openapi.json`, the description of the API, and `GET /docs`, where it can be read and tried. */
export function referenceRoutes(baseUrl: string, described: readonly Described[]): Router {
  const router = Router();
  const folder = getAbsoluteFSPath();
  let document: string | null = null;

  const routes: [string, RequestHandler][] = [
    [
      '/openapi.json',
      (_req, res) => {
        document ??= JSON.stringify(openapi(baseUrl, described));
        res.type('application/json').send(document);
      },
    ],
    ['/docs', (_req, res) => void res.set('Content-Security-Policy', policy).send(page)],
    ['/docs/start.js', (_req, res) => void res.type('text/javascript').send(start)],
    ...['swagger-ui.css', 'swagger-ui-bundle.js'].map((file): [string, RequestHandler] => [
      `/docs/${file}`,
      (_req, res) => res.sendFile(path.join(folder, file), { cacheControl: false }),
    ]),
  ];
  for (const [path, answer] of routes) router.route(path).get(answer).all(onlyVerbs('GET'));
  return router;
}
