import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../src/platform/root.ts';

it('every row of docs/security.md, A-01 to A-32, has its tests, and they carry its number', async () => {
  const page = await readFile(path.join(root, 'docs/security.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (A-\d\d) \|.*\| (.*) \|$/gm)];
  expect(rows.map(([, number]) => number)).toEqual(
    Array.from({ length: 32 }, (_, n) => `A-${String(n + 1).padStart(2, '0')}`),
  );
  const missing: string[] = [];
  for (const [, number = '', files = ''] of rows) {
    const named = [...files.matchAll(/`(.+?)`/g)].map(([, file = '']) => file);
    expect(named, number).not.toEqual([]);
    const texts = await Promise.all(named.map((file) => readFile(path.join(root, file), 'utf8')));
    if (!texts.some((text) => text.includes(number))) missing.push(number);
  }
  expect(missing).toEqual([]);
});
