/**
 * Group commit: what arrives while a set is being worked on forms the next set, so that many requests
 * share one transaction and a lone one waits for nobody.
 * @param workOff settles every item of a set; must not throw
 * @param lanes how many sets may be under way at once
 * @param largest how many items a set may have
 */
export function gather<Item>(
  workOff: (set: Item[]) => Promise<void>,
  { lanes, largest }: { lanes: number; largest: number },
) {
  let waiting: Item[] = [];
  const underWay = new Set<Promise<void>>();

  function start(): void {
    while (waiting.length > 0 && underWay.size < lanes) {
      const set = waiting.slice(0, largest);
      waiting = waiting.slice(largest);
      const work: Promise<void> = workOff(set).finally(() => {
        underWay.delete(work);
        start();
      });
      underWay.add(work);
    }
  }

  return {
    add(item: Item): void {
      waiting.push(item);
      start();
    },
    /** Resolves once nothing is waiting or under way. */
    async drained(): Promise<void> {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
