import { PGlite } from '@electric-sql/pglite';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../src/platform/database.ts';
import { embeddedEngine } from '../../src/platform/embedded.ts';
import { applyMigrations, missingMigration } from '../../src/platform/migrations.ts';
import { emptyDatabase } from '../harness/template.ts';

describe('the migrations', () => {
  const engine = embeddedEngine(new PGlite());
  afterAll(() => engine.close());

  it('say all that schema.prisma says', async () => {
    expect(await engine.migrating(missingMigration)).toBeNull();
    // A second database is made for it.
  });

  it('are applied once, and not again', async () => {
    const applied = await engine.migrating(applyMigrations);
    expect(applied[0]).toMatch(/^\d{14}_init$/);
    const known = await engine.query('SELECT migration_name, finished_at, checksum FROM _prisma_migrations');
    expect(known).toHaveLength(applied.length);

    expect(await engine.migrating(applyMigrations)).toEqual([]);
    expect(
      await engine.query('SELECT migration_name, finished_at, checksum FROM _prisma_migrations'),
    ).toEqual(known);
  });

  it('leave what is stored alone when they are applied again', async () => {
    await engine.query(`INSERT INTO consent_wordings (version, locale, text) VALUES ('1', 'en', 'A text.')`);
    await engine.migrating(applyMigrations);
    expect(await engine.query('SELECT text FROM consent_wordings')).toEqual([{ text: 'A text.' }]);
  });
});

const server = inject('server');

describe.skipIf(server === null)('several processes that start at once on an empty PostgreSQL', () => {
  let empty: Awaited<ReturnType<typeof emptyDatabase>>;
  beforeAll(async () => {
    empty = await emptyDatabase(server ?? '');
  });
  afterAll(() => empty.drop());

  it('migrate it once, and none waits for another to stop', async () => {
    const migrated: unknown[] = [];
    const log = pino({ level: 'info' }, { write: (line) => migrated.push(JSON.parse(line)) });
    const databases = await Promise.all(Array.from({ length: 3 }, () => openDatabase(empty.settings, log)));
    try {
      expect(migrated).toHaveLength(1);
      for (const database of databases) expect(await database.prisma.mailingList.count()).toBe(0);
    } finally {
      await Promise.all(databases.map((database) => database.close()));
    }
  });
});
