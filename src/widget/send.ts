import type { Proof } from './proof.ts';

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

/** What came of a sign-up. The faults speak the reader's language, for the locale was sent. */
export type Outcome = 'accepted' | 'unreachable' | 'failed' | Fault[];

/** Sends a sign-up to the service, without cookies (W-02). Never throws. */
export async function send(service: string, signUp: SignUp & Proof): Promise<Outcome> {
  try {
    const answer = await fetch(`${service}/subscriptions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...signUp, source: pageAddress() }),
      credentials: 'omit',
      signal: AbortSignal.timeout(30_000),
    });
    if (answer.ok) return 'accepted';
    const faults = [422, 429].includes(answer.status) ? faultsOf(await answer.json().catch(() => null)) : [];
    if (faults.length > 0) return faults;
    complain(service, answer.status);
    return 'failed';
  } catch (error) {
    // Browsers do not tell scripts of a refused origin, so a site that was forgotten looks like this as well.
    complain(service, error);
    return 'unreachable';
  }
}

/** Tells the site's developer where to look. */
export function complain(service: string, what: unknown): void {
  // biome-ignore lint/suspicious/noConsole: the console is where a site's developer looks.
  console.error(`Footnote: is ${origin} in ALLOWED_ORIGINS? See ${service}/docs/form`, what);
}

/** The page that the form stands on (C-04), unless the service would refuse it as one. */
function pageAddress(): string | undefined {
  const [address = ''] = location.href.split('#');
  return /^http.{1,2000}$/.test(address) ? address : undefined;
}

/** The `errors` of a problem (RFC 9457). */
function faultsOf(problem: unknown): Fault[] {
  return isObject(problem) && 'errors' in problem && Array.isArray(problem.errors)
    ? problem.errors.filter(isFault)
    : [];
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isFault = (value: unknown): value is Fault => isObject(value) && 'field' in value && 'message' in value;
