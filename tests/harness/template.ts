import { cp, rm } from 'node:fs/promises';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { mailQueue } from '../../src/mail/deliver.ts';
import { openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { openQueue } from '../../src/platform/queue.ts';
import type { Settings } from '../../src/settings.ts';
import { scratchFolder } from './scratch.ts';

// A migrated, empty database is made once a run; each test file works on a copy of its own. With
// TEST_DATABASE_URL the copies are databases of that PostgreSQL, otherwise PGlite folders.

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder, or the name of a database. */
    template: string;
    /** The PostgreSQL that databases are made on; null for PGlite. */
    server: string | null;
  }
}

export default async function makeTemplate(project: TestProject): Promise<() => Promise<void>> {
  const server = process.env['TEST_DATABASE_URL'] ?? null;
  project.provide('server', server);
  if (server !== null) {
    const template = `footnote_template_${process.pid}`;
    await administer(server, `CREATE DATABASE ${template}`);
    await migrate({ kind: 'postgres', url: withDatabase(server, template) });
    project.provide('template', template);
    return () => administer(server, `DROP DATABASE ${template}`);
  }
  const template = await scratchFolder('template');
  await migrate({ kind: 'embedded', folder: template });
  project.provide('template', template);
  return () => rm(template, { recursive: true });
}

async function migrate(settings: Settings['database']): Promise<void> {
  const log = createLog('warn');
  const database = await openDatabase(settings, log);
  const queue = await openQueue(database, { mail: mailQueue }, { worker: false, log });
  await queue.stop();
  await database.close();
}

/** A copy of the template for one test file, and how to throw it away. */
export async function copyTemplate(
  template: string,
  server: string | null,
): Promise<{ settings: Settings['database']; drop: () => Promise<void> }> {
  if (server !== null) {
    const name = `footnote_test_${process.pid}_${crypto.randomUUID().slice(0, 8)}`;
    await administer(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
    return {
      settings: { kind: 'postgres', url: withDatabase(server, name) },
      drop: () => administer(server, `DROP DATABASE ${name} WITH (FORCE)`),
    };
  }
  const folder = await scratchFolder('test');
  await cp(template, folder, { recursive: true });
  return { settings: { kind: 'embedded', folder }, drop: () => rm(folder, { recursive: true }) };
}

/** A database without a single table, as a first start finds it. */
export async function emptyDatabase(server: string) {
  const name = `footnote_empty_${process.pid}_${crypto.randomUUID().slice(0, 8)}`;
  await administer(server, `CREATE DATABASE ${name}`);
  return {
    settings: { kind: 'postgres' as const, url: withDatabase(server, name) },
    drop: () => administer(server, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
