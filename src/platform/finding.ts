/** What one check of a running system found, told to its operator. Holds no secret and no address. */
export interface Finding {
  /** What was looked at. */
  check: string;
  /** A `warning` works, or is meant so; a `fault` does not work. */
  status: 'ok' | 'warning' | 'fault';
  message: string;
  /** What to do; null when there is nothing to do. */
  remedy: string | null;
}

export type Verdict = Omit<Finding, 'check'>;

export const ok = (message: string): Verdict => ({ status: 'ok', message, remedy: null });
export const warning = (message: string, remedy: string | null): Verdict => ({
  status: 'warning',
  message,
  remedy,
});
export const fault = (message: string, remedy: string | null): Verdict => ({
  status: 'fault',
  message,
  remedy,
});

/** Makes one check. One that throws is a fault, so that it never keeps the others from telling theirs. */
export async function examine(check: string, look: () => Promise<Verdict>): Promise<Finding> {
  try {
    return { check, ...(await look()) };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'for an unknown reason';
    return { check, ...fault(`This could not be looked at: ${why}`, null) };
  }
}
