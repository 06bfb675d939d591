import { Command } from 'commander';
import { addCampaignCommands } from './campaigns.ts';
import { addConsentCommands } from './consent.ts';
import { addDutyCommands } from './duties.ts';
import { addImportCommands } from './import.ts';
import { addKeyCommands } from './keys.ts';
import { addListCommands } from './lists.ts';
import { addMailchimpCommands } from './mailchimp.ts';
import { addProofCommands } from './proof.ts';
import { addStatsCommand } from './stats.ts';
import { addSubscriberCommands } from './subscribers.ts';

/** All scripts for editors and operators. */
export function adminProgram(): Command {
  const program = new Command('npm run admin --')
    .description('Scripts for editors and operators. They talk to a running Footnote.')
    .exitOverride();
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
  return program;
}
