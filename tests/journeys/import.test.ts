import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchSize } from '../../src/admin/cli/import.ts';
import { checkLedgers } from '../../src/consent/check.ts';
import { openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { put } from '../admin/import/reading.ts';
import { key, startScript } from '../harness/admin.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { type Prepared, prepareProcesses } from '../harness/prepared.ts';
import { type FootnoteProcess, startProcess } from '../harness/process.ts';
import { type Answer, standBefore } from '../harness/proxy.ts';

/** IMPORT_SEED repeats one, as far as processes that are killed do the same twice. */
const seed = Number(process.env['IMPORT_SEED'] ?? randomInt(2 ** 31));

/** What breaks at a batch: processes are killed, or the connection is cut when the batch was taken. */
interface Accident {
  breaks: 'script' | 'server' | 'both' | 'connection';
  batch: number;
  /** How much of the time that a batch takes has gone by then. */
  after: number;
}

/** From 0 to 1, none likelier than another. */
const part = fc.noBias(fc.integer({ max: 100, min: 0 })).map((percent) => percent / 100);

/** Each kind once. */
const accidents = fc
  .sample(
    fc.tuple(
      fc.shuffledSubarray(['script', 'server', 'both', 'connection'] as const, { minLength: 4 }),
      fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)),
      fc.tuple(part, part, part, part),
    ),
    { seed, numRuns: 1 },
  )
  .flatMap(([kinds, places, times]) => {
    const batches = places.toSorted();
    return kinds.map((breaks, n): Accident => ({ breaks, batch: batches[n] ?? 0, after: times[n] ?? 0 }));
  });

interface Row {
  email: string;
  state: string;
  locale: string;
  /** What must come of it. */
  comesTo: 'created' | 'updated' | 'unchanged' | 'suppressed' | 'rejected';
}

