import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { z } from 'zod';
import type { Engine, Places, Room, Sql } from './database.ts';
import type { Log } from './log.ts';
import { openTurns } from './turns.ts';

/** PostgreSQL behind one pool that Prisma and our own statements share. */
export function openPostgres(url: string, log: Log): Engine {
  const pool = new pg.Pool({
    connectionString: url,
    max: 20,
    application_name: 'footnote',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    // Compiling takes longer than any statement of ours, and is begun where a table grew since it was last analysed.
    onConnect: (client) => client.query('SET jit = off'),
  });
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection was lost'));

  const sqlOf = (client: pg.Pool | pg.PoolClient): Sql => ({
    query: async <Row>(text: string, parameters: readonly unknown[] = []) =>
      (await client.query<Row & pg.QueryResultRow>(text, [...parameters])).rows,
  });

  const inTurn = openTurns();

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

  const transaction: Engine['transaction'] = (work) =>
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
    });

  return {
    ...sqlOf(pool),

    transaction,

    beside: () => sqlOf(pool),

    // Of this process only one waits for the others: many would hold every connection, and work needs some of its own.
    exclusively: (name, work) =>
      inTurn(name, () =>
        withClient(async (client) => {
          await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`footnote:${name}`]);
          try {
            return await work();
          } finally {
            await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [`footnote:${name}`]);
          }
        }),
      ),

    places: (name, count) => advisoryPlaces(pool, `footnote:${name}`, count),

    // One commits while the next is decided; more only make the sets smaller.
    lanes: 2,
    shred: null,
    room: () => transaction(roomOf),
    adapter: new PrismaPg(pool),
    migrating: (work) => withMigrationAdapter(url, work),
    // Its own small pool: it listens on one connection for new jobs.
    queue: { connectionString: url, max: 4, application_name: 'footnote queue' },
    close: () => pool.end(),
  };
}

const diskFull = z.object({ code: z.literal('53100') });

/**
 * Has the server put some megabytes beside its memory, which go to the disk of the database, are in no table and no
 * log, and are gone with the transaction. Rows as large may still find room in pages that are there already.
 */
async function roomOf(tx: Sql): Promise<Room> {
  await tx.query(`SET LOCAL work_mem = '64kB'`);
  try {
    await tx.query('SELECT count(*) FROM generate_series(1, 200000)');
    return { full: false, free: null };
  } catch (error) {
    if (diskFull.safeParse(error).success) return { full: true, free: null };
    throw error;
  }
}

/**
 * Places as advisory locks of one session: the server gives a dead process's back at once, and no clock is
 * asked. A lost session loses its places, so those of calls under way may be taken twice for a moment.
 */
function advisoryPlaces(pool: pg.Pool, name: string, count: number): Places {
  let session: Promise<pg.PoolClient> | null = null;
  const held = new Set<number>();
  let turn: Promise<unknown> = Promise.resolve();

  async function connect(): Promise<pg.PoolClient> {
    const client = await pool.connect();
    client.once('error', (error) => {
      session = null;
      held.clear();
      client.release(error);
    });
    return client;
  }

  async function take(): Promise<(() => Promise<void>) | null> {
    session ??= connect().catch((error: unknown) => {
      session = null;
      throw error;
    });
    const mine = session;
    const client = await mine;
    // A session may take its own lock again, so its own are left out; here, as PostgreSQL does not promise
    // to look at a condition beside the lock first.
    const others = Array.from({ length: count }, (_, n) => n + 1).filter((place) => !held.has(place));
    const { rows } = await client.query<{ place: number }>(
      'SELECT place FROM unnest($2::int[]) AS place WHERE pg_try_advisory_lock(hashtext($1), place) LIMIT 1',
      [name, others],
    );
    const place = rows[0]?.place;
    if (place === undefined) return null;
    held.add(place);
    return async () => {
      if (session !== mine || !held.delete(place)) return;
      // A session that is lost has given everything back.
      await inTurn(() => client.query('SELECT pg_advisory_unlock(hashtext($1), $2)', [name, place])).catch(
        () => {},
      );
    };
  }

  /** One after the other, or two would find the same place free. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  }

  return {
    take: () => inTurn(take),
    close: async () => {
      const last = session;
      session = null;
      const client = await last?.catch(() => null);
      // Its locks go with it.
      client?.release(true);
    },
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
      // The adapter cuts a migration's script at every semicolon, those inside functions too. As one query of several
      // statements it is one transaction.
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
