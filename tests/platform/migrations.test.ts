import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../src/platform/database.ts';
import { embeddedEngine } from '../../src/platform/embedded.ts';
import { applyMigrations, missingMigration } from '../../src/platform/migrations.ts';
import { eventually } from '../harness/eventually.ts';
import { emptyDatabase } from '../harness/template.ts';

describe('the migrations', () => {
  const engine = embeddedEngine(new PGlite());
  afterAll(() => engine.close());

  it('say all that schema.prisma says', async () => {
    expect(await engine.migrating(missingMigration)).toBeNull();
    // A second database is made for it.
  });

  it('are applied once, and not again', async () => {
    const applied = await applyMigrations(engine);
    expect(applied[0]).toMatch(/^\d{14}_init$/);
    const known = await engine.query('SELECT migration_name, finished_at, checksum FROM _prisma_migrations');
    expect(known).toHaveLength(applied.length);

    expect(await applyMigrations(engine)).toEqual([]);
    expect(
      await engine.query('SELECT migration_name, finished_at, checksum FROM _prisma_migrations'),
    ).toEqual(known);
  });

  it('leave what is stored alone when they are applied again', async () => {
    await engine.query(`INSERT INTO consent_wordings (version, locale, text) VALUES ('1', 'en', 'A text.')`);
    await applyMigrations(engine);
    expect(await engine.query('SELECT text FROM consent_wordings')).toEqual([{ text: 'A text.' }]);
  });
});

describe('a migration that breaks off', () => {
  it('left nothing behind, and is applied by the next start', async () => {
    const engine = embeddedEngine(new PGlite());
    try {
      // A statement in the middle of the first script fails.
      await engine.query('CREATE SEQUENCE subscribers');
      await expect(applyMigrations(engine)).rejects.toThrow(
        /^migration \d{14}_init failed, and nothing of it was kept: relation "subscribers" already exists$/,
      );
      expect(await engine.query(`SELECT to_regclass('mailing_lists') AS before`)).toEqual([{ before: null }]);
      await engine.query('DROP SEQUENCE subscribers');
      expect((await applyMigrations(engine))[0]).toMatch(/_init$/);
      expect(await applyMigrations(engine)).toEqual([]);
    } finally {
      await engine.close();
    }
  });
});

const server = inject('server');

describe.skipIf(server === null)('a process that is killed while it migrates a PostgreSQL', () => {
  it.each([
    ['the server throws its script away', true],
    ['the server ends its script', false],
  ])('is followed by one that goes on: %s', async (_, isThrownAway) => {
    const empty = await emptyDatabase(server ?? '');
    const holder = new pg.Client({ connectionString: empty.settings.url });
    // What a transaction saw of the others' activity, it sees to its end.
    const watcher = new pg.Client({ connectionString: empty.settings.url });
    await Promise.all([holder.connect(), watcher.connect()]);
    const waiting = (whose: string) =>
      eventually(async () => {
        const { rows } = await watcher.query<{ pid: number }>(
          `SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND ${whose}`,
        );
        expect(rows).toHaveLength(1);
        return rows[0]?.pid;
      });
    try {
      // In the middle of the first script it waits for this name.
      await holder.query('BEGIN');
      await holder.query('CREATE TABLE subscribers ()');
      const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
        env: { PATH: process.env['PATH'], NODE_ENV: 'test', DATABASE_URL: empty.settings.url },
      });
      const pid = await waiting("application_name = 'footnote migrations'");
      child.kill('SIGKILL');
      await once(child, 'exit');

      const next = openDatabase(empty.settings, pino({ level: 'silent' }));
      // It waits for the script that the server still runs.
      await waiting("query LIKE 'DELETE FROM _prisma_migrations%'");
      if (isThrownAway) await watcher.query('SELECT pg_terminate_backend($1)', [pid]);
      await holder.query('ROLLBACK');
      const database = await next;
      expect(await database.prisma.mailingList.count()).toBe(0);
      const unfinished = 'SELECT FROM _prisma_migrations WHERE finished_at IS NULL';
      expect(await database.query(unfinished)).toEqual([]);
      await database.close();
    } finally {
      await Promise.all([holder.end(), watcher.end()]);
      await empty.drop();
    }
  });
});

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
