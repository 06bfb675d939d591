import { type FileHandle, open } from 'node:fs/promises';
import { csvHead, csvLine } from '../../../platform/csv.ts';
import type { Origin } from './importFile.ts';

/** A file of the rows that were not taken, to be corrected and imported in its turn. */
export interface RejectsFile {
  write(origin: Origin, reason: string): Promise<void>;
  /** @returns how many there are for which reason, the most frequent first; no file is made for none */
  close(): Promise<[reason: string, rows: number][]>;
}

/** How much is gathered before it is written, in characters. */
const batch = 64 * 1024;

/** Some reasons quote the row; those beyond so many are counted as one. */
const mostReasons = 100;
const others = 'for other reasons';

/**
 * Writes rejects as CSV: file, line, reason, and the cells as they were, with formulas made safe. The file is
 * for its owner's eyes alone; one of this name is replaced with the first reject.
 * @param columns of `ImportFile`
 */
export function rejectsFile(path: string, columns: readonly string[]): RejectsFile {
  let handle: FileHandle | null = null;
  const reasons = new Map<string, number>();
  let pending = '';
  const flush = async () => {
    const text = pending;
    pending = '';
    handle ??= await open(path, 'w', 0o600);
    await handle.appendFile(text);
  };
  return {
    async write({ file, line, raw }, reason) {
      if (reasons.size === 0) pending = csvHead(['file', 'line', 'reason', ...columns]);
      const counted = reasons.has(reason) || reasons.size < mostReasons ? reason : others;
      reasons.set(counted, (reasons.get(counted) ?? 0) + 1);
      pending += csvLine([file, line, reason, ...raw()]);
      if (pending.length > batch) await flush();
    },
    async close() {
      if (pending !== '') await flush();
      await handle?.close();
      return [...reasons].toSorted(([, a], [, b]) => b - a);
    },
  };
}
