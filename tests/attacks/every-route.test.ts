import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';
import {
  type Answer,
  type Door,
  doorsOf,
  each,
  insideIn,
  type Send,
  type Sent,
  sendBytes,
  senderTo,
  verbs,
} from '../harness/routes.ts';

const key = 'an-admin-key-of-forty-visible-characters';
const json = 'application/json';
const form = 'application/x-www-form-urlencoded';

/** What a route takes as a body. One that is not described here fails the first test. */
interface Body {
  types: string[];
  /** Answers 200 to whatever comes, since its sender would only send it again. */
  takesAnything?: true;
  limit: number;
  required: Record<string, unknown>;
  optional: Record<string, unknown>;
}

const small = { limit: 8_192, required: {}, optional: {} };
const bodies: Record<string, Body | null> = {
  'POST /subscriptions': {
    ...small,
    types: [json, form],
    required: { email: 'fuzz@example.com', lists: ['morning-briefing'] },
    optional: {
      consentVersion: '0',
      source: 'https://news.example/',
      locale: 'en',
      firstName: 'Ann',
      redirect: 'https://news.example/',
    },
  },
  'POST /my-link': { ...small, types: [form], required: { email: 'reader@example.com' } },
  'POST /preferences/:token': {
    ...small,
    types: [form],
    optional: { action: 'copy', consentVersion: '0', lists: ['morning-briefing'], shown: ['weekend-reads'] },
  },
  'POST /webhooks/mailchimp/:secret': { ...small, types: [form], takesAnything: true, limit: 262_144 },
  'POST /admin/api/lists': {
    ...small,
    types: [json],
    required: { slug: 'fuzz', name: 'Fuzz' },
    optional: { description: 'Fuzz' },
  },
  'PATCH /admin/api/lists/:slug': {
    ...small,
    types: [json],
    optional: { name: 'Fuzz', description: 'Fuzz' },
  },
  'PUT /admin/api/consent-texts/:locale': {
    ...small,
    types: [json],
    limit: 65_536,
    required: { text: 'Fuzz' },
  },
  'POST /admin/api/keys': { ...small, types: [json], required: { name: 'Fuzz', scopes: ['read'] } },
  'POST /admin/api/sync/retry': {
    ...small,
    types: [json],
    optional: { email: 'reader@example.com', dryRun: true },
  },
  'POST /admin/api/sync/reconcile': { ...small, types: [json], optional: { kind: 'full', dryRun: true } },
  'POST /admin/api/subscribers/search': {
    ...small,
    types: [json],
    optional: { beginning: 'ann', list: 'morning-briefing', state: 'subscribed', limit: 10 },
  },
  'POST /admin/api/imports': {
    ...small,
    types: [json],
    required: { digest: '0'.repeat(64), file: 'people.csv', lists: ['morning-briefing'], source: 'Fuzz' },
  },
  'POST /admin/api/imports/preview': {
    types: [json],
    limit: 4 * 2 ** 20,
    required: { lists: ['morning-briefing'], rows: [] },
    optional: {},
  },
  'POST /admin/api/imports/:id/rows': {
    types: [json],
    limit: 4 * 2 ** 20,
    required: { from: 0, rows: [] },
    optional: {},
  },
  'POST /admin/api/imports/:id/undo': { ...small, types: [json], optional: { after: 0 } },
  'POST /admin/api/campaigns': {
    types: [json],
    limit: 512 * 2 ** 10,
    required: { list: 'morning-briefing', subject: 'Fuzz', html: '<body>Fuzz</body>' },
    optional: { previewText: 'Fuzz', title: 'Fuzz', text: 'Fuzz', locale: 'en' },
  },
  'POST /admin/api/campaigns/:id/test': {
    ...small,
    types: [json],
    required: { emails: ['fuzz@example.com'] },
  },
  'POST /admin/api/campaigns/:id/schedule': {
    ...small,
    types: [json],
    required: { at: '2099-01-01T06:00:00Z' },
  },
  'POST /admin/sign-in': { ...small, types: [form], required: { key: 'fuzz' } },
  'POST /admin/subscribers': { ...small, types: [form], required: { beginning: 'ann' } },
  'POST /admin/sync/retry': { ...small, types: [form], required: { email: 'reader@example.com' } },
  'POST /admin/sync/reconcile': { ...small, types: [form], required: { how: 'look' } },
  'POST /admin/lists': {
    ...small,
    types: [form],
    required: { slug: 'fuzz', name: 'Fuzz' },
    optional: { description: 'Fuzz', action: 'preview' },
  },
  'POST /admin/lists/:slug': {
    ...small,
    types: [form],
    required: { name: 'Fuzz' },
    optional: { description: 'Fuzz', action: 'preview' },
  },
  'POST /admin/consent-texts/:locale': {
    ...small,
    types: [form],
    limit: 65_536,
    required: { text: 'Fuzz' },
    optional: { action: 'preview' },
  },
  // These take none.
  'POST /admin/sign-out': null,
  'POST /admin/lists/:slug/archive': null,
  'POST /admin/lists/:slug/offer': null,
  'POST /admin/subscribers/:id/erase': null,
  'POST /confirm/:token': null,
  'POST /confirm/:token/renew': null,
  'POST /unsubscribe/:token': null,
  'POST /not-me/:token': null,
  'POST /erase/:token': null,
  'POST /admin/duties/:name/run': null,
  'POST /admin/sync/pause': null,
  'POST /admin/sync/resume': null,
  'POST /admin/api/sync/pause': null,
  'POST /admin/api/sync/resume': null,
  'POST /admin/api/lists/:slug/archive': null,
  'POST /admin/api/lists/:slug/offer': null,
  'POST /admin/api/setup': null,
  'POST /admin/api/duties/:name/run': null,
  'POST /admin/api/campaigns/:id/send': null,
  'DELETE /admin/api/keys/:id': null,
  'POST /admin/api/imports/:id/finish': null,
  'POST /admin/api/subscribers/:id/erase': null,
};

