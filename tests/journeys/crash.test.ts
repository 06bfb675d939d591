import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashEvent } from '../../src/consent/ledger.ts';
import { openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { isTo, kindOf, linksIn } from '../harness/mails.ts';
import { freePort } from '../harness/ports.ts';
import { type Prepared, prepareProcesses } from '../harness/prepared.ts';
import { type FootnoteProcess, runProcess, startProcess } from '../harness/process.ts';

const log = createLog('silent');

/** Whatever breaks off because the server was killed was not acknowledged. */
const unlessKilled = async <T>(request: PromiseLike<T>): Promise<T | null> => {
  try {
    return await request;
  } catch {
    return null;
  }
};

describe('a server that is killed in the middle (I3, R-02)', () => {
  let prepared: Prepared;
  let sandbox: Sandbox;
  let env: Record<string, string>;
  let server: FootnoteProcess;

  beforeAll(async () => {
    prepared = await prepareProcesses();
    ({ sandbox, env } = prepared);
    server = await startProcess(env);
  });
  afterAll(async () => {
    server.signal('SIGKILL');
    await server.exited;
    await prepared.close();
  });

  const readers = Array.from({ length: 12 }, (_, n) => `reader${n}@reader.example`);
  const leaving = readers.slice(0, 6);
  const links = new Map<string, { confirm: string; unsubscribe: string }>();
  const signUp = (email: string) =>
    server.http.post('/subscriptions').send({ email, lists: ['weekend-reads'] });

  async function readMail(email: string): Promise<void> {
    links.set(email, linksIn(await sandbox.inbox.next(isTo(email, 'confirmation'))));
  }

  it('has readers, half of whom are about to leave', async () => {
    await Promise.all(readers.map((email) => signUp(email).expect(202)));
    await Promise.all(readers.map(readMail));
    await Promise.all(readers.map((email) => server.http.post(links.get(email)?.confirm ?? '').expect(200)));
    await Promise.all(readers.map((email) => sandbox.inbox.next(isTo(email, 'welcome'))));
  });

  const acknowledged = { newcomers: [] as string[], leavers: [] as string[] };

  it('is killed while newcomers sign up and readers leave', async () => {
    const newcomers = Array.from({ length: 60 }, (_, n) => `newcomer${n}@reader.example`);
    const acts = [
      ...newcomers.map((email) => async () => {
        const answer = await unlessKilled(signUp(email));
        if (answer?.status === 202) acknowledged.newcomers.push(email);
      }),
      ...leaving.map((email) => async () => {
        const answer = await unlessKilled(server.http.post(links.get(email)?.unsubscribe ?? ''));
        if (answer?.status === 200) acknowledged.leavers.push(email);
      }),
    ];
    const shuffled = acts
      .map((act, n) => ({ act, place: (n * 37) % acts.length }))
      .sort((a, b) => a.place - b.place);
    let done = 0;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        for (let next = shuffled.shift(); next !== undefined; next = shuffled.shift()) {
          await next.act();
          done++;
          if (done === 30) server.signal('SIGKILL');
        }
      }),
    );
    expect(await server.exited).toBeNull();
    expect(acknowledged.newcomers.length).toBeGreaterThan(10);
  });

  it('starts again and owes nobody anything that it acknowledged', async () => {
    server = await startProcess(env);
    await Promise.all(acknowledged.newcomers.map(readMail));
    for (const email of acknowledged.newcomers) {
      await server.http.post(links.get(email)?.confirm ?? '').expect(200);
    }
    const { newcomers, leavers } = acknowledged;
    await Promise.all([
      ...newcomers.map((email) => sandbox.inbox.next(isTo(email, 'welcome'))),
      ...leavers.map((email) => sandbox.inbox.next(isTo(email, 'receipt'))),
    ]);
  });

  it('sent each mail that it owed, and nobody two of a kind that are not one and the same', () => {
    for (const email of [...readers, ...acknowledged.newcomers]) {
      const mails = sandbox.inbox.mails().filter(isTo(email));
      const kinds = new Set(mails.map((mail) => kindOf(mail)));
      // Who was about to leave may have left without hearing our answer.
      if (!leaving.includes(email) || acknowledged.leavers.includes(email)) {
        const owed = ['confirmation', 'welcome', ...(leaving.includes(email) ? ['receipt'] : [])];
        expect([email, [...kinds].sort()]).toEqual([email, owed.sort()]);
      }
      for (const kind of kinds) {
        const ids = mails.filter(isTo(email, kind)).map(({ headers }) => headers.get('message-id')?.[0]);
        expect(new Set(ids).size).toBe(1);
        expect(ids.length).toBeLessThanOrEqual(2);
      }
    }
  });

  it('refuses a second server on the same embedded folder, in one clear line', async () => {
    if (prepared.settings.kind === 'postgres') return;
    const { code, output } = await runProcess({ ...env, PORT: String(await freePort()) });
    expect(code).toBe(1);
    expect(output).toMatch(
      /^Footnote cannot start: the embedded database in \S+ is in use by another Footnote process/,
    );
    expect(output.trim().split('\n')).toHaveLength(1);
  });

  it('finishes what is in flight when it is asked to stop (R-12)', async () => {
    const late = Array.from({ length: 20 }, (_, n) => signUp(`late${n}@reader.example`));
    const answers = late.map((request) => unlessKilled(request));
    await answers[0];
    server.signal('SIGTERM');
    for (const answer of await Promise.all(answers)) if (answer !== null) expect(answer.status).toBe(202);
    expect(await server.exited).toBe(0);
  });

  it('left a database and an audience that agree with every answer it gave', async () => {
    const opened = await openDatabase(prepared.settings, log);
    const rows = await opened.query<{ email: string; state: string; due: boolean }>(
      `SELECT person.key AS email, subscription.state, coalesce(contact.wanted <> contact.acknowledged, false) AS due
         FROM subscribers person
         JOIN subscriptions subscription ON subscription.subscriber_id = person.id
         LEFT JOIN audience_contacts contact ON contact.subscriber_id = person.id`,
    );
    const people = new Map(rows.map((row) => [row.email, row]));
    for (const email of acknowledged.leavers) expect(people.get(email)?.state).toBe('unsubscribed');
    for (const email of acknowledged.newcomers) expect(people.get(email)?.state).toBe('subscribed');
    for (const { email, state, due } of rows) {
      const status = sandbox.audience.member(email)?.status;
      if (!due && state !== 'pending') expect(status).toBe(state);
    }

    const events = await opened.prisma.consentEvent.findMany({
      orderBy: [{ subscriberId: 'asc' }, { seq: 'asc' }],
    });
    for (const event of events) expect(hashEvent(event)).toBe(event.hash);
    await opened.close();
  });
});
