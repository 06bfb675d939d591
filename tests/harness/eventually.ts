import { vi } from 'vitest';

/**
 * Looks again and again until it throws nothing, for as long as even a busy machine may need.
 * @returns what it returned then
 */
export const eventually = <T>(look: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: 40_000, interval: 50 });
