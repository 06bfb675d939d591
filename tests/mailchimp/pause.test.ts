import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { pauseLane, resumeLane } from '../../src/mailchimp/lane/pause.ts';
import { readSignals } from '../../src/mailchimp/signals.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { eventually } from '../harness/eventually.ts';
import { callsOf, type Lane, type Newsroom, openLane, openNewsroom, readers } from './newsroom.ts';

const ann = { by: 'ann', at: new Date('2026-11-30T09:00:00Z') };

describe('a lane that an operator paused', () => {
  let newsroom: Newsroom;
  let lane: Lane;
  let logged = '';
  const log = pino(
    { level: 'warn' },
    {
      write: (line: string) => {
        logged += line;
      },
    },
  );

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    await newsroom.newReaders();
    lane = await openLane(newsroom, { log });
    logged = '';
  });
  afterEach(async () => {
    await resumeLane(newsroom.database);
    await lane.stop();
  });

  const pause = () => pauseLane(newsroom.database, ann);
  const puts = () => lane.writes().map(({ requestBody }) => Object(requestBody).email_address);

  it('sends nobody, opt-outs neither, and then everybody, opt-outs first', async () => {
    const [first, second] = ['first@news.example', 'second@news.example'];
    await newsroom.subscribe(first, 'daily');
    await lane.settled();
    await pause();
    await newsroom.subscribe(second, 'daily');
    await newsroom.leave(first);
    lane.calls.splice(0);
    await lane.settled();
    await lane.retried();
    expect(lane.calls).toEqual([]);
    expect(await newsroom.lists(first)).toEqual({ daily: 'unsubscribed' });
    expect(lane.member(first)?.status).toBe('subscribed');

    await resumeLane(newsroom.database);
    await lane.settled();
    expect(puts()).toEqual([first, second]);
    expect(lane.member(first)?.status).toBe('unsubscribed');
    expect(await lane.ends()).toEqual({ settled: 2 });
  });

  it('finishes the calls under way and begins none of those that it had taken', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun = vi.fn();
    const isPut = callsOf('PUT');
    lane.sandbox.audience.inject(fault.held(promise), {
      times: 100,
      matching: (request) => {
        if (isPut(request)) begun();
        return isPut(request);
      },
    });
    for (const email of readers(8)) await newsroom.subscribe(email, 'daily');
    lane.sync.wake();
    await eventually(() => expect(begun).toHaveBeenCalledTimes(4));
    await pause();
    lane.sync.wake();
    await eventually(() => expect(logged).toContain('the lane to Mailchimp is paused'));
    resolve();
    await lane.sync.idle();
    expect(puts()).toHaveLength(4);
    expect(await lane.ends()).toEqual({ settled: 4, due: 4 });

    await resumeLane(newsroom.database);
    await lane.settled();
    expect([...puts()].sort()).toEqual(readers(8));
  });

  it('is so for every process, those too that start meanwhile', async () => {
    await pause();
    await newsroom.subscribe('reader@news.example', 'daily');
    lane.calls.splice(0);
    await lane.restart();
    expect(lane.writes()).toEqual([]);
    await resumeLane(newsroom.database);
    await lane.settled();
    expect(puts()).toEqual(['reader@news.example']);
  });

  it('makes nothing in the audience either, before it goes on', async () => {
    await pause();
    await newsroom.addList('late', 'The Late Edition');
    lane.calls.splice(0);
    await lane.restart();
    expect(lane.writes()).toEqual([]);
    await resumeLane(newsroom.database);
    await lane.settled();
    expect(lane.sandbox.audience.state.interests.map(({ name }) => name)).toContain('The Late Edition');
    await newsroom.subscribe('reader@news.example', 'late');
    await lane.settled();
    expect(lane.chosen('reader@news.example')).toEqual(['The Late Edition']);
  });

  it('makes nothing there when a fault ends meanwhile', async () => {
    lane.sandbox.audience.inject(fault.problem(401, 'API Key Invalid', ''), { times: 1_000 });
    await newsroom.subscribe('reader@news.example', 'daily');
    lane.sync.wake();
    await eventually(async () => expect(await lane.stopped()).not.toBeNull());
    await pause();
    await newsroom.addList('late', 'The Late Edition');
    lane.sandbox.audience.clearFaults();
    lane.calls.splice(0);
    await eventually(async () => {
      lane.sync.wake();
      expect(await lane.stopped()).toBeNull();
    });
    await lane.sync.idle();
    expect(lane.writes()).toEqual([]);
  });

  it('begins no second call for a set that is under way', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const isBulk = { times: 1, matching: callsOf('POST', `/lists/${lane.sandbox.mailchimp.audienceId}`) };
    // The set is halved, and the call for the first half is held.
    const refused = fault.problem(400, 'Invalid Resource', 'Somebody of these cannot be taken.');
    lane.sandbox.audience.inject(refused, isBulk);
    const { struck } = lane.sandbox.audience.inject(fault.held(promise), isBulk);
    await newsroom.subscribeMany(readers(40), 'daily');
    lane.calls.splice(0);
    lane.sync.wake();
    await struck;
    await pause();
    lane.sync.wake();
    await eventually(() => expect(logged).toContain('the lane to Mailchimp is paused'));
    resolve();
    await lane.sync.idle();
    expect(lane.writes()).toHaveLength(2);
    expect(await lane.ends()).toEqual({ settled: 20, due: 20 });
  });

  it('goes on by itself where nobody says that it may, at its next look', async () => {
    await pause();
    await lane.restart({ pace: { poll: 20, lease: 60_000, patience: 25_000, probe: 20 } });
    await newsroom.subscribe('reader@news.example', 'daily');
    await lane.sync.idle();
    expect(lane.member('reader@news.example')).toBeNull();
    await resumeLane(newsroom.database);
    await eventually(() => expect(lane.member('reader@news.example')?.status).toBe('subscribed'));
  });

  it('keeps who paused it first and since when, until it is resumed', async () => {
    expect(await pause()).toEqual(ann);
    expect(await pauseLane(newsroom.database, { by: 'ben', at: new Date() })).toEqual(ann);
    expect(await readSignals(newsroom.database)).toMatchObject({ pausedBy: 'ann', pausedAt: ann.at });
    expect(await resumeLane(newsroom.database)).toBe(true);
    expect(await resumeLane(newsroom.database)).toBe(false);
    expect(await readSignals(newsroom.database)).toMatchObject({ pausedBy: null, pausedAt: null });
  });
});
