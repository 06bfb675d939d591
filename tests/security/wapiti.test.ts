import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listening } from '../../src/sandbox/listening.ts';
import { openLeaky } from './leaky.ts';
import { openTarget, runTool, type Target } from './target.ts';

// Wapiti crawls what the public can reach and attacks every parameter and form on it. What its modules
// `buster` and `nikto` do, which is to guess paths, tests/attacks does with the routes themselves; `wapp` looks
// for no fault, and sqlmap is better at what `blindsql` does.

/** What attackers do, in groups that run beside each other. */
const modules = {
  'runs commands and speaks SQL': ['exec', 'sql', 'shellshock'],
  'reads files': ['file', 'backup', 'htaccess'],
  'plants scripts and leads away': ['xss', 'permanentxss', 'redirect', 'crlf'],
  'has the service call elsewhere': ['ssrf', 'xxe'],
  'reads what answers say of themselves': [
    'csp',
    'http_headers',
    'cookieflags',
    'csrf',
    'methods',
    'brute_login_form',
  ],
};
type Group = keyof typeof modules;

/** What it reports and is meant to be so. */
const known: Record<string, string> = {
  'HTTP Secure Headers: GET / X-XSS-Protection is not set':
    'it is set to 0, as OWASP asks: the filter that 1 turns on opened holes of its own',
  'HTTP Secure Headers: GET / Strict-Transport-Security is not set':
    'it is set where BASE_URL is https, and browsers ignore it elsewhere',
  'Cross Site Request Forgery: POST /subscriptions Lack of anti CSRF token':
    'forms of other sites are what it is for; there is no session to ride on, and Origin is looked at (A-06)',
  'Cross Site Request Forgery: POST /my-link Lack of anti CSRF token':
    'there is no session to ride on, and Origin is looked at (A-06)',
  'Cross Site Request Forgery: POST /preferences/:token Lack of anti CSRF token':
    'the token in the address is what another site would have to know (A-06)',
};

const finding = z.object({ method: z.string(), path: z.string(), info: z.string() });
const report = z.object({
  vulnerabilities: z.record(z.string(), z.array(finding)),
  anomalies: z.record(z.string(), z.array(finding)),
});

let target: Target;
/** Where Wapiti wants to be called when it had somebody call elsewhere. */
let listener: Server;
let listenerUrl: string;
const heard: string[] = [];

beforeAll(async () => {
  target = await openTarget();
  listener = createServer((request, response) => {
    // Wapiti itself asks what was heard.
    if (!/^\/get_\w+\.php\?/.test(request.url ?? '')) heard.push(`${request.method} ${request.url}`);
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  });
  listenerUrl = `http://127.0.0.1:${await listening(listener.listen(0, '127.0.0.1'), 'the listener')}/`;
});
afterAll(async () => {
  listener.close();
  await target.stop();
});

/** @returns each thing that it found, once */
async function wapiti(name: string, origin: string, starts: readonly string[], modules: readonly string[]) {
  const folder = path.join(target.folder, name.replaceAll(' ', '-'));
  const file = `${folder}.json`;
  const printed = await runTool(
    'wapiti',
    [
      ...['--url', `${origin}/`, '--scope', 'domain', '--module', modules.join(',')],
      ...starts.flatMap((start) => ['--start', origin + start]),
      // A page in nine languages is one page: sqlmap sees to that parameter.
      ...['--depth', '1', '--remove', 'locale'],
      // What is signed, and what nothing is done with.
      ...['--skip', 'nonce', '--skip', 'shown'],
      ...['--endpoint', listenerUrl, '--no-bugreport'],
      ...['--store-session', `${folder}-session`, '--store-config', `${folder}-config`],
      ...['--max-scan-time', '20', '--max-attack-time', '120', '--verbose', '1'],
      ...['--format', 'json', '--output', file],
    ],
    { folder: target.folder, seconds: 200 },
  );
  for (const module of modules) expect(printed).toContain(`Launching module ${module}`);
  expect(printed).not.toMatch(/time was reached|error occurred/i);
  const { vulnerabilities, anomalies } = report.parse(JSON.parse(await readFile(file, 'utf8')));
  const found = Object.entries({ ...vulnerabilities, ...anomalies }).flatMap(([category, findings]) =>
    findings.map(({ method, path, info }) =>
      `${category}: ${method} ${path} ${info}`.replace(/\/[0-9a-f]{32,}/g, '/:token'),
    ),
  );
  return { found: [...new Set(found)], attacked: printed };
}

describe('Wapiti', () => {
  it.concurrent('finds the faults of a website that has some', async () => {
    const leaky = await openLeaky();
    const { found } = await wapiti('leaky', leaky.origin, [], ['xss', 'redirect', 'sql']).finally(
      leaky.close,
    );
    for (const category of ['Cross Site Scripting', 'Open Redirect', 'SQL Injection'])
      expect(found.join('\n')).toContain(`${category}: GET`);
  });

  it.concurrent.each(Object.keys(modules) as Group[])('finds nothing here when it %s', async (group) => {
    const { confirm, notMe, unsubscribe, preferences } = target.links;
    const pages = ['/my-link', '/lists', '/thanks'];
    const mailed = [confirm, notMe, preferences, `${unsubscribe}?list=morning-briefing`];
    const { found, attacked } = await wapiti(group, target.origin, [...pages, ...mailed], modules[group]);
    expect(found.filter((line) => !(line in known))).toEqual([]);
    if (group === 'reads what answers say of themselves')
      expect(found.sort()).toEqual(Object.keys(known).sort());
    if (group === 'runs commands and speaks SQL') {
      for (const reached of ['POST', '/subscriptions', '/my-link', preferences, '?list='])
        expect(attacked).toContain(reached);
    }
  });

  it('had nobody call elsewhere, and caused no error', async () => {
    expect(heard).toEqual([]);
    expect(target.errors()).toEqual([]);
    await target.footnote.http.get('/readyz').expect(200);
  });
});
