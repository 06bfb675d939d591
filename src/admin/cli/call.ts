import { existsSync } from 'node:fs';
import { z } from 'zod';
import { jsonIn } from '../../platform/text.ts';

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

interface Target {
  url: string;
  /** The setting that the address comes from. */
  setting: string;
  key: string;
}

function target(): Target {
  if (existsSync('.env')) process.loadEnvFile();
  const { ADMIN_URL, BASE_URL, PORT, ADMIN_API_KEY: key } = process.env;
  if (!key)
    throw new Failure(
      'ADMIN_API_KEY is not set: it must be the key that the server has, or one made with it',
    );
  if (!/^[!-~]+$/.test(key))
    throw new Failure(
      'ADMIN_API_KEY holds a space or a character that no key has: it must be the key alone, in ASCII',
    );
  const url = (ADMIN_URL || BASE_URL || `http://localhost:${PORT || 3000}`).replace(/\/$/, '');
  const setting = !ADMIN_URL && BASE_URL ? 'BASE_URL' : 'ADMIN_URL';
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new Failure(
      `${setting} is no address of a server: it must be one such as https://news.example.org, and is ${url}`,
    );
  return { url, setting, key };
}

const problem = z.object({ detail: z.string() });

/**
 * Calls the admin API and lets the answer be read by the caller, as it may be long.
 * @throws Failure in words for the person at the terminal
 */
export async function ask(method: string, path: string, body?: object): Promise<Response> {
  const to = target();
  const { url, key } = to;
  const answer = await fetch(`${url}/admin/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    // The key goes where it was set to go, and nowhere else.
    redirect: 'manual',
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw unreached(to, error);
  });
  if (answer.ok) return answer;
  if (answer.status >= 300 && answer.status < 400) throw sentOn(to, answer);
  const told = problem.safeParse(await answer.json().catch(() => null)).data?.detail;
  if (answer.status === 401)
    throw new Refused(401, `the key in ADMIN_API_KEY is not valid at ${url}: ${told ?? 'it is refused'}`);
  if (answer.status >= 500) throw new Unanswered(told ?? `the server answers ${answer.status}`);
  throw new Refused(answer.status, told ?? `the server answers ${answer.status}`);
}

/** Calls the admin API. @throws Failure */
export async function call<T>(shape: z.ZodType<T>, method: string, path: string, body?: object): Promise<T> {
  const answer = await ask(method, path, body);
  const { origin } = new URL(answer.url);
  const text = await answer.text().catch(() => {
    throw new Unanswered(`the answer of ${origin} broke off`);
  });
  const read = shape.safeParse(jsonIn(text));
  if (!read.success) throw new Failure(`what answers at ${origin} is not this version of Footnote`);
  return read.data;
}

/** No way there, or nobody there. */
const nobodyThere = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** It was there, and then no more. */
const brokenOff = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT']);
const cause = z.object({ cause: z.object({ code: z.string().default(''), message: z.string() }) });

/** Why a request came to no answer, and what would be right. */
function unreached({ url, setting }: Target, error: unknown): Failure {
  const { code, message } = cause.safeParse(error).data?.cause ?? { code: '', message: String(error) };
  if (nobodyThere.has(code))
    return new Unanswered(`no Footnote answers at ${url}: start it, or set ${setting}`);
  if (brokenOff.has(code)) return new Unanswered(`the connection to ${url} broke off (${code})`);
  if (/SSL|EPROTO/.test(code))
    return new Failure(
      `what answers at ${url} speaks no TLS: set ${setting} to http://… where there is none (${code})`,
    );
  if (/CERT|SIGNATURE|ISSUER/.test(code))
    return new Failure(
      `the certificate of ${url} is not trusted (${code}): set ${setting} to the name that it is for, mend it, ` +
        'or name the authority that issued it in NODE_EXTRA_CA_CERTS',
    );
  return new Failure(`${url} cannot be asked: ${message}`);
}

/** A redirect, such as from http to https, with where the setting should lead to. */
function sentOn({ url, setting }: Target, answer: Response): Failure {
  const location = URL.parse(answer.headers.get('location') ?? '', answer.url);
  const [place] = (location?.href ?? '').split('/admin/api/');
  const isOther = place !== undefined && place !== '' && place !== location?.href && place !== url;
  return new Failure(
    `${url} sends on to ${location?.href ?? 'elsewhere'}, where the key is not sent: ` +
      `set ${setting} to ${isOther ? place : 'where Footnote itself answers'}`,
  );
}
