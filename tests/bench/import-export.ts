import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { exportedRows } from '../../src/subscribing/export.ts';
import { asByNpm, key } from '../harness/admin.ts';
import { freePort } from '../harness/ports.ts';
import { environment, startProcess } from '../harness/process.ts';
import { emptyDatabase } from '../harness/template.ts';
import { nobody } from './sign-ups.ts';

// A file of people brought in, and all of them taken out again, by the script that operators run and a Footnote in
// another process, beside what PostgreSQL's own COPY takes for the same, in the same run.

const rows = Number(process.env['ROWS'] ?? 1_000_000);

export async function benchImportAndExport(): Promise<void> {
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) throw new Error('run it by npm run bench, which starts a PostgreSQL');
  const folder = await mkdtemp(path.join(tmpdir(), 'footnote-bench-'));
  const [database, beside] = [await emptyDatabase(server), await emptyDatabase(server)];
  const port = await freePort();
  const footnote = await startProcess(
    {
      ...environment(database.settings, nobody, port),
      LOG_LEVEL: 'error',
      ADMIN_API_KEY: key,
      // As the unit and the container start it.
      NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=384',
    },
    'tests/bench/footnote.ts',
  );
  const env = { ADMIN_API_KEY: key, ADMIN_URL: `http://127.0.0.1:${port}` };

  const file = await writePeople(path.join(folder, 'people.csv'));
  const source = ['--consent-source', 'The form of our old site, double opt-in since 2019'];
  const atStart = await peakOf(footnote.pid);
  await forgetPeak(footnote.pid);
  const imported = await runScript(env, ['subscribers', 'import', file, ...source, '--json']);
  const importing = await peakOf(footnote.pid);
  const copied = await copyPeople(database.settings.url, beside.settings.url, folder);
  const bare = await copyFile(beside.settings.url, file);
  tell('import', imported.seconds, [
    ['COPY into the same columns', copied],
    ['COPY of the bare rows', bare],
  ]);
  tellMemory(imported.peak, importing);
  process.stdout.write(`  ${atStart.toFixed(0)} MB in the server while it started\n`);
  await forgetPeak(footnote.pid);

  const exported = await runScript(
    env,
    ['subscribers', 'export'],
    createWriteStream(path.join(folder, 'export.csv')),
  );
  const exporting = await peakOf(footnote.pid);
  tell('export', exported.seconds, [
    ['COPY of the same query', await copyOut(database.settings.url, path.join(folder, 'copy.csv'))],
  ]);
  tellMemory(exported.peak, exporting);

  footnote.signal('SIGTERM');
  await footnote.exited;
  await Promise.all([database.drop(), beside.drop(), rm(folder, { recursive: true })]);
}

function tell(what: string, seconds: number, others: [name: string, seconds: number][]): void {
  const perSecond = (seconds: number) => `${(rows / seconds).toFixed(0)} rows/s`;
  process.stdout.write(
    `${what} of ${rows} rows in ${seconds.toFixed(1)} s, ${perSecond(seconds)}\n${others
      .map(([name, theirs]) => {
        const ratio = (100 * theirs) / seconds;
        return `  ${ratio.toFixed(0)} % of ${name} (${theirs.toFixed(1)} s, ${perSecond(theirs)})\n`;
      })
      .join('')}`,
  );
}

const tellMemory = (script: number, server: number) =>
  process.stdout.write(
    `  at most ${script.toFixed(0)} MB in the script, ${server.toFixed(0)} in the server\n`,
  );

