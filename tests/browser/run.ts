import { spawn } from 'node:child_process';
import { fail, find, install } from '../harness/debian.ts';

// Runs the tests that need a browser and SpamAssassin, and installs both by apt-get where they are absent:
//   node tests/browser/run.ts [arguments of vitest]
// CHROMIUM names another browser than the one on the PATH.

const browsers = ['chromium', 'chromium-browser', 'google-chrome'];

const named = process.env['CHROMIUM'];
if (named !== undefined && find(named) === undefined) fail(`CHROMIUM: there is no program ${named}`);
const names = named === undefined ? browsers : [named];
const missing = [
  ...(find(...names) === undefined ? ['chromium'] : []),
  ...(find('spamassassin') === undefined ? ['spamassassin'] : []),
];
if (missing.length > 0) install(missing, 'test:browser');
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
