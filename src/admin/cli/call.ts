import { existsSync } from 'node:fs';
import { z } from 'zod';

/** Why a command failed, in a line for the person at the terminal. */
export class Failure extends Error {}

function target(): { url: string; key: string } {
  if (existsSync('.env')) process.loadEnvFile();
  const { ADMIN_URL, BASE_URL, PORT, ADMIN_API_KEY } = process.env;
  if (!ADMIN_API_KEY) throw new Failure('ADMIN_API_KEY is not set: it must be the key that the server has');
  return { url: ADMIN_URL || BASE_URL || `http://localhost:${PORT || 3000}`, key: ADMIN_API_KEY };
}

/** Calls the admin API. @throws Failure */
export async function call<T>(shape: z.ZodType<T>, method: string, path: string, body?: object): Promise<T> {
  const { url, key } = target();
  const answer = await fetch(`${url}/admin/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'application/json',
      'content-type': 'application/json',
    },
    redirect: 'error',
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Failure(`no Footnote answers at ${url}: start it, or set ADMIN_URL`);
  });
  const data: unknown = await answer.json().catch(() => null);
  if (!answer.ok) {
    const problem = z.object({ detail: z.string() }).safeParse(data);
    throw new Failure(problem.success ? problem.data.detail : `the server answers ${answer.status}`);
  }
  const read = shape.safeParse(data);
  if (!read.success) throw new Failure(`what answers at ${url} is not this version of Footnote`);
  return read.data;
}

/** Writes to standard output: the value itself for machines, or the lines made of it for people. */
export function print<T>(value: T, json: boolean, lines: (value: T) => string[]): void {
  const text = json ? [JSON.stringify(value)] : lines(value);
  process.stdout.write(text.map((line) => `${line}\n`).join(''));
}

/** Puts texts in columns; numbers stand to the right. */
export function table(rows: (string | number)[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column]).length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        typeof cell === 'number'
          ? String(cell).padStart(widths[column] ?? 0)
          : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
