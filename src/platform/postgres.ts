import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import type { Engine, Sql } from './database.ts';
import type { Log } from './log.ts';

/** PostgreSQL behind one pool that Prisma and our own statements share. */
export function openPostgres(url: string, log: Log): Engine {
  const pool = new pg.Pool({
    connectionString: url,
    max: 20,
    application_name: 'footnote',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
  });
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection was lost'));

  const sqlOf = (client: pg.Pool | pg.PoolClient): Sql => ({
    query: async <Row>(text: string, parameters: readonly unknown[] = []) =>
      (await client.query<Row & pg.QueryResultRow>(text, [...parameters])).rows,
  });

  async function withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let broken: Error | undefined;
    const onError = (error: Error) => {
      broken = error;
    };
    client.on('error', onError);
    try {
      return await work(client);
    } finally {
      client.removeListener('error', onError);
      client.release(broken);
    }
  }

  return {
    ...sqlOf(pool),

    transaction: (work) =>
      withClient(async (client) => {
        await client.query('BEGIN');
        try {
          const result = await work(sqlOf(client));
          await client.query('COMMIT');
          return result;
        } catch (error) {
          await client.query('ROLLBACK').catch(() => {});
          throw error;
        }
      }),

    exclusively: (name, work) =>
      withClient(async (client) => {
        await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`footnote:${name}`]);
        try {
          return await work();
        } finally {
          await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [`footnote:${name}`]);
        }
      }),

    // One commits while the next is decided; more only make the sets smaller.
    lanes: 2,
    adapter: new PrismaPg(pool),
    migrating: (work) => withMigrationAdapter(url, work),
    // Its own small pool: it listens on one connection for new jobs.
    queue: { connectionString: url, max: 4, application_name: 'footnote queue' },
    close: () => pool.end(),
  };
}

/**
 * The schema engine takes an advisory lock and leaves it to the end of the session, so it gets a session
 * of its own.
 */
async function withMigrationAdapter<T>(
  url: string,
  work: (adapter: SqlMigrationAwareDriverAdapterFactory) => Promise<T>,
): Promise<T> {
  const session = new pg.Pool({ connectionString: url, max: 1, application_name: 'footnote migrations' });
  const prisma = new PrismaPg(session);
  try {
    return await work({
      provider: prisma.provider,
      adapterName: prisma.adapterName,
      // The adapter cuts a migration's script at every semicolon, those inside functions too.
      connect: async () =>
        Object.assign(await prisma.connect(), {
          executeScript: async (script: string) => {
            await session.query(script);
          },
        }),
      connectToShadowDb: () => prisma.connectToShadowDb(),
    });
  } finally {
    await session.end();
  }
}
