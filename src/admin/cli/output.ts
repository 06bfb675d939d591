import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { styleText } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { Failure } from './call.ts';

/** The option that every command has. */
export interface Json {
  json?: boolean;
}

/** Writes to standard output: the value itself for machines, or the lines made of it for people. */
export function print<T>(value: T, json: boolean, lines: (value: T) => string[]): void {
  const text = json ? [JSON.stringify(value)] : lines(value).map(fitting);
  process.stdout.write(text.map((line) => `${line}\n`).join(''));
}

/** Whether a reader such as `head` has enough and went away, which is no failure. */
const isReaderGone = (error: unknown) =>
  error instanceof Error && 'code' in error && ['EPIPE', 'ERR_STREAM_DESTROYED'].includes(String(error.code));

/** Lets a command go on to its end when nobody reads what it writes any more. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (!isReaderGone(error)) throw error;
    });
}

/**
 * Writes a long answer to standard output as it comes.
 * @param what such as `the export` @throws Failure when it breaks off
 */
export async function pour({ body }: Response, what: string): Promise<void> {
  if (body === null) throw new Failure('the server sent nothing');
  await pipeline(Readable.fromWeb(body), process.stdout, { end: false }).catch((error: unknown) => {
    if (!isReaderGone(error)) throw new Failure(`${what} broke off: what was written is not all of it`);
  });
}

/** A line for the person at the terminal, beside the result. */
export const tell = (line: string) => void process.stderr.write(`${harmless(line)}\n`);

/** A text as it may be shown that comes from elsewhere: control characters in it would steer the terminal. */
export const harmless = (text: string) => text.replace(/(?!\n)\p{Cc}/gu, '\uFFFD');

/** No wider than the terminal; whole in a pipe. */
function fitting(line: string): string {
  const { isTTY, columns } = process.stdout;
  // Colours would be cut in the middle, and count as wide.
  return isTTY && line.length > columns && !line.includes('\x1b') ? `${line.slice(0, columns - 1)}…` : line;
}

type Colour = Parameters<typeof styleText>[0];

/** Colours a text on a terminal that has colours and whose person wants them (NO_COLOR). */
export const coloured = (colour: Colour, text: string) => styleText(colour, text, { stream: process.stdout });

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

/** A line on a terminal that is written over as something goes on; nothing in a pipe. */
export function status(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

export interface Progress {
  /** @param done of the whole, from 0 to 1 @param items how many so far, to tell the rate by */
  at(done: number, items: number): void;
  stop(): void;
}

/** A bar with rate and time left on a terminal; nothing in a pipe. @param unit such as `rows` */
export function progress(unit: string): Progress {
  if (!process.stderr.isTTY) return { at: () => {}, stop: () => {} };
  const bar = new SingleBar(
    {
      format: `{bar} {percentage} %  {items} ${unit}, {rate}/s, {eta_formatted} left`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  const begun = performance.now();
  bar.start(1000, 0, { items: 0, rate: 0 });
  return {
    at: (done, items) => {
      const rate = Math.round(items / ((performance.now() - begun) / 1000));
      bar.update(Math.min(1000, Math.floor(done * 1000)), { items, rate });
    },
    stop: () => bar.stop(),
  };
}
