import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { Failure } from '../call.ts';
import type { Bytes } from './decode.ts';

/** A file to be read, on the disk or in a zip. */
export interface Source {
  file: string;
  /** In bytes. */
  size: number;
  bytes: Bytes;
}

/** How a zip begins: with a file, or with its end when it is empty. */
const zipMarks = new Set([0x504b0304, 0x504b0506]);

/**
 * Looks at a file on the disk.
 * @param count is told of bytes that were read
 * @returns also whether it is a zip, and the SHA-256 of its bytes
 * @throws Failure when it cannot be read, or is empty
 */
export async function openSource(
  file: string,
  count: (bytes: number) => void,
): Promise<{ source: Source; isZip: boolean; hash: Buffer }> {
  const { size, isZip } = await look(file).catch((error: unknown) => unreadable(file, error));
  if (size === 0) throw new Failure(`${file} is empty`);
  const read = async () => createReadStream(file, { highWaterMark: 2 ** 18 });
  const hash = createHash('sha256');
  for await (const chunk of sourceOf(file, size, read, () => undefined).bytes()) hash.update(chunk);
  return { source: sourceOf(path.basename(file), size, read, count), isZip, hash: hash.digest() };
}

/** A source whose bytes are counted, and whose faults are told as Failure. */
export function sourceOf(
  file: string,
  size: number,
  read: () => Promise<AsyncIterable<Uint8Array>>,
  count: (bytes: number) => void,
): Source {
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    const chunks = await read().catch((error: unknown) => unreadable(file, error));
    const next = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await next.next().catch((error: unknown) => unreadable(file, error));
        if (done === true) return;
        count(value.length);
        yield value;
      }
    } finally {
      await next.return?.();
    }
  }
  return { file, size, bytes };
}

async function look(file: string): Promise<{ size: number; isZip: boolean }> {
  await using handle = await open(file);
  const stats = await handle.stat();
  if (!stats.isFile()) throw new Failure(`${file} is no file`);
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return { size: stats.size, isZip: zipMarks.has(buffer.readUInt32BE()) };
}

function unreadable(file: string, error: unknown): never {
  if (error instanceof Failure) throw error;
  throw new Failure(`${file} cannot be read: ${error instanceof Error ? error.message : 'no such file'}`);
}
