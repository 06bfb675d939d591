import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTracing } from '../../src/platform/collector.ts';
import { gather } from '../../src/platform/gather.ts';
import { createLog } from '../../src/platform/log.ts';
import { inSpan } from '../../src/platform/tracing.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { key } from '../harness/admin.ts';
import { type CollectedSpan, startCollector } from '../harness/collector.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { type Prepared, prepareProcesses } from '../harness/prepared.ts';
import { runProcess, startProcess } from '../harness/process.ts';

const kinds = { internal: 1, server: 2, client: 3, consumer: 5 };
/** What a proxy, or whoever claims to be one, says of the trace that a request belongs to. */
const foreign = '4bf92f3577b34da6a3ce929d0e0e4736';
const claimed = {
  traceparent: `00-${foreign}-00f067aa0ba902b7-01`,
  tracestate: 'vendor=of-somebody-else',
};

const email = 'canary-bird@traced.example';
const person = {
  email,
  firstName: 'Birdy Canary',
  source: 'https://news.example/canary-page',
  lists: ['morning-briefing'],
};
const asOperator = { Authorization: `Bearer ${key}` };
const agent = { 'User-Agent': 'Canary-Browser/1.0' };
const md5 = createHash('md5').update(email).digest('hex');

/** What no collector may learn: the person, and the secrets in their links. */
const secretsOf = (links: Record<string, string | undefined>) => [
  'canary',
  'traced.example',
  md5,
  ...Object.values(links).flatMap((link) => link?.split('/').at(-1) || []),
];
const leaked = (secrets: readonly string[], text: string) =>
  secrets.filter((secret) => text.toLowerCase().includes(secret.toLowerCase()));

/** Has a process say which modules it loads. */
const tellingModules = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, next) {
      process.stderr.write('module ' + url + '\\n');
      return next(url, context);
    },
  });`)}`;

