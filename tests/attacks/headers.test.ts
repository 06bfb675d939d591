import { CspEvaluator } from 'csp_evaluator';
import { Severity } from 'csp_evaluator/dist/finding.js';
import { CspParser } from 'csp_evaluator/dist/parser.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedOrigin, Footnote } from '../harness/footnote.ts';
import {
  type Answer,
  type Door,
  doorsOf,
  each,
  routesOf,
  type Send,
  sendBytes,
  senderTo,
} from '../harness/routes.ts';

const key = 'an-admin-key-of-forty-visible-characters';
const asReader = { Accept: 'text/html' };
const asOperator = { Authorization: `Bearer ${key}` };

let footnote: Footnote;
let doors: Door[];
let send: Send;
let close: () => void;
let answers: Awaited<ReturnType<typeof everyAnswer>>;

/** Starts anew with other settings, as an operator may have them. */
async function restart(changed: Parameters<Footnote['startService']>[0]) {
  close();
  await footnote.stopService();
  await footnote.startService(changed);
  ({ send, close } = senderTo(footnote.service.port));
}

beforeAll(async () => {
  footnote = await Footnote.start({
    ADMIN_API_KEY: key,
    MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-forty-characters-in-the-path',
  });
  doors = await doorsOf(footnote);
  ({ send, close } = senderTo(footnote.service.port));
  answers = await everyAnswer();
});
afterAll(async () => {
  close();
  await footnote.stop();
});

/** One answer of every kind that a route can give: well, unknown, unauthorised, wrong verb, wrong body. */
async function everyAnswer(): Promise<{ asked: string; path: string; answer: Answer }[]> {
  const [json, form] = ['application/json', 'application/x-www-form-urlencoded'].map((type) => ({
    'Content-Type': type,
  }));
  const requests = [
    ...doors,
    { path: '/nowhere', open: '/nowhere', closed: '/nowhere', verbs: ['GET'] },
  ].flatMap(({ path, open, closed, verbs }) => [
    ...[open, closed].flatMap((to) => [
      { path, to, verb: 'GET', headers: { ...asReader, ...asOperator } },
      { path, to, verb: 'HEAD', headers: asOperator },
    ]),
    { path, to: open, verb: 'GET', headers: { 'If-None-Match': '*', Range: 'bytes=9999999-' } },
    { path, to: open, verb: 'DELETE', headers: asReader },
    { path, to: open, verb: 'PURGE', headers: asOperator },
    { path, to: open, verb: 'OPTIONS', headers: { Origin: allowedOrigin } },
    { path, to: `${closed}%E0%A4%A`, verb: 'GET', headers: {} },
    // What acts is asked of nobody's link and no list, as nothing shall change under the next request.
    ...verbs
      .filter((verb) => !['GET', 'HEAD', '*'].includes(verb))
      .flatMap((verb) => [
        { path, to: closed, verb, headers: { 'Content-Type': 'text/plain', ...asReader }, body: 'x' },
        { path, to: closed, verb, headers: { ...json, ...asOperator }, body: '{' },
        { path, to: closed, verb, headers: { ...json, ...asOperator }, body: '{"email":1}' },
        { path, to: closed, verb, headers: { ...form, ...asReader }, body: 'email=nobody' },
        { path, to: closed, verb, headers: { ...form, ...asReader }, body: 'x'.repeat(300_000) },
      ]),
  ]);
  return each(requests, async ({ path, to, verb, ...sent }) => ({
    path,
    asked: `${verb} ${path} ${JSON.stringify(sent).slice(0, 80)}`,
    answer: await send(verb, to, sent),
  }));
}

/** What is the same for everybody, and may be kept for a while. */
const shared = /^\/(assets\/.*|lists|embed\.js|altcha\.js)$/;
/** What other sites load. */
const lent = /^\/(assets\/logo\.png|embed\.js|altcha\.js)$/;

const directives = (policy: string) =>
  Object.fromEntries(
    policy.split(';').map((directive) => {
      const [name = '', ...values] = directive.trim().split(' ');
      return [name, values];
    }),
  );

