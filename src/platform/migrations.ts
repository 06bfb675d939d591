import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import { root } from './root.ts';

// Prisma's own schema engine, as WebAssembly: it needs no binary to be downloaded, and it keeps the
// same `_prisma_migrations` table that `prisma migrate deploy` knows.

const filters = { externalTables: [], externalEnums: [] };

/** Applies what is missing of `prisma/migrations`. @returns the names of the migrations applied now. */
export async function applyMigrations(adapter: SqlMigrationAwareDriverAdapterFactory): Promise<string[]> {
  return withEngine(adapter, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: await migrations(),
      filters,
    });
    return appliedMigrationNames;
  });
}

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
