import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbedded } from '../../src/platform/embedded.ts';
import { scratchFolder } from '../harness/scratch.ts';

describe('the embedded database', () => {
  let root: string;
  beforeAll(async () => {
    root = await scratchFolder('embedded');
  });
  afterAll(() => rm(root, { recursive: true }));

  it('makes its folder, is refused while somebody has it open, and opens again afterwards', async () => {
    const folder = path.join(root, 'not', 'yet', 'there');
    const first = await openEmbedded(folder);
    await first.query('CREATE TABLE notes (note text)');
    await expect(openEmbedded(folder)).rejects.toThrow(
      `the embedded database in ${folder} is in use by another Footnote process: stop that one, ` +
        'set DATA_DIR to another folder, or set DATABASE_URL to share a PostgreSQL',
    );
    await first.query(`INSERT INTO notes VALUES ('still working')`);
    await first.close();

    // What cannot be opened gives the folder back, too.
    const aside = path.join(root, 'aside');
    await rename(path.join(folder, 'pglite'), aside);
    await writeFile(path.join(folder, 'pglite'), 'a file where the database should be');
    await expect(openEmbedded(folder)).rejects.not.toThrow(/in use/);
    await rm(path.join(folder, 'pglite'));
    await rename(aside, path.join(folder, 'pglite'));

    const second = await openEmbedded(folder);
    expect(await second.query('SELECT note FROM notes')).toEqual([{ note: 'still working' }]);
    await second.close();
  });
});
