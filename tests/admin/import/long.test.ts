import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { openImport } from '../../../src/admin/cli/import/importFile.ts';
import { put } from './reading.ts';

const people = 120_000;

it('a long file is read in little memory, with its progress whatever its length', async () => {
  const file = await put('');
  const stream = createWriteStream(file);
  stream.write('email,first_name,notes\n');
  for (let index = 0; index < people; index += 1000) {
    const lines = Array.from(
      { length: 1000 },
      (_, of) => `p${index + of}@daily.example,Zoë,"${'n'.repeat(100)}"\n`,
    );
    if (!stream.write(lines.join(''))) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'close');

  // A process with a small heap of its own, which would end where the file were held.
  const program = `
    import { openImport } from './src/admin/cli/import/importFile.ts';
    const opened = await openImport(process.argv[1]);
    let [rows, most, last] = [0, 0, 0];
    for await (const entry of opened.entries(new Date())) {
      if (!('row' in entry)) throw new Error(entry.reason);
      rows += 1;
      if (rows % 5000 !== 0) continue;
      const { external, arrayBuffers } = process.memoryUsage();
      most = Math.max(most, external + arrayBuffers);
      if (opened.progress() < last || opened.progress() > 1) throw new Error('progress');
      last = opened.progress();
    }
    console.log(JSON.stringify({ rows, most, last, end: opened.progress() }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--max-old-space-size=64',
    '--import',
    'tsx',
    '--input-type=module',
    '--eval',
    program,
    file,
  ]);
  const measured = JSON.parse(stdout);
  expect(measured).toMatchObject({ rows: people, end: 1 });
  expect(measured.last).toBeGreaterThan(0.9);
  expect(measured.most).toBeLessThan(64 * 2 ** 20);
});

it('the digest tells one import from another', async () => {
  const digestOf = async (content: string, options = {}) =>
    (await openImport(await put(content), options)).digest;
  const first = await digestOf('email\na@daily.example\n');
  expect(first).toMatch(/^[\da-f]{64}$/);
  expect(await digestOf('email\na@daily.example\n')).toBe(first);
  for (const other of [
    await digestOf('email\nb@daily.example\n'),
    await digestOf('email\na@daily.example\n', { map: 'email=email' }),
    await digestOf('email\na@daily.example\n', { scope: ['daily'] }),
  ])
    expect(other).not.toBe(first);
});
