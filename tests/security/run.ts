import { spawn } from 'node:child_process';
import { find, install } from '../harness/debian.ts';

// Runs the tests that attack a running Footnote with the tools of attackers, and that open its exports in a
// spreadsheet, and installs these programs by apt-get where they are absent:
//   node --import tsx tests/security/run.ts [arguments of vitest]

/** Programs, with the package that has each. */
const tools = {
  wapiti: 'wapiti',
  sqlmap: 'sqlmap',
  slowhttptest: 'slowhttptest',
  soffice: 'libreoffice-calc-nogui',
};

const missing = Object.entries(tools).flatMap(([tool, of]) => (find(tool) === undefined ? of : []));
if (missing.length > 0) install(missing, 'test:security');

const vitest = spawn(
  'vitest',
  ['run', '--config', 'tests/security/vitest.config.ts', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
vitest.on('close', (code) => process.exit(code ?? 1));
