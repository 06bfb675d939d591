import { spawn } from 'node:child_process';
import { find, install } from '../harness/debian.ts';

// Runs the tests of what is handed to other programs, by these programs, and installs them by apt-get where they are
// absent:
//   node tests/ops/run.ts [arguments of vitest]

/** Debian's package of each program. */
const programs = {
  nginx: 'nginx-light',
  caddy: 'caddy',
  'systemd-analyze': 'systemd',
  openssl: 'openssl',
  promtool: 'prometheus',
};

// Where servers are, which is not on everybody's PATH.
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const missing = Object.entries(programs).flatMap(([program, name]) =>
  find(program) === undefined ? [name] : [],
);
if (missing.length > 0) install(missing, 'test:ops');

const vitest = spawn('vitest', ['run', '--config', 'tests/ops/vitest.config.ts', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
vitest.on('close', (code) => process.exit(code ?? 1));