let footnote: Footnote;
let doors: Door[];
let send: Send;
let close: () => void;
/** Of all answers of this file that tell of the inside or are a 5xx. */
const indiscretions: string[] = [];

beforeAll(async () => {
  footnote = await Footnote.start({
    ADMIN_API_KEY: key,
    MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-forty-characters-in-the-path',
  });
  doors = await doorsOf(footnote);
  const sender = senderTo(footnote.service.port);
  close = sender.close;
  const insider = await insiderOf(footnote);
  send = async (verb, path, sent = {}) => {
    const headers = { ...(path.startsWith('/admin') && insider), ...sent.headers };
    const answer = await sender.send(verb, path, { ...sent, headers });
    inspect(`${verb} ${path}`, answer);
    return answer;
  };
});
afterAll(async () => {
  close();
  await footnote.stop();
});

/** What lets somebody into everything of the operators': a key, and a session that comes from our own pages. */
async function insiderOf(footnote: Footnote): Promise<Record<string, string>> {
  const Origin = new URL(footnote.settings.baseUrl).origin;
  const { headers } = await footnote.http
    .post('/admin/sign-in')
    .set({ Origin })
    .type('form')
    .send({ key })
    .expect(303);
  const [Cookie = ''] = String(headers['set-cookie']).split(';');
  return { Authorization: `Bearer ${key}`, Origin, Cookie };
}

function inspect(asked: string, answer: Pick<Answer, 'status' | 'text'>) {
  const told = insideIn(answer);
  if (answer.status >= 500 || answer.status < 200 || told !== null) {
    indiscretions.push(`${asked.slice(0, 100)}: ${answer.status} ${told ?? ''}`);
  }
}

/** Runs an attack, and expects that it changed no row, mailed nobody, and left the server well. */
async function harmless(attack: () => Promise<unknown>) {
  indiscretions.length = 0;
  const before = await footnote.fingerprint();
  const mails = footnote.sandbox.inbox.mails().length;
  await attack();
  expect(indiscretions).toEqual([]);
  expect(await footnote.fingerprint()).toEqual(before);
  expect(footnote.sandbox.inbox.mails()).toHaveLength(mails);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
  await footnote.http.get('/healthz').expect(200, { status: 'ok' });
}

