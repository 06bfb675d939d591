import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { isTo } from '../harness/mails.ts';
import { freePort } from '../harness/ports.ts';
import { type Prepared, prepareProcesses } from '../harness/prepared.ts';
import { type FootnoteProcess, startProcess } from '../harness/process.ts';
import { each, senderTo } from '../harness/routes.ts';

// Two processes answer at the doors, one mails, and all share a PostgreSQL. Everybody comes through a proxy on
// this machine.

let prepared: Prepared;
const processes: FootnoteProcess[] = [];
/** Eight connections each. */
const senders: ReturnType<typeof senderTo>[] = [];

beforeAll(async () => {
  prepared = await prepareProcesses();
  const start = async (role: string) => {
    const port = await freePort();
    const env = {
      ...prepared.env,
      PORT: String(port),
      ROLE: role,
      TRUST_PROXY: 'loopback',
      // So that the mails of a day are due while the flood is on.
      LIMIT_ADDRESS_SECONDS: '1',
    };
    processes.push(await startProcess(env));
    if (role === 'web') for (let n = 0; n < 4; n += 1) senders.push(senderTo(port));
  };
  // The first one offers the consent texts, and so on, for the others.
  for (const role of ['worker', 'web', 'web']) await start(role);
});
afterAll(async () => {
  for (const { close } of senders) close();
  for (const running of processes) running.signal('SIGTERM');
  await Promise.all(processes.map(({ exited }) => exited));
  await prepared.close();
});

interface Wish {
  email: string;
  ip: string;
}

/** Sends all of them, by turns to both processes and over many connections. @returns how often which answer came */
async function flood<T>(many: readonly T[], request: (one: T) => Parameters<(typeof senders)[0]['send']>) {
  const answers = await Promise.all(
    senders.map(({ send }, n) =>
      each(
        many.filter((_, index) => index % senders.length === n),
        async (one) => (await send(...request(one))).status,
      ),
    ),
  );
  const counts: Record<number, number> = {};
  for (const status of answers.flat()) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const signUp = ({ email, ip }: Wish): Parameters<(typeof senders)[0]['send']> => [
  'POST',
  '/subscriptions',
  {
    headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': ip },
    body: JSON.stringify({ email, lists: ['morning-briefing'] }),
  },
];

/** The one mailbox of somebody, as it can be written. */
const spelt = (n: number) =>
  [
    `victim+${n}@gmail.com`,
    'v.i.c.t.i.m@gmail.com',
    `vic.tim+news${n}@googlemail.com`,
    `VICTIM+${n}@GMAIL.COM`,
    'Vi.Ctim@Gmail.com',
    'victim@ｇｍａｉｌ.com',
    'vıctim@gmail.com',
    'victim@gmail.com',
  ][n % 8] ?? '';

const isTheVictims = ([address = '']: readonly string[]) => {
  const [local = '', domain = ''] = address.toLowerCase().split('@');
  return /^g(oogle)?mail\.com$/.test(domain) && local.replace(/\+.*|\./g, '') === 'victim';
};
const mailsToTheVictim = () =>
  prepared.sandbox.inbox.mails().filter(({ envelope }) => isTheVictims(envelope.to)).length;

describe('a flood of ten thousand sign-ups, at two processes that race', () => {
  it('for one victim, from a thousand addresses: ends in the capped mails, and readers get all of theirs (A-01, A-11)', async () => {
    const attack = Array.from({ length: 10_000 }, (_, n) => ({
      email: spelt(n),
      ip: `198.${18 + ((n % 1000) >> 8)}.${(n % 1000) & 255}.7`,
    }));
    const readers = Array.from({ length: 100 }, (_, n) => ({
      email: `honest${n}@reader.example`,
      ip: `203.0.${n}.7`,
    }));
    const [attacked, honest] = await Promise.all([
      flood(attack, signUp),
      // A few at a time, as they come.
      each(readers, async (reader) => (await senders[0]?.send(...signUp(reader)))?.status),
    ]);
    // What is no address of a mailbox is told so; nobody met a limit of the clients, nor a fault.
    expect(Object.keys(attacked)).toEqual(['202', '422']);
    expect(attacked[202]).toBeGreaterThanOrEqual(7_500);
    expect(honest).toEqual(readers.map(() => 202));
    for (const { email } of readers) await prepared.sandbox.inbox.next(isTo(email, 'confirmation'), 60_000);
    await eventually(() => expect(mailsToTheVictim()).toBe(3));
  });

  it('for as many victims, from one /56: meets the limit of the network (A-01, A-23)', async () => {
    const began = Date.now();
    const counts = await flood(
      Array.from({ length: 10_000 }, (_, n) => ({
        email: `victim${n}@elsewhere.example`,
        ip: `2001:db8:5:${(0xab00 + (n % 256)).toString(16)}::${(n >> 8) + 1}`,
      })),
      signUp,
    );
    expect(Object.keys(counts)).toEqual(['202', '429']);
    // 400 an hour, each without a nonce counting as four; and what leaks away meanwhile.
    const hours = (Date.now() - began) / 3_600_000;
    expect(counts[202]).toBeGreaterThanOrEqual(100);
    expect(counts[202]).toBeLessThanOrEqual(100 + Math.ceil(100 * hours));
    const mailed = () =>
      prepared.sandbox.inbox.mails().filter(({ to }) => to.endsWith('@elsewhere.example')).length;
    await eventually(() => expect(mailed()).toBe(counts[202]));
  });

  it('of guesses at links: is let guess as often as the limit says (A-20)', async () => {
    const began = Date.now();
    const counts = await flood(
      Array.from(
        { length: 2_000 },
        (_, n): Parameters<(typeof senders)[0]['send']> => [
          'GET',
          `/preferences/${n.toString(16).padStart(32, '0')}`,
          { headers: { 'X-Forwarded-For': '192.0.2.66' } },
        ],
      ),
      (request) => request,
    );
    expect(Object.keys(counts)).toEqual(['404', '429']);
    expect(counts[404]).toBeGreaterThanOrEqual(60);
    expect(counts[404]).toBeLessThanOrEqual(60 + Math.ceil((Date.now() - began) / 60_000));
  });

  it('left the victim with the mails of a day, and every process without a fault', async () => {
    expect(mailsToTheVictim()).toBe(3);
    for (const running of processes) {
      await running.http.get('/readyz').expect(200);
      expect(running.output()).not.toMatch(/"level":[56]0/);
    }
  });
});
