import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { Engine, Sql } from './database.ts';
import { root } from './root.ts';

// Prisma's own schema engine, as WebAssembly: it needs no binary to be downloaded, and it keeps the
// same `_prisma_migrations` table that `prisma migrate deploy` knows.

const filters = { externalTables: [], externalEnums: [] };

/**
 * Applies what is missing of `prisma/migrations`. Each is applied as a whole or not at all: one that a start broke off
 * in is applied by the next. Only one process at a time may do so. @returns the names of the migrations applied now
 */
export async function applyMigrations(database: Pick<Engine, 'query' | 'migrating'>): Promise<string[]> {
  const migrationsList = await migrations();
  await forgetBrokenOff(database);
  return database.migrating(async (adapter) => {
    const scripts = runningWhole(adapter, migrationsList);
    return withEngine(scripts.adapter, async (engine) => {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters });
      return appliedMigrationNames;
    }).catch((error: unknown) => {
      throw scripts.failure() ?? error;
    });
  });
}

/** The schema engine refuses to go on after one that it noted and never saw the end of, as nothing of it were undone. */
async function forgetBrokenOff(sql: Sql): Promise<void> {
  const [row] = await sql.query<{ known: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS known`,
  );
  // Waits for a script that a server still runs for a process that was killed.
  if (row?.known)
    await sql.query('DELETE FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL');
}

/**
 * A migration counts as finished by the very transaction that its script runs in, so that whatever is not finished
 * left nothing behind. A script whose note was forgotten meanwhile changes nothing.
 * @returns the adapter that does so, and what failed: the engine keeps the database's words to itself
 */
function runningWhole(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  { migrationDirectories }: MigrationList,
): { adapter: SqlMigrationAwareDriverAdapterFactory; failure: () => Error | undefined } {
  const names = new Map(
    migrationDirectories.map(({ path, migrationFile: { content } }) => [content.value, path]),
  );
  let failure: Error | undefined;

  async function connect() {
    const connection = await adapter.connect();
    const run = connection.executeScript.bind(connection);
    return Object.assign(connection, {
      executeScript: async (script: string) => {
        const name = names.get(script);
        if (name === undefined) return run(script);
        await run(`${markFinished}\n${script}`).catch((error: unknown) => {
          const why = error instanceof Error ? error.message : 'unknown error';
          failure = new Error(`migration ${name} failed, and nothing of it was kept: ${why}`);
          throw error;
        });
      },
    });
  }
  return { adapter: { ...adapter, connect }, failure: () => failure };
}

const markFinished = `DO $$ BEGIN
  UPDATE _prisma_migrations SET finished_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL;
  IF NOT FOUND THEN RAISE 'another process migrates this database'; END IF;
END $$;`;

/**
 * What the migrations still lack of `schema.prisma`, as SQL; null when they agree. Compares on a shadow
 * database, so `adapter` must offer one (PGlite does).
 */
export async function missingMigration(
  adapter: SqlMigrationAwareDriverAdapterFactory,
): Promise<string | null> {
  return withEngine(adapter, async (engine) => {
    const { stdout } = await engine.diff({
      from: { tag: 'migrations', ...(await migrations()) },
      to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: await schema() }] },
      script: true,
      exitCode: null,
      filters,
    });
    const lines = stdout?.split('\n') ?? [];
    return lines.every((line) => line.trim() === '' || line.startsWith('-- ')) ? null : stdout;
  });
}

export const migrationsFolder = path.join(root, 'prisma', 'migrations');

const schema = () => readFile(path.join(root, 'prisma', 'schema.prisma'), 'utf8');

async function migrations(): Promise<MigrationList> {
  const entries = await readdir(migrationsFolder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    baseDir: migrationsFolder,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (name) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: {
            tag: 'ok' as const,
            value: await readFile(path.join(migrationsFolder, name, 'migration.sql'), 'utf8'),
          },
        },
      })),
    ),
  };
}

async function withEngine<T>(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  await loadEngine();
  const datamodels: [string, string][] = [['schema.prisma', await schema()]];
  const engine = await bindings.SchemaEngine.new(
    { datamodels },
    () => {},
    bindMigrationAwareSqlAdapterFactory(adapter),
  );
  try {
    return await work(engine);
  } finally {
    engine.free();
  }
}

let loading: Promise<void> | undefined;

// Instantiated by hand, since importing WebAssembly as a module makes Node print a warning.
function loadEngine(): Promise<void> {
  loading ??= (async () => {
    const engine = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
    const wasm = path.join(path.dirname(engine), 'schema_engine_bg.wasm');
    const { instance } = await WebAssembly.instantiate(await readFile(wasm), {
      './schema_engine_bg.js': { ...bindings },
    });
    bindings.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
  })();
  return loading;
}
