import { CommanderError } from 'commander';
import { Failure } from './cli/call.ts';
import { harmless, outliveReaders } from './cli/output.ts';
import { adminProgram } from './cli/program.ts';

// `npm run admin -- COMMAND`: a thin client of the admin API, so it works from any machine. Exit codes:
// 0 done, 1 failed, 2 wrong use.

outliveReaders();
try {
  await adminProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof Failure) {
    process.stderr.write(`${harmless(error.message)}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