const strict = {
  'default-src': ["'none'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'form-action': ["'self'", allowedOrigin],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
};
/** Shows the widget as it runs on a site; nothing secret is there. */
const policies: Record<string, object> = {
  '/docs/form': { ...strict, 'script-src': ["'self'"], 'connect-src': ["'self'"] },
  // Where the API is tried out.
  '/docs': {
    ...strict,
    'script-src': ["'self'"],
    'style-src': ["'self'", "'unsafe-inline'"],
    'img-src': ["'self'", 'data:'],
    'connect-src': ["'self'"],
    'form-action': ["'none'"],
  },
};

/** The pages of operators follow by a script, and tell their own origin, by which the door knows them. */
const isDashboard = (path: string) => /^\/admin(?!\/api)(\/|$)/.test(path);
const dashboard = {
  ...strict,
  'form-action': ["'self'"],
  'script-src': ["'self'"],
  'connect-src': ["'self'"],
};
const byName = (policy: object) => Object.fromEntries(Object.entries(policy).sort());

/** Every header of an answer that is not as it should be. */
function faultsOf({ path, answer: { status, headers } }: { path: string; answer: Answer }): string[] {
  const wrong: string[] = [];
  const demand = (name: string, right: string | undefined) => {
    if (headers[name] !== right) wrong.push(`${name}: ${headers[name]}`);
  };
  demand('x-content-type-options', 'nosniff');
  demand('x-frame-options', 'DENY');
  if (!isDashboard(path)) demand('referrer-policy', 'no-referrer');
  else if (!['no-referrer', 'same-origin'].includes(String(headers['referrer-policy'])))
    wrong.push(`referrer-policy: ${headers['referrer-policy']}`);
  demand('cross-origin-opener-policy', 'same-origin');
  demand('strict-transport-security', undefined);
  demand('set-cookie', undefined);
  demand('x-powered-by', undefined);
  demand('server', undefined);
  const good = status < 400 && status !== 204;
  demand('cross-origin-resource-policy', good && lent.test(path) ? 'cross-origin' : 'same-origin');
  if (good && shared.test(path)) {
    if (!/^public, max-age=\d{2,4}$/.test(String(headers['cache-control']))) {
      wrong.push(`cache-control: ${headers['cache-control']}`);
    }
  } else {
    demand('cache-control', 'no-store');
    if (status !== 304) demand('etag', undefined);
  }
  const policy = directives(String(headers['content-security-policy']));
  // An error has no script to run.
  const right = good ? (policies[path] ?? strict) : strict;
  const allowed = isDashboard(path) ? [right, dashboard] : [right];
  if (!allowed.some((one) => JSON.stringify(byName(one)) === JSON.stringify(byName(policy)))) {
    wrong.push(`policy: ${headers['content-security-policy']}`);
  }
  return wrong;
}

describe('every answer of every route (A-28)', () => {
  it('is for its reader alone, for no frame, no other site, no cache and no cookie', () => {
    const statuses = new Set(answers.map(({ answer }) => answer.status));
    for (const status of [200, 204, 304, 400, 401, 404, 405, 413, 415, 422])
      expect(statuses).toContain(status);
    const faults = answers.flatMap((one) =>
      faultsOf(one).map((fault) => `${one.asked} ${one.answer.status}: ${fault}`),
    );
    expect(faults).toEqual([]);
  });

  it('has a policy that CSP Evaluator finds no fault in', () => {
    const found = new Set<string>();
    for (const { path, answer } of answers) {
      const { csp } = new CspParser(String(answer.headers['content-security-policy']));
      for (const { severity, directive, description } of new CspEvaluator(csp).evaluate()) {
        if (severity <= Severity.MEDIUM_MAYBE) found.add(`${path} ${directive}: ${description}`);
      }
    }
    // It cannot know that this origin serves no script of anybody else, nor answers JSONP, nor keeps uploads.
    expect([...found].filter((finding) => !/ script-src: 'self' can be problematic/.test(finding))).toEqual(
      [],
    );
    const scripted = new Set([...found].map((finding) => finding.split(' ')[0] ?? ''));
    expect([...scripted].filter((path) => !isDashboard(path)).sort()).toEqual(['/docs', '/docs/form']);
  });
});

describe('a host that a request makes up (A-24)', () => {
  const hosts: Record<string, string>[] = [
    { Host: 'evil.example' },
    { Host: 'localhost:80@evil.example' },
    { Host: '"><script>evil.example' },
    { Host: '' },
  ];
  const claims: Record<string, string>[] = [
    {
      Host: 'evil.example:22',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Port': '22',
      'X-Forwarded-Prefix': '//evil.example',
      'X-Forwarded-Server': 'evil.example',
      'X-Forwarded-For': '198.51.100.7, evil.example',
      Forwarded: 'for=198.51.100.7;host=evil.example;proto=https',
      'X-Host': 'evil.example',
      'X-HTTP-Host-Override': 'evil.example',
      'X-Original-Host': 'evil.example',
      'X-Original-URL': '//evil.example/',
      'X-Rewrite-URL': '//evil.example/',
      Referer: 'https://evil.example/',
      Via: '1.1 evil.example',
    },
    { 'X-Forwarded-Host': 'evil.example, localhost', 'X-Forwarded-Proto': 'javascript' },
  ];
  const told = ({ headers, text }: Answer) => `${JSON.stringify(headers)} ${text}`;

  /** What lists its moment or what happened since, so that two answers may differ. */
  const varying = /^\/(metrics|readyz|admin\/api\/doctor)$/;

  /** Without the form's nonce, which is another one each second. */
  const steady = (text: string) => text.replace(/name="nonce" value="[^"]*"|"nonce":"[^"]*"/, '');

  async function changesNoPage(poisons: Record<string, string>[]) {
    const wrong = await each(
      doors.filter(({ verbs }) => verbs.includes('GET')),
      async ({ path, open }) => {
        const headers = { ...asReader, ...asOperator };
        const plain = await send('GET', open, { headers });
        for (const poison of poisons) {
          const answer = await send('GET', open, { headers: { ...headers, ...poison } });
          if (
            /evil/.test(told(answer)) ||
            (steady(answer.text) !== steady(plain.text) && !varying.test(path))
          ) {
            return `${path} ${JSON.stringify(poison)}: ${answer.status}`;
          }
        }
        return undefined;
      },
    );
    expect(wrong).toEqual([]);
  }

  /** When the cap lets the next mail with links go. */
  function inAMinute<T>(act: () => Promise<T>): Promise<T> {
    footnote.advance(2 * 60_000);
    return act();
  }

  let people = 0;
  async function changesNoMail() {
    const { baseUrl } = footnote.settings;
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    for (const poison of claims) {
      people += 1;
      const email = `host.${people}@example.com`;
      const post = (path: string, body: string) =>
        send('POST', path, { headers: { ...form, ...poison }, body });
      const signedUp = await post('/subscriptions', `email=${email}&lists=morning-briefing`);
      expect([signedUp.status, signedUp.headers['location']]).toEqual([303, `${baseUrl}/thanks`]);
      const confirmation = await footnote.mailTo(email, 'confirmation');
      const answers = [
        signedUp,
        await post(confirmation.confirm, ''),
        await post(confirmation.preferences, 'action=copy'),
        await post(confirmation.preferences, 'action=erase'),
        await inAMinute(() => post('/my-link', `email=${email}`)),
      ];
      expect(answers.map(({ status }) => status)).toEqual([303, 200, 200, 200, 200]);
      for (const answer of answers) expect(told(answer)).not.toContain('evil');
      for (const kind of ['welcome', 'copy', 'erasure', 'my_link'] as const) {
        await footnote.mailTo(email, kind);
      }
    }
    const mails = footnote.sandbox.inbox.mails();
    expect(mails.length).toBeGreaterThan(claims.length * 5);
    for (const { source, html, text } of mails) {
      expect(source.toString()).not.toContain('evil');
      const origins = `${html} ${text}`.matchAll(/https?:\/\/[^/\s"<]+/g);
      for (const [origin] of origins) expect([baseUrl, 'http://www.w3.org']).toContain(origin);
    }
  }

  it('gets into no page and no header', () => changesNoPage([...hosts, ...claims]));

  it('gets into no redirect and no mail', changesNoMail);

  it('gets nowhere with a whole URI in the request line, nor without a host', async () => {
    const { port } = footnote.service;
    for (const line of [
      'GET http://evil.example/',
      'GET https://evil.example:22/',
      'GET //evil.example/',
      'GET http://localhost@evil.example/',
    ]) {
      const answer = await sendBytes(
        port,
        `${line} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 (200|404) /);
      expect(answer).not.toContain('evil');
    }
    const old = await sendBytes(port, 'GET / HTTP/1.0\r\nX-Forwarded-Host: evil.example\r\n\r\n');
    expect(old).toMatch(/^HTTP\/1\.1 200 /);
    expect(old).not.toContain('evil');
    const body = 'email=whole.uri@example.com&lists=morning-briefing';
    const answer = await sendBytes(
      port,
      `POST http://evil.example/subscriptions HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toContain(`\r\nLocation: ${footnote.settings.baseUrl}/thanks\r\n`);
    const { mail } = await footnote.mailTo('whole.uri@example.com');
    expect(mail.source.toString()).not.toContain('evil');
  });

  it('is no better when it comes through a proxy that is trusted', async () => {
    await restart({ trustProxy: ['127.0.0.0/8'] });
    await changesNoPage(claims);
    await changesNoMail();
  });
});

describe('every answer (A-28)', () => {
  it('insists on https for a year and on, once it is served by https', async () => {
    await restart({ baseUrl: 'https://newsletters.example' });
    const brief = (await everyAnswer()).filter(({ answer }) => {
      const [, seconds] = /^max-age=(\d+)/.exec(String(answer.headers['strict-transport-security'])) ?? [];
      return Number(seconds ?? 0) < 31_536_000;
    });
    expect(brief.map(({ asked }) => asked)).toEqual([]);
  });

  it('is as safe where only the worker runs', async () => {
    await restart({ role: 'worker' });
    const paths = [...routesOf(footnote.service.app).map(({ path }) => path), '/nowhere'];
    expect(paths).toContain('/healthz');
    const faults = await each(
      paths.flatMap((path) => ['GET', 'POST', 'HEAD', 'TRACE'].map((verb) => ({ path, verb }))),
      async ({ path, verb }) => {
        const { status, headers } = await send(verb, path, { headers: asReader });
        const told = {
          cache: headers['cache-control'],
          sniff: headers['x-content-type-options'],
          etag: headers['etag'],
          policy: directives(String(headers['content-security-policy']))['frame-ancestors']?.join(),
        };
        const right = { cache: 'no-store', sniff: 'nosniff', policy: "'none'" };
        return JSON.stringify(told) === JSON.stringify(right)
          ? undefined
          : `${verb} ${path} ${status}: ${JSON.stringify(told)}`;
      },
    );
    expect(faults).toEqual([]);
  });
});
