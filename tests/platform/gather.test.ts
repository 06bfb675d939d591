import { describe, expect, it } from 'vitest';
import { gather } from '../../src/platform/gather.ts';

/** One turn of the event loop. */
const turn = () => new Promise(setImmediate);

/** A gatherer whose sets are worked off when the test says so. */
function gathering(options: { lanes: number; largest: number }) {
  const sets: { items: number[]; finish: () => void }[] = [];
  const gathered = gather<number>(
    (items) => new Promise<void>((finish) => sets.push({ items, finish })),
    options,
  );
  return {
    ...gathered,
    started: () => sets.map(({ items }) => items),
    /** Finishes the nth set, and lets what follows from it happen. */
    async finish(nth: number) {
      sets[nth]?.finish();
      await turn();
      await turn();
    },
  };
}

describe('gathering', () => {
  it('lets a lone item wait for nobody', async () => {
    const { add, started } = gathering({ lanes: 1, largest: 10 });
    add(1);
    await turn();
    expect(started()).toEqual([[1]]);
  });

  it('makes one set of what arrives in one turn', async () => {
    const { add, started } = gathering({ lanes: 2, largest: 10 });
    for (const item of [1, 2, 3]) add(item);
    await turn();
    expect(started()).toEqual([[1, 2, 3]]);
  });

  it('makes one set of what arrives while another is worked off, in the order of arrival', async () => {
    const { add, started, finish } = gathering({ lanes: 1, largest: 10 });
    add(1);
    await turn();
    for (const item of [2, 3, 4]) {
      add(item);
      await turn();
    }
    expect(started()).toEqual([[1]]);
    await finish(0);
    expect(started()).toEqual([[1], [2, 3, 4]]);
  });

  it('has as many sets under way as there are lanes', async () => {
    const { add, started, finish } = gathering({ lanes: 2, largest: 10 });
    for (const item of [1, 2, 3, 4]) {
      add(item);
      await turn();
    }
    expect(started()).toEqual([[1], [2]]);
    await finish(1);
    expect(started()).toEqual([[1], [2], [3, 4]]);
    add(5);
    await finish(0);
    expect(started()).toEqual([[1], [2], [3, 4], [5]]);
  });

  it('lets no set grow beyond the largest, and fills the lanes with the rest', async () => {
    const { add, started, finish } = gathering({ lanes: 2, largest: 2 });
    for (const item of [1, 2, 3, 4, 5]) add(item);
    await turn();
    await turn();
    expect(started()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await finish(0);
    expect(started()).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('is drained at once when there is nothing', async () => {
    await expect(gathering({ lanes: 2, largest: 10 }).drained()).resolves.toBeUndefined();
  });

  it('is drained once everything is settled, what arrived meanwhile included', async () => {
    const { add, finish, drained } = gathering({ lanes: 1, largest: 10 });
    let isDrained = false;
    add(1);
    const waiting = drained().then(() => {
      isDrained = true;
    });
    await turn();
    add(2);
    await finish(0);
    expect(isDrained).toBe(false);
    await finish(1);
    await waiting;
    expect(isDrained).toBe(true);
  });
});
