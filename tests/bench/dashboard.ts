import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Settings } from '../../src/settings.ts';
import { freePort } from '../harness/ports.ts';
import { environment, startProcess } from '../harness/process.ts';
import { emptyDatabase } from '../harness/template.ts';
import { nobody } from './sign-ups.ts';

// How long the pages of the dashboard take with as many subscribers as BENCH_PEOPLE says, 100,000 by default.

const people = Number(process.env['BENCH_PEOPLE'] ?? 100_000);
const batch = 5_000;
const key = 'the-key-of-whoever-measures-the-dashboard';
const pages = ['/admin', '/admin?days=90&list=science-weekly', '/admin/sync', '/admin/lists'];
const looks = 20;

export async function benchDashboard(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'footnote-bench-'));
  await measure('PGlite', { kind: 'embedded', folder });
  await rm(folder, { recursive: true });
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) return;
  const database = await emptyDatabase(server);
  await measure('PostgreSQL', database.settings);
  await database.drop();
}

async function measure(name: string, database: Settings['database']): Promise<void> {
  const port = await freePort();
  const env = { ...environment(database, nobody, port), LOG_LEVEL: 'error', ADMIN_API_KEY: key };
  const footnote = await startProcess(env, 'tests/bench/footnote.ts');
  const base = `http://127.0.0.1:${port}`;
  await seed(base);

  const signedIn = await fetch(`${base}/admin/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: base },
    body: new URLSearchParams({ key }),
  });
  const headers = { Cookie: signedIn.headers.getSetCookie().join().split(';')[0] ?? '', Origin: base };
  const search = { method: 'POST', headers, body: new URLSearchParams({ beginning: 'reader77' }) };
  for (const [page, how] of [
    ...pages.map((page) => [page, { headers }] as const),
    ['/admin/subscribers', search] as const,
  ]) {
    const times: number[] = [];
    for (let look = 0; look < looks; look += 1) {
      const began = performance.now();
      const answer = await fetch(base + page, { redirect: 'manual', ...how });
      await answer.text();
      if (answer.status !== 200) throw new Error(`${page}: ${answer.status}`);
      times.push(performance.now() - began);
    }
    // The first look asks the doctor, who asks others in turn.
    const [first = 0, ...others] = times;
    const sorted = others.sort((a, b) => a - b);
    const [median = 0, worst = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    process.stdout.write(
      `${name.padEnd(12)} ${page.padEnd(36)} first ${first.toFixed(0)} ms  median ${median.toFixed(0)} ms` +
        `  worst ${worst.toFixed(0)} ms\n`,
    );
  }
  footnote.signal('SIGTERM');
  await footnote.exited;
}

/** Imports everybody, as an operator would. */
async function seed(base: string): Promise<void> {
  const ask = async (path: string, body: object) => {
    const answer = await fetch(`${base}/admin/api${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const lists = ['morning-briefing', 'science-weekly'];
  const begun = { digest: '0'.repeat(64), file: 'people.csv', lists, source: 'Measured' };
  const { id } = Object(await ask('/imports', begun));
  for (let from = 0; from < people; from += batch) {
    const rows = Array.from({ length: Math.min(batch, people - from) }, (_, of) => ({
      email: `reader${from + of}@reader.example`,
      consentedAt: '2026-01-01T00:00:00Z',
    }));
    await ask(`/imports/${id}/rows`, { from, rows });
  }
}
