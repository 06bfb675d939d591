import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Leaky, openLeaky } from './leaky.ts';
import { adminKey, openTarget, runTool, type Target } from './target.ts';

// sqlmap tries its injections for PostgreSQL on every parameter of the requests below.

interface Attacked {
  /** Its first line, fields of its header, and its body; `*` marks what is attacked beside the parameters. */
  line: string;
  headers?: Record<string, string>;
  body?: string;
  /** What sqlmap must have tried, in its words. */
  parameters: string[];
}

const json = { 'Content-Type': 'application/json' };
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
const key = { Authorization: `Bearer ${adminKey}` };
const signUp = {
  email: 'sql@reader.example',
  lists: ['morning-briefing'],
  source: 'https://news.example/',
  locale: 'de',
  firstName: 'Ada',
};
const inJson = (...names: string[]) => names.map((name) => `(custom) POST parameter 'JSON ${name}'`);
const inForm = (...names: string[]) => names.map((name) => `POST parameter '${name}'`);
const inAddress = (...names: string[]) => names.map((name) => `GET parameter '${name}'`);
const inPath = ["URI parameter '#1*'"];

const requests: Record<string, (links: Target['links']) => Attacked> = {
  'a sign-up as JSON': () => ({
    line: 'POST /subscriptions',
    headers: json,
    body: JSON.stringify(signUp),
    parameters: inJson('email', '#2*', 'source', 'locale', 'firstName'),
  }),
  'a sign-up by form': () => ({
    line: 'POST /subscriptions',
    headers: form,
    body: 'email=sql%40reader.example&lists=morning-briefing&consentVersion=1',
    parameters: inForm('email', 'lists', 'consentVersion'),
  }),
  'somebody who forgot their link': () => ({
    line: 'POST /my-link',
    headers: form,
    body: 'email=sql%40reader.example&locale=de',
    parameters: inForm('email', 'locale'),
  }),
  'choices of a reader': ({ preferences }) => ({
    line: `POST ${preferences}`,
    headers: form,
    body: 'lists=morning-briefing&shown=morning-briefing&consentVersion=1&action=x',
    parameters: inForm('lists', 'shown', 'consentVersion', 'action'),
  }),
  'the token of a preference page': ({ preferences }) => ({
    line: `GET ${preferences}*`,
    parameters: inPath,
  }),
  'the token of a confirmation': ({ confirm }) => ({ line: `GET ${confirm}*`, parameters: inPath }),
  'an opt-out': ({ unsubscribe }) => ({
    line: `POST ${unsubscribe}?list=morning-briefing&locale=de`,
    headers: form,
    body: 'List-Unsubscribe=One-Click',
    parameters: [...inAddress('list', 'locale'), ...inForm('List-Unsubscribe')],
  }),
  'the language of a page': () => ({ line: 'GET /?locale=de', parameters: inAddress('locale') }),
  'a forged webhook': () => ({
    line: 'POST /webhooks/mailchimp/secret*',
    headers: form,
    body: 'type=unsubscribe',
    parameters: inPath,
  }),
  'the name of a list, by an editor': () => ({
    line: 'PATCH /admin/api/lists/morning-briefing*',
    headers: { ...json, ...key },
    body: '{}',
    parameters: inPath,
  }),
  'what an editor says of a list': () => ({
    line: 'PATCH /admin/api/lists/morning-briefing',
    headers: { ...json, ...key },
    body: '{"name":"Morning","description":"News"}',
    parameters: ["PATCH parameter 'JSON name'", "PATCH parameter 'JSON description'"],
  }),
  'a contact, by an operator': () => ({
    line: 'POST /admin/api/sync/retry',
    headers: { ...json, ...key },
    body: '{"email":"reader@reader.example"}',
    parameters: inJson('email'),
  }),
};

const found = z.array(z.object({ 'Target URL': z.string(), Place: z.string(), Parameter: z.string() }));

let target: Target;
let leaky: Leaky;
beforeAll(async () => {
  [target, leaky] = await Promise.all([openTarget(), openLeaky()]);
});
afterAll(async () => {
  await leaky.close();
  await target.stop();
});

/** @returns the parameters that it could inject SQL by, and those that it tried */
async function sqlmap(name: string, origin: string, { line, headers = {}, body = '' }: Attacked) {
  const folder = path.join(target.folder, name.replaceAll(/\W+/g, '-'));
  const { host } = new URL(origin);
  const rule = '='.repeat(54);
  const head = Object.entries({ Host: host, ...headers }).map(([field, value]) => `${field}: ${value}`);
  // As a log of Burp's, since for several targets alone sqlmap writes its table of results.
  const log = [
    rule,
    `12:00:00  ${origin}  [127.0.0.1]`,
    rule,
    `${line} HTTP/1.1`,
    ...head,
    '',
    body,
    rule,
    '',
  ];
  await writeFile(`${folder}.log`, log.join('\n'));
  const printed = await runTool(
    'sqlmap',
    [
      ...['-l', `${folder}.log`, '--ignore-stdin', '--batch', '--disable-coloring', '--flush-session'],
      ...['--level', '2', '--risk', '1', '--dbms', 'PostgreSQL', '--ignore-code', '404'],
      // What a UNION finds, these find as well.
      ...['--technique', 'BEST'],
      ...['--output-dir', folder, '--results-file', `${folder}.csv`],
    ],
    { folder: target.folder, seconds: 100 },
  );
  const rows = found.parse(parse(await readFile(`${folder}.csv`, 'utf8'), { columns: true }));
  return {
    open: rows.map(({ Place, Parameter }) => `${Place} ${Parameter}`),
    tried: [...printed.matchAll(/testing for SQL injection on (.+)/g)].map(([, parameter]) => parameter),
    printed,
  };
}

/** The name of a parameter, without where sqlmap has it stand. */
const nameOf = (parameter = '') => /'(.+)'/.exec(parameter)?.[1];

describe('sqlmap', () => {
  it('finds the hole of a website that has one', async () => {
    const { open } = await sqlmap('leaky', leaky.origin, { line: 'GET /?q=pg_class', parameters: [] });
    expect(open).toEqual(['GET q']);
  });

  it.concurrent.each(Object.keys(requests))('finds nothing in %s', async (name) => {
    const attacked = requests[name]?.(target.links) ?? expect.unreachable();
    const { open, tried, printed } = await sqlmap(name, target.origin, attacked);
    expect(open).toEqual([]);
    // It calls the same place of a path now this, now that, and may try more than it was asked to.
    expect(tried.map(nameOf), printed).toEqual(expect.arrayContaining(attacked.parameters.map(nameOf)));
  });

  it('caused no error', async () => {
    expect(target.errors()).toEqual([]);
    await target.footnote.http.get('/readyz').expect(200);
  });
});
