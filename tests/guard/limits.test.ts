import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLimits, type SignUpLimits } from '../../src/guard/limits.ts';
import { placesUnder } from '../../src/subscribing/ceilings.ts';
import { type Desk, openDesk, secret } from '../subscribing/desk.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

const hour = 3_600_000;
const open = (signUps: SignUpLimits, database = desk.database) =>
  openLimits({ database, signUps, wrongLinksPerHour: 3, secret, now: desk.now });
const signUp = (ip: string, weight = 1) => ({ kind: 'sign_up' as const, ip, weight });

describe('the limits of a client (A-23)', () => {
  it('let as many through as they say, and tell when the next may come', async () => {
    const limits = open({ perIp: 7, perPrefix: 100 });
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) waits.push(await limits.count(signUp('192.0.2.1')));
    expect(waits.slice(0, 7)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(waits[7]).toBeGreaterThan(510);
    expect(waits[7]).toBeLessThanOrEqual(515);
    expect(await limits.count(signUp('198.51.100.1'))).toBe(0);
    desk.wait(2 * hour);
    expect(await limits.count(signUp('192.0.2.1'))).toBe(0);
  });

  it('count who shows no proof as several', async () => {
    const limits = open({ perIp: 8, perPrefix: 100 });
    const waits = [4, 4, 4].map((weight) => limits.count(signUp('192.0.2.2', weight)));
    expect((await Promise.all(waits)).map((wait) => wait > 0)).toEqual([false, false, true]);
  });

  it.each([
    ['every address of an IPv6 network', ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:DB8:1:2::ffff']],
    ['IPv4 in whatever clothes', ['192.0.2.3', '::ffff:192.0.2.3', '::ffff:c000:203']],
  ])('are one for %s', async (_, addresses) => {
    const limits = open({ perIp: 2, perPrefix: 100 });
    const waits: number[] = [];
    for (const ip of addresses) waits.push(await limits.count(signUp(ip)));
    expect(waits.map((wait) => wait > 0)).toEqual([false, false, true]);
  });

  it('count the networks around as well', async () => {
    const limits = open({ perIp: 100, perPrefix: 3 });
    const waits: number[] = [];
    for (let n = 0; n < 4; n += 1) waits.push(await limits.count(signUp(`2001:db8:aa:${n}::1`)));
    expect(waits.map((wait) => wait > 0)).toEqual([false, false, false, true]);
  });

  it('let exactly so many through when two processes race', async () => {
    const there = await desk.openDatabase().catch(() => null);
    const [one, two] = [
      open({ perIp: 50, perPrefix: 1000 }),
      open({ perIp: 50, perPrefix: 1000 }, there ?? desk.database),
    ];
    const waits = await Promise.all(
      Array.from({ length: 200 }, (_, n) => (n % 2 ? one : two).count(signUp('203.0.113.9'))),
    );
    expect(waits.filter((wait) => wait === 0)).toHaveLength(50);
    await there?.close();
  });

  it('let as many through as they say in a process whose clock is a little behind, too', async () => {
    const late = () => new Date(desk.now().getTime() - 500);
    const behind = openLimits({
      ...desk,
      signUps: { perIp: 10, perPrefix: 100 },
      wrongLinksPerHour: 3,
      secret,
      now: late,
    });
    const ahead = open({ perIp: 10, perPrefix: 100 });
    const waits: number[] = [];
    for (let n = 0; n < 11; n += 1) waits.push(await (n < 5 ? ahead : behind).count(signUp('203.0.113.10')));
    expect(waits.map((wait) => wait > 0)).toEqual([...Array(10).fill(false), true]);
  });

  it('take a one-time value once, whoever asks first', async () => {
    const limits = [open({ perIp: 1, perPrefix: 1 }), open({ perIp: 1, perPrefix: 1 })];
    const taken = await Promise.all(
      Array.from({ length: 10 }, (_, n) => limits[n % 2]?.takeOnce('a solution')),
    );
    expect(taken.filter((first) => first === true)).toHaveLength(1);
  });

  it('store no address', async () => {
    await open({ perIp: 5, perPrefix: 5 }).count(signUp('203.0.113.77'));
    const rows = await desk.database.query<{ name: string }>('SELECT name FROM buckets');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ name }) => /\d+\.\d+\.\d+/.test(name))).toEqual([]);
  });
});

describe('the ceilings of all mails together (A-01)', () => {
  const ceilings = { perDomain: 4, total: 1000 };
  const minutes = (places: (Date | null)[]) =>
    places.map((place) => place && Math.round((place.getTime() - desk.now().getTime()) / 60_000));
  const ask = (count: number, domain: string, under = ceilings) =>
    placesUnder(
      desk.database,
      under,
      Array.from({ length: count }, (_, n) => `reader${n}@${domain}`),
      secret,
      desk.now(),
    );

  it('let mails go at once up to the ceiling, and the others at its pace', async () => {
    expect(minutes(await ask(7, 'one.example'))).toEqual([0, 0, 0, 0, 15, 30, 45]);
    expect(minutes(await ask(1, 'two.example'))).toEqual([0]);
  });

  it('send nothing that would have to wait for more than a day, and take no place for it', async () => {
    const places = await ask(110, 'three.example');
    expect(places.filter((place) => place !== null)).toHaveLength(100);
    const [before] = await desk.database.query<{ at: Date }>(
      `SELECT empty_at AS at FROM buckets WHERE name = 'mails'`,
    );
    await ask(200, 'three.example');
    const [after] = await desk.database.query<{ at: Date }>(
      `SELECT empty_at AS at FROM buckets WHERE name = 'mails'`,
    );
    expect(after).toEqual(before);
  });

  it('hold when two processes race', async () => {
    const there = await desk.openDatabase().catch(() => null);
    const places = await Promise.all(
      [desk.database, there ?? desk.database].flatMap((database) =>
        Array.from({ length: 5 }, (_, n) =>
          placesUnder(database, ceilings, [`r${n}@four.example`], secret, desk.now()),
        ),
      ),
    );
    expect(minutes(places.flat()).sort((a, b) => Number(a) - Number(b))).toEqual([
      0, 0, 0, 0, 15, 30, 45, 60, 75, 90,
    ]);
    await there?.close();
  });
});
