import { chown, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbedded } from '../../src/platform/embedded.ts';
import { scratchFolder } from '../harness/scratch.ts';

// A new one takes initdb, which has to wait on a busy machine.
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

  it.skipIf(process.getuid?.() !== 0)(
    'is opened by no other user, whose files would lock its own out',
    async () => {
      const folder = path.join(root, 'not', 'yet', 'there');
      const nobody = 65534;
      const own = (uid: number) => chown(path.join(folder, 'pglite'), uid, uid);
      await own(nobody);
      const before = await readdir(folder, { recursive: true });
      await expect(openEmbedded(folder)).rejects.toThrow(
        `the embedded database in ${folder} belongs to the user nobody, who could not open it any more after root: run ` +
          `this as nobody (runuser -u nobody -- …), or give the folder to root (chown -R root ${folder})`,
      );
      expect(await readdir(folder, { recursive: true })).toEqual(before);
      await own(0);
      await (await openEmbedded(folder)).close();
    },
  );

  it('can take out of its files what rows no longer say, wherever it may be (C-23)', async () => {
    // The one of before, since making another takes a while.
    const folder = path.join(root, 'not', 'yet', 'there');
    const database = await openEmbedded(folder);
    const inFiles = async (word: string) => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      const contents = await Promise.all(
        files.map((file) => readFile(path.join(file.parentPath, file.name))),
      );
      return contents.filter((content) => content.includes(word)).length;
    };
    await database.query('DROP TABLE IF EXISTS notes');
    await database.query('CREATE TABLE notes (id int PRIMARY KEY, note text)');
    await database.query('CREATE TABLE others (note text)');
    await database.query('CREATE INDEX ON notes (left(note, 50))');
    // Many rows, some of them too long to stand in their page.
    await database.query(
      `INSERT INTO notes SELECT n, 'canary ' || n || CASE WHEN n % 10 = 0 THEN
         (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 300) m) ELSE '' END
         FROM generate_series(1, 500) n`,
    );
    await database.query(`INSERT INTO others SELECT 'canary' FROM generate_series(1, 50)`);
    await database.query('ANALYZE');
    await database.query('CHECKPOINT');
    await database.query(`UPDATE notes SET note = 'nobody ' || id`);
    await database.query('DELETE FROM others');
    expect(await inFiles('canary')).toBeGreaterThan(2);
    // Twice, as what follows the first may leave something, too.
    for (const _ of ['once', 'and again']) {
      await database.shred?.();
      expect(await inFiles('canary')).toBe(0);
    }
    await database.query(`INSERT INTO others VALUES ('canary')`);
    await database.query('DELETE FROM others');
    await database.shred?.();
    await database.close();
    expect(await inFiles('canary')).toBe(0);
    const again = await openEmbedded(folder);
    expect(await again.query('SELECT count(*)::int AS rows FROM notes')).toEqual([{ rows: 500 }]);
    expect(await again.query('SHOW wal_recycle')).toEqual([{ wal_recycle: 'off' }]);
    await again.close();
  });
});
