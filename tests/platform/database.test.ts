import { statfs } from 'node:fs/promises';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { copyTemplate } from '../harness/template.ts';

// What the engines promise alike: run on PGlite, and on PostgreSQL with TEST_DATABASE_URL.

describe('the database', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let settings: Awaited<ReturnType<typeof copyTemplate>>['settings'];
  beforeAll(async () => {
    const copy = await copyTemplate(inject('template'), inject('server'));
    ({ drop, settings } = copy);
    database = await openDatabase(copy.settings, pino({ level: 'silent' }));
    await database.query('CREATE TABLE notes (note text PRIMARY KEY)');
  });
  afterAll(async () => {
    await database.close();
    await drop();
  });
  beforeEach(() => database.query('TRUNCATE notes'));

  const notes = () => database.query<{ note: string }>('SELECT note FROM notes ORDER BY note');

  it('never compiles a statement, on whichever connection: it takes longer than it spares', async () => {
    const plan = 'EXPLAIN SELECT count(*) FROM generate_series(1, 100000000::bigint)';
    const plans = await Promise.all([
      database.query<Record<string, string>>(plan),
      database.transaction((tx) => tx.query<Record<string, string>>(plan)),
    ]);
    const lines = plans.flat().flatMap((row) => Object.values(row));
    expect(lines.filter((line) => line.startsWith('Aggregate'))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('JIT'))).toEqual([]);
  });

  it('takes values as parameters, never as text of the statement', async () => {
    const note = `'); DROP TABLE notes; --`;
    await database.query('INSERT INTO notes VALUES ($1)', [note]);
    expect(await notes()).toEqual([{ note }]);
  });

  it('keeps what a transaction did when it resolves, and resolves to its result', async () => {
    const result = await database.transaction(async (tx) => {
      await tx.query(`INSERT INTO notes VALUES ('kept')`);
      return 'done';
    });
    expect(result).toBe('done');
    expect(await notes()).toEqual([{ note: 'kept' }]);
  });

  it('takes back what a transaction did when it throws, and throws the same', async () => {
    const reason = new Error('changed my mind');
    const failing = database.transaction(async (tx) => {
      await tx.query(`INSERT INTO notes VALUES ('taken back')`);
      throw reason;
    });
    await expect(failing).rejects.toBe(reason);
    expect(await notes()).toEqual([]);
  });

  it('names why it refused a statement, and goes on working', async () => {
    await database.query(`INSERT INTO notes VALUES ('once')`);
    const twice = database.transaction((tx) => tx.query(`INSERT INTO notes VALUES ('once')`));
    await expect(twice).rejects.toMatchObject({ code: '23505' });
    expect(await database.transaction((tx) => tx.query('SELECT note FROM notes'))).toEqual([
      { note: 'once' },
    ]);
  });

  it('shows Prisma the same rows', async () => {
    await database.query(
      `INSERT INTO consent_wordings (version, locale, text, created_at)
       VALUES ('1', 'en', 'Grüße', '2026-11-23T09:00:00.123Z')`,
    );
    expect(await database.prisma.consentWording.findMany()).toEqual([
      { version: '1', locale: 'en', text: 'Grüße', createdAt: new Date('2026-11-23T09:00:00.123Z') },
    ]);
  });

  it('does work of one name one after the other, also after a failure', async () => {
    const order: string[] = [];
    const { promise: firstMayEnd, resolve: endFirst } = Promise.withResolvers<void>();
    const { promise: firstBegan, resolve: firstBegins } = Promise.withResolvers<void>();
    const first = database.exclusively('tidying', async () => {
      order.push('first begins');
      firstBegins();
      await firstMayEnd;
      order.push('first ends');
      throw new Error('untidy');
    });
    await firstBegan;
    const second = database.exclusively('tidying', async () => {
      order.push('second');
      return 'tidy';
    });
    // Work of another name does not wait; what it sees shows that the second has not begun.
    expect(await database.exclusively('counting', async () => [...order])).toEqual(['first begins']);
    endFirst();
    await expect(first).rejects.toThrow('untidy');
    expect(await second).toBe('tidy');
    expect(order).toEqual(['first begins', 'first ends', 'second']);
  });

  it('does work of one name however many ask for it at once, as work needs the database, too', async () => {
    const many = Array.from({ length: 40 }, (_, n) => n);
    const done = many.map((n) =>
      database.exclusively('crowded', () =>
        database.transaction((tx) => tx.query<{ n: number }>('SELECT $1::int AS n', [n])),
      ),
    );
    expect((await Promise.all(done)).flat()).toEqual(many.map((n) => ({ n })));
  });

  it('has as many places as it is asked for, and each again once it is given back', async () => {
    const places = database.places('calls', 2);
    const [first, second, third] = await Promise.all([places.take(), places.take(), places.take()]);
    expect([first, second, third].map((place) => place !== null)).toEqual([true, true, false]);
    expect(await places.take()).toBeNull();
    await first?.();
    const again = await places.take();
    expect(again).not.toBeNull();
    expect(await places.take()).toBeNull();
    await again?.();
    await second?.();
    await places.close();
  });

  describe.runIf(inject('server') === null)('embedded', () => {
    it('counts what is free on the disk of its folder', async () => {
      const folder = settings.kind === 'embedded' ? settings.folder : '';
      const { bavail, bsize } = await statfs(folder);
      const { full, free } = await database.room();
      expect(full).toBe(false);
      // Others write meanwhile.
      expect(Math.abs((free ?? 0) - bavail * bsize)).toBeLessThan(1024 ** 3);
    });
  });

  describe.skipIf(inject('server') === null)('shared by processes', () => {
    it('is found full when the server has no room for what does not fit its memory', async () => {
      expect(await database.room()).toEqual({ full: false, free: null });
      // A full disk, as the server tells it: its own function is shadowed by one that meets it.
      const [own] = await database.query<{ name: string }>('SELECT quote_ident(current_database()) AS name');
      await database.query('CREATE SCHEMA shadow');
      await database.query(
        `CREATE FUNCTION shadow.generate_series(int, int) RETURNS SETOF int LANGUAGE plpgsql AS
           $$ BEGIN RAISE disk_full; END $$`,
      );
      await database.query(`ALTER DATABASE ${own?.name} SET search_path = shadow, pg_catalog, public`);
      const others = await openDatabase(settings, pino({ level: 'silent' }));
      try {
        expect(await others.room()).toEqual({ full: true, free: null });
      } finally {
        await others.close();
        await database.query(`ALTER DATABASE ${own?.name} RESET search_path`);
      }
    });

    /** Another process of the same database. */
    async function withOther(work: (other: Database) => Promise<void>) {
      const other = await openDatabase(settings, pino({ level: 'silent' }));
      await work(other).finally(other.close);
    }

    it('has places that are taken for all of them, by name', () =>
      withOther(async (other) => {
        const [here, there] = [database.places('shared', 2), other.places('shared', 2)];
        const mine = await here.take();
        expect(await there.take()).not.toBeNull();
        expect([await here.take(), await there.take()]).toEqual([null, null]);
        const elsewhere = other.places('another name', 1);
        expect(await elsewhere.take()).not.toBeNull();
        await mine?.();
        expect(await there.take()).not.toBeNull();
        await Promise.all([here, there, elsewhere].map((places) => places.close()));
      }));

    it('has every place free again that was given back', () =>
      withOther(async (other) => {
        const [here, there] = [database.places('many', 4), other.places('many', 4)];
        const mine = await Promise.all([here.take(), here.take(), here.take(), here.take()]);
        for (const giveBack of mine) await giveBack?.();
        const theirs = await Promise.all([there.take(), there.take(), there.take(), there.take()]);
        expect(theirs.filter((place) => place === null)).toEqual([]);
        await Promise.all([here.close(), there.close()]);
      }));

    it('has the places of a closed one free again', () =>
      withOther(async (other) => {
        const [here, there] = [database.places('closed', 1), other.places('closed', 1)];
        expect(await there.take()).not.toBeNull();
        expect(await here.take()).toBeNull();
        await there.close();
        await expect.poll(() => here.take(), { interval: 5 }).not.toBeNull();
        await here.close();
      }));

    it('has the places of a dead session free again, and lets its process take anew', () =>
      withOther(async (other) => {
        if (settings.kind !== 'postgres') throw new Error('this is about PostgreSQL');
        const [here, there] = [database.places('dead', 2), other.places('dead', 2)];
        const stale = await there.take();
        await there.take();
        expect(await here.take()).toBeNull();
        const operator = new pg.Client({ connectionString: settings.url });
        await operator.connect();
        await operator.query(
          `SELECT pg_terminate_backend(pid) FROM pg_locks
          WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid::bigint = hashtext('footnote:dead')::bigint & 4294967295`,
        );
        await operator.end();
        await expect.poll(() => here.take(), { interval: 5 }).not.toBeNull();
        // What the dead session held is not given back a second time.
        await stale?.();
        await expect.poll(() => there.take().catch(() => null), { interval: 5 }).not.toBeNull();
        expect([await here.take(), await there.take()]).toEqual([null, null]);
        await Promise.all([here.close(), there.close()]);
      }));
  });
});
