import { benchAnswers } from './answers.ts';
import { benchDashboard } from './dashboard.ts';
import { benchSignUps } from './sign-ups.ts';
import { benchSync } from './sync.ts';

// `npm run bench [-- sign-ups | sync | answers | dashboard]`. Only the ratios of one run mean anything, since machines and their
// neighbours differ. Nothing is asserted.

const benches = {
  'sign-ups': benchSignUps,
  sync: benchSync,
  answers: benchAnswers,
  dashboard: benchDashboard,
};
const name = process.argv[2] ?? 'sign-ups';
const bench = Object.entries(benches).find(([candidate]) => candidate === name)?.[1];
if (bench === undefined) {
  process.stderr.write(`there is no benchmark ${name}; there are ${Object.keys(benches).join(' and ')}\n`);
  process.exit(2);
}
await bench();
process.exit();
