import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PGlite, type Transaction } from '@electric-sql/pglite';
import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils';
import { fromPglite } from 'pg-boss';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import type { Engine, Room, Sql } from './database.ts';
import { openTurns } from './turns.ts';

/**
 * PostgreSQL inside this process (PGlite), its files in `folder`. One process at a time.
 * @throws Error when another process holds the folder, when it is another user's, or when its people were moved to a
 * PostgreSQL.
 */
export async function openEmbedded(folder: string): Promise<Engine> {
  await mkdir(folder, { recursive: true });
  if (existsSync(path.join(folder, moved)))
    throw new Error(
      `the embedded database in ${folder} was moved to a PostgreSQL: set DATABASE_URL to that one. To go back to ` +
        `what it held then, delete the file ${moved} there`,
    );
  await refuseOthers(folder);
  const release = lockFolder(folder);
  try {
    const pglite = await PGlite.create(filesIn(folder));
    // A segment of the log that is used again would keep what it held. The first is for recovery at the next start.
    await pglite.exec('ALTER SYSTEM SET wal_recycle = off');
    await pglite.exec('SET wal_recycle = off');
    return {
      ...embeddedEngine(pglite),
      room: () => roomIn(folder),
      close: () => pglite.close().finally(release),
    };
  } catch (error) {
    release();
    throw error;
  }
}

const filesIn = (folder: string) => path.join(folder, 'pglite');

/**
 * What one user writes into another's database, such as root by a script, the other cannot open any more. Whose a file
 * is that this process makes, a file system may settle by itself, so one is made.
 */
async function refuseOthers(folder: string): Promise<void> {
  const files = filesIn(folder);
  if (!existsSync(files)) return;
  const probe = path.join(folder, `owner-${process.pid}`);
  await writeFile(probe, '');
  const { uid: mine } = await stat(probe).finally(() => rm(probe));
  const { uid: owner } = await stat(files);
  if (owner === mine) return;
  const [me, them] = await Promise.all([nameOf(mine), nameOf(owner)]);
  throw new Error(
    `the embedded database in ${folder} belongs to the user ${them}, who could not open it any more after ${me}: run ` +
      `this as ${them} (runuser -u ${them} -- …), or give the folder to ${me} (chown -R ${me} ${folder})`,
  );
}

/** A user's name, where the system keeps it in the usual file; the number otherwise. */
async function nameOf(uid: number): Promise<string> {
  const users = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'));
  return users.find(([, , id]) => id === String(uid))?.[0] ?? String(uid);
}

const moved = 'moved-to-postgresql';

/** Closes the embedded database for good: who left since it was moved would be back in it (I2). */
export async function movedAway(folder: string): Promise<void> {
  await writeFile(path.join(folder, moved), `${new Date().toISOString()}\n`);
}

/** The same over a PGlite that the caller made (tests load one from a template). */
export function embeddedEngine(pglite: PGlite): Engine {
  const sqlOf = (connection: PGlite | Transaction): Sql => ({
    query: async <Row>(text: string, parameters: readonly unknown[] = []) =>
      (await connection.query<Row>(text, [...parameters])).rows,
  });

  return {
    ...sqlOf(pglite),
    transaction: (work) => pglite.transaction((tx) => work(sqlOf(tx))),

    beside: (tx) => tx,

    // The folder belongs to this process alone, so a queue in memory is enough.
    exclusively: openTurns(),

    places: (_name, count) => {
      let taken = 0;
      return {
        take: async () => {
          if (taken === count) return null;
          taken += 1;
          let held = true;
          return async () => {
            if (held) taken -= 1;
            held = false;
          };
        },
        close: async () => {},
      };
    },

    lanes: 1,
    shred: () => shred(pglite),
    room: async () => ({ full: false, free: null }),
    adapter: new PrismaPGlite(pglite),
    migrating: (work) =>
      work({
        provider: 'postgres',
        adapterName: 'pglite',
        connect: () => migrationAdapter(pglite),
        connectToShadowDb: async () => migrationAdapter(await PGlite.create()),
      }),
    queue: { db: fromPglite(pglite), backend: 'pglite' },
    close: () => pglite.close(),
  };
}

/** With less than this, a table or the log may be unable to grow by its next step. */
const nextToNothing = 32 * 1024 * 1024;

async function roomIn(folder: string): Promise<Room> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  return { full: free < nextToNothing, free };
}

/**
 * Writes every table of ours anew without its dead rows, drops the samples of values that the planner may have taken
 * (a table that is empty by now would keep them for ever), then begins a new segment of the write-ahead log, so that
 * the checkpoint throws all earlier ones away.
 */
async function shred(pglite: PGlite): Promise<void> {
  const { rows } = await pglite.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  );
  for (const { name } of rows) await pglite.exec(`VACUUM FULL public.${name}`);
  await pglite.exec(
    `DELETE FROM pg_catalog.pg_statistic
      WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)`,
  );
  await pglite.exec('VACUUM FULL pg_catalog.pg_statistic');
  await pglite.exec('SELECT pg_switch_wal()');
  await pglite.exec('CHECKPOINT');
}

/**
 * The adapter starts a migration's script without awaiting it, which would lose its error. As one query of several
 * statements it is one transaction.
 */
async function migrationAdapter(pglite: PGlite): Promise<SqlDriverAdapter> {
  const adapter = await new PrismaPGlite(pglite).connect();
  adapter.executeScript = async (script) => {
    await pglite.exec(script);
  };
  return adapter;
}

/**
 * Two processes on one PGlite folder would destroy it. SQLite's exclusive lock is one that the operating
 * system drops with the process, so a killed server leaves nothing to clean up.
 */
function lockFolder(folder: string): () => void {
  const lock = new DatabaseSync(path.join(folder, 'lock'), { timeout: 0 });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch {
    lock.close();
    throw new Error(
      `the embedded database in ${folder} is in use by another Footnote process: stop that one, ` +
        'set DATA_DIR to another folder, or set DATABASE_URL to share a PostgreSQL',
    );
  }
  return () => lock.close();
}
