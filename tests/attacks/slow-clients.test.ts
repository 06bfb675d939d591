import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';

/** The server that a Footnote listens with, as Node tells of it when a request comes. */
async function serverOf(footnote: Footnote): Promise<Server> {
  const { promise, resolve } = Promise.withResolvers<Server>();
  const hear = (message: unknown) => {
    if (typeof message !== 'object' || message === null || !('server' in message)) return;
    const { server } = message;
    if (!(server instanceof Server)) return;
    const address = server.address();
    if (typeof address === 'object' && address?.port === footnote.service.port) resolve(server);
  };
  subscribe('http.server.request.start', hear);
  await footnote.http.get('/healthz').expect(200);
  const server = await promise;
  unsubscribe('http.server.request.start', hear);
  return server;
}

let footnote: Footnote;
let server: Server;
/** How long it waits for clients, as it was started. */
let patience: Record<'headers' | 'request' | 'silence' | 'idle', number>;
const clients: Socket[] = [];
/** The server's ends of them, by the client's port. */
const accepted = new Map<number, Socket>();

beforeAll(async () => {
  footnote = await Footnote.start();
  server = await serverOf(footnote);
  patience = {
    headers: server.headersTimeout,
    request: server.requestTimeout,
    silence: server.timeout,
    idle: server.keepAliveTimeout,
  };
  server.on('connection', (socket) => accepted.set(socket.remotePort ?? 0, socket));
  server.setMaxListeners(0);
  // It looks every second; nobody shall wait longer for these tests than that takes.
  server.headersTimeout = 600;
  server.requestTimeout = 1_200;
  server.timeout = 4_000;
  server.keepAliveTimeout = 200;
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await footnote.stop();
});

/** A connection, from both its ends. */
async function open() {
  const client = connect(footnote.service.port, '127.0.0.1');
  clients.push(client);
  let answered = '';
  client.setEncoding('latin1');
  client.on('data', (chunk: string) => {
    answered += chunk;
  });
  client.on('error', () => {});
  await once(client, 'connect');
  const port = client.localPort ?? 0;
  while (!accepted.has(port)) await once(server, 'connection');
  const held = accepted.get(port) ?? expect.unreachable();
  const closed = new Promise<void>((resolve) => {
    held.once('close', () => resolve());
  });
  return { client, held, closed, answered: () => answered };
}

/** Sends a little of something, again and again, for as long as it is let. */
function drip(client: Socket, text: string) {
  const timer = setInterval(() => client.write(text), 50);
  client.once('close', () => clearInterval(timer));
}

const head = (line: string) => `${line} HTTP/1.1\r\nHost: localhost\r\n`;
const signUp = `${head('POST /subscriptions')}Content-Type: application/json\r\n`;
const nobody = `/unsubscribe/${'0'.repeat(32)}`;

/** What clients do that keep a connection for themselves, and what they are told at the end. */
const slow: Record<string, { act: (client: Socket) => void; told: RegExp }> = {
  'says nothing': { act: () => {}, told: /^HTTP\/1\.1 408 / },
  'never ends its request line': {
    act: (client) => {
      client.write('GET /');
      drip(client, 'a');
    },
    told: /^HTTP\/1\.1 408 /,
  },
  'never ends its headers': {
    act: (client) => {
      client.write(head('GET /'));
      drip(client, 'X-More: a\r\n');
    },
    told: /^HTTP\/1\.1 408 /,
  },
  'announces a body and sends none': {
    act: (client) => client.write(`${signUp}Content-Length: 100\r\n\r\n`),
    told: /^HTTP\/1\.1 408 /,
  },
  'waits to be asked for its body': {
    act: (client) => client.write(`${signUp}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n`),
    told: /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 408 /,
  },
  'sends its body by the byte': {
    act: (client) => {
      client.write(`${signUp}Content-Length: 8000\r\n\r\n{`);
      drip(client, ' ');
    },
    told: /^HTTP\/1\.1 408 /,
  },
  'sends chunks without end': {
    act: (client) => {
      client.write(`${signUp}Transfer-Encoding: chunked\r\n\r\n`);
      drip(client, '1\r\n \r\n');
    },
    told: /^HTTP\/1\.1 408 /,
  },
  'sends a body without end that nobody reads': {
    act: (client) => {
      client.write(`${head(`POST ${nobody}`)}Transfer-Encoding: chunked\r\n\r\n`);
      drip(client, '1\r\n \r\n');
    },
    told: /^HTTP\/1\.1 404 /,
  },
  'sends more of a body than is taken': {
    act: (client) => {
      client.write(`${signUp}Content-Length: 1000000\r\n\r\n`);
      drip(client, ' ');
    },
    // Whichever comes first on a busy machine.
    told: /^HTTP\/1\.1 (413|408) /,
  },
  'has its answer and stays': {
    act: (client) => client.write(`${head('GET /healthz')}\r\n`),
    told: /^HTTP\/1\.1 200 /,
  },
  'starts another request and does not end it': {
    act: (client) => {
      client.write(`${head('GET /healthz')}\r\n${head('GET /healthz')}`);
      drip(client, 'X-More: a\r\n');
    },
    told: /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 408 /,
  },
};

describe('a client that (A-12)', () => {
  it('takes its time is waited for as long as people need, and no longer', () => {
    expect(patience).toEqual({ headers: 10_000, request: 15_000, silence: 30_000, idle: 5_000 });
    expect(server.maxHeadersCount ?? 2_000).toBeLessThanOrEqual(2_000);
  });

  // All at once, as each is about waiting.
  it.concurrent.each(Object.keys(slow))('%s is not waited for', async (what) => {
    const { client, closed, answered } = await open();
    const { act, told } = slow[what] ?? expect.unreachable();
    const since = performance.now();
    act(client);
    await closed;
    // The longest patience, a look every second, and some slack for a busy machine.
    expect(performance.now() - since).toBeLessThan(4_000 + 1_000 + 3_000);
    if (!client.closed) await once(client, 'close');
    expect(answered()).toMatch(told);
  });

  it('does not read its answers is not waited for', async () => {
    const { client, held, closed } = await open();
    client.pause();
    client.write(`${head('GET /embed.js')}\r\n`.repeat(2_000));
    const peak = { w: 0, m: 0 };
    const m0 = process.memoryUsage();
    const t = setInterval(() => {
      peak.w = Math.max(peak.w, held.writableLength);
      const m = process.memoryUsage();
      peak.m = Math.max(peak.m, m.rss - m0.rss);
    }, 10);
    await closed;
    clearInterval(t);
  });
});

describe('while two hundred such clients hang on', () => {
  it('a sign-up is taken at once, and so is an opt-out (A-12)', async () => {
    const acts = Object.values(slow);
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { client } = await open();
        acts[index % acts.length]?.act(client);
      }),
    );
    const since = performance.now();
    await footnote.signUp('quick@example.com').expect(202);
    const { unsubscribe } = await footnote.mailTo('quick@example.com');
    await footnote.http.post(unsubscribe).expect(200);
    expect(performance.now() - since).toBeLessThan(2_000);
  });
});
