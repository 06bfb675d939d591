import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { type ImportOptions, openImport } from '../../../src/admin/cli/import/importFile.ts';
import type { ImportRow } from '../../../src/admin/cli/import/rows.ts';
import { scratchFolder } from '../../harness/scratch.ts';

const folder = await scratchFolder('import');
let files = 0;

/** Writes a file, in a folder of its own for the sake of its name. */
export async function put(content: string | Uint8Array, name = 'people.csv'): Promise<string> {
  const file = path.join(folder, String(++files), name);
  await mkdir(path.dirname(file));
  await writeFile(file, content);
  return file;
}

/** Writes a zip of these files, each compressed. */
export async function putZip(contents: Record<string, string | Buffer>): Promise<string> {
  const file = path.join(folder, `${++files}.zip`);
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(contents)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(file));
  return file;
}

/** When the files are read. */
export const now = new Date('2026-10-01T12:00:00Z');

export interface Reject {
  file: string;
  line: number;
  reason: string;
  raw: string[];
}

/** Reads a file as the command does. */
export async function read(file: string, options: ImportOptions = {}) {
  const opened = await openImport(file, options);
  const rows: ImportRow[] = [];
  const rejects: Reject[] = [];
  for await (const { origin, ...entry } of opened.entries(now)) {
    if ('row' in entry) rows.push(entry.row);
    else rejects.push({ file: origin.file, line: origin.line, reason: entry.reason, raw: origin.raw() });
  }
  opened.close();
  return { opened, rows, rejects, emails: rows.map(({ email }) => email), guess: opened.guess[0]?.columns };
}
