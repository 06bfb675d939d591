import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { freePort } from '../harness/ports.ts';

// Runs a command with TEST_DATABASE_URL naming a PostgreSQL that is started for it and thrown away:
//   node tests/postgres/run.ts vitest run
// PostgreSQL refuses to run as root, so as root it runs as the user `postgres` or `nobody`.

/** Where Debian keeps the server's programs, newest first, unless they are on the PATH. */
function programsFolder(): string {
  if (spawnSync('initdb', ['--version']).status === 0) return '';
  const versions = '/usr/lib/postgresql';
  const [newest] = readdirSync(versions).sort((a, b) => Number(b) - Number(a));
  if (newest === undefined) throw new Error('no PostgreSQL server is installed (apt-get install postgresql)');
  return `${versions}/${newest}/bin/`;
}

function serverUser(): { uid: number; gid: number } | null {
  if (userInfo().uid !== 0) return null;
  const id = (flag: string, name: string) => spawnSync('id', [flag, name], { encoding: 'utf8' });
  const name = id('-u', 'postgres').status === 0 ? 'postgres' : 'nobody';
  return { uid: Number(id('-u', name).stdout), gid: Number(id('-g', name).stdout) };
}

const programs = programsFolder();
const user = serverUser();
const folder = mkdtempSync(path.join(tmpdir(), 'footnote-postgres-'));
if (user !== null) chownSync(folder, user.uid, user.gid);
const port = await freePort();

function asServer(program: string, parameters: string[]): void {
  const { status, stderr, error } = spawnSync(programs + program, parameters, {
    ...user,
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr}`);
}

const data = path.join(folder, 'data');
asServer('initdb', ['-D', data, '-U', 'footnote', '--auth=trust', '--encoding=UTF8', '--locale=C', '-N']);
const options = `-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c port=${port} -c max_connections=300`;
asServer('pg_ctl', ['-D', data, '-w', '-l', path.join(folder, 'log'), '-o', options, 'start']);

const [command = '', ...parameters] = process.argv.slice(2);
const child = spawn(command, parameters, {
  stdio: 'inherit',
  env: { ...process.env, TEST_DATABASE_URL: `postgresql://footnote@127.0.0.1:${port}/postgres` },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('close', (code) => {
  asServer('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
  rmSync(folder, { recursive: true });
  process.exit(code ?? 1);
});
