import { spawn } from 'node:child_process';
import { find, install } from '../harness/debian.ts';

// Runs the tests of alerts, board and metrics with Prometheus' own tool, and installs it by apt-get where it is
// absent:
//   node --import tsx tests/ops/run.ts [arguments of vitest]

if (find('promtool') === undefined) install(['prometheus'], 'test:ops');

const vitest = spawn('vitest', ['run', '--config', 'tests/ops/vitest.config.ts', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
vitest.on('close', (code) => process.exit(code ?? 1));
