import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Settings } from '../../src/settings.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { prepareProcesses } from '../harness/prepared.ts';
import { type FootnoteProcess, startProcess } from '../harness/process.ts';
import { scratchFolder } from '../harness/scratch.ts';

/** A Footnote in a process of its own, for tools to attack. */
export interface Target {
  origin: string;
  footnote: FootnoteProcess;
  database: Settings['database'];
  /** The links of a reader who signed up and was mailed them, as paths. */
  links: ReturnType<typeof linksIn>;
  /** A folder for what the tools write. */
  folder: string;
  /** Lines that it logged as an error: nothing that strangers send may cause one. */
  errors(): string[];
  stop(): Promise<void>;
}

/** Opens the admin API. */
export const adminKey = 'k'.repeat(32);

/** Limits that let a tool reach everything, as none of its requests is a reader's. */
const unlimited = Object.fromEntries(
  ['IP_HOUR', 'PREFIX_HOUR', 'DOMAIN_HOUR', 'TOTAL_HOUR', 'WRONG_LINKS_HOUR'].map((what) => [
    `LIMIT_${what}`,
    '1000000',
  ]),
);

/** Starts it. */
export async function openTarget(): Promise<Target> {
  const prepared = await prepareProcesses();
  const { sandbox, close } = prepared;
  const origin = `http://127.0.0.1:${prepared.env['PORT']}`;
  const footnote = await startProcess({
    ...prepared.env,
    // As the tools go no further than the host that they were sent to.
    BASE_URL: origin,
    ADMIN_API_KEY: adminKey,
    ...unlimited,
  });
  const email = 'reader@reader.example';
  await footnote.http
    .post('/subscriptions')
    .send({ email, lists: ['morning-briefing'] })
    .expect(202);
  const links = linksIn(await sandbox.inbox.next(isTo(email, 'confirmation')));
  const folder = await scratchFolder('security');
  return {
    origin,
    database: prepared.settings,
    footnote,
    links,
    folder,
    errors: () =>
      footnote
        .output()
        .split('\n')
        .filter((line) => /"level":"?(50|60|error|fatal)/.test(line)),
    async stop() {
      footnote.signal('SIGTERM');
      await footnote.exited;
      await close();
      await rm(folder, { recursive: true });
    },
  };
}

/**
 * Runs a tool of attackers to its end.
 * @returns what it printed
 * @throws when it is not done after that many seconds, or ends otherwise than well
 */
export async function runTool(
  name: string,
  parameters: readonly string[],
  { folder, seconds }: { folder: string; seconds: number },
): Promise<string> {
  const child: ChildProcess = spawn(name, parameters, {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: seconds * 1000,
  });
  const [printed, complaints, [code, signal]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close'),
  ]);
  const output = `${printed}${complaints}`;
  if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}: ${output.slice(-3000)}`);
  return output;
}
