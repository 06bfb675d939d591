import { existsSync } from 'node:fs';
import { z } from 'zod';

/** Why a command failed, in a line for the person at the terminal. */
export class Failure extends Error {}

/** Why a command failed although the server answered. */
export class Refused extends Failure {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** No answer came, or one that the server is in trouble: the same may go through later. */
export class Unanswered extends Failure {}

function target(): { url: string; key: string } {
  if (existsSync('.env')) process.loadEnvFile();
  const { ADMIN_URL, BASE_URL, PORT, ADMIN_API_KEY } = process.env;
  if (!ADMIN_API_KEY)
    throw new Failure(
      'ADMIN_API_KEY is not set: it must be the key that the server has, or one made with it',
    );
  return {
    url: (ADMIN_URL || BASE_URL || `http://localhost:${PORT || 3000}`).replace(/\/$/, ''),
    key: ADMIN_API_KEY,
  };
}

const problem = z.object({ detail: z.string() });

/**
 * Calls the admin API and lets the answer be read by the caller, as it may be long.
 * @throws Failure in words for the person at the terminal
 */
export async function ask(method: string, path: string, body?: object): Promise<Response> {
  const { url, key } = target();
  const answer = await fetch(`${url}/admin/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    redirect: 'error',
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Unanswered(`no Footnote answers at ${url}: start it, or set ADMIN_URL`);
  });
  if (answer.ok) return answer;
  const told = problem.safeParse(await answer.json().catch(() => null)).data?.detail;
  if (answer.status === 401)
    throw new Refused(401, `the key in ADMIN_API_KEY is not valid at ${url}: ${told ?? 'it is refused'}`);
  if (answer.status >= 500) throw new Unanswered(told ?? `the server answers ${answer.status}`);
  throw new Refused(answer.status, told ?? `the server answers ${answer.status}`);
}

/** Calls the admin API. @throws Failure */
export async function call<T>(shape: z.ZodType<T>, method: string, path: string, body?: object): Promise<T> {
  const answer = await ask(method, path, body);
  const read = shape.safeParse(await answer.json().catch(() => null));
  if (!read.success)
    throw new Failure(`what answers at ${new URL(answer.url).origin} is not this version of Footnote`);
  return read.data;
}