const people = (name: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${name}${n}@reader.example`);

const rowsOf = (comesTo: Row['comesTo'], emails: readonly string[], more: Partial<Row> = {}): Row[] =>
  emails.map((email) => ({ email, state: 'subscribed', locale: 'de', comesTo, ...more }));

const newcomers = people('newcomer', 6_400);
const leftOverThere = people('left-over-there', 300);
/** Who is on another list, on this one, and off it, before the file comes. */
const [elsewhere, here, off] = [people('elsewhere', 40), people('here', 40), people('off', 40)];
const [leaver, erased] = ['leaver@reader.example', 'erased@reader.example'];

const inBlocks = [
  ...rowsOf('created', newcomers),
  ...rowsOf(
    'unchanged',
    newcomers.slice(0, 900).map((email) => email.toUpperCase()),
  ),
  ...rowsOf('suppressed', leftOverThere, { state: 'unsubscribed' }),
  ...rowsOf('suppressed', leftOverThere.slice(100)),
  ...rowsOf('updated', elsewhere),
  ...rowsOf('unchanged', here),
  ...rowsOf('suppressed', [...off, leaver, erased]),
  // The script refuses these two kinds, and the server the third.
  ...rowsOf('rejected', people('bad at ', 20)),
  ...rowsOf('rejected', people('never-agreed', 20), { state: 'nonsubscribed' }),
  ...rowsOf('rejected', people('bad-language', 20), { locale: 'Esperanto, mostly' }),
];
/** All over each other. */
const rows = inBlocks
  .map((row, n) => ({ row, place: (n * 7919) % inBlocks.length }))
  .sort((a, b) => a.place - b.place)
  .map(({ row }) => row);

const csvOf = (some: readonly Row[]) =>
  `email,status,language\n${some.map(({ email, state, locale }) => `${email},${state},"${locale}"\n`).join('')}`;

const counted = (some: readonly Row[]) => {
  const counts = { created: 0, updated: 0, unchanged: 0, suppressed: 0, rejected: 0 };
  for (const { comesTo } of some) counts[comesTo] += 1;
  return counts;
};

describe('an import whose script and server are killed in the middle', () => {
  let prepared: Prepared;
  let env: Record<string, string>;
  let server: FootnoteProcess;
  let isDown = false;
  let restarted: Promise<unknown> = Promise.resolve();
  let run: ReturnType<typeof startScript>;
  /** The longest that a batch took so far, in milliseconds; at first a guess. */
  let batchTime = 500;
  const left = [...accidents];
  const happened: string[] = [];

  beforeAll(async () => {
    prepared = await prepareProcesses();
    env = { ...prepared.env, ADMIN_API_KEY: key };
    server = await startProcess(env);
  });
  afterAll(async () => {
    await restarted;
    server.signal('SIGKILL');
    await server.exited;
    await prepared.close();
  });

  /** Lets the accidents happen that are due at this batch. @returns null when the script gets no answer */
  async function atBatch(from: number, pass: () => Promise<Answer | null>): Promise<Answer | null> {
    const began = performance.now();
    const [next] = left;
    if (next === undefined || isDown || from < next.batch * batchSize) {
      const answer = await pass();
      batchTime = Math.max(batchTime, performance.now() - began);
      return answer;
    }
    left.shift();
    const answer = pass();
    await Promise.race([answer, ...(next.breaks === 'connection' ? [] : [pause(next.after * batchTime)])]);
    happened.push(next.breaks);
    if (next.breaks === 'script' || next.breaks === 'both') run.signal('SIGKILL');
    if (next.breaks === 'server' || next.breaks === 'both') {
      server.signal('SIGKILL');
      isDown = true;
      restarted = server.exited.then(async () => {
        server = await startProcess(env);
        isDown = false;
      });
    }
    await answer;
    return null;
  }

  it('has people already, some of whom left or were erased', async () => {
    const api = (path: string, body: object) =>
      server.http.post(`/admin/api${path}`).auth(key, { type: 'bearer' }).send(body);
    const bring = async (list: string, emails: readonly string[], state = 'subscribed') => {
      const wish = {
        digest: 'e0'.repeat(32),
        file: 'earlier.csv',
        lists: [list],
        source: `Earlier: ${state}`,
      };
      const { id } = (await api('/imports', wish).expect(200)).body;
      const batch = { from: 0, rows: emails.map((email) => ({ email, state })) };
      await api(`/imports/${id}/rows`, batch).expect(200);
      await api(`/imports/${id}/finish`, {}).expect(200);
    };
    await bring('weekend-reads', elsewhere);
    await bring('morning-briefing', here);
    await bring('morning-briefing', off, 'unsubscribed');
    for (const email of [leaver, erased]) {
      await server.http
        .post('/subscriptions')
        .send({ email, lists: ['morning-briefing'] })
        .expect(202);
      const { confirm, unsubscribe } = linksIn(
        await prepared.sandbox.inbox.next(isTo(email, 'confirmation')),
      );
      await server.http.post(confirm).expect(200);
      if (email === leaver) await server.http.post(unsubscribe).expect(200);
    }
    const { subscribers } = (await api('/subscribers/search', { email: erased }).expect(200)).body;
    await api(`/subscribers/${subscribers[0].id}/erase`, {}).expect(200);
  });

  it(`ends with every row counted once, however often it is begun (IMPORT_SEED=${seed})`, async () => {
    const file = await put(csvOf(rows));
    const proxy = await standBefore(`http://127.0.0.1:${env['PORT']}`, atBatch);
    const words = ['--list', 'morning-briefing', '--consent-source', 'The form of our old site', '--json'];
    let ended: Awaited<(typeof run)['ended']>;
    let begun = 0;
    do {
      run = startScript({ ADMIN_API_KEY: key, ADMIN_URL: proxy.url }, [
        'subscribers',
        'import',
        file,
        ...words,
      ]);
      begun += 1;
      ended = await run.ended;
      await restarted;
    } while (ended.code === null);
    await proxy.close();

    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(happened).toEqual(accidents.map(({ breaks }) => breaks));
    expect(begun).toBe(3);
    expect(JSON.parse(ended.out.trim().split('\n').at(-1) ?? '')).toEqual(counted(rows));
    // What a run that was killed had written stays.
    const begin: { rejects: string } = JSON.parse(ended.out.split('\n')[0] ?? '');
    const rejects: Record<string, string>[] = parse(await readFile(begin.rejects), {
      bom: true,
      columns: true,
    });
    const lines = rows.flatMap(({ email, comesTo }, n) =>
      comesTo === 'rejected' ? [`${n + 2} ${email}`] : [],
    );
    expect(rejects.map(({ line, email }) => `${line} ${email}`).sort()).toEqual(lines.sort());
  }, 120_000);

  it('left one entry in the ledger for each who was imported, nobody raised who had left, and no mail', async () => {
    server.signal('SIGTERM');
    expect(await server.exited).toBe(0);
    const database = await openDatabase(prepared.settings, createLog('silent'));
    const found = await database.query<{ email: string; standing: string }>(
      `SELECT person.key AS email,
              subscription.state || ' by ' || string_agg(event.kind::text, ', ' ORDER BY event.seq) AS standing
         FROM subscribers person
         JOIN subscriptions subscription ON subscription.subscriber_id = person.id
         JOIN mailing_lists list ON list.id = subscription.list_id AND list.slug = 'morning-briefing'
         JOIN consent_events event ON event.subscriber_id = person.id
        WHERE person.ledger_salt IS NOT NULL
        GROUP BY person.id, subscription.state`,
    );
    const standing = new Map(found.map(({ email, standing }) => [email, standing]));
    const differing = (emails: readonly string[], expected: string) =>
      emails.filter((email) => standing.get(email) !== expected).map((email) => [email, standing.get(email)]);
    expect(differing([...newcomers, ...here], 'subscribed by imported')).toEqual([]);
    expect(differing(elsewhere, 'subscribed by imported, imported')).toEqual([]);
    expect(differing([...leftOverThere, ...off], 'unsubscribed by unsubscribed')).toEqual([]);
    expect(standing.get(leaver)).toMatch(/^unsubscribed by requested, .*confirmed.*unsubscribed/);
    const known = [...newcomers, ...here, ...elsewhere, ...leftOverThere, ...off, leaver];
    expect([...standing.keys()].sort()).toEqual(known.sort());

    const imports = await database.prisma.import.findMany({ where: { file: 'people.csv' } });
    expect(imports).toMatchObject([{ finishedAt: expect.any(Date) }]);
    for (let after: string | null = null; ; ) {
      const { broken, next } = await checkLedgers(database, { after, limit: 1_000 });
      expect(broken).toEqual([]);
      if (next === null) break;
      after = next;
    }
    const mailed = { key: { endsWith: '@reader.example', not: leaver } };
    expect(await database.prisma.mail.count({ where: { subscriber: mailed } })).toBe(0);
    await database.close();
  }, 120_000);
});
