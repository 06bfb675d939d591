import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { MailchimpError } from '../../src/mailchimp/api/error.ts';
import { type Gate, GateClosed, openGate } from '../../src/mailchimp/api/gate.ts';
import { type Newsroom, openNewsroom } from './newsroom.ts';

const pace = { look: 1, hold: 1_000, rest: 40, longestRest: 80 };
const tooMany = new MailchimpError({ status: 429 });

describe('the gate', () => {
  let newsroom: Newsroom;
  let gates: Gate[];
  let under: number;
  let most: number;
  beforeAll(async () => {
    newsroom = await openNewsroom();
  });
  afterAll(() => newsroom.close());
  beforeEach(() => {
    gates = [];
    under = 0;
    most = 0;
  });
  afterEach(() => Promise.all(gates.map((gate) => gate.close())));

  function open(limit: number, places = newsroom.database.places('calls', limit)) {
    const gate = openGate(places, limit, pace);
    gates.push(gate);
    return gate;
  }
  /** Calls of which none is answered before so many are under way at once. */
  function callsOf(atOnce: number): () => Promise<string> {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    return async () => {
      under += 1;
      most = Math.max(most, under);
      if (under === atOnce) reach();
      await reached;
      // A few turns of the loop, in which others may try.
      for (let n = 0; n < 3; n += 1) await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
      return 'answer';
    };
  }
  const call = () => callsOf(1)();
  const many = (gate: Gate, count: number, atOnce = 1, made = callsOf(atOnce)) =>
    Promise.all(Array.from({ length: count }, () => gate.run(made)));
  const refused = (gate: Gate) => expect(gate.run(() => Promise.reject(tooMany))).rejects.toBe(tooMany);

  it('lets no more through at once than there are places, and everybody in the end', async () => {
    const gate = open(4);
    expect(await many(gate, 40, 4)).toEqual(Array(40).fill('answer'));
    expect(most).toBe(4);
    expect(gate.inFlight()).toBe(0);
  });

  it('is shared with the gates of other processes by the places', async () => {
    const { database } = newsroom;
    // On PostgreSQL each process has a session of its own; PGlite is in one process alone.
    const embedded = inject('server') === null ? database.places('calls', 3) : undefined;
    const [here, there] = [open(3, embedded), open(3, embedded)];
    const calls = callsOf(3);
    await Promise.all([many(here, 20, 3, calls), many(there, 20, 3, calls)]);
    expect(most).toBe(3);
  });

  it('gives a place back when the call fails, and throws the same', async () => {
    const gate = open(1);
    const reason = new Error('no answer');
    await expect(gate.run(() => Promise.reject(reason))).rejects.toBe(reason);
    expect(await gate.run(call)).toBe('answer');
  });

  it('rests after "too many", goes on with half as many, and grows again', async () => {
    const gate = open(4);
    await refused(gate);
    const before = performance.now();
    await many(gate, 4, 2);
    expect(performance.now() - before).toBeGreaterThan(pace.rest * 0.7);
    expect(most).toBe(2);
    await many(gate, 30);
    await many(gate, 30, 4);
    expect(most).toBe(4);
  });

  it('takes refusals of calls that were under way together for one lesson', async () => {
    const gate = open(4);
    const { promise: answered, reject } = Promise.withResolvers<never>();
    const calls = Array.from({ length: 4 }, () =>
      gate.run(() => {
        under += 1;
        if (under === 4) reject(tooMany);
        return answered;
      }),
    );
    await Promise.allSettled(calls);
    under = 0;
    most = 0;
    await many(gate, 4, 2);
    expect(most).toBe(2);
  });

  it('always leaves a place, however often it is told "too many"', async () => {
    const gate = open(2);
    for (let n = 0; n < 4; n += 1) await refused(gate);
    expect(await gate.run(call)).toBe('answer');
  });

  it('refuses who waits when it closes, and lets the call under way end', async () => {
    const gate = open(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const first = gate.run(() => {
      begin();
      return promise;
    });
    await begun;
    const second = gate.run(call);
    const closed = gate.close();
    const refusing = expect(second).rejects.toBeInstanceOf(GateClosed);
    resolve();
    await Promise.all([first, closed, refusing]);
    await expect(gate.run(call)).rejects.toBeInstanceOf(GateClosed);
  });
});