/** Every verb of a route that may change something. */
const acting = () =>
  doors.flatMap((door) =>
    door.verbs
      .filter((verb) => !['GET', 'HEAD', '*'].includes(verb))
      .map((verb) => ({ ...door, verb, name: `${verb} ${door.path}` })),
  );

const taking = () =>
  acting().flatMap((door) => {
    const body = bodies[door.name];
    return body ? { ...door, body } : [];
  });

describe('the routes', () => {
  it('are all known to these tests, with what they take', () => {
    expect(doors.length).toBeGreaterThan(25);
    expect(
      acting()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(bodies).sort());
  });
});

describe('verbs (A-29)', () => {
  it('that a route does not have are refused, with those that it has', () =>
    harmless(async () => {
      const wrong = await each(
        doors.flatMap((door) =>
          verbs.filter((verb) => !door.verbs.includes(verb)).map((verb) => ({ door, verb })),
        ),
        async ({ door, verb }) => {
          const { status, headers } = await send(verb, door.open);
          // Browsers ask so before they post from another site.
          if (verb === 'OPTIONS' && status === 204 && headers['access-control-allow-methods']) return;
          const allowed = door.verbs.filter((own) => own !== '*').sort();
          const told = String(headers['allow']).split(', ').sort();
          if (status === 405 && String(told) === String(allowed)) return;
          return `${verb} ${door.path}: ${status}, Allow: ${headers['allow']}`;
        },
      );
      expect(wrong).toEqual([]);
    }));

  it('are not taken from a header or a field', () =>
    harmless(async () => {
      const wrong = await each(
        doors.filter((door) => door.verbs.includes('GET')),
        async ({ open, path }) => {
          const plain = await send('GET', open);
          const names = ['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override'];
          const headers = Object.fromEntries(names.map((name) => [name, 'POST']));
          const { status } = await send('GET', `${open}?_method=POST`, { headers });
          // A query that is not known may be refused, and no more than that.
          if (status !== plain.status && status !== 422) return `${path}: ${status}`;
          return undefined;
        },
      );
      expect(wrong).toEqual([]);
    }));

  it('that HTTP does not know, and tunnels, get no further than the parser', () =>
    harmless(async () => {
      for (const line of ['FOO /', 'get /', 'GET', 'CONNECT 127.0.0.1:25', 'CONNECT /', 'PRI *', 'TRACE /']) {
        const answer = await sendBytes(
          footnote.service.port,
          `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Canary: canary\r\n\r\n`,
        );
        expect(answer).toMatch(/^(HTTP\/1\.1 (400|405) |$)/);
        expect(answer).not.toContain('canary');
      }
    }));

  it('HEAD is GET without the page', () =>
    harmless(async () => {
      const { port } = footnote.service;
      const wrong = await each(
        doors
          .filter((door) => door.verbs.includes('GET'))
          .flatMap(({ open, closed }) => [...new Set([open, closed])]),
        async (path) => {
          const ask = (verb: string) =>
            sendBytes(
              port,
              `${verb} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${key}\r\n\r\n`,
            );
          const [[get = ''], [head = '', body]] = [
            (await ask('GET')).split('\r\n\r\n'),
            (await ask('HEAD')).split('\r\n\r\n'),
          ];
          const steady = (lines: string) =>
            lines.replace(/\r\n(Date|X-Request-Id|Content-Length|Transfer-Encoding): .*/gi, '');
          const same = steady(get) === steady(head) && body === '';
          return same ? undefined : `${path}: ${head} for ${get}, ${body}`;
        },
      );
      expect(wrong).toEqual([]);
    }));
});

