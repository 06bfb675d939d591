import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../harness/scratch.ts';

/** Runs a program. @returns its exit code and all that it printed */
function run(program: string, ...words: string[]) {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8', cwd: folder });
  if (error !== undefined) throw error;
  return { status, output: stdout + stderr };
}

let folder: string;
beforeAll(async () => {
  folder = await scratchFolder('ops');
});
afterAll(() => rm(folder, { recursive: true }));

const read = (name: string) => readFile(path.resolve('ops', name), 'utf8');

describe('what stands under ops/', () => {
  it('is found and read by Prometheus as the guide says', async () => {
    const guide = await readFile('docs/operations.md', 'utf8');
    const [, yaml = ''] = /## Metrics\n[^#]+```yaml\n([^`]+)```/.exec(guide) ?? [];
    await writeFile(path.join(folder, 'key'), 'an-admin-key');
    await writeFile(path.join(folder, 'alerts.yml'), await read('prometheus/alerts.yml'));
    await writeFile(path.join(folder, 'prometheus.yml'), yaml.replaceAll('/etc/prometheus/footnote', folder));
    const { status, output } = run('promtool', 'check', 'config', path.join(folder, 'prometheus.yml'));
    expect(output).toContain('18 rules found');
    expect(status).toBe(0);
    // Where the alerts look for it.
    expect(yaml).toContain('job_name: footnote ');
  });

  it('is a configuration that nginx takes', async () => {
    const certificate = ['-keyout', 'privkey.pem', '-out', 'fullchain.pem', '-subj', '/CN=test', '-nodes'];
    expect(run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', ...certificate).status).toBe(0);
    const site = (await read('nginx.conf'))
      .replaceAll('/etc/letsencrypt/live/newsletters.daily.example', folder)
      .replaceAll('/var/log/nginx', folder);
    await writeFile(path.join(folder, 'site.conf'), site);
    await mkdir(path.join(folder, 'logs'));
    await writeFile(
      path.join(folder, 'nginx.conf'),
      `pid ${folder}/nginx.pid; error_log stderr; events {} http { include ${folder}/site.conf; }`,
    );
    const { status, output } = run('nginx', '-t', '-p', folder, '-c', path.join(folder, 'nginx.conf'));
    expect(output).toContain('test is successful');
    expect(output).not.toContain('[warn]');
    expect(status).toBe(0);
  });

  it('is a configuration that Caddy takes', () => {
    const file = path.resolve('ops/Caddyfile');
    const { status, output } = run('caddy', 'validate', '--adapter', 'caddyfile', '--config', file);
    expect(output).toContain('Valid configuration');
    expect(status).toBe(0);
  });

  it('is a unit that systemd takes, shut in well', async () => {
    // Programs and users that it names are not on this machine.
    const unit = (await read('footnote.service'))
      .replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`)
      .replace(/^(User|Group|Documentation)=.*$/gm, '');
    const file = path.join(folder, 'footnote.service');
    await writeFile(file, unit);
    const { status, output } = run('systemd-analyze', 'verify', '--man=no', file);
    expect(output.split('\n').filter((line) => line.includes('footnote.service'))).toEqual([]);
    expect(status).toBe(0);

    const exposure = run(
      'systemd-analyze',
      'security',
      '--offline=true',
      '--threshold=25',
      path.resolve('ops/footnote.service'),
    );
    expect(exposure.output).toMatch(/Overall exposure level for footnote\.service: [0-2]\.\d/);
    expect(exposure.status).toBe(0);
  });
});
