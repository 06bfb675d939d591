import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTransport } from 'nodemailer';
import { expect, it } from 'vitest';
import { officialClient } from './officialClient.ts';

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/sandbox/main.ts'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: join(tmpdir(), 'footnote-compiled'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, lines: createInterface({ input: child.stdout }), exited: once(child, 'close') };
}

it('starts by itself, says in one line how to use it, and stops on SIGTERM', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const { child, lines, exited } = start({
    SANDBOX_PORT: '0',
    SANDBOX_DIR: folder,
    SANDBOX_AUDIENCE_ID: 'a1b2c3d4e5',
  });
  try {
    const [line] = await Promise.race([once(lines, 'line'), exited]);
    const told = new Map(
      [...String(line).matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
    );
    expect(told.get('MAILCHIMP_AUDIENCE_ID')).toBe('a1b2c3d4e5');
    const client = officialClient({
      baseUrl: told.get('MAILCHIMP_BASE_URL') ?? '',
      apiKey: told.get('MAILCHIMP_API_KEY') ?? '',
      audienceId: 'a1b2c3d4e5',
    });
    expect((await client.call('GET', '/lists/a1b2c3d4e5')).body.id).toBe('a1b2c3d4e5');
    await createTransport(told.get('SMTP_URL') ?? '').verify();
  } finally {
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    await rm(folder, { recursive: true });
  }
});

it('says what is wrong with a setting', async () => {
  const { child, exited } = start({ SANDBOX_PORT: 'here' });
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  expect(await exited).toEqual([1, null]);
  expect(errors.join('')).toMatch(/^The sandbox cannot start: .*\n.*SANDBOX_PORT/);
});