/** Sends bodies to every route that takes one, and expects statuses. */
async function sendAll(
  sentTo: (body: Body) => Iterable<Sent & { what: string; as?: number[] }>,
  { expected, accept = '*/*' }: { expected: number[]; accept?: string },
) {
  const wrong = await each(
    taking().flatMap((door) => [...sentTo(door.body)].map((sent) => ({ door, sent }))),
    async ({ door, sent: { what, as = expected, headers, body } }) => {
      const { status, type } = await send(door.verb, door.open, {
        headers: { Accept: accept, ...headers },
        ...(body !== undefined && { body }),
      });
      const right = door.body.takesAnything ? [200, ...as] : as;
      // What was typed into a form comes back as a page, other faults in the form that was asked for.
      const types =
        status === 200
          ? [type]
          : status === 422
            ? ['text/html', 'application/problem+json']
            : [accept === 'text/html' ? 'text/html' : 'application/problem+json'];
      if (right.includes(status) && types.includes(type)) return;
      return `${door.name} ${what}: ${status} ${type}`;
    },
  );
  expect(wrong).toEqual([]);
}

const sampleOf = ({ required, optional }: Body) => ({ ...required, ...optional });
const asForm = (fields: Record<string, unknown>) =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)]),
    ),
  ).toString();
const written = (body: Body, type: string) =>
  type === json ? JSON.stringify(sampleOf(body)) : asForm(sampleOf(body));

