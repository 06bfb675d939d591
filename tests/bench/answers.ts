import { rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { createLog } from '../../src/platform/log.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { startService } from '../../src/service.ts';
import { readSettings, type Settings } from '../../src/settings.ts';
import { beatMs } from '../../src/web/steady.ts';
import { freePort } from '../harness/ports.ts';
import { environment, startProcess } from '../harness/process.ts';
import { scratchFolder } from '../harness/scratch.ts';
import { emptyDatabase } from '../harness/template.ts';
import { subscribed } from './readers.ts';
import { nobody } from './sign-ups.ts';

// two thousand timed answers for subscribers and two thousand for strangers, in random order, one at a
// time, from a Footnote in another process; without the beat that answers wait for, which shows that the method would
// find a difference, and with it. Nothing is asserted.

const samples = 2000;
/** The first answers are slower, as code is still compiled. */
const warmUp = 200;

/** No more than these make a difference that nobody can use. */
const allowed = { gap: 2, p: 0.01 };

/** What else a process does may tell as well: one that does everything begins a stranger's mail by itself. */
const cases = [
  { on: 'PostgreSQL', role: 'web', ms: 0 },
  { on: 'PostgreSQL', role: 'web', ms: beatMs },
  { on: 'PostgreSQL', role: 'all', ms: beatMs },
  { on: 'PGlite', role: 'all', ms: beatMs },
] as const;

export async function benchAnswers(): Promise<void> {
  const sandbox = await startProcess({ SANDBOX_PORT: '0' }, 'src/sandbox/main.ts');
  const surroundings = Object.fromEntries(
    [...sandbox.output().matchAll(/\b([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  );
  for (const { on, role, ms } of cases) {
    const database = await databaseOn(on);
    const known = await prepare(database.settings);
    const port = await freePort();
    const footnote = await startProcess(
      {
        ...environment(database.settings, nobody, port),
        ...(role === 'all' ? surroundings : {}),
        LOG_LEVEL: 'error',
        LIMIT_TOTAL_HOUR: '1000000',
        LIMIT_DOMAIN_HOUR: '1000000',
        BENCH_BEAT: String(ms),
        BENCH_ROLE: role,
      },
      'tests/bench/footnote.ts',
    );
    const times = await timed(port, known);
    const gap = Math.abs(median(times.subscriber) - median(times.stranger));
    const p = mannWhitney(times.subscriber, times.stranger);
    process.stdout.write(
      `${on}, ROLE=${role}, beat ${ms} ms: median subscriber ${median(times.subscriber).toFixed(2)} ms, ` +
        `stranger ${median(times.stranger).toFixed(2)} ms, gap ${gap.toFixed(3)} ms; ` +
        `Mann-Whitney p = ${p.toPrecision(3)}: ${gap < allowed.gap && p > allowed.p ? 'nobody can tell' : 'tells them apart'}\n`,
    );
    footnote.signal('SIGTERM');
    await footnote.exited;
    await database.drop();
  }
  sandbox.signal('SIGTERM');
  await sandbox.exited;
}

async function databaseOn(
  on: 'PostgreSQL' | 'PGlite',
): Promise<{ settings: Settings['database']; drop: () => Promise<void> }> {
  if (on === 'PGlite') {
    const folder = await scratchFolder('bench');
    return { settings: { kind: 'embedded', folder }, drop: () => rm(folder, { recursive: true }) };
  }
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) throw new Error('this benchmark needs a PostgreSQL');
  return emptyDatabase(server);
}

/** @returns people who are subscribed to every list */
async function prepare(database: Settings['database']): Promise<string[]> {
  const service = await startService(
    {
      ...readSettings({ PORT: '0' }),
      database,
      mailchimp: { ...nobody.mailchimp, dataCentre: 'us1' },
      smtp: { url: nobody.smtpUrl, from: { name: 'The Daily', address: 'news@daily.example' } },
      role: 'web',
    },
    { log: createLog('error') },
  );
  await offerDemoLists(service.database);
  const known = await subscribed(service, 200);
  await service.stop();
  return known;
}

/** Milliseconds until each answer. */
async function timed(port: number, known: readonly string[]) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (email: string) => {
    const body = JSON.stringify({ email, lists: ['morning-briefing'] });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const begun = performance.now();
    await new Promise((resolve, reject) => {
      const asked = request({
        agent,
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/subscriptions',
        headers,
      });
      asked.on('response', (answer) => text(answer).then(resolve, reject)).on('error', reject);
      asked.end(body);
    });
    return performance.now() - begun;
  };
  for (let n = 0; n < warmUp; n += 1) await ask(known[n % known.length] ?? '');
  for (let n = 0; n < warmUp; n += 1) await ask(`early${n}@reader.example`);
  const times = { subscriber: [] as number[], stranger: [] as number[] };
  for (const [n, who] of shuffled(['subscriber', 'stranger'] as const).entries()) {
    const email = who === 'subscriber' ? (known[n % known.length] ?? '') : `stranger${n}@reader.example`;
    times[who].push(await ask(email));
  }
  agent.destroy();
  return times;
}

/** Each of these as often as there are samples, in an order that is as likely as any other. */
function shuffled<T>(kinds: readonly T[]): T[] {
  return kinds
    .flatMap((kind) => Array.from({ length: samples }, () => ({ kind, at: Math.random() })))
    .sort((a, b) => a.at - b.at)
    .map(({ kind }) => kind);
}

const median = (values: number[]) =>
  [...values].sort((x, y) => x - y)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The two-sided p of the rank test, by its normal approximation, which thousands of samples allow. */
function mannWhitney(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((time) => ({ time, mine: true })), ...b.map((time) => ({ time, mine: false }))];
  all.sort((x, y) => x.time - y.time);
  const ranks = all.reduce((sum, { mine }, n) => sum + (mine ? n + 1 : 0), 0);
  const u = ranks - (a.length * (a.length + 1)) / 2;
  const mean = (a.length * b.length) / 2;
  const deviation = Math.sqrt((a.length * b.length * (a.length + b.length + 1)) / 12);
  return 2 * (1 - normal(Math.abs(u - mean) / deviation));
}

/** The normal distribution's share below z (Abramowitz and Stegun 26.2.17). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const sum =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}
