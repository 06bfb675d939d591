/** What came to the API: how many calls of each kind, and how many at once. */
export interface Traffic {
  calls: {
    method: string;
    /** The pattern of the route, e.g. `/lists/:list/members/:member`. */
    route: string;
    /** Null when no answer left. */
    status: number | null;
    count: number;
  }[];
  /** The most calls seen under way at once. */
  mostSimultaneous: number;
}

export function createCounter() {
  const calls = new Map<string, Traffic['calls'][number]>();
  let busy = 0;
  let mostSimultaneous = 0;
  return {
    /** @returns how many calls are under way, this one counted */
    enter(): number {
      busy += 1;
      mostSimultaneous = Math.max(mostSimultaneous, busy);
      return busy;
    },
    leave(): void {
      busy -= 1;
    },
    count({ method, route, status }: Pick<Traffic['calls'][number], 'method' | 'route' | 'status'>): void {
      const key = `${method} ${route} ${status}`;
      const call = calls.get(key) ?? { method, route, status, count: 0 };
      call.count += 1;
      calls.set(key, call);
    },
    traffic: (): Traffic => ({ calls: [...calls.values()], mostSimultaneous }),
    /** Starts counting anew; what is under way stays so. */
    reset(): void {
      calls.clear();
      mostSimultaneous = busy;
    },
  };
}

export type Counter = ReturnType<typeof createCounter>;
