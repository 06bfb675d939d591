import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { embeddedEngine } from '../src/platform/embedded.ts';
import { migrationsFolder, missingMigration } from '../src/platform/migrations.ts';

// `npm run migration -- NAME` writes what `schema.prisma` has and the migrations lack into a new one.
// Checks and triggers, which Prisma cannot say, are then added to that file by hand.

const name = process.argv[2];
if (name === undefined || !/^[a-z0-9_]+$/.test(name)) {
  process.stderr.write('usage: npm run migration -- NAME   (lower case, digits and _)\n');
  process.exit(2);
}

const engine = embeddedEngine(await PGlite.create());
const script = await engine.migrating(missingMigration);
await engine.close();

if (script === null) {
  process.stdout.write('the migrations already say all that schema.prisma says\n');
} else {
  const stamp = new Date()
    .toISOString()
    .replace(/[^0-9]/g, '')
    .slice(0, 14);
  const folder = path.join(migrationsFolder, `${stamp}_${name}`);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'migration.sql'), script);
  process.stdout.write(`${path.relative(process.cwd(), folder)}/migration.sql\n`);
}
