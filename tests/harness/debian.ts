import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';

// For what starts a suite that needs programs which npm does not have.

/** The first of these programs that the PATH has; a name with a slash is taken as it is. */
export function find(...names: string[]): string | undefined {
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

/** Installs packages by apt-get, or ends the process with a line that says what `suite` needs. */
export function install(packages: readonly string[], suite: string): void {
  const isRoot = userInfo().uid === 0;
  const mayInstall = isRoot || spawnSync('sudo', ['-n', 'true']).status === 0;
  const named = new Intl.ListFormat('en').format(packages);
  if (find('apt-get') === undefined || !mayInstall) {
    fail(`${suite} needs ${named} (Debian: apt-get install ${packages.join(' ')})`);
  }
  process.stderr.write(`Installing ${named} …\n`);
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

export function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}
