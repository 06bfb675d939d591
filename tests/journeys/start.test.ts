import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { eventually } from '../harness/eventually.ts';
import { freePort } from '../harness/ports.ts';
import { environment, type FootnoteProcess, runProcess, startProcess } from '../harness/process.ts';
import { copyTemplate, emptyDatabase } from '../harness/template.ts';

const server = inject('server');

describe('the start', () => {
  it('is refused in production as long as anything stands on a default, one line per fault', async () => {
    const { code, output } = await runProcess({ NODE_ENV: 'production', BASE_URL: 'http://news.example' });
    expect(code).toBe(1);
    const [first, ...faults] = output.trim().split('\n');
    expect(first).toBe('Footnote cannot start, the configuration is wrong:');
    for (const name of [
      'BASE_URL',
      'MAILCHIMP_API_KEY',
      'SMTP_URL',
      'SECRET_KEYS',
      'ADMIN_API_KEY',
      'POSTAL_ADDRESS',
    ]) {
      expect(faults.filter((fault) => fault.trim().startsWith(`${name}: `))).toHaveLength(1);
    }
  });

  it('says which port is in use', async () => {
    const database = await copyTemplate(inject('template'), server);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const nobody = {
      mailchimp: { apiKey: 'nobody-us1', audienceId: 'none', baseUrl: 'http://127.0.0.1:9/3.0' },
      smtpUrl: 'smtp://127.0.0.1:9',
    };
    const { code, output } = await runProcess(environment(database.settings, nobody, port));
    expect(code).toBe(1);
    expect(output).toContain(`Footnote cannot start: port ${port} is in use`);
    other.close();
    await database.drop();
  });
});

describe('the start in production', () => {
  it('looks at what Footnote depends on, says what is wrong and what to do, and is held up by none of it', async () => {
    const database = await copyTemplate(inject('template'), server);
    const port = await freePort();
    const secret = 'a-secret-of-the-daily-planet-alone';
    const nobody = {
      mailchimp: { apiKey: 'nobody-us1', audienceId: 'none', baseUrl: 'http://127.0.0.1:9/3.0' },
      smtpUrl: 'smtp://127.0.0.1:9',
    };
    const footnote = await startProcess({
      ...environment(database.settings, nobody, port),
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      BASE_URL: 'https://newsletters.test',
      PUBLICATION_NAME: 'The Daily Planet',
      POSTAL_ADDRESS: 'The Daily Planet, 1000 Broadway, Metropolis 10001',
      SECRET_KEYS: secret,
      ADMIN_API_KEY: secret,
    });
    try {
      await footnote.http.get('/readyz').expect(200);
      const said = () =>
        footnote
          .output()
          .split('\n')
          .filter((line) => line.includes('"remedy"'))
          .map((line): Record<string, unknown> => JSON.parse(line));
      await eventually(() => expect(said().map(({ check }) => check)).toContain('Mailchimp key'));
      expect(said()).toContainEqual(
        expect.objectContaining({
          check: 'Mailchimp key',
          level: 50,
          msg: 'Mailchimp cannot be reached (ECONNREFUSED).',
          remedy: expect.stringContaining('Nothing is lost meanwhile.'),
        }),
      );
      expect(said()).toContainEqual(
        expect.objectContaining({ check: 'mail server', remedy: expect.stringContaining('SMTP_URL') }),
      );
      expect(said()).toContainEqual(expect.objectContaining({ check: 'base URL', level: 40 }));
      expect(footnote.output()).not.toContain(secret);
    } finally {
      footnote.signal('SIGTERM');
      await footnote.exited;
      await database.drop();
    }
  });
});

describe.skipIf(server === null)('several processes on one PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof emptyDatabase>>;
  let sandbox: Sandbox;
  let processes: FootnoteProcess[];

  beforeAll(async () => {
    database = await emptyDatabase(server ?? '');
    sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: 'http://localhost:1', folder: null });
  });
  afterAll(async () => {
    for (const one of processes) one.signal('SIGKILL');
    await sandbox.stop();
    await database.drop();
  });

  it('start at once on an empty database: one migrates, the others wait', async () => {
    const roles = ['all', 'web', 'worker'];
    processes = await Promise.all(
      roles.map(async (role) =>
        startProcess({ ...environment(database.settings, sandbox, await freePort()), ROLE: role }),
      ),
    );
    for (const { http } of processes) await http.get('/readyz').expect(200);
    const migrating = processes.filter((one) => one.output().includes('migrations applied'));
    expect(migrating).toHaveLength(1);
  });

  it('stop when they are asked to', async () => {
    for (const one of processes) one.signal('SIGTERM');
    for (const one of processes) expect(await one.exited).toBe(0);
  });
});
