import type { Sql } from '../platform/database.ts';
import { examine, type Finding, fault, ok, type Verdict, warning } from '../platform/finding.ts';
import { checkLedger, ledgerReport } from './check-ledger.ts';
import type { Duties } from './open.ts';
import { type DutyState, readDuties } from './runs.ts';
import type { Scheduled } from './scheduled.ts';

/** Whether all that is done by itself is done when it is due, and what the check of the ledgers found. */
export async function examineDuties(sql: Sql, duties: Pick<Duties, 'list'>, now: Date): Promise<Finding[]> {
  return Promise.all([
    examine('duties', async () => judgeRuns(await duties.list())),
    examine('ledger', async () => judgeLedger(await readDuties(sql, [checkLedger], now))),
  ]);
}

function judgeRuns(all: readonly Scheduled[]): Verdict {
  const told = all.flatMap(({ name, succeededAt, failure, isOverdue }) => {
    if (isOverdue) {
      const well =
        succeededAt === null ? 'never gone well' : `not gone well since ${succeededAt.toISOString()}`;
      return `${name} has ${well}${failure === null ? '' : ` (${failure})`}.`;
    }
    return failure === null ? [] : `${name} failed: ${failure}.`;
  });
  if (told.length === 0) return ok('Every scheduled duty was done when it was due.');
  const remedy =
    'See that a process with ROLE=worker or all runs, and try `npm run admin -- duties run NAME`.';
  return all.some(({ isOverdue }) => isOverdue)
    ? fault(told.join(' '), remedy)
    : warning(`${told.join(' ')} It is tried again.`, remedy);
}

/** As many broken ledgers are named; the others are in the log. */
const mostNamed = 5;

function judgeLedger([state]: readonly DutyState[]): Verdict {
  const report = ledgerReport.safeParse(state?.run?.report).data;
  if (report === undefined) return ok('The ledgers have not been checked yet, which happens nightly.');
  const at = state?.run?.succeededAt?.toISOString();
  if (report.broken === 0) return ok(`The ledgers of all ${report.people} people were whole at ${at}.`);
  const named = report.examples
    .slice(0, mostNamed)
    .map(({ subscriberId, seq, why }) => `${subscriberId} at entry ${seq}: ${why}`);
  return fault(
    `${report.broken} of ${report.people} ledgers were broken at ${at}, so somebody or something altered what proves ` +
      `consent. ${named.join('; ')}.`,
    'Find out who wrote to the database past Footnote, compare these people with a backup, and look again with ' +
      '`npm run admin -- duties run check-ledger`.',
  );
}
