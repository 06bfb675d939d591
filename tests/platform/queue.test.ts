import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { openQueue, type Queue } from '../../src/platform/queue.ts';
import { copyTemplate } from '../harness/template.ts';

describe('the queue', () => {
  let database: Database;
  let queue: Queue;
  let drop: () => Promise<void>;
  const log = pino({ level: 'silent' });

  beforeAll(async () => {
    const copy = await copyTemplate(inject('template'), inject('server'));
    drop = copy.drop;
    database = await openDatabase(copy.settings, log);
    const options = { retryLimit: 3, retryDelay: 0 };
    queue = await openQueue(
      database,
      { letters: options, parcels: options, postcards: options },
      { worker: true, log },
    );
  });
  afterAll(async () => {
    await queue.stop();
    await database.close();
    await drop();
  });

  /** Adds jobs named by numbers, in one transaction. */
  const add = (name: string, jobs: number[], startAfter = 0) =>
    database.transaction((tx) =>
      queue.add(
        tx,
        name,
        jobs.map((job) => ({ data: { job }, startAfter })),
      ),
    );

  it('goes by what this version wants of a queue that an earlier one made', async () => {
    const later = { letters: { retryLimit: 7 } };
    await (await openQueue(database, later, { worker: false, log })).stop();
    const limits = await database.query(
      `SELECT retry_limit AS "limit" FROM jobs.queue WHERE name = 'letters'`,
    );
    expect(limits).toEqual([{ limit: 7 }]);
    const same = { letters: { retryLimit: 3, retryDelay: 0 } };
    await (await openQueue(database, same, { worker: false, log })).stop();
  });

  it('hands over the jobs that were committed, and no job that was taken back', async () => {
    const handled: unknown[] = [];
    const takenBack = database.transaction(async (tx) => {
      await queue.add(tx, 'letters', [{ data: { job: 1 }, startAfter: 0 }]);
      throw new Error('taken back');
    });
    await expect(takenBack).rejects.toThrow('taken back');
    await add('letters', [2, 3]);
    await new Promise<void>((done) => {
      void queue.work('letters', async (data) => {
        handled.push(data);
        if (handled.length === 2) done();
      });
    });
    expect(handled).toEqual(expect.arrayContaining([{ job: 2 }, { job: 3 }]));
    expect(
      await database.query(`SELECT data FROM jobs.job WHERE name = 'letters' AND data->>'job' = '1'`),
    ).toEqual([]);
  });

  it('tries a job again whose handler throws, and that one alone', async () => {
    const attempts = new Map<unknown, number>();
    // As many as are worked off at once: then the queue looks again without a pause.
    const jobs = Array.from({ length: 20 }, (_, n) => n + 1);
    await add('parcels', jobs);
    await new Promise<void>((done) => {
      void queue.work('parcels', async (data) => {
        const key = JSON.stringify(data);
        attempts.set(key, (attempts.get(key) ?? 0) + 1);
        if (key !== '{"job":1}') return;
        if (attempts.get(key) === 1) throw new Error('nobody at home');
        done();
      });
    });
    expect(attempts).toEqual(new Map(jobs.map((job) => [JSON.stringify({ job }), job === 1 ? 2 : 1])));
  });

  it('takes away what was scheduled for a queue that is no more, and nothing else', async () => {
    const schedules = async () =>
      (await database.query<{ name: string; key: string }>('SELECT name, key FROM jobs.schedule')).map(
        ({ name, key }) => `${name} ${key}`,
      );
    const reopen = async (queues: string[], worker: boolean) => {
      await queue.stop();
      queue = await openQueue(database, Object.fromEntries(queues.map((name) => [name, {}])), {
        worker,
        log,
      });
    };
    const now = ['letters', 'parcels', 'postcards'];
    await reopen([...now, 'sweep'], true);
    for (const key of ['', 'hourly']) await queue.schedule('sweep', key, '41 * * * *', {});
    await queue.schedule('letters', 'nightly', '17 3 * * *', {});
    expect(await schedules()).toHaveLength(3);
    await reopen(now, false);
    expect(await schedules()).toHaveLength(3);
    await reopen(now, true);
    expect(await schedules()).toEqual(['letters nightly']);
  });

  it('keeps a job for later until its time has come', async () => {
    await add('postcards', [1], 3600);
    await add('postcards', [2]);
    const first = await new Promise((done) => {
      void queue.work('postcards', async (data) => done(data));
    });
    expect(first).toEqual({ job: 2 });
    expect(
      await database.query(
        `SELECT data, start_after > now() + interval '50 minutes' AS later FROM jobs.job
          WHERE name = 'postcards' AND data->>'job' = '1'`,
      ),
    ).toEqual([{ data: { job: 1 }, later: true }]);
  });
});
