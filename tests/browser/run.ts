import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';

// Runs the tests that need a browser and SpamAssassin, and installs both by apt-get where they are absent:
//   node --import tsx tests/browser/run.ts [arguments of vitest]
// CHROMIUM names another browser than the one on the PATH.

const browsers = ['chromium', 'chromium-browser', 'google-chrome'];

/** The first of these programs that the PATH has; a name with a slash is taken as it is. */
function find(...names: string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const candidates = names.flatMap((name) =>
    name.includes('/') ? name : folders.map((folder) => path.join(folder, name)),
  );
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function install(packages: string[]): void {
  const isRoot = userInfo().uid === 0;
  const mayInstall = isRoot || spawnSync('sudo', ['-n', 'true']).status === 0;
  if (find('apt-get') === undefined || !mayInstall) {
    fail(`test:browser needs ${packages.join(' and ')} (Debian: apt-get install ${packages.join(' ')})`);
  }
  process.stderr.write(`Installing ${packages.join(' and ')} …\n`);
  const apt = (...parameters: string[]) => {
    const [command = '', ...rest] = [...(isRoot ? [] : ['sudo', '-n']), 'apt-get', '-qq', ...parameters];
    const { status } = spawnSync(command, rest, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0) fail(`apt-get ${parameters.join(' ')} failed`);
  };
  apt('update');
  apt('install', '-y', '--no-install-recommends', ...packages);
}

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

const named = process.env['CHROMIUM'];
if (named !== undefined && find(named) === undefined) fail(`CHROMIUM: there is no program ${named}`);
const names = named === undefined ? browsers : [named];
const missing = [
  ...(find(...names) === undefined ? ['chromium'] : []),
  ...(find('spamassassin') === undefined ? ['spamassassin'] : []),
];
if (missing.length > 0) install(missing);
const browser = find(...names);
if (browser === undefined) fail('chromium is installed, but not on the PATH');

const vitest = spawn(
  'vitest',
  ['run', '--config', 'tests/browser/vitest.config.ts', ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, CHROMIUM: browser },
  },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
vitest.on('close', (code) => process.exit(code ?? 1));