/** Writes people of the bench, with all that a row may say of them. */
async function writePeople(file: string): Promise<string> {
  const states = ['subscribed', 'subscribed', 'subscribed', 'unsubscribed'];
  const names = ['Ann', 'Jörg', '', 'Zoë', 'Max', '"Bo"'];
  const pad = (n: number) => String(n).padStart(2, '0');
  function* lines() {
    yield 'email,list,state,first_name,locale,consented_at,consent_ip\n';
    for (let from = 0; from < rows; from += 1000) {
      yield Array.from({ length: Math.min(1000, rows - from) }, (_, of) => {
        const n = from + of;
        const at = `2024-${pad(1 + (n % 12))}-${pad(1 + (n % 28))}T${pad(n % 24)}:${pad(n % 60)}:00Z`;
        const name = (names[n % names.length] ?? '').replaceAll('"', '""');
        const state = states[n % states.length];
        return `reader.${n}@reader.example,morning-briefing,${state},"${name}",en,${at},198.51.${n % 100}.${n % 250}\n`;
      }).join('');
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(file));
  return file;
}

/** Runs a script to its end. @returns how long it took and the most memory it had, in MB @throws what it printed */
async function runScript(
  env: Record<string, string>,
  words: readonly string[],
  output: NodeJS.WritableStream = process.stdout,
): Promise<{ seconds: number; peak: number }> {
  const begun = performance.now();
  const script = spawn(process.execPath, [...asByNpm, ...words], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  script.stdout.pipe(output, { end: output !== process.stdout });
  const ended = once(script, 'close').then(() => performance.now());
  let peak = 0;
  while (script.exitCode === null) {
    peak = Math.max(peak, await peakOf(script.pid));
    await Promise.race([ended, pause(100)]);
  }
  if (script.exitCode !== 0) throw new Error(`${words.join(' ')} ended with ${script.exitCode}`);
  return { seconds: ((await ended) - begun) / 1000, peak };
}

/** The most memory that a process had, in MB; 0 once it is gone, or where the system does not say. */
async function peakOf(pid: ChildProcess['pid']): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Has the system take the peak of a process from here on, where it can. */
const forgetPeak = (pid: ChildProcess['pid']) => writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => {});

/** All but what the triggers fill in themselves. */
const tables = [
  'subscribers (id, typed, email, key, abuse_key, link_key, locale, first_name, mail_block, ledger_salt, created_at)',
  'consent_events',
  'consent_evidence',
  'subscriptions',
  'audience_contacts',
  'imported_rows',
];
/** Triggers look at a statement at a time, and those of a million rows at once would not be done today. */
const piece = 10_000;

/** Brings the people of one database into another, new one by COPY. @returns the seconds of writing */
async function copyPeople(url: string, besideUrl: string, folder: string): Promise<number> {
  const database = await openDatabase({ kind: 'postgres', url: besideUrl }, createLog('error'));
  await offerDemoLists(database);
  await database.close();
  const [theirs, own] = [await connected(url), await connected(besideUrl)];
  for (const table of ['consent_wordings', 'imports']) {
    const { rows } = await theirs.query(`SELECT jsonb_agg(to_jsonb(every)) AS every FROM ${table} every`);
    await own.query(
      `INSERT INTO ${table} SELECT * FROM jsonb_populate_recordset(NULL::${table}, $1) ON CONFLICT DO NOTHING`,
      [JSON.stringify(rows[0].every)],
    );
  }
  const fileOf = (table: string) => path.join(folder, String(tables.indexOf(table)));
  for (const table of tables)
    await pipeline(theirs.query(copyTo(`COPY ${table} TO STDOUT`)), createWriteStream(fileOf(table)));

  const begun = performance.now();
  await own.query('BEGIN');
  for (const table of tables) {
    for await (const lines of piecesOf(fileOf(table)))
      await pipeline(Readable.from([lines]), own.query(copyFrom(`COPY ${table} FROM STDIN`)));
  }
  await own.query('COMMIT');
  const seconds = (performance.now() - begun) / 1000;
  await Promise.all([theirs.end(), own.end()]);
  return seconds;
}

async function* piecesOf(file: string): AsyncGenerator<string> {
  const handle = await open(file);
  let lines: string[] = [];
  for await (const line of handle.readLines()) {
    lines.push(line);
    if (lines.length < piece) continue;
    yield `${lines.join('\n')}\n`;
    lines = [];
  }
  if (lines.length > 0) yield `${lines.join('\n')}\n`;
}

/** Brings a file into a table that is nothing more. @returns seconds */
async function copyFile(url: string, file: string): Promise<number> {
  const client = await connected(url);
  await client.query(
    `CREATE TABLE bare (email text, list text, state text, first_name text, locale text, consented_at timestamptz,
                        consent_ip text)`,
  );
  const begun = performance.now();
  await pipeline(
    createReadStream(file),
    client.query(copyFrom('COPY bare FROM STDIN (FORMAT csv, HEADER true)')),
  );
  const seconds = (performance.now() - begun) / 1000;
  await client.end();
  return seconds;
}

/** Writes what an export reads into a file. @returns seconds */
async function copyOut(url: string, file: string): Promise<number> {
  const client = await connected(url);
  const begun = performance.now();
  await pipeline(
    client.query(
      copyTo(`COPY (${exportedRows('subscriptions')}) TO STDOUT (FORMAT csv, HEADER true, FORCE_QUOTE *)`),
    ),
    createWriteStream(file),
  );
  const seconds = (performance.now() - begun) / 1000;
  await client.end();
  return seconds;
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}
