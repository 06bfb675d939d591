import { type Command, Option } from 'commander';
import { z } from 'zod';
import { adminKey, adminScope, auditEntry, newAdminKey, next } from '../shapes.ts';
import { call, Failure } from './call.ts';
import { wholeNumber } from './numbers.ts';
import { harmless, type Json, print, table, tell } from './output.ts';

type Key = z.infer<typeof adminKey>;

const lines = (keys: Key[]) =>
  table(
    keys.map(({ name, scopes, lastUsedAt, revokedAt }) => [
      name,
      scopes.join(','),
      lastUsedAt === null ? 'never used' : `used ${lastUsedAt.slice(0, 16)}`,
      revokedAt === null ? '' : `revoked ${revokedAt.slice(0, 16)}`,
    ]),
  );

const everyKey = async () => (await call(z.object({ keys: z.array(adminKey) }), 'GET', '/keys')).keys;

const targetLine = (target: Record<string, string>) =>
  Object.entries(target)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

/** `keys create|ls|revoke`, `audit` */
export function addKeyCommands(program: Command): void {
  const keys = program.command('keys').description('who may use the admin API, and for what');

  keys
    .command('create')
    .description('make a key; it is shown this once')
    .argument('<name>', 'whose it is, as the audit log will say')
    .addOption(
      new Option('--scope <scopes...>', 'read, write or erase; several are possible')
        .default(['read'])
        .choices(adminScope.options),
    )
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- keys create "newsroom laptop" --scope read write')
    .action(async (name: string, { scope, json = false }: Json & { scope: string[] }) => {
      const made = await call(newAdminKey, 'POST', '/keys', { name, scopes: scope });
      print(made, json, ({ key, scopes }) => [
        key,
        `Keep it now: it is not shown again. It is for ${scopes.join(', ')}.`,
      ]);
    });

  keys
    .command('ls')
    .description('all keys, with their last use')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- keys ls')
    .action(async ({ json = false }: Json) => {
      print(await everyKey(), json, lines);
    });

  keys
    .command('revoke')
    .description('take a key back; it never works again')
    .argument('<name>', 'its name, or its id')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- keys revoke "newsroom laptop"')
    .action(async (name: string, { json = false }: Json) => {
      const key = (await everyKey()).find((candidate) => candidate.name === name || candidate.id === name);
      if (key === undefined) throw new Failure(`there is no key ${name}: \`keys ls\` shows all`);
      print([await call(adminKey, 'DELETE', `/keys/${key.id}`)], json, lines);
    });

  program
    .command('audit')
    .description('what was changed through the admin API, by which key and when; the newest first')
    .option(
      '--before <id>',
      'those that are older than this entry only',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--limit <number>', 'how many at the most, up to 1000', wholeNumber(1, 1000), 50)
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- audit --limit 20')
    .action(async ({ limit, before, json = false }: Json & { limit: number; before?: number }) => {
      const page = z.object({ entries: z.array(auditEntry), next });
      const query = `limit=${limit}${before === undefined ? '' : `&cursor=${before}`}`;
      const { entries, next: older } = await call(page, 'GET', `/audit?${query}`);
      print(entries, json, (entries) =>
        table(
          entries.map(({ at, key, operation, target, status }) => [
            at.slice(0, 19),
            key,
            operation,
            harmless(targetLine(target)),
            status === null ? 'unknown' : status < 400 ? 'done' : `refused (${status})`,
          ]),
        ),
      );
      if (older !== null)
        tell(
          `There may be more than these ${limit}: raise --limit up to 1000, or go on with --before ${older}`,
        );
    });
}
