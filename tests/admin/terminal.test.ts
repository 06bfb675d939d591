import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key, operator } from '../harness/admin.ts';
import { find } from '../harness/debian.ts';
import { Footnote } from '../harness/footnote.ts';
import { compileCache } from '../harness/process.ts';
import { put } from './import/reading.ts';

const columns = 60;
/** Begins a colour. */
const sequence = '\x1b[';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
});
afterAll(() => footnote.stop());

/** Runs a script at a terminal of util-linux. @returns what it shows there */
async function atTerminal(words: string, env: Record<string, string> = {}): Promise<string> {
  const command = `stty cols ${columns}; '${process.execPath}' src/admin/cli.ts ${words}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      TERM: 'xterm-256color',
      NODE_COMPILE_CACHE: compileCache,
      ADMIN_API_KEY: key,
      ADMIN_URL: footnote.settings.baseUrl,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [shown] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return shown;
}

const people = () =>
  put(`email\n${Array.from({ length: 6000 }, (_, n) => `reader${n}@reader.example\n`).join('')}`);
const dryRun = (file: string) =>
  [
    'subscribers',
    'import',
    file,
    '--list',
    'weekend-reads',
    '--dry-run',
    '--consent-source',
    'test',
  ] as const;

// Where there is no terminal to be had, such as on Windows, there is nobody to show it to.
describe.runIf(find('script') !== undefined && process.platform === 'linux')('a terminal', () => {
  it('shows how far an import is, how fast, and how long it takes, beside the result', async () => {
    const file = await people();
    const shown = await atTerminal(`${dryRun(file).join(' ')} > '${file}.out'`);
    expect(shown).toMatch(/[1-9]\d* % {2}[1-9]\d* rows, [1-9]\d*\/s, \S+ left/);
    expect(shown).not.toContain('created');
    expect(await readFile(`${file}.out`, 'utf8')).toMatch(/^created +6000\n(.*\n)*Nothing was changed\.\n$/m);
  });

  it('is never written over its edge', async () => {
    const lines = (await atTerminal('consent texts')).trim().split('\r\n');
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines.filter((line) => line.endsWith('…')).length).toBeGreaterThan(5);
  });

  it('has colours, and none for whoever wants none (NO_COLOR)', async () => {
    expect(await atTerminal('doctor')).toContain(sequence);
    const plain = await atTerminal('doctor', { NO_COLOR: '1' });
    expect(plain).toContain('database');
    expect(plain).not.toContain(sequence);
  });
});

describe('a pipe', () => {
  it('holds the result whole, and nothing beside it', async () => {
    const admin = operator(footnote);
    const texts = await admin('consent', 'texts');
    expect(texts).toMatchObject({ code: 0, err: '' });
    expect(texts.out).not.toMatch(/…$/m);
    expect(texts.out).not.toContain(sequence);
    const imported = await admin(...dryRun(await people()), '--json');
    expect(imported).toMatchObject({ code: 0, err: '' });
    for (const line of imported.out.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  });
});
