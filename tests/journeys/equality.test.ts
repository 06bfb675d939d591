import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { eventually } from '../harness/eventually.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { type Prepared, prepareProcesses } from '../harness/prepared.ts';
import { type FootnoteProcess, startProcess } from '../harness/process.ts';

// EQUALITY_READERS and EQUALITY_KILLS make it longer, EQUALITY_SEED another one.
const readerCount = Number(process.env['EQUALITY_READERS'] ?? 16);
const kills = Number(process.env['EQUALITY_KILLS'] ?? 2);
const seed = Number(process.env['EQUALITY_SEED'] ?? 40_263);

const adminKey = 'the-key-of-the-operators-of-the-daily-example';
const slugs = ['morning-briefing', 'weekend-reads'];
const days = 4 * 86_400_000;

const act = fc.record({
  who: fc.nat({ max: readerCount - 1 }),
  does: fc.constantFrom(
    'leave',
    'leave',
    'leave one',
    'leaveByFooter',
    'complain',
    'adminUnsubscribe',
    'archive',
  ),
});
const trouble = fc.constantFrom(
  fault.htmlError(500),
  fault.throttled(),
  fault.emptyPage(),
  fault.reset('before'),
  fault.reset('after'),
);
const syncAnswer = z.object({
  signals: z.object({ due: z.number(), stopped: z.string().nullable() }),
  refused: z.array(z.object({ email: z.string(), reason: z.string() })),
});
const requested = z.object({ id: z.string() });
const compared = z.object({
  finishedAt: z.string(),
  report: z.object({ missing: z.number(), extra: z.number(), conflicting: z.number(), due: z.number() }),
});

