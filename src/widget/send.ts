/** A sign-up as `POST /subscriptions` takes it. */
export interface SignUp {
  email: string;
  lists: string[];
  consentVersion: string;
  locale: string;
}

export interface Fault {
  field: string;
  message: string;
}

/** What came of a sign-up. `faults` speak the reader's language, for the locale was sent. */
export type Outcome = 'accepted' | 'unreachable' | 'failed' | { faults: Fault[] };

/** Sends a sign-up to the service, with no cookie (W-02). Never throws; for the site's developer it says why. */
export async function send(service: string, signUp: SignUp): Promise<Outcome> {
  let answer: Response;
  try {
    answer = await fetch(`${service}/subscriptions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...signUp, source: pageAddress() }),
      credentials: 'omit',
      signal: AbortSignal.timeout(30_000),
    });
  } catch (error) {
    // Browsers tell scripts nothing of a refused origin, so a site that was forgotten looks like this too.
    complain(
      `cannot be reached. Is ${origin} in ALLOWED_ORIGINS and ${service} in the CSP's connect-src?`,
      error,
    );
    return 'unreachable';
  }
  if (answer.ok) return 'accepted';
  const faults = answer.status === 422 ? faultsOf(await answer.json().catch(() => null)) : [];
  if (faults.length > 0) return { faults };
  complain(`answered ${answer.status}.${answer.status === 403 ? ` Is ${origin} in ALLOWED_ORIGINS?` : ''}`);
  return 'failed';
}

export function complain(what: string, ...more: unknown[]): void {
  // biome-ignore lint/suspicious/noConsole: the console is where a site's developer looks
  console.error(`Footnote ${what}`, ...more);
}

/** The page that the form stands on, for the proof of consent (C-04), if the service would take it as one. */
function pageAddress(): string | undefined {
  const address = location.href.replace(/#.*/s, '');
  return /^https?:/.test(address) && address.length <= 2048 ? address : undefined;
}

/** The `errors` of a problem (RFC 9457). */
function faultsOf(problem: unknown): Fault[] {
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isObject(problem) || !('errors' in problem) || !Array.isArray(problem.errors)) return [];
  return problem.errors.filter(
    (error: unknown): error is Fault =>
      isObject(error) &&
      'field' in error &&
      'message' in error &&
      typeof error.field === 'string' &&
      typeof error.message === 'string',
  );
}
