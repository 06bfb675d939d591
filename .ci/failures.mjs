import { readFileSync } from 'node:fs';
import path from 'node:path';

// Says of a vitest report in JSON which tests failed and how, a few lines each: they stand at the end of a long log.
const { testResults } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
for (const file of testResults) {
  const name = path.relative(process.cwd(), file.name);
  const failed = file.assertionResults.filter(({ status }) => status === 'failed');
  if (failed.length === 0 && file.status === 'failed') process.stdout.write(`${name}\n${file.message}\n`);
  for (const { fullName, failureMessages } of failed) {
    const told = failureMessages.join('\n').split('\n').slice(0, 12);
    process.stdout.write(`${[`${name} > ${fullName}`, ...told.map((line) => `    ${line}`)].join('\n')}\n`);
  }
}
