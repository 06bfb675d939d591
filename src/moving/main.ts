import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '../platform/database.ts';
import { movedAway } from '../platform/embedded.ts';
import { createLog } from '../platform/log.ts';
import { readSettings, SettingsError } from '../settings.ts';
import { move } from './move.ts';

// `npm run move -- --to postgresql://…`: takes everything from the embedded database in DATA_DIR to a PostgreSQL.
// Exit codes: 0 done, 1 failed, 2 wrong use.

const usage = `Usage: npm run move -- --to postgresql://user:password@host:5432/database

Takes everything from the embedded database in DATA_DIR to a PostgreSQL in which nobody is yet.
Stop Footnote first. The password may stand in PGPASSWORD instead.
`;

function wish(): string | null {
  try {
    const { to } = parseArgs({ options: { to: { type: 'string' } } }).values;
    return to !== undefined && /^postgres(ql)?:\/\//.test(to) && URL.canParse(to) ? to : null;
  } catch {
    return null;
  }
}

async function main(): Promise<void> {
  const url = wish();
  if (url === null) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  if (existsSync('.env')) process.loadEnvFile();
  const { dataDir } = readSettings(process.env);
  if (!existsSync(path.join(dataDir, 'pglite')))
    throw new Error(`there is no embedded database in ${path.resolve(dataDir)}: check DATA_DIR`);

  const log = createLog('warn');
  // The target first: the source is not touched unless there is where to go.
  const to = await openDatabase({ kind: 'postgres', url }, log);
  const from = await openDatabase({ kind: 'embedded', folder: dataDir }, log);
  try {
    const { tables, owedMails } = await move(from, to, log);
    await movedAway(dataDir);
    const width = Math.max(...tables.map(({ table }) => table.length));
    process.stdout.write(
      [
        ...tables.map(({ table, rows, digest }) => `${table.padEnd(width)}  ${rows} rows, ${digest}`),
        '',
        `Everything is in PostgreSQL, compared table by table. Owed mails queued there: ${owedMails}.`,
        'Now set DATABASE_URL in .env to the address that you named with --to, leave all else as it is, and start.',
        `The old database in ${path.resolve(dataDir)} is closed for good: delete it once you are content.`,
        '',
      ].join('\n'),
    );
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

main().then(
  // Prisma's engine leaves a timer that would hold the process for seconds.
  () => process.exit(),
  (error: unknown) => {
    const lines = error instanceof SettingsError ? error.faults : [];
    const why = error instanceof Error ? error.message : 'unknown error';
    process.stderr.write(`The move failed: ${lines.length > 0 ? lines.join('\n  ') : why}\n`);
    process.exit(1);
  },
);
