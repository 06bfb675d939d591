import { type FileHandle, open } from 'node:fs/promises';
import { csvHead, csvLine } from '../../../platform/csv.ts';
import type { Origin } from './importFile.ts';

/** A file of the rows that were not taken, to be corrected and imported in its turn. */
export interface RejectsFile {
  write(origin: Origin, reason: string): Promise<void>;
  /** @returns how many there are; no file is made for none */
  close(): Promise<number>;
}

/** How much is gathered before it is written, in characters. */
const batch = 64 * 1024;

/**
 * Writes rejects as CSV: file, line, reason, and the cells as they were, with formulas made safe. The file is
 * for its owner's eyes alone; one of this name is replaced with the first reject.
 * @param columns of `ImportFile`
 */
export function rejectsFile(path: string, columns: readonly string[]): RejectsFile {
  let handle: FileHandle | null = null;
  let count = 0;
  let pending = '';
  const flush = async () => {
    const text = pending;
    pending = '';
    handle ??= await open(path, 'w', 0o600);
    await handle.appendFile(text);
  };
  return {
    async write({ file, line, raw }, reason) {
      if (count === 0) pending = csvHead(['file', 'line', 'reason', ...columns]);
      count += 1;
      pending += csvLine([file, line, reason, ...raw()]);
      if (pending.length > batch) await flush();
    },
    async close() {
      if (pending !== '') await flush();
      await handle?.close();
      return count;
    },
  };
}