describe('bodies', () => {
  it('of another type than those that a route takes are not read (A-14)', () =>
    harmless(async () => {
      const others = [
        'text/plain',
        'application/xml',
        'text/xml; charset=utf-8',
        'application/yaml',
        'application/octet-stream',
        'application/json-patch+json',
        'application/x-ndjson',
        'application/vnd.api+json',
        'text/json',
        'application/jsonp',
        'application/json,text/plain',
        'application/json; charset=utf-16',
        'application/json; charset=utf-7',
        'application/json; charset=iso-8859-1',
        'application/json; charset="utf-16le"',
        'application/x-www-form-urlencoded; charset=utf-16',
        'application/x-www-form-urlencoded; charset=iso-8859-1',
        'multipart/form-data',
        'multipart/form-data; boundary=x',
        'multipart/mixed; boundary=x',
        'nonsense',
        '/',
        ';',
        'application/',
        'application/json/json',
        'a'.repeat(5_000),
      ];
      for (const accept of ['*/*', 'text/html']) {
        await sendAll(
          function* (body) {
            const bytes = Buffer.from(written(body, json));
            yield { what: 'without a type', body: bytes };
            for (const type of others) yield { what: type, headers: { 'Content-Type': type }, body: bytes };
            yield {
              what: 'multipart',
              headers: { 'Content-Type': 'multipart/form-data; boundary=x' },
              body: '--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nfuzz@example.com\r\n--x--\r\n',
            };
            for (const type of [json, form].filter((type) => !body.types.includes(type))) {
              yield { what: type, headers: { 'Content-Type': type }, body: written(body, type) };
            }
          },
          { expected: [415], accept },
        );
      }
    }));

  it('that are compressed are not unpacked (A-12)', () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000, ' '));
    return harmless(() =>
      sendAll(
        function* (body) {
          const packings: [string, (bytes: Buffer) => Buffer][] = [
            ['gzip', gzipSync],
            ['deflate', deflateSync],
            ['br', brotliCompressSync],
            ['zstd', zstdCompressSync],
            ['compress', (bytes) => bytes],
            ['gzip, gzip', (bytes) => gzipSync(gzipSync(bytes))],
            ['nonsense', (bytes) => bytes],
          ];
          for (const type of body.types) {
            for (const [coding, pack] of packings) {
              const headers = { 'Content-Type': type, 'Content-Encoding': coding };
              yield { what: coding, headers, body: pack(Buffer.from(written(body, type))) };
            }
            yield {
              what: 'a bomb',
              headers: { 'Content-Type': type, 'Content-Encoding': 'gzip' },
              body: bomb,
            };
          }
        },
        { expected: [415, 413] },
      ),
    );
  });

  it('that are larger than a route takes are not read to their end (A-12)', () =>
    harmless(async () => {
      for (const accept of ['*/*', 'text/html']) {
        await sendAll(
          function* (body) {
            for (const type of body.types) {
              // A megabyte, or what is larger still.
              for (const size of [body.limit + 1, body.limit * 2, Math.max(1_000_000, body.limit * 2)]) {
                const padding = 'x'.repeat(size);
                const sample = type === json ? { ...sampleOf(body), more: padding } : padding;
                const sent = typeof sample === 'string' ? `more=${padding}` : JSON.stringify(sample);
                yield { what: `${size} bytes`, headers: { 'Content-Type': type }, body: sent };
                const chunked = { 'Content-Type': type, 'Transfer-Encoding': 'chunked' };
                yield { what: `${size} bytes in chunks`, headers: chunked, body: sent };
              }
            }
          },
          { expected: [413], accept },
        );
      }
    }));

  it('that are no JSON, or no object, are refused (A-13, A-30)', () =>
    harmless(async () => {
      const broken = [
        '{',
        '{"email":',
        '{"email":"a@example.com",}',
        "{'email':'a@example.com'}",
        '{"email":"a\0b"}',
        '{"email":"\\ud800"',
        '{"a":1}{"b":2}',
        '\ufeff\ufeff{}',
        'undefined',
        'NaN',
        '<email>a@example.com</email>',
        '"text"',
        '1',
        '1e999',
        'true',
        'null',
        '[]',
        '[{}]',
        '[[[[]]]]',
        `${'['.repeat(4_000)}${']'.repeat(4_000)}`,
        `${'{"a":'.repeat(1_300)}1${'}'.repeat(1_300)}`,
        `{"more":${'['.repeat(3_900)}${']'.repeat(3_900)},"email":1,"slug":1}`,
        '{"__proto__":null,"email":1,"kind":1,"text":1,"name":1}',
      ];
      await sendAll(
        function* ({ types }) {
          if (!types.includes(json)) return;
          for (const body of broken)
            yield { what: body.slice(0, 40), headers: { 'Content-Type': json }, body };
          const bytes = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a]);
          yield { what: 'bytes that are no UTF-8', headers: { 'Content-Type': json }, body: bytes };
        },
        { expected: [400, 422] },
      );
    }));

  it('whose fields are not what they should be are refused (A-13)', () =>
    harmless(() =>
      sendAll(
        function* (body) {
          if (!body.types.includes(json)) return;
          const nothings = [null];
          const operators: object[] = [
            { contains: '@' },
            { not: '' },
            { equals: 'reader@example.com' },
            { in: ['reader@example.com'] },
            { $gt: '' },
            { $ne: null },
            { OR: [{}] },
            { toString: 'x', valueOf: 'x' },
            { length: 3, 0: 'a' },
            {},
          ];
          const hostile: unknown[] = [
            ...operators,
            [['nested']],
            [{ contains: '' }],
            [null],
            0,
            -1,
            1e308,
            true,
            false,
          ];
          const texts = ['a\0b', '\0', '\ud800', 'a\udfff', '\ud83d@example.com'];
          for (const [name, right] of Object.entries(sampleOf(body))) {
            const values = [
              ...hostile.filter((value) => typeof value !== typeof right || typeof right === 'object'),
              ...(name in body.required ? nothings : []),
              ...(typeof right === 'string' ? texts : [texts]),
            ];
            for (const value of values) {
              // A text could be taken for the list's only entry.
              const fields = { ...sampleOf(body), [name]: value };
              const sent = JSON.stringify(fields);
              yield { what: sent, headers: { 'Content-Type': json }, body: sent };
            }
          }
        },
        { expected: [422] },
      ),
    ));

  it('whose fields come by a prototype have none, and leave nothing behind (A-13)', () =>
    harmless(() =>
      sendAll(
        function* (body) {
          const good = JSON.stringify({ ...sampleOf(body), polluted: true });
          for (const type of body.types) {
            const sent =
              type === json
                ? [
                    `{"__proto__":${good}}`,
                    `{"constructor":{"prototype":${good}}}`,
                    `{"prototype":${good}}`,
                    `{"toString":1,"hasOwnProperty":1,"__proto__":1}`,
                    `{"__defineGetter__":1,"then":${good}}`,
                  ]
                : [
                    '__proto__=1&__proto__[polluted]=1&__proto__[email]=reader@example.com&action=x',
                    'constructor[prototype][polluted]=1&constructor.prototype.polluted=1&action=x',
                    'email[contains]=@&lists[0]=morning-briefing&lists[__proto__]=x&action[]=copy&action=x',
                    'toString=1&hasOwnProperty=1&valueOf=1&action=x',
                  ];
            for (const one of sent) yield { what: one, headers: { 'Content-Type': type }, body: one };
          }
        },
        { expected: [422] },
      ),
    ));

  it('that are no proper form are refused (A-12, A-13, A-14)', () =>
    harmless(() =>
      sendAll(
        function* (body) {
          if (!body.types.includes(form)) return;
          const good = asForm(sampleOf(body));
          const headers = { 'Content-Type': form };
          for (const [name, right] of Object.entries(sampleOf(body))) {
            if (typeof right !== 'string') continue;
            yield { what: `${name} twice`, headers, body: `${good}&${name}=again` };
            for (const value of ['a%00b', '%00', '\0']) {
              const rest = asForm({ ...sampleOf(body), [name]: [] });
              yield { what: `${name} ${value}`, headers, body: `${rest}&${name}=${value}` };
            }
          }
          // Without the fields that it needs, so that nothing could come of it.
          for (const bad of [
            'action=%E0%A4%A',
            'email=%',
            'email=%zz&action=%u0041',
            'email=%ff&action=%ff',
          ]) {
            if (!('action' in body.optional) || bad.includes('action'))
              yield { what: bad, headers, body: bad };
          }
          const many = `${good}&${'a=1&'.repeat(101)}`;
          yield { what: '101 fields', headers, body: many, as: [413] };
          const other = Array.from({ length: 150 }, (_, index) => `f${index}`).join('&');
          yield { what: '150 names', headers, body: other, as: [413] };
        },
        { expected: [422] },
      ),
    ));

  it('are not needed where none is read, and do no harm there', () =>
    harmless(async () => {
      const wrong = await each(
        acting()
          .filter(({ name, open, closed }) => bodies[name] === null && open !== closed)
          .flatMap((door) =>
            [
              { headers: { 'Content-Type': 'text/plain' }, body: 'x' },
              { headers: { 'Content-Type': json }, body: '{' },
              { headers: { 'Content-Type': json, 'Content-Encoding': 'gzip' }, body: 'x' },
              { headers: { 'Content-Type': 'nonsense' }, body: Buffer.alloc(1_000_000) },
              { headers: { 'Content-Type': form, 'Transfer-Encoding': 'chunked' }, body: 'a=%E0%A4%A' },
            ].map((sent) => ({ door, sent })),
          ),
        async ({ door, sent }) => {
          const { status } = await send(door.verb, door.closed, sent);
          return status === 404 ? undefined : `${door.name} ${sent.headers['Content-Type']}: ${status}`;
        },
      );
      expect(wrong).toEqual([]);
    }));
});

