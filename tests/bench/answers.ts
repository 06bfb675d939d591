import { performance } from 'node:perf_hooks';
import { createLog } from '../../src/platform/log.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { startService } from '../../src/service.ts';
import { readSettings } from '../../src/settings.ts';
import { saveList } from '../../src/subscribing/lists.ts';
import { beat } from '../../src/web/steady.ts';
import { freePort } from '../harness/ports.ts';
import { emptyDatabase } from '../harness/template.ts';
import { subscribed } from './readers.ts';

// two thousand timed answers for subscribers and two thousand for strangers, in random order, with the
// beat that answers wait for and without it. Nothing is asserted.

const samples = 2000;
const atOnce = 4;

export async function benchAnswers(): Promise<void> {
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) throw new Error('this benchmark needs a PostgreSQL');
  for (const ms of [0, beat]) {
    const database = await emptyDatabase(server);
    const port = await freePort();
    const sandbox = await startSandbox({
      port: 0,
      smtpPort: 0,
      serviceUrl: `http://localhost:${port}`,
      folder: null,
    });
    const settings = readSettings({
      PORT: String(port),
      LIMIT_TOTAL_HOUR: '1000000',
      LIMIT_DOMAIN_HOUR: '1000000',
    });
    const service = await startService(
      {
        ...settings,
        database: database.settings,
        mailchimp: { ...sandbox.mailchimp, dataCentre: 'us1' },
        smtp: { url: sandbox.smtpUrl, from: { name: 'The Daily', address: 'news@daily.example' } },
        role: 'web',
      },
      { log: createLog('error'), beat: ms },
    );
    await saveList(service.database, { slug: 'daily', name: 'Daily', description: '', position: 0 });
    const known = await subscribed(service, 200);
    const ask = async (email: string) => {
      const begun = performance.now();
      await fetch(`http://127.0.0.1:${port}/subscriptions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, lists: ['daily'] }),
      }).then((answer) => answer.text());
      return performance.now() - begun;
    };
    const plan = Array.from({ length: 2 * samples }, (_, n) => n % 2 === 0).sort(() => Math.random() - 0.5);
    const times = { subscriber: [] as number[], stranger: [] as number[] };
    let turn = 0;
    const client = async () => {
      while (turn < plan.length) {
        const n = turn++;
        const isKnown = plan[n] === true;
        const email = isKnown ? (known[n % known.length] ?? '') : `stranger${n}@reader.example`;
        times[isKnown ? 'subscriber' : 'stranger'].push(await ask(email));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, client));
    const [a, b] = [times.subscriber, times.stranger];
    process.stdout.write(
      `beat ${String(ms).padStart(2)} ms  median subscriber ${median(a).toFixed(2)} ms, stranger ${median(b).toFixed(2)} ms, ` +
        `gap ${Math.abs(median(a) - median(b)).toFixed(2)} ms; Mann-Whitney p = ${mannWhitney(a, b).toPrecision(3)}\n`,
    );
    await service.stop();
    await sandbox.stop();
    await database.drop();
  }
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
