import { here, inSharedStep, type Origin } from './tracing.ts';

/**
 * Group commit: what arrives in one turn of the event loop, or while a set is worked on, forms the next
 * set, so that many requests share one transaction and a lone one waits for nobody. The turn matters: an
 * embedded database is worked in without ever returning to the loop, which would leave requests unread.
 * @param workOff settles every item of a set; must not throw
 * @param lanes how many sets may be under way at once
 * @param largest how many items a set may have
 */
export function gather<Item>(
  workOff: (set: Item[]) => Promise<void>,
  { lanes, largest }: { lanes: number; largest: number },
) {
  let waiting: { item: Item; origin: Origin }[] = [];
  let underWay = 0;
  let isStarting = false;
  let whenDrained: (() => void)[] = [];

  function startSoon(): void {
    if (isStarting || waiting.length === 0 || underWay === lanes) return;
    isStarting = true;
    setImmediate(() => {
      isStarting = false;
      start();
    });
  }

  function start(): void {
    const set = waiting.slice(0, largest);
    waiting = waiting.slice(largest);
    underWay += 1;
    startSoon();
    const items = set.map(({ item }) => item);
    const origins = set.map(({ origin }) => origin);
    const about = { attributes: { 'footnote.set.size': set.length } };
    void inSharedStep('gathered set', origins, about, () => workOff(items)).finally(() => {
      underWay -= 1;
      startSoon();
      if (underWay === 0 && waiting.length === 0) {
        for (const resolve of whenDrained) resolve();
        whenDrained = [];
      }
    });
  }

  return {
    add(item: Item): void {
      waiting.push({ item, origin: here() });
      startSoon();
    },
    /** Resolves once nothing is waiting or under way. */
    drained(): Promise<void> {
      if (underWay === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => whenDrained.push(resolve));
    },
  };
}
