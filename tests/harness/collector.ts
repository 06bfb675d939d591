import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';

// A collector of traces, as OTLP over HTTP has it: https://opentelemetry.io/docs/specs/otlp/#otlphttp

const attributes = z
  .array(
    z.object({
      key: z.string(),
      value: z.union([
        z.object({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
        z.object({ intValue: z.number() }).transform(({ intValue }) => intValue),
        z
          .object({ arrayValue: z.object({ values: z.array(z.object({ stringValue: z.string() })) }) })
          .transform(({ arrayValue }) => arrayValue.values.map(({ stringValue }) => stringValue)),
      ]),
    }),
  )
  .transform((all) => Object.fromEntries(all.map(({ key, value }) => [key, value])));
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().default(''),
  traceState: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  attributes,
  events: z.array(z.unknown()),
  links: z.array(z.object({ traceId: z.string(), spanId: z.string() })),
  status: z.object({ code: z.number(), message: z.string().optional() }),
});
const exported = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ scope: z.object({ name: z.string() }), spans: z.array(span) })),
    }),
  ),
});

export type CollectedSpan = z.infer<typeof span>;

/** How a collector behaves: it takes what it gets, refuses whoever asks, or never answers. */
type Manner = 'takes' | 'refuses' | 'hangs';

/** Starts one on a free port of this machine. */
export async function startCollector(manner: Manner = 'takes') {
  const received: { path: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const server = createServer(async (req, res) => {
    received.push({ path: req.url ?? '', headers: req.headers, body: await buffer(req) });
    if (manner === 'hangs') return;
    res.writeHead(manner === 'refuses' ? 401 : 200, { 'Content-Type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const batches = () =>
    received.flatMap(({ body }) => exported.parse(JSON.parse(body.toString())).resourceSpans);

  return {
    url: `http://127.0.0.1:${port}`,
    received,
    /** Every byte that it got, as text. */
    bytes: () => Buffer.concat(received.map(({ body }) => body)).toString('latin1'),
    /** The spans that it got, where they came as JSON. */
    spans: (): CollectedSpan[] =>
      batches().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    /** Who made them. */
    scopes: () => new Set(batches().flatMap(({ scopeSpans }) => scopeSpans.map(({ scope }) => scope.name))),
    resources: () => batches().map(({ resource }) => resource.attributes),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
