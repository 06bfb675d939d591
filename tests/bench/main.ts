import { benchAnswers } from './answers.ts';
import { benchDashboard } from './dashboard.ts';
import { benchImportAndExport } from './import-export.ts';
import { benchSignUps } from './sign-ups.ts';
import { benchSync } from './sync.ts';

// `npm run bench [-- sign-ups | sync | answers | import | export | dashboard …]`. Only the ratios of one run mean anything, since
// machines and their neighbours differ. Nothing is asserted.

const benches = new Map([
  ['sign-ups', benchSignUps],
  ['sync', benchSync],
  ['answers', benchAnswers],
  // Who is exported was imported: one benchmark under both names.
  ['import', benchImportAndExport],
  ['export', benchImportAndExport],
  ['dashboard', benchDashboard],
]);
const [name = 'sign-ups', ...others] = process.argv.slice(2);
const chosen = new Set(
  [name, ...others].map((name) => {
    const bench = benches.get(name);
    if (bench !== undefined) return bench;
    process.stderr.write(`there is no benchmark ${name}; there are ${[...benches.keys()].join(', ')}\n`);
    return process.exit(2);
  }),
);
for (const bench of chosen) await bench();
process.exit();
