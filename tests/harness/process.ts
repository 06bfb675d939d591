import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import supertest from 'supertest';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { Settings } from '../../src/settings.ts';

/** Where compiled code is kept, as these processes start again and again. */
export const compileCache = path.join(tmpdir(), 'footnote-compiled');

/** Footnote as its own process, as `npm start` runs it, to be killed and started again. */
export interface FootnoteProcess {
  pid: number | undefined;
  http: ReturnType<typeof supertest>;
  /** Everything it logged so far. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code once it is gone; null when a signal ended it. */
  exited: Promise<number | null>;
}

/** The environment of a process that uses this database, and the sandbox's Mailchimp and mail server. */
export function environment(
  database: Settings['database'],
  sandbox: Pick<Sandbox, 'mailchimp' | 'smtpUrl'>,
  port: number,
): Record<string, string> {
  return {
    NODE_ENV: 'test',
    PORT: String(port),
    BASE_URL: `http://localhost:${port}`,
    MAILCHIMP_API_KEY: sandbox.mailchimp.apiKey,
    MAILCHIMP_AUDIENCE_ID: sandbox.mailchimp.audienceId,
    MAILCHIMP_BASE_URL: sandbox.mailchimp.baseUrl,
    SMTP_URL: sandbox.smtpUrl,
    MAIL_FROM: 'The Daily Example <newsletters@daily.example>',
    ...(database.kind === 'postgres' ? { DATABASE_URL: database.url } : { DATA_DIR: database.folder }),
  };
}

/** Starts the process. @throws what it printed, when it ends before it is ready */
export async function startProcess(
  env: Record<string, string>,
  program = 'src/main.ts',
): Promise<FootnoteProcess> {
  const { child, output, exited } = spawnFootnote(env, program);
  const ready = new Promise<void>((resolve) => {
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes(' is ready')) resolve();
    });
  });
  const ended = exited.then((code) => {
    throw new Error(`Footnote ended with ${code}: ${output()}`);
  });
  await Promise.race([ready, ended]);
  ended.catch(() => {});
  return {
    pid: child.pid,
    http: supertest(`http://127.0.0.1:${env['PORT']}`),
    output,
    signal: (name) => child.kill(name),
    exited,
  };
}

/** Starts the process, or another program of ours with arguments, and waits for its end. */
export async function runProcess(
  env: Record<string, string>,
  program = 'src/main.ts',
  words: readonly string[] = [],
): Promise<{ code: number | null; output: string }> {
  const { output, exited } = spawnFootnote(env, program, words);
  const code = await exited;
  return { code, output: output() };
}

function spawnFootnote(
  env: Record<string, string>,
  program = 'src/main.ts',
  words: readonly string[] = [],
): {
  child: ChildProcess;
  output: () => string;
  exited: Promise<number | null>;
} {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...words], {
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
  }
  const exited = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  return { child, output: () => printed, exited };
}
