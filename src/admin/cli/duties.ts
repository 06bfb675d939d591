import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { duty } from '../shapes.ts';
import { call, Failure } from './call.ts';
import { coloured, type Json, print, status as showStatus, table } from './output.ts';

type Duty = z.infer<typeof duty>;

/** `duties ls|run` */
export function addDutyCommands(program: Command): void {
  const duties = program.command('duties').description('what is done by itself at its time');

  duties
    .command('ls')
    .description('when each was done last, what came of it, and when it is done next')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- duties ls')
    .action(async ({ json = false }: Json) => print(await listed(), json, lines));

  duties
    .command('run')
    .description('do one now, and wait for its end; exits with 1 when it fails')
    .argument('<name>')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- duties run check-ledger')
    .action(async (name: string, { json = false }: Json) => {
      const path = `/duties/${encodeURIComponent(name)}/run`;
      const { askedAt } = await call(z.object({ askedAt: z.string() }), 'POST', path);
      const ended = await followed(name, askedAt);
      print(ended, json, ({ outcome }) => [outcome ?? '']);
      if (ended.failure !== null) throw new Failure(`${name} failed: ${ended.failure}`);
    });
}

const listed = async () => (await call(z.object({ duties: z.array(duty) }), 'GET', '/duties')).duties;

/** Waits until a run has ended since then. */
async function followed(name: string, askedAt: string): Promise<Duty> {
  for (;;) {
    const now = (await listed()).find((one) => one.name === name);
    if (now === undefined) throw new Failure(`there is no duty ${name}`);
    if (now.endedAt !== null && now.endedAt >= askedAt) {
      showStatus('');
      return now;
    }
    showStatus(now.beganAt !== null && now.endedAt === null ? 'under way' : 'waiting for its turn');
    await pause(300);
  }
}

function lines(duties: Duty[]): string[] {
  const rows = duties.map(({ name, succeededAt, nextAt }) => [
    name,
    `done ${succeededAt ?? 'never'}`,
    `next ${nextAt}`,
  ]);
  return table(rows).flatMap((line, n) => {
    const { beganAt, endedAt, outcome, failure, overdue } = duties[n] ?? {};
    return [
      line,
      ...(overdue ? [`  ${coloured('red', 'overdue')}`] : []),
      ...(beganAt && !endedAt ? [`  under way since ${beganAt}`] : []),
      ...(failure ? [`  ${coloured('yellow', 'failed')} ${endedAt}: ${failure}`] : []),
      ...(outcome ? [`  ${outcome}`] : []),
    ];
  });
}
