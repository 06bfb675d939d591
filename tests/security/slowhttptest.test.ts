import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { saveList } from '../../src/subscribing/lists.ts';
import { openTarget, runTool, type Target } from './target.ts';

// slowhttptest opens many connections and keeps each for itself; beside them it asks, as a reader would,
// whether the service still answers.

const most = 200;

const row = z.object({
  Seconds: z.coerce.number(),
  Closed: z.coerce.number(),
  Pending: z.coerce.number(),
  Connected: z.coerce.number(),
  /** As many as there are connections while it answers, else none. */
  'Service Available': z.coerce.number(),
});

let target: Target;
beforeAll(async () => {
  target = await openTarget();
  // A list of so many words makes an answer that is more than a system keeps for a client.
  const database = await openDatabase(target.database, createLog('silent'));
  await saveList(database, { slug: 'long', name: 'Long', description: 'x'.repeat(1_000_000), position: 9 });
  await database.close();
});
afterAll(() => target.stop());

/** @returns a row for each second of the attack */
async function slowhttptest(
  name: string,
  { page, seconds, connections = most }: { page: string; seconds: number; connections?: number },
  parameters: readonly string[],
) {
  const file = path.join(target.folder, name);
  await runTool(
    'slowhttptest',
    [
      ...parameters,
      ...['-u', target.origin + page, '-c', String(connections), '-r', String(connections)],
      ...['-l', String(seconds), '-p', '5', '-g', '-o', file],
    ],
    { folder: target.folder, seconds: seconds + 15 },
  );
  return z.array(row).parse(parse(await readFile(`${file}.csv`, 'utf8'), { columns: true }));
}

/**
 * Connections that the service holds open, as Linux tells. The client's end says nothing of that: the system
 * goes on sending what a service that hung up had written.
 */
async function held(): Promise<number> {
  const port = Number(new URL(target.origin).port).toString(16).toUpperCase().padStart(4, '0');
  const established = new RegExp(`^ *\\d+: [0-9A-F]+:${port} \\S+ 01 `, 'gm');
  return (await readFile('/proc/net/tcp', 'utf8')).match(established)?.length ?? 0;
}

/** What is left of it: an attack that ends before its time has no connection left. */
const afterwards = (rows: z.infer<typeof row>[]) => rows.at(-1)?.Seconds ?? Number.POSITIVE_INFINITY;

describe('slowhttptest (A-12)', () => {
  it.concurrent.each([
    // Ten seconds are given for headers, fifteen for a request.
    { name: 'headers', page: '/', until: 10, parameters: ['-H', '-i', '2'] },
    {
      name: 'bodies',
      page: '/subscriptions',
      until: 15,
      parameters: ['-B', '-i', '2', '-s', '8000', '-t', 'POST'],
    },
  ])('keeps nobody out by slow $name, and is hung up on', async ({ name, page, until, parameters }) => {
    const rows = await slowhttptest(name, { page, seconds: 40 }, parameters);
    expect(Math.max(...rows.map(({ Connected }) => Connected))).toBe(most);
    expect(rows.filter((row) => row['Service Available'] === 0)).toEqual([]);
    expect(afterwards(rows)).toBeGreaterThanOrEqual(until);
    expect(afterwards(rows)).toBeLessThan(until + 10);
  });

  it('keeps nobody out by slow reading, and is hung up on', async () => {
    const patience = { timeout: 45_000, interval: 200 };
    // Each is owed a megabyte.
    const connections = 50;
    const slowly = ['-X', '-n', '5', '-w', '10', '-y', '20', '-z', '32'];
    const attack = slowhttptest('reading', { page: '/lists', seconds: 50, connections }, slowly);
    await vi.waitFor(async () => expect(await held()).toBeGreaterThanOrEqual(connections), patience);
    // Thirty seconds are given for an answer; what is left are readers and probes.
    await vi.waitFor(async () => expect(await held()).toBeLessThan(connections / 5), patience);
    const rows = await attack;
    expect(rows.filter((row) => row['Service Available'] === 0)).toEqual([]);
  });

  it('asks for parts of an answer, and is given none', async () => {
    const rows = await slowhttptest('ranges', { page: '/embed.js', seconds: 20 }, ['-R', '-t', 'HEAD']);
    expect(rows.filter((row) => row['Service Available'] === 0)).toEqual([]);
    const part = await target.footnote.http.get('/embed.js').set('Range', 'bytes=0-1,0-2,0-3').expect(200);
    expect(part.headers['content-range']).toBeUndefined();
  });

  it('caused no error', async () => {
    expect(target.errors()).toEqual([]);
    await target.footnote.http.get('/readyz').expect(200);
  });
});