describe('the traces of a sign-up', () => {
  let spans: CollectedSpan[];
  let resources: Record<string, unknown>[];
  let scopes: Set<string>;
  let sent: string;
  let secrets: string[];
  let logged: Record<string, unknown>[];
  let requestId: string;

  const named = (name: string, more: Record<string, unknown> = {}) =>
    spans.filter(
      (span) =>
        span.name === name && Object.entries(more).every(([key, value]) => span.attributes[key] === value),
    );
  const one = (name: string, more: Record<string, unknown> = {}): CollectedSpan => {
    const found = named(name, more);
    expect(found, name).toHaveLength(1);
    return found[0] ?? expect.fail(name);
  };
  const below = (parent: CollectedSpan) => spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
  const rootOf = (span: CollectedSpan): CollectedSpan => {
    const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
    return parent === undefined ? span : rootOf(parent);
  };

  beforeAll(async () => {
    const collector = await startCollector();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test');
    const stopTracing = await startTracing(
      { encoding: 'json', sampler: 'parentbased_always_on', share: 1 },
      createLog('silent'),
    );
    const footnote = await Footnote.start({ LOG_LEVEL: 'info', TRUST_PROXY: 'loopback', ADMIN_API_KEY: key });
    const { http, sandbox, service } = footnote;

    await http.post('/subscriptions').set(agent).set(claimed).send(person).expect(202);
    const links = linksIn(await sandbox.inbox.next(isTo(email, 'confirmation')));
    const refusal = fault.problem(500, 'Internal Server Error', `${email} could not be saved.`);
    const { struck } = sandbox.audience.inject(refusal, { matching: ({ method }) => method === 'PUT' });
    await http.post(links.confirm).set(agent).expect(200);
    await struck;
    await sandbox.inbox.next(isTo(email, 'welcome'));
    await service.sync?.idle();
    await footnote.hurry();
    await eventually(() => expect(sandbox.audience.member(email)?.status).toBe('subscribed'));
    await footnote.mailsNoted();
    const { body } = await http.post('/admin/api/sync/reconcile').set(asOperator).send({}).expect(202);
    await eventually(async () => {
      const { finishedAt } = await service.database.prisma.reconciliation.findUniqueOrThrow({
        where: { id: body.id },
      });
      expect(finishedAt).not.toBeNull();
    });
    const shared = gather<() => void>(async (set) => set.forEach((done) => void done()), {
      lanes: 1,
      largest: 10,
    });
    const asked = ['first', 'second', 'third'].map((name) =>
      inSpan(name, {}, () => new Promise<void>((done) => shared.add(done))),
    );
    await Promise.all(asked);
    await http.get(`/nowhere/${email}`).expect(404);
    await service.database.query('ALTER TABLE mailing_lists RENAME TO mislaid');
    const { headers } = await http.get('/lists').expect(500);
    requestId = headers['x-request-id'] ?? '';
    await service.database.query('ALTER TABLE mislaid RENAME TO mailing_lists');

    await footnote.stop();
    await stopTracing();
    await collector.stop();
    spans = collector.spans();
    resources = collector.resources();
    scopes = collector.scopes();
    sent = collector.bytes();
    secrets = secretsOf(links);
    logged = footnote.logged
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
  });
  afterAll(() => vi.unstubAllEnvs());

  it('name the service', () => {
    expect(resources[0]).toMatchObject({
      'service.name': 'footnote',
      'service.version': '0.1.0',
      'deployment.environment.name': 'test',
    });
  });

  it('have a span for each request, named by its route, with what was done for it below', () => {
    const confirm = one('POST /confirm/:token');
    expect(confirm).toMatchObject({
      kind: kinds.server,
      parentSpanId: '',
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/confirm/:token',
        'http.response.status_code': 200,
        'http.response.header.x-request-id': [expect.stringMatching(/^[\da-f-]{36}$/)],
      },
    });
    const sets = below(confirm).filter(({ name }) => name === 'gathered set');
    expect(sets.map(({ attributes }) => attributes['footnote.set.size'])).toContain(1);
    const transactions = sets.flatMap(below).filter(({ name }) => name === 'transaction');
    expect(transactions[0]).toMatchObject({
      kind: kinds.client,
      attributes: { 'db.system.name': 'postgresql' },
    });
    expect(one('GET', { 'http.response.status_code': 404 }).attributes).not.toHaveProperty('http.route');
  });

  it('have one set for all who asked for it, below the first and linked with the others', () => {
    const [set] = named('gathered set', { 'footnote.set.size': 3 });
    expect(set?.parentSpanId).toBe(one('first').spanId);
    expect(set?.links.map(({ spanId }) => spanId)).toEqual([one('second').spanId, one('third').spanId]);
  });

  it("belong to a trusted proxy's, of which nothing but the ids is taken", () => {
    expect(one('POST /subscriptions')).toMatchObject({ traceId: foreign, parentSpanId: '00f067aa0ba902b7' });
    expect(sent).not.toContain('of-somebody-else');
  });

  it('have one for each job and each mail, linked with the request that caused it', () => {
    const mail = one('send mail', { 'footnote.mail.kind': 'confirmation' });
    expect(mail).toMatchObject({ kind: kinds.client, attributes: { 'footnote.mail.outcome': 'accepted' } });
    const job = rootOf(mail);
    expect(job).toMatchObject({
      name: 'process mail',
      kind: kinds.consumer,
      attributes: { 'messaging.destination.name': 'mail' },
    });
    expect(job.links).toEqual([expect.objectContaining({ traceId: foreign })]);
    const welcome = rootOf(one('send mail', { 'footnote.mail.kind': 'welcome' }));
    expect(welcome.links.map(({ traceId }) => traceId)).toEqual([one('POST /confirm/:token').traceId]);
  });

  it('have one for each set that the lane takes, and one for each call to Mailchimp with its id', () => {
    const [refused, taken] = named('PUT /lists/{list_id}/members/{subscriber_hash}').toSorted((a) =>
      a.attributes['http.response.status_code'] === 500 ? -1 : 1,
    );
    expect(refused).toMatchObject({
      kind: kinds.client,
      status: { code: 2 },
      attributes: {
        'http.request.method': 'PUT',
        'url.template': '/lists/{list_id}/members/{subscriber_hash}',
        'server.address': '127.0.0.1',
        'http.response.status_code': 500,
        'error.type': '500',
      },
    });
    expect(taken?.attributes).toMatchObject({ 'http.response.status_code': 200 });
    for (const call of [refused, taken]) {
      expect(call?.attributes['http.response.header.x-request-id']).toEqual([expect.stringMatching(/./)]);
      expect(call && rootOf(call)).toMatchObject({
        name: 'sync contacts',
        attributes: { 'footnote.contacts': 1 },
      });
    }
  });

  it('are in no way of a job that takes nothing but what it knows', () => {
    const [asked] = named('process reconcile');
    expect(asked?.attributes['error.type']).toBeUndefined();
    expect(asked?.links).toHaveLength(1);
  });

  it('stand in the log beside the id of a request that fails, and in the lines of a job', () => {
    const failed = one('GET /lists', { 'http.response.status_code': 500 });
    expect(failed).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': '500' } });
    expect(logged).toContainEqual(
      expect.objectContaining({
        request: requestId,
        trace_id: failed.traceId,
        msg: 'a request failed',
      }),
    );
    const { traceId } = rootOf(one('send mail', { 'footnote.mail.kind': 'confirmation' }));
    expect(logged).toContainEqual(expect.objectContaining({ kind: 'confirmation', trace_id: traceId }));
  });

  it('are made by Footnote alone: pg-boss would tell of errors with their messages', () => {
    expect(scopes).toEqual(new Set(['footnote']));
  });

  it('hold nothing personal, no secret and no message of an error (I6, A-26)', () => {
    expect(secrets.length).toBeGreaterThan(5);
    expect(leaked(secrets, sent)).toEqual([]);
    expect(spans.flatMap(({ events }) => events)).toEqual([]);
    expect(spans.flatMap(({ status }) => status.message ?? [])).toEqual([]);
    // The search would find them: the ids of the tree are there.
    expect(leaked([foreign], sent)).toEqual([foreign]);
  });
});

