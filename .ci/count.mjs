import { readFileSync } from 'node:fs';
import path from 'node:path';

// Prints how many tests of a vitest report in JSON passed and failed, and on the standard error which failed and how,
// a few lines each: they stand at the end of a long log.
const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
for (const file of report.testResults) {
  const name = path.relative(process.cwd(), file.name);
  const failed = file.assertionResults.filter(({ status }) => status === 'failed');
  if (failed.length === 0 && file.status === 'failed') process.stderr.write(`${name}\n${file.message}\n`);
  for (const { fullName, failureMessages } of failed) {
    const told = failureMessages.join('\n').split('\n').slice(0, 12);
    process.stderr.write(`${[`${name} > ${fullName}`, ...told.map((line) => `    ${line}`)].join('\n')}\n`);
  }
}
process.stdout.write(`${report.numPassedTests} ${report.numFailedTests}\n`);