describe('paths, queries and headers', () => {
  it(
    'however mangled, never break a route (A-14, A-30)',
    () =>
      harmless(async () => {
        const mangled = (path: string) => [
          `${path}/`,
          `/${path}`,
          `${path}//`,
          `${path}%00`,
          `${path}%0d%0aX-Canary:%20canary`,
          `${path}%`,
          `${path}%E0%A4%A`,
          `${path}%ff`,
          `${path}/%2e%2e/%2e%2e/%2e%2e/etc/passwd`,
          `${path}/..%2f..%2f..%5cpackage.json`,
          `${path}\\..\\..`,
          `${path};jsessionid=1`,
          `${path}.json`,
          `/./${path.slice(1)}`,
          `/%2e${path}`,
          path.replace(/\w/g, (letter) => letter.toUpperCase()),
          path.replace(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
          `${path}/${'a'.repeat(4_000)}`,
          `${path}${'/a'.repeat(2_000)}`,
          path.replace(/[^/]+$/, '__proto__'),
          path.replace(/[^/]+$/, '%00'),
          path.replace(/[^/]+$/, '%ed%a0%80'),
          path.replace(/[^/]+$/, "'%20OR%20'1'='1"),
          `${path}?`,
          `${path}??`,
          `${path}?locale=%00&list=%00`,
          `${path}?locale=%E0%A4%A&list=%`,
          `${path}?locale=de&locale=en&list=a&list=b`,
          `${path}?locale[]=de&list[contains]=a&__proto__[polluted]=1&constructor=1`,
          `${path}?${'a&'.repeat(3_000)}`,
          `${path}?locale=${'x'.repeat(8_000)}`,
          `${path}?${'&'.repeat(5_000)}`,
          `${path}?locale=__proto__&list=constructor`,
        ];
        const paths = doors.flatMap(({ open, closed }) => [...new Set([open, closed])].flatMap(mangled));
        await each(paths.entries(), async ([index, path]) => {
          const accept = index % 2 === 0 ? 'text/html' : '*/*';
          const { headers } = await send('GET', path, { headers: { Accept: accept } });
          expect(headers).not.toHaveProperty('x-canary');
        });
      }),
    60_000,
  );

  it('of any kind are read with care (A-30)', () =>
    harmless(async () => {
      const hostile: Record<string, string>[] = [
        { Accept: 'garbage' },
        { Accept: 'text/html;q=0,*/*;q=,;;;' },
        { Accept: '*/*,'.repeat(1_000) },
        { 'Accept-Language': '*' },
        { 'Accept-Language': 'en;q=abc,,;;x-' },
        { 'Accept-Language': `${'xx-'.repeat(1_000)},${'de,'.repeat(1_000)}` },
        { 'Accept-Language': '__proto__,constructor' },
        { 'Accept-Encoding': ';;;,,' },
        { 'Accept-Encoding': 'identity;q=0, *;q=0' },
        { Range: 'bytes=9999999-' },
        { Range: `bytes=${'0-1,'.repeat(500)}` },
        { Range: 'nonsense' },
        { 'If-Match': '"x"' },
        { 'If-None-Match': `${'"a",'.repeat(500)}` },
        { 'If-Modified-Since': 'nonsense' },
        { 'If-Unmodified-Since': 'Mon, 01 Jan 1990 00:00:00 GMT' },
        { Origin: 'nonsense' },
        { Origin: `https://${'a'.repeat(5_000)}` },
        { 'User-Agent': '\xff\x80<script>'.repeat(500) },
        { Cookie: '__proto__=1; a=%E0%A4%A' },
        { Referer: 'javascript:alert(1)' },
        { Authorization: 'Bearer' },
        { Authorization: `Bearer ${'x'.repeat(8_000)}` },
        { Authorization: 'Bearer \xff' },
        { 'X-Forwarded-For': `${'1,'.repeat(3_000)}` },
        { 'X-Forwarded-Host': '%00' },
        {
          Upgrade: 'websocket',
          Connection: 'Upgrade',
          'Sec-WebSocket-Key': 'x',
          'Sec-WebSocket-Version': '13',
        },
        { Upgrade: 'h2c', Connection: 'Upgrade, HTTP2-Settings', 'HTTP2-Settings': 'AAMAAABk' },
        { 'X-Mailchimp-Signature': 't=1,v1=zz' },
        { 'Sec-Fetch-Mode': 'navigate, navigate' },
        Object.fromEntries([
          ['__proto__', 'x'],
          ['constructor', 'x'],
        ]),
      ];
      // Several at a time, where they are of different names.
      const together: Record<string, string>[] = [];
      for (const headers of hostile) {
        const fits = together.find((others) => Object.keys(headers).every((name) => !(name in others)));
        if (fits === undefined) together.push({ ...headers });
        else Object.assign(fits, headers);
      }
      await each(
        doors.flatMap(({ open }) => together.map((headers) => ({ open, headers }))),
        async ({ open, headers }) => {
          const answer = await send('GET', open, { headers });
          expect(JSON.stringify(answer.headers)).not.toContain('canary');
        },
      );
    }));

  it('that are no HTTP are refused by the parser, and the next request is served (A-12)', async () => {
    const { port } = footnote.service;
    const host = 'Host: localhost\r\n';
    const rest = `${host}Connection: close\r\n\r\n`;
    const post = `POST /subscriptions HTTP/1.1\r\n${host}Content-Type: ${json}\r\n`;
    const body = JSON.stringify({ email: 'raw@example.com', lists: ['morning-briefing'] });
    const cases: [string, string | Buffer, RegExp][] = [
      ['HTTP/0.9', 'GET /lists\r\n\r\n', /200|400/],
      ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', /400/],
      ['two hosts', `GET /lists HTTP/1.1\r\n${host}${rest}`, /200|400/],
      ['another version', `GET / HTTP/9.9\r\n${rest}`, /400/],
      ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /400/],
      ['TLS', Buffer.from('16030100c8010000c40303', 'hex'), /400/],
      ['zeroes', Buffer.alloc(100), /400/],
      ['no path', `GET  HTTP/1.1\r\n${rest}`, /400/],
      ['a space in the path', `GET /a b HTTP/1.1\r\n${rest}`, /400/],
      ['a NUL in the path', `GET /\0 HTTP/1.1\r\n${rest}`, /400/],
      ['bytes in the path', `GET /\xff\xfe HTTP/1.1\r\n${rest}`, /400|404/],
      ['a backslash', `GET \\evil HTTP/1.1\r\n${rest}`, /400|404/],
      ['a star', `GET * HTTP/1.1\r\n${rest}`, /400|404/],
      ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${rest}`, /40\d/],
      ['a whole URI', `GET http://evil.example/lists HTTP/1.1\r\n${rest}`, /200/],
      ['a URI of another scheme', `GET file:///etc/passwd HTTP/1.1\r\n${rest}`, /40\d/],
      ['a fragment', `GET /lists#x HTTP/1.1\r\n${rest}`, /200|40\d/],
      ['a header that is too large', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n${rest}`, /431/],
      ['a path that is too long', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${rest}`, /431/],
      ['many headers', `GET / HTTP/1.1\r\n${'a:b\r\n'.repeat(5_000)}${rest}`, /431/],
      ['a header without a name', `GET / HTTP/1.1\r\n: x\r\n${rest}`, /400/],
      ['a header with a NUL', `GET / HTTP/1.1\r\nX: a\0b\r\n${rest}`, /400/],
      ['a header with a space', `GET / HTTP/1.1\r\nX : a\r\n${rest}`, /400/],
      ['a folded header', `GET / HTTP/1.1\r\nX: a\r\n b\r\n${rest}`, /400|200/],
      ['an expectation', `GET /lists HTTP/1.1\r\nExpect: nonsense\r\n${rest}`, /417/],
      ['a length that is none', `${post}Content-Length: x\r\n\r\n${body}`, /400/],
      ['a negative length', `${post}Content-Length: -1\r\n\r\n${body}`, /400/],
      ['two lengths', `${post}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${body}`, /400/],
      [
        'a length and chunks',
        `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n`,
        /400/,
      ],
      ['chunks that are not last', `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, /400/],
      ['a chunk that is none', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, /400/],
      ['a huge chunk', `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n`, /400|413/],
      ['a length that is too small', `${post}Content-Length: 10\r\nConnection: close\r\n\r\n${body}`, /400/],
    ];
    await harmless(async () => {
      const wrong = await each(cases, async ([what, bytes, expected]) => {
        const answer = await sendBytes(port, bytes);
        const [, status = ''] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
        inspect(what, { status: Number(status), text: answer.slice(answer.indexOf('\r\n\r\n')) });
        return expected.test(status) ? undefined : `${what}: ${answer.slice(0, 60)}`;
      });
      expect(wrong).toEqual([]);
      // A sender that goes away in the middle is not answered, and nothing comes of it.
      for (const type of [json, form]) {
        const cut = `${post.replace(json, type)}Content-Length: 5000\r\n\r\n${body}`;
        expect(await sendBytes(port, cut, { end: true })).toMatch(/^(HTTP\/1\.1 400 |$)/);
      }
    });
  });
});
