import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createLog } from '../../src/platform/log.ts';
import { type Service, startService } from '../../src/service.ts';
import { openBeat } from '../../src/web/steady.ts';
import { Footnote } from '../harness/footnote.ts';
import { freePort } from '../harness/ports.ts';
import { senderTo } from '../harness/routes.ts';

// Two Footnotes count into one database. The embedded one is for one process alone, so there both doors are the
// same Footnote's, which leaves the race of many requests at once.

const isShared = inject('server') !== null;

let footnote: Footnote;
let second: Service | null = null;
let doors: ReturnType<typeof senderTo>[];
beforeAll(async () => {
  footnote = await Footnote.start({
    TRUST_PROXY: 'loopback',
    LIMIT_IP_HOUR: '40',
    LIMIT_PREFIX_HOUR: '80',
    LIMIT_DOMAIN_HOUR: '10',
    LIMIT_TOTAL_HOUR: '100',
    LIMIT_WRONG_LINKS_HOUR: '10',
  });
  if (isShared)
    second = await startService(
      { ...footnote.settings, port: await freePort(), role: 'web' },
      { log: createLog('silent'), now: () => footnote.now(), beat: openBeat(0) },
    );
  doors = [footnote.service, second ?? footnote.service].map(({ port }) => senderTo(port));
});
afterAll(async () => {
  for (const { close } of doors) close();
  await second?.stop();
  await footnote.stop();
});

/** Sends all of them at once, by turns to both. @returns how often which status came */
async function race(count: number, request: (n: number) => { path: string; ip: string; email?: string }) {
  const statuses = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const { path, ip, email } = request(n);
      const answer = await doors[n % 2]?.send(email === undefined ? 'GET' : 'POST', path, {
        headers: { 'X-Forwarded-For': ip, 'Content-Type': 'application/json' },
        ...(email !== undefined && { body: JSON.stringify({ email, lists: ['morning-briefing'] }) }),
      });
      return answer?.status ?? 0;
    }),
  );
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The mails to such addresses, and how many of them had to wait for no other. */
async function mailsTo(pattern: string) {
  const mails = await footnote.service.database.prisma.mail.findMany({
    where: { subscriber: { email: { contains: pattern } } },
  });
  const atOnce = mails.filter(({ dueAt, createdAt }) => dueAt.getTime() - createdAt.getTime() < 10_000);
  return { all: mails.length, atOnce: atOnce.length };
}

const path = '/subscriptions';
/** Everybody from a network of their own. */
const elsewhere = (n: number) => `198.18.${n}.7`;

describe('two Footnotes on one database, asked at the same time (A-22, A-23)', () => {
  it('mail one mailbox as often as its caps say, however it is written (A-01)', async () => {
    const counts = await race(60, (n) => ({ path, ip: elsewhere(n), email: `Rac.er+${n}@gmail.com` }));
    expect(counts).toEqual({ 202: 60 });
    expect(await mailsTo('Rac.er')).toEqual({ all: 3, atOnce: 1 });
  });

  it('let one client through as often as its limit says', async () => {
    // Who shows no nonce counts as four.
    const counts = await race(40, (n) => ({ path, ip: '192.0.2.1', email: `client${n}@c${n}.example` }));
    expect(counts).toEqual({ 202: 10, 429: 30 });
    expect((await mailsTo('client')).all).toBe(10);
  });

  it('let one network through as often as its limit says', async () => {
    const counts = await race(60, (n) => ({
      path,
      ip: `2001:db8:9:${n.toString(16)}::1`,
      email: `net${n}@n${n}.example`,
    }));
    expect(counts).toEqual({ 202: 20, 429: 40 });
    expect((await mailsTo('net')).all).toBe(20);
  });

  it('mail one domain as often as its ceiling says, and later what is above', async () => {
    const counts = await race(30, (n) => ({ path, ip: elsewhere(n), email: `domain${n}@one.example` }));
    expect(counts).toEqual({ 202: 30 });
    expect(await mailsTo('domain')).toEqual({ all: 30, atOnce: 10 });
  });

  it('mail everybody together as often as the ceiling says, and later what is above', async () => {
    const before = await footnote.service.database.prisma.mail.count();
    const counts = await race(80, (n) => ({ path, ip: elsewhere(n), email: `total${n}@t${n}.example` }));
    expect(counts).toEqual({ 202: 80 });
    const { all, atOnce } = await mailsTo('total');
    expect(all).toBe(80);
    // One every 36 seconds leaks away meanwhile.
    expect(atOnce).toBeGreaterThanOrEqual(100 - before);
    expect(atOnce).toBeLessThanOrEqual(100 - before + 1);
  });

  it('let one client guess at links as often as the limit says (A-20)', async () => {
    const counts = await race(40, (n) => ({
      path: `/preferences/${n.toString(16).padStart(32, '0')}`,
      ip: '192.0.2.2',
    }));
    expect(counts).toEqual({ 404: 10, 429: 30 });
  });
});
