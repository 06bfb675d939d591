import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import autocannon from 'autocannon';
import type { Settings } from '../../src/settings.ts';
import { freePort } from '../harness/ports.ts';
import { environment, type FootnoteProcess, startProcess } from '../harness/process.ts';
import { emptyDatabase } from '../harness/template.ts';

// Durable sign-ups beside a bare Express route, and beside one that inserts a single row, in the same run.

const seconds = 6;
/** A Mailchimp and a mail server that are not there. */
export const nobody = {
  mailchimp: { apiKey: 'nobody-us1', audienceId: 'none', baseUrl: 'http://127.0.0.1:9/3.0' },
  smtpUrl: 'smtp://127.0.0.1:9',
};

interface Figure {
  perSecond: number;
  p50: number;
  p99: number;
  faults: number;
}

async function load(port: number, connections: number): Promise<Figure> {
  let reader = 0;
  const result = await autocannon({
    url: `http://127.0.0.1:${port}/subscriptions`,
    connections,
    duration: seconds,
    // After so many the server ends a connection, which autocannon does not heed by itself.
    reconnectRate: 100,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    setupClient: (client) => {
      const next = () => {
        reader += 1;
        const lists = ['morning-briefing', 'science-weekly'].slice(reader % 2);
        client.setBody(JSON.stringify({ email: `reader${reader}-${connections}@reader.example`, lists }));
      };
      next();
      client.on('response', next);
    },
  });
  return {
    perSecond: result['2xx'] / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    faults: result.non2xx + result.errors,
  };
}

async function measure(
  name: string,
  server: FootnoteProcess,
  port: number,
  beside: Map<number, Figure> | null,
) {
  const figures = new Map<number, Figure>();
  await load(port, 8);
  for (const connections of [1, 64, 256, 512]) {
    const figure = await load(port, connections);
    figures.set(connections, figure);
    const bare = beside?.get(connections)?.perSecond;
    const ratio =
      bare === undefined ? '' : `  ${((100 * figure.perSecond) / bare).toFixed(0)} % of the bare route`;
    process.stdout.write(
      `${name.padEnd(12)} ${String(connections).padStart(4)} connections ${figure.perSecond.toFixed(0).padStart(7)}/s` +
        `  p50 ${figure.p50} ms  p99 ${figure.p99} ms  ${figure.faults} faults${ratio}\n`,
    );
  }
  server.signal('SIGTERM');
  await server.exited;
  return figures;
}

async function startOn(database: Settings['database']): Promise<{ server: FootnoteProcess; port: number }> {
  const port = await freePort();
  const env = { ...environment(database, nobody, port), LOG_LEVEL: 'error' };
  return { server: await startProcess(env, 'tests/bench/footnote.ts'), port };
}

export async function benchSignUps(): Promise<void> {
  const barePort = await freePort();
  const bareServer = await startProcess({ PORT: String(barePort) }, 'tests/bench/bare.ts');
  const bare = await measure('bare route', bareServer, barePort, null);

  const folder = await mkdtemp(path.join(tmpdir(), 'footnote-bench-'));
  const embedded = await startOn({ kind: 'embedded', folder });
  await measure('PGlite', embedded.server, embedded.port, bare);
  await rm(folder, { recursive: true });

  const server = process.env['TEST_DATABASE_URL'];
  if (server !== undefined) {
    const plain = await emptyDatabase(server);
    const plainPort = await freePort();
    const inserting = { PORT: String(plainPort), DATABASE_URL: plain.settings.url };
    await measure('plain INSERT', await startProcess(inserting, 'tests/bench/bare.ts'), plainPort, bare);
    await plain.drop();

    const database = await emptyDatabase(server);
    const postgres = await startOn(database.settings);
    await measure('PostgreSQL', postgres.server, postgres.port, bare);
    await database.drop();
  }
}
