import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { key } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';
import { type Door, doorsOf } from '../harness/routes.ts';

const operation = z.looseObject({
  operationId: z.string().optional(),
  responses: z.record(
    z.string(),
    z.looseObject({ content: z.record(z.string(), z.object({ schema: z.unknown() })).optional() }),
  ),
});
const document = z.looseObject({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
});

let footnote: Footnote;
let doors: Door[];
let api: z.infer<typeof document>;
beforeAll(async () => {
  footnote = await Footnote.start({
    ADMIN_API_KEY: key,
    ALTCHA: 'on',
    MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-forty-characters-in-the-path',
  });
});
afterAll(() => footnote.stop());

const described = (path: string) => path.replace(/:(\w+)/g, '{$1}');
/** What a page or a browser loads, the reference itself, and the dashboard, which is for people. */
const unsaid =
  /^\/(assets\/.*|admin(?!\/api).*|docs|docs\/(start\.js|swagger-ui.*)|openapi\.json|favicon\.ico|confirm\/:token\/renew)$/;

describe('the description of the API', () => {
  it('says of every route what there is, and nothing else', async () => {
    api = document.parse((await footnote.http.get('/openapi.json').expect(200)).body);
    // ALTCHA is off again, as forms would need it.
    await footnote.stopService();
    await footnote.startService({ form: { ...footnote.settings.form, altchaDifficulty: null } });
    doors = await doorsOf(footnote);
    const served = doors
      .filter(({ path }) => !unsaid.test(path))
      .flatMap(({ path, verbs }) =>
        verbs.filter((verb) => verb !== 'HEAD' && verb !== '*').map((verb) => `${verb} ${described(path)}`),
      );
    const said = Object.entries(api.paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    expect(said.sort()).toEqual([...new Set(served)].sort());
  });

  it('has a name of its own for each operation of the admin API', () => {
    const names = Object.entries(api.paths)
      .filter(([path]) => path.startsWith('/admin/api'))
      .flatMap(([, verbs]) => Object.values(verbs).map(({ operationId }) => operationId));
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain(undefined);
  });

  it('holds for what is answered to every read', async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'api', components: api.components });
    const wrong: string[] = [];
    const checked: string[] = [];
    for (const { path, open, verbs } of doors.filter(({ path }) => !unsaid.test(path))) {
      if (!verbs.includes('GET')) continue;
      const answer = await footnote.http.get(open).auth(key, { type: 'bearer' });
      const said = api.paths[described(path)]?.['get']?.responses[answer.status];
      const [type = ''] = String(answer.headers['content-type'] ?? '').split(';');
      const schema = said?.content?.[type]?.schema;
      if (said === undefined || (said.content !== undefined && schema === undefined)) {
        wrong.push(`${path}: ${answer.status} ${type} is not described`);
      } else if (/json/.test(type)) {
        const rooted = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components'));
        checked.push(path);
        if (!ajv.validate(rooted, answer.body)) wrong.push(`${path}: ${ajv.errorsText()}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(checked.length).toBeGreaterThan(8);
  });

  it('says of every operation how it refuses what is no request, and of every door how it refuses guessing', async () => {
    const unsaidOf = (path: string, verb: string, statuses: number[]) => {
      const said = api.paths[described(path)]?.[verb.toLowerCase()]?.responses ?? {};
      return statuses
        .filter((status) => said[status] === undefined)
        .map((status) => `${verb} ${path}: ${status}`);
    };
    const unsaid: string[] = [];
    const seen = new Set<number>();
    const inside = doors.filter(({ path }) => path.startsWith('/admin/api/'));
    for (const { path, open, verbs } of inside) {
      for (const verb of verbs.filter((verb) => !['GET', 'HEAD', '*'].includes(verb))) {
        const send = (type: string, body: string) =>
          fetch(`${footnote.settings.baseUrl}${open}`, {
            method: verb,
            headers: {
              Authorization: `Bearer ${key}`,
              'Content-Type': type,
              'Idempotency-Key': 'x'.repeat(256),
            },
            body,
          });
        const answers = [
          await send('application/json', '{'),
          await send('application/json', `"${'x'.repeat(5 * 2 ** 20)}"`),
          await send('text/plain', 'x'),
        ];
        const statuses = answers.map(({ status }) => status);
        for (const status of statuses) seen.add(status);
        unsaid.push(...unsaidOf(path, verb, statuses));
      }
    }
    expect(unsaid).toEqual([]);
    expect([...seen].sort()).toEqual(expect.arrayContaining([400, 413, 415]));

    const guess = (path: string) => footnote.http.get(path).auth('no-key-of-ours', { type: 'bearer' });
    for (let answer = await guess('/metrics'); answer.status !== 429; answer = await guess('/metrics'))
      expect(answer.status).toBe(401);
    for (const path of ['/metrics', '/webhooks/mailchimp/:secret', ...inside.map(({ path }) => path)]) {
      const { status } = await guess(path.replace(/:(\w+)/g, 'x'));
      expect({ path, status }).toEqual({ path, status: 429 });
      for (const verb of Object.keys(api.paths[described(path)] ?? {}))
        unsaid.push(...unsaidOf(path, verb, [429]));
    }
    expect(unsaid).toEqual([]);
  });

  it('can be read at /docs, with nothing from elsewhere', async () => {
    const { text } = await footnote.http.get('/docs').expect(200);
    const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => address);
    expect(loaded).toHaveLength(3);
    for (const address of loaded) {
      expect(address).toMatch(/^\/docs\//);
      await footnote.http.get(address).expect(200);
    }
  });
});
