import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { csvHead, csvLine } from '../../../platform/csv.ts';
import { Failure } from '../call.ts';
import type { Origin } from './importFile.ts';

/** A file of the rows that were not taken, to be corrected and imported in its turn. */
export interface RejectsFile extends AsyncDisposable {
  path: string;
  write(origin: Origin, reason: string): Promise<void>;
  /** @returns how many there are for which reason, the most frequent first; for none, no file stays */
  close(): Promise<[reason: string, rows: number][]>;
}

/** How much is gathered before it is written, in characters. */
const batch = 64 * 1024;

/** Some reasons quote the row; those beyond so many are counted as one. */
const mostReasons = 100;
const others = 'for other reasons';

/**
 * Opens a file for rejects as CSV: file, line, reason, and the cells as they were, with formulas made safe (A-16). It is
 * for its owner's eyes alone. What is there already is not touched, as somebody may have corrected it.
 * @param input what is imported
 * @param wished where they are wanted; undefined: beside the input, under the first name that is free
 * @param columns of `ImportFile`
 * @throws Failure when it cannot be written
 */
export async function openRejects(
  input: string,
  wished: string | undefined,
  columns: readonly string[],
): Promise<RejectsFile> {
  const { path, handle, isNew } = await (wished === undefined
    ? openBeside(input)
    : openWished(input, wished));
  const reasons = new Map<string, number>();
  let pending = '';
  let isOpen = true;
  const flush = async () => {
    const text = pending;
    pending = '';
    await handle.appendFile(text).catch((error: unknown) => unwritable(path, error));
  };
  const close = async () => {
    if (isOpen) {
      isOpen = false;
      try {
        if (pending !== '') await flush();
      } finally {
        await handle.close();
      }
      if (isNew && reasons.size === 0) await rm(path, { force: true });
    }
    return [...reasons].toSorted(([, a], [, b]) => b - a);
  };
  return {
    path,
    async write({ file, line, raw }, reason) {
      if (reasons.size === 0) pending = csvHead(['file', 'line', 'reason', ...columns]);
      const counted = reasons.has(reason) || reasons.size < mostReasons ? reason : others;
      reasons.set(counted, (reasons.get(counted) ?? 0) + 1);
      pending += csvLine([file, line, reason, ...raw()]);
      if (pending.length > batch) await flush();
    },
    close,
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}

interface Opened {
  path: string;
  handle: FileHandle;
  isNew: boolean;
}

async function openBeside(input: string): Promise<Opened> {
  for (let n = 1; ; n++) {
    const opened = await openFree(`${input}.rejects${n === 1 ? '' : `-${n}`}.csv`);
    if (opened !== null) return opened;
  }
}

async function openWished(input: string, path: string): Promise<Opened> {
  const opened = await openFree(path);
  if (opened !== null) return opened;
  const [theirs, own] = await Promise.all([stat(input), stat(path)]);
  throw new Failure(
    theirs.dev === own.dev && theirs.ino === own.ino
      ? `--rejects ${path} is the file that is to be imported: name another`
      : `--rejects ${path} is there already and holds something: move it away, or name another file`,
  );
}

/** @returns null when the file holds something already */
async function openFree(path: string): Promise<Opened | null> {
  try {
    return { path, handle: await open(path, 'wx', 0o600), isNew: true };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) unwritable(path, error);
  }
  try {
    const { size } = await stat(path);
    return size > 0 ? null : { path, handle: await open(path, 'a'), isNew: false };
  } catch (error) {
    return unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): never {
  throw new Failure(
    `Rows that are not taken cannot be written to ${path} (${error instanceof Error ? error.message : 'no reason is told'}): name another place with --rejects`,
  );
}
