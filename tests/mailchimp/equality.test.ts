import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Step, step, take } from './equality/steps.ts';
import { lists, openReceiver, openTown, type Receiver } from './equality/town.ts';
import { type Newsroom, openNewsroom } from './newsroom.ts';

// EQUALITY_RUNS makes it more runs and others each time, EQUALITY_SEED repeats one.
const numRuns = Number(process.env['EQUALITY_RUNS'] ?? 20);
const seed =
  process.env['EQUALITY_SEED'] ?? (process.env['EQUALITY_RUNS'] === undefined ? '20261123' : undefined);

/** What the property found, each in its shortest form. */
const learned: [string, Step[]][] = [
  [
    'somebody who was deleted over there and consented anew is given up, and not tried at every comparison',
    [
      { does: 'subscribe', who: 'cleo', some: ['daily'] },
      { does: 'settle' },
      { does: 'happen', who: 'cleo', act: 'deletePermanently' },
      { does: 'subscribe', who: 'cleo', some: ['weekly'] },
    ],
  ],
  [
    'a call of ours that lands late is not taken for an opt-out from what was consented to since',
    [
      { does: 'hold up' },
      { does: 'subscribe', who: 'ann', some: ['weekly'] },
      { does: 'settle' },
      { does: 'subscribe', who: 'ann', some: ['daily'] },
      { does: 'settle' },
      { does: 'land' },
    ],
  ],
  [
    'somebody whom an editor unsubscribed unheard is not raised by a call for many',
    [
      { does: 'crowd', comes: true, some: lists },
      { does: 'settle' },
      { does: 'webhooks', how: 'hold' },
      { does: 'happen', who: 'bob', act: 'adminUnsubscribe' },
      { does: 'webhooks', how: 'lose' },
      { does: 'crowd', comes: false, some: ['weekly'] },
      { does: 'settle' },
    ],
  ],
  [
    'an interest that an editor deleted costs nobody the list',
    [
      { does: 'crowd', comes: true, some: lists },
      { does: 'settle' },
      { does: 'delete interest', list: 'weekly' },
      { does: 'compare', kind: 'full' },
    ],
  ],
];

describe('the audience and the database, whatever happens on either side and in between (R-05)', () => {
  let newsroom: Newsroom;
  let receiver: Receiver;

  beforeAll(async () => {
    // So long ago that its clock, an hour an act, never overtakes the database's.
    newsroom = await openNewsroom({ begins: new Date('2000-01-01') });
    for (const slug of lists) await newsroom.addList(slug);
    receiver = await openReceiver();
  });
  afterAll(async () => {
    receiver.server.close();
    await newsroom.close();
  });

  async function live(steps: Step[]): Promise<void> {
    const town = await openTown(newsroom, receiver);
    try {
      for (const next of steps) {
        await take(town, next);
        town.demandConsents();
      }
      await town.calm();
      town.demandConsents();
      await town.audit();
    } finally {
      await town.close();
    }
  }

  it.each(learned)('%s', (_promise, steps) => live(steps));

  it(
    'become equal, and nobody is mailed who left (I2, I4)',
    () =>
      fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30, size: 'max' }), live), {
        numRuns,
        ...(seed !== undefined && { seed: Number(seed) }),
        interruptAfterTimeLimit: 20 * 60_000,
      }),
    30 * 60_000,
  );
});