describe('a Footnote', () => {
  let prepared: Prepared;
  beforeAll(async () => {
    prepared = await prepareProcesses();
  });
  afterAll(() => prepared.close());

  /** Takes a sign-up, whose confirmation it mails, and is told to stop. */
  async function live(env: Record<string, string>) {
    const footnote = await startProcess({ ...prepared.env, ...env, NODE_OPTIONS: tellingModules });
    await footnote.http.post('/subscriptions').set(claimed).send(person).expect(202);
    const began = performance.now();
    footnote.signal('SIGTERM');
    expect(await footnote.exited).toBe(0);
    const stopMs = performance.now() - began;
    const found = footnote.output().matchAll(/^module .*\/node_modules\/@opentelemetry\/([\w-]+)/gm);
    const packages = [...new Set([...found].map(([, name]) => name))];
    return { output: footnote.output(), packages, stopMs };
  }

  it('sends traces where the usual variables say, and takes no trace from strangers', async () => {
    const collector = await startCollector();
    const { packages } = await live({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=of%20the%20collector',
      OTEL_SERVICE_NAME: 'newsletters',
    });
    await collector.stop();
    expect(packages).toContain('sdk-trace');
    expect(collector.received.length).toBeGreaterThan(0);
    for (const { path, headers } of collector.received) {
      expect(path).toBe('/v1/traces');
      expect(headers).toMatchObject({
        'content-type': 'application/x-protobuf',
        'api-key': 'of the collector',
      });
    }
    const sent = collector.bytes();
    for (const text of ['newsletters', 'POST /subscriptions', 'gathered set']) expect(sent).toContain(text);
    expect(leaked(secretsOf({}), sent)).toEqual([]);
    expect(sent).not.toContain(Buffer.from(foreign, 'hex').toString('latin1'));
  });

  it('loads nothing for it without them', async () => {
    expect((await live({})).packages).toEqual(['api']);
  });

  it.each([
    ['hangs', (url: string) => ({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/traces` }), ['/traces']],
    ['is away', () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }), []],
  ])('is not held up by a collector that %s', async (_how, named, asked) => {
    const collector = await startCollector('hangs');
    const { stopMs } = await live(named(collector.url));
    expect(collector.received.map(({ path }) => path)).toEqual(asked);
    // Two seconds are the limit; OpenTelemetry would wait for ten.
    expect(stopMs).toBeLessThan(9_000);
    await collector.stop();
  });

  it('says that a collector refuses its traces, and how', async () => {
    const collector = await startCollector('refuses');
    const { output } = await live({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    expect(output).toMatch(/"code":401,"msg":"traces cannot be sent to the collector"/);
    await collector.stop();
  });

  it('does not start with a wrong address', async () => {
    const { code, output } = await runProcess({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' });
    expect(code).toBe(1);
    expect(output).toContain(
      'OTEL_EXPORTER_OTLP_ENDPOINT: must be an http(s) URL such as http://localhost:4318',
    );
  });
});