describe(`processes that are killed while people come and go on both sides (seed ${seed})`, () => {
  let prepared: Prepared;
  let env: Record<string, string>;
  let server: FootnoteProcess;
  const readers = Array.from({ length: readerCount }, (_, n) => `reader${n}@reader.example`);
  const links = new Map<string, string>();
  /** Who left for good, as far as anybody was told so, and who left one list. */
  const out = new Set<string>();
  const leftOne = new Set<string>();

  beforeAll(async () => {
    prepared = await prepareProcesses();
    env = {
      ...prepared.env,
      ADMIN_API_KEY: adminKey,
      MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-thirty-two-characters',
    };
    server = await startProcess(env);
    await admin('post', '/setup');
    await Promise.all(readers.map(subscribe));
    await eventually(() => expect(prepared.sandbox.audience.state.members.size).toBe(readerCount));
  });
  afterAll(async () => {
    server.signal('SIGKILL');
    await server.exited;
    await prepared.close();
  });

  async function admin(method: 'get' | 'post', path: string, body?: object): Promise<unknown> {
    const request = server.http[method](`/admin/api${path}`).set('Authorization', `Bearer ${adminKey}`);
    const answer = await (body === undefined ? request : request.send(body));
    expect(answer.status, `${path}: ${answer.text}`).toBeLessThan(300);
    return answer.body;
  }

  async function subscribe(email: string): Promise<void> {
    await server.http.post('/subscriptions').send({ email, lists: slugs }).expect(202);
    const mail = await prepared.sandbox.inbox.next(isTo(email, 'confirmation'));
    const { confirm, unsubscribe } = linksIn(mail);
    links.set(email, unsubscribe);
    await server.http.post(confirm).expect(200);
  }

  /** Somebody does something here or at Mailchimp, of which here may never learn whether it was done. */
  async function perform({ who, does }: { who: number; does: string }): Promise<void> {
    const { audience } = prepared.sandbox;
    const email = readers[who] ?? '';
    const status = audience.member(email)?.status;
    const leave = (query: string) =>
      server.http.post(`${links.get(email)}${query}`).then(
        (answer) => answer.status === 200,
        () => false,
      );
    switch (does) {
      case 'leave':
        if (await leave('')) out.add(email);
        break;
      case 'leave one':
        if (await leave(`?list=${slugs[0]}`)) leftOne.add(email);
        break;
      case 'leaveByFooter':
      case 'complain':
      case 'adminUnsubscribe':
        if (status !== 'subscribed') break;
        audience.people[does](email);
        out.add(email);
        break;
      case 'archive':
        // What the archive hides, nobody can be held to.
        if (status === 'subscribed') audience.people.archive(email);
    }
  }

  /** Resolves after so many calls more, or when the acts are over. */
  async function killAfter(calls: number, acts: Promise<unknown>): Promise<void> {
    let left = calls;
    const called = new Promise<void>((resolve) => {
      const stop = prepared.sandbox.audience.observe(() => {
        left -= 1;
        if (left > 0) return;
        stop();
        resolve();
      });
    });
    await Promise.race([called, acts]);
    server.signal('SIGKILL');
    await server.exited;
  }

  async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const database = await openDatabase(prepared.settings, createLog('silent'));
    return work(database).finally(() => database.close());
  }

  /** Lets leases, rests and calls of the dead run out. */
  const pass = (milliseconds: number) =>
    withDatabase((database) =>
      database.query(
        `UPDATE audience_contacts SET due_at = due_at - $1 * interval '1 millisecond',
                                      may_act_until = may_act_until - $1 * interval '1 millisecond'`,
        [milliseconds],
      ),
    );

  async function reconcile(dryRun: boolean) {
    const { id } = requested.parse(await admin('post', '/sync/reconcile', { kind: 'full', dryRun }));
    return eventually(async () => compared.parse(await admin('get', `/sync/reconciliations/${id}`)));
  }

  const rested = () =>
    eventually(async () => {
      const { signals, refused } = syncAnswer.parse(await admin('get', '/sync'));
      expect(signals).toMatchObject({ due: 0, stopped: null });
      return refused;
    });

  it('leave everybody who left out on both sides, and the rest equal or listed (I2, I4, R-02)', async () => {
    const { audience } = prepared.sandbox;
    const perLife = Math.ceil(readerCount / 2);
    const acts = fc.sample(act, { numRuns: perLife * kills, seed });
    const calls = fc.sample(fc.integer({ min: 1, max: perLife * 2 }), { numRuns: kills, seed });
    const troubles = fc.sample(trouble, { numRuns: kills * 3, seed });
    for (let life = 0; life < kills; life += 1) {
      for (const met of troubles.slice(life * 3, life * 3 + 3)) audience.inject(met);
      const mine = acts.slice(life * perLife, (life + 1) * perLife);
      await killAfter(calls[life] ?? 1, Promise.all(mine.slice(1).map(perform)));
      // Nobody is there to hear of this one.
      await Promise.all(mine.slice(0, 1).map(perform));
      if (life + 1 < kills) {
        await pass(180_000);
        server = await startProcess(env);
      }
    }
    audience.clearFaults();
    await pass(days);
    server = await startProcess(env);

    await reconcile(false);
    await rested();
    // Who left over there may come back by our consent only through Mailchimp's own opt-in.
    const returning = [...audience.state.members].find(
      ({ compliance }) => compliance === 'left',
    )?.email_address;
    if (returning !== undefined) {
      await subscribe(returning);
      out.delete(returning);
      leftOne.delete(returning);
    }
    const refused = new Map((await rested()).map(({ email, reason }) => [email, reason]));
    const { report } = await reconcile(true);
    expect(report).toMatchObject({ missing: 0, extra: 0, conflicting: 0, due: 0 });
    if (returning !== undefined) expect(refused.get(returning)).toBe('awaiting_mailchimp_confirmation');

    server.signal('SIGTERM');
    expect(await server.exited).toBe(0);
    const rows = await withDatabase((database) =>
      database.query<{ email: string; lists: string[]; interests: Record<string, string> }>(
        `SELECT person.email, ARRAY(SELECT list.slug FROM subscriptions subscription
                  JOIN mailing_lists list ON list.id = subscription.list_id
                 WHERE subscription.subscriber_id = person.id AND subscription.state = 'subscribed') AS lists,
                (SELECT jsonb_object_agg(list.slug, interest.interest_id) FROM audience_interests interest
                   JOIN mailing_lists list ON list.id = interest.list_id) AS interests
           FROM subscribers person`,
      ),
    );
    expect(rows).toHaveLength(readerCount);
    for (const { email, lists, interests } of rows) {
      const member = audience.member(email);
      const isOn = member?.status === 'subscribed' || member?.status === 'pending';
      if (out.has(email)) expect({ email, lists, isOn }).toEqual({ email, lists: [], isOn: false });
      if (leftOne.has(email)) expect(lists).not.toContain(slugs[0]);
      if (refused.has(email)) continue;
      expect({ email, isOn }).toEqual({ email, isOn: lists.length > 0 });
      const chosen = Object.keys(interests).filter(
        (slug) => member?.interests[interests[slug] ?? ''] === true,
      );
      if (isOn) expect(chosen.sort()).toEqual([...lists].sort());
    }
  }, 120_000);
});
