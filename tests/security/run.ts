import { spawn } from 'node:child_process';
import { find, install } from '../harness/debian.ts';

// Runs the tests that attack a running Footnote with the tools of attackers, and installs these by apt-get
// where they are absent:
//   node --import tsx tests/security/run.ts [arguments of vitest]

const tools = ['wapiti', 'sqlmap', 'slowhttptest'];

const missing = tools.filter((tool) => find(tool) === undefined);
if (missing.length > 0) install(missing, 'test:security');

const vitest = spawn(
  'vitest',
  ['run', '--config', 'tests/security/vitest.config.ts', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
vitest.on('close', (code) => process.exit(code ?? 1));
