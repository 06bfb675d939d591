import { once } from 'node:events';
import { Agent, METHODS, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Express } from 'express';
import { z } from 'zod';
import type { Footnote } from './footnote.ts';

// Attacks go over every route that there is, so that a new one is attacked from its first day.

/** A route as it was registered, such as `/confirm/:token`. */
export interface Route {
  path: string;
  /** In upper case, with the HEAD that comes with GET; `*` when it answers every verb itself. */
  verbs: string[];
}

/** A route with parameters that lead somewhere, and with ones that nobody knows. */
export interface Door extends Route {
  open: string;
  closed: string;
}

interface Listed {
  listRoutes(): unknown;
  stack: unknown;
}

const router = z.custom<Listed>(
  (value) =>
    typeof value === 'function' &&
    'listRoutes' in value &&
    typeof value.listRoutes === 'function' &&
    'stack' in value,
  'a router that does not list its routes',
);
const routes = z.array(
  z.object({
    path: z.string('a path that is no text cannot be filled in'),
    methods: z.array(z.string()).optional(),
    router: router.optional(),
  }),
);
const layers = z.array(z.object({ name: z.string() }));

/** What answers requests without being listed; what is served that way would never be attacked. */
const unlisted = ['mounted_app', 'serveStatic'];

/** Every route of an app, those of routers in routers included. @throws when some cannot be seen */
export function routesOf(app: Express): Route[] {
  const found = new Map<string, Set<string>>();
  const walk = (within: Listed, prefix: string) => {
    const hidden = layers.parse(within.stack).find(({ name }) => unlisted.includes(name));
    if (hidden !== undefined)
      throw new Error(`${hidden.name} under ${prefix || '/'} does not list its routes`);
    for (const { path, methods, router } of routes.parse(within.listRoutes())) {
      const full = `${prefix}${path}`.replace(/(?<=.)\/$/, '');
      if (router !== undefined) walk(router, full === '/' ? '' : full);
      else found.set(full, new Set([...(found.get(full) ?? []), ...(methods ?? [])]));
    }
  };
  walk(router.parse(app.router), '');
  return [...found].map(([path, verbs]) => ({ path, verbs: [...verbs] }));
}

/** Every route of a Footnote. Its links are those of a reader who signed up, and was mailed them all. */
export async function doorsOf(footnote: Footnote, email = 'reader@example.com'): Promise<Door[]> {
  await footnote.signUp(email).expect(202);
  const links = await footnote.mailTo(email, 'confirmation');
  await footnote.http.post(links.preferences).type('form').send('action=erase').expect(200);
  const { erase } = await footnote.mailTo(email, 'erasure');
  await footnote.mailsNoted();

  const tokens = Object.fromEntries(
    [links.confirm, links.notMe, links.unsubscribe, links.preferences, erase].map((link) => {
      const [, kind = '', token = ''] = link.split('/');
      return [kind, token];
    }),
  );
  const known: Record<string, string | null> = {
    secret: footnote.settings.webhook.secret,
    slug: 'morning-briefing',
    locale: 'en',
    name: 'housekeeping',
    id: unknown.id,
  };
  return routesOf(footnote.service.app).map((route) => {
    const [, kind = ''] = route.path.split('/');
    return {
      ...route,
      open: filled(route.path, { ...known, token: tokens[kind] ?? null }),
      closed: filled(route.path, unknown),
    };
  });
}

const unknown = {
  token: '0'.repeat(40),
  secret: 'x'.repeat(40),
  slug: 'no-such-list',
  locale: 'xx',
  name: 'no-such-duty',
  id: '00000000-0000-4000-8000-000000000000',
};

function filled(path: string, values: Record<string, string | null>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => {
    const value = values[name];
    if (typeof value !== 'string') throw new Error(`${path} is new: say what a good ${name} is`);
    return value;
  });
}

/** All that Node's parser knows, but for CONNECT, which is no request to a route. */
export const verbs = METHODS.filter((verb) => verb !== 'CONNECT');

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  type: string;
  text: string;
}

const inside = /node_modules|\/src\/|\/tests\/|\.[cm]?[jt]sx?:\d|\n\s+at |Prisma/;
/** What belongs to the code of the widget and to the doctor's findings, but into no error. */
const insideOfErrors = /\wError\b|prisma|pglite|postgres|\bzod|SELECT |INSERT |UPDATE |relation "/;

/** What an answer tells of the inside; null when it tells nothing. */
export function insideIn({ status, text }: Pick<Answer, 'status' | 'text'>): string | null {
  const [told] = inside.exec(text) ?? ((status >= 400 && insideOfErrors.exec(text)) || []);
  return told ?? null;
}

export interface Sent {
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** Sends any verb, path, headers and body just as they are: other clients refuse some and mend others. */
export type Send = (verb: string, path: string, sent?: Sent) => Promise<Answer>;

/** Few connections, used again and again, as there are thousands of requests. */
export function senderTo(port: number): { send: Send; close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const send: Send = (method, path, { headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      // Node tells no length of a DELETE's body, which would be taken for the next request then.
      const length = method === 'DELETE' &&
        body !== undefined && { 'Content-Length': Buffer.byteLength(body) };
      const told = { ...length, ...headers };
      const asked = request({ agent, host: '127.0.0.1', port, method, path, headers: told }, (answer) => {
        const { statusCode: status = 0, headers } = answer;
        const [type = ''] = (headers['content-type'] ?? '').split(';');
        text(answer).then((text) => resolve({ status, headers, type, text }), reject);
      });
      asked.on('error', reject);
      asked.end(body);
    });
  return { send, close: () => agent.destroy() };
}

/** Sends bytes that need not be HTTP. @returns all that came back until the server closed the connection */
export async function sendBytes(port: number, bytes: string | Buffer, { end = false } = {}): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  // A server that had enough may reset the connection.
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  const written = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  if (end) socket.end(written);
  else socket.write(written);
  await closed;
  return received;
}

/** Does something for each of many, a few at a time. @returns what came of them, without the nothings */
export async function each<T, R>(many: Iterable<T>, act: (one: T) => Promise<R | undefined>): Promise<R[]> {
  const left = [...many];
  const came: R[] = [];
  const work = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const outcome = await act(one);
      if (outcome !== undefined) came.push(outcome);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return came;
}
