import { Command, CommanderError } from 'commander';
import { Failure } from './cli/call.ts';
import { addCampaignCommands } from './cli/campaigns.ts';
import { addConsentCommands } from './cli/consent.ts';
import { addDutyCommands } from './cli/duties.ts';
import { addImportCommands } from './cli/import.ts';
import { addKeyCommands } from './cli/keys.ts';
import { addListCommands } from './cli/lists.ts';
import { addMailchimpCommands } from './cli/mailchimp.ts';
import { harmless } from './cli/output.ts';
import { addProofCommands } from './cli/proof.ts';
import { addStatsCommand } from './cli/stats.ts';
import { addSubscriberCommands } from './cli/subscribers.ts';

// `npm run admin -- COMMAND`: a thin client of the admin API, so it works from any machine. Exit codes:
// 0 done, 1 failed, 2 wrong use.

const program = new Command('npm run admin --')
  .description('Scripts for editors and operators. They talk to a running Footnote.')
  .exitOverride()
  .configureOutput({ writeErr: (text) => process.stderr.write(text) });

addMailchimpCommands(program);
addListCommands(program);
const consent = addConsentCommands(program);
const subscribers = addSubscriberCommands(program);
addImportCommands(program, subscribers);
addProofCommands(program, consent);
addStatsCommand(program);
addKeyCommands(program);
addDutyCommands(program);
addCampaignCommands(program);

try {
  await program.parseAsync();
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
