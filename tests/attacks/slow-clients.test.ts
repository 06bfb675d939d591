import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveList } from '../../src/subscribing/lists.ts';
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

/** Of an answer, so that a hundred are more than a system keeps for a client that does not read. */
const large = 100_000;
/** The longest patience below, a look every second, and slack for a busy machine. */
const longest = 2_000 + 1_000 + 7_000;

let footnote: Footnote;
let server: Server;
/** How long it waits for clients, as it was started. */
let patience: Record<'headers' | 'request' | 'silence' | 'idle', number>;
const clients: Socket[] = [];
/** The server's ends of them, by the client's port. */
const accepted = new Map<number, Socket>();

beforeAll(async () => {
  footnote = await Footnote.start();
  const long = { slug: 'long', name: 'Long', description: 'x'.repeat(large), position: 9 };
  await saveList(footnote.service.database, long);
  // Bundled once, when it is first asked for.
  await footnote.http.get('/embed.js').expect(200);
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
  server.headersTimeout = 400;
  server.requestTimeout = 800;
  server.timeout = 2_000;
  server.keepAliveTimeout = 200;
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await footnote.stop();
});

/** Unlike `once`, also when it closes by an error. */
const whenClosed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
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
  const [left, ended] = [whenClosed(held), whenClosed(client)];
  return { client, held, left, ended, answered: () => answered };
}

/** Sends a little of something, again and again, for as long as it is let. */
function drip(client: Socket, text: string) {
  const timer = setInterval(() => client.write(text), 50);
  client.once('close', () => clearInterval(timer));
}

const head = (line: string) => `${line} HTTP/1.1\r\nHost: localhost\r\n`;
const signUp = `${head('POST /subscriptions')}Content-Type: application/json\r\n`;
const nobody = `/unsubscribe/${'0'.repeat(32)}`;

/** What clients do that keep a connection for themselves. */
const slow: Record<string, (client: Socket) => void> = {
  'says nothing': () => {},
  'never ends its request line': (client) => {
    client.write('GET /');
    drip(client, 'a');
  },
  'never ends its headers': (client) => {
    client.write(head('GET /'));
    drip(client, 'X-More: a\r\n');
  },
  'announces a body and sends none': (client) => client.write(`${signUp}Content-Length: 100\r\n\r\n`),
  'waits to be asked for its body': (client) =>
    client.write(`${signUp}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n`),
  'sends its body by the byte': (client) => {
    client.write(`${signUp}Content-Length: 8000\r\n\r\n{`);
    drip(client, ' ');
  },
  'sends chunks without end': (client) => {
    client.write(`${signUp}Transfer-Encoding: chunked\r\n\r\n`);
    drip(client, '1\r\n \r\n');
  },
  'sends a body without end that nobody reads': (client) => {
    client.write(`${head(`POST ${nobody}`)}Transfer-Encoding: chunked\r\n\r\n`);
    drip(client, '1\r\n \r\n');
  },
  'sends more of a body than is taken': (client) => {
    client.write(`${signUp}Content-Length: 1000000\r\n\r\n`);
    drip(client, ' ');
  },
  'has its answer and stays': (client) => client.write(`${head('GET /healthz')}\r\n`),
  'starts another request and does not end it': (client) => {
    client.write(`${head('GET /healthz')}\r\n${head('GET /healthz')}`);
    drip(client, 'X-More: a\r\n');
  },
};

describe('a client that (A-12)', () => {
  it('takes its time is waited for as long as people need, and no longer', () => {
    expect(patience).toEqual({ headers: 10_000, request: 15_000, silence: 30_000, idle: 5_000 });
    // What a client asks for at once is all answered before it is seen whether it reads.
    expect(server.maxRequestsPerSocket).toBe(100);
  });

  // All at once, as each is about waiting.
  it.concurrent.each(Object.keys(slow))('%s is not waited for', async (what) => {
    const { client, left, answered } = await open();
    const act = slow[what] ?? expect.unreachable();
    const since = performance.now();
    act(client);
    await left;
    expect(performance.now() - since).toBeLessThan(longest);
    // Who still sends when the server hangs up may get a reset in place of the 408.
    expect(answered()).not.toMatch(/HTTP\/1\.1 (202|5\d\d) /);
  });

  it.concurrent('asks a thousand things at once is answered a hundred', async () => {
    const { client, held, ended, answered } = await open();
    let asked = 0;
    server.on('request', ({ socket }) => {
      if (socket === held) asked += 1;
    });
    client.write(`${head('GET /healthz')}\r\n`.repeat(1_000));
    await ended;
    expect(asked).toBe(100);
    expect(answered().match(/HTTP\/1\.1 200 /g)).toHaveLength(100);
  });

  it.concurrent('does not read its answers is not waited for', async () => {
    const { client, held, left } = await open();
    client.pause();
    const since = performance.now();
    client.write(`${head('GET /embed.js')}\r\n`.repeat(99));
    await left;
    expect(performance.now() - since).toBeLessThan(longest);
    // It had more to say than the system keeps for a client.
    expect(held.bytesWritten).toBeLessThan(99 * large);
  });
});

describe('while two hundred such clients hang on', () => {
  it('a sign-up is taken at once, and so is an opt-out (A-12)', async () => {
    const acts = Object.values(slow);
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { client } = await open();
        acts[index % acts.length]?.(client);
      }),
    );
    const since = performance.now();
    await footnote.signUp('quick@example.com').expect(202);
    const { unsubscribe } = await footnote.mailTo('quick@example.com');
    await footnote.http.post(unsubscribe).expect(200);
    expect(performance.now() - since).toBeLessThan(3_000);
  });
});
