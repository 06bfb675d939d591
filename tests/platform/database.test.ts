import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { copyTemplate } from '../harness/template.ts';

// What the engines promise alike: run on PGlite, and on PostgreSQL with TEST_DATABASE_URL.

describe('the database', () => {
  let database: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const copy = await copyTemplate(inject('template'), inject('server'));
    drop = copy.drop;
    database = await openDatabase(copy.settings, pino({ level: 'silent' }));
    await database.query('CREATE TABLE notes (note text PRIMARY KEY)');
  });
  afterAll(async () => {
    await database.close();
    await drop();
  });
  beforeEach(() => database.query('TRUNCATE notes'));

  const notes = () => database.query<{ note: string }>('SELECT note FROM notes ORDER BY note');

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
});
