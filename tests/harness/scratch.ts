import { statfsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A new folder to be thrown away: in memory where there is room, since a database is a thousand files. */
export function scratchFolder(name: string): Promise<string> {
  return mkdtemp(path.join(hasRoom('/dev/shm') ? '/dev/shm' : tmpdir(), `footnote-${name}-`));
}

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > 2 ** 30;
  } catch {
    return false;
  }
}
