import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { adminProgram } from '../../src/admin/cli/program.ts';
import { asByNpm, key, operator, script } from '../harness/admin.ts';
import { find } from '../harness/debian.ts';
import { Footnote } from '../harness/footnote.ts';
import { put } from './import/reading.ts';

let footnote: Footnote;
const admin = (...words: string[]) => operator(footnote)(...words);
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
  for (const name of ['ann', 'bert', 'carl'])
    await footnote.subscribe(`${name}@reader.example`, ['morning-briefing']);
  await footnote.mailsNoted();
});
afterAll(() => footnote.stop());

const env = () => ({ ADMIN_API_KEY: key, ADMIN_URL: footnote.settings.baseUrl });

/** Something between a script and the server. @returns its port */
async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return z.object({ port: z.number() }).parse(server.address()).port;
}
const httpServer = (answer: RequestListener) => listen(createServer(answer));

const commandsOf = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(commandsOf);

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

describe('every script', () => {
  it('has an example in its help', () => {
    const commands = commandsOf(adminProgram());
    expect(commands.length).toBeGreaterThan(30);
    for (const command of commands) {
      const help: string[] = [];
      command.configureOutput({ writeOut: (written) => help.push(written) });
      command.outputHelp();
      const [, example = ''] = help.join('').split(/^Examples?:$/m);
      const typed = pathOf(command).replace('npm run', 'npm run( --silent)?');
      expect(example, pathOf(command)).toMatch(new RegExp(`^  ${typed}`, 'm'));
    }
  });

  it('goes on to its end without a word when nobody reads what it writes', async () => {
    for (const words of [
      ['subscribers', 'find', '--json'],
      ['subscribers', 'export'],
      ['consent', 'prove', 'ann@reader.example'],
      ['lists', 'create', 'unread', '--name', 'Unread'],
    ]) {
      const child = spawn(process.execPath, [...asByNpm, ...words], { env: { ...process.env, ...env() } });
      child.stdout.destroy();
      const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
      expect({ words, code, err }).toEqual({ words, code: 0, err: '' });
    }
    expect((await admin('lists', 'ls')).out).toContain('Unread');
  });

  it('exits with 2 for numbers that are none', async () => {
    const wrong = await Promise.all([
      admin('subscribers', 'find', '--limit', 'abc'),
      admin('subscribers', 'find', '--limit', '1001'),
      admin('stats', '--days', 'x'),
      admin('audit', '--limit', '0'),
    ]);
    expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(wrong[0]?.err).toContain("argument 'abc' is invalid. It must be a whole number from 1 to 1000.");
  });
});

describe('a list that is longer than one answer', () => {
  it('says so where it is cut off, and how it goes on', async () => {
    const two = await admin('subscribers', 'find', '--limit', '2', '--json');
    expect(JSON.parse(two.out).map(({ email }: { email: string }) => email)).toEqual([
      'ann@reader.example',
      'bert@reader.example',
    ]);
    expect(two.err).toBe(
      'There may be more than these 2: raise --limit up to 1000, or go on with --after bert@reader.example\n',
    );
    const rest = await admin('subscribers', 'find', '--after', 'bert@reader.example');
    expect(rest).toMatchObject({ out: 'carl@reader.example  morning-briefing\n', err: '' });

    for (const slug of ['one', 'two', 'three']) await admin('lists', 'create', slug, '--name', slug);
    const newest = await admin('audit', '--limit', '1');
    const [, before = ''] = /--before (\d+)$/m.exec(newest.err) ?? [];
    expect(newest.out).toMatch(/ slug=three /);
    expect((await admin('audit', '--limit', '1', '--before', before)).out).toMatch(/ slug=two /);
  });

  it('is shown to its end where it is all imports', async () => {
    const { prisma } = footnote.service.database;
    const file = await put('email\ndora@reader.example\n');
    const words = ['--list', 'weekend-reads', '--consent-source', 'a test'];
    expect((await admin('subscribers', 'import', file, ...words)).code).toBe(0);
    const { id: _, digest, ...one } = await prisma.import.findFirstOrThrow();
    const some = Array.from({ length: 104 }, (__, n) => ({
      ...one,
      id: `019ac1d2-7c1e-7000-8000-${String(n).padStart(12, '0')}`,
      digest: digest.slice(0, -4) + String(n).padStart(4, '0'),
      counts: {},
    }));
    await prisma.import.createMany({ data: some });
    expect(JSON.parse((await admin('imports', 'ls', '--json')).out)).toHaveLength(105);
    await prisma.import.deleteMany({ where: { id: { in: some.map(({ id }) => id) } } });
  });

  it('names the import that is none', async () => {
    const none = '019ac1d2-7c1e-7000-8000-5f3c2a1b0d9e';
    for (const id of ['nope', none])
      expect(await admin('imports', 'undo', id)).toMatchObject({
        code: 1,
        err: `there is no import ${id}: \`imports ls\` shows all\n`,
      });
    const { body } = await footnote.http
      .get('/admin/api/imports/nope')
      .auth(key, { type: 'bearer' })
      .expect(404);
    expect(body.detail).toBe('There is no such import.');
  });
});

describe('a script that comes to no answer', () => {
  const ls = async (more: Record<string, string>) => {
    const { code, err, out } = await script({ ADMIN_API_KEY: key, ...more }, ['lists', 'ls']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    return err;
  };

  it('tells what is wrong with its settings', async () => {
    expect(await ls({ ADMIN_URL: 'nonsense' })).toBe(
      'ADMIN_URL is no address of a server: it must be one such as https://news.example.org, and is nonsense\n',
    );
    expect(await ls({ BASE_URL: 'localhost:3000' })).toMatch(/^BASE_URL is no address of a server: /);
    expect(await ls({ ...env(), ADMIN_API_KEY: 'schlüssel für\nalle' })).toMatch(
      /^ADMIN_API_KEY holds a space or a character that no key has: /,
    );
    expect(await ls({ ADMIN_URL: 'http://nowhere.invalid' })).toBe(
      'no Footnote answers at http://nowhere.invalid: start it, or set ADMIN_URL\n',
    );
  });

  it('tells where a redirect leads, and follows none', async () => {
    const port = await httpServer((req, res) =>
      res.writeHead(301, { location: `https://news.example${req.url}` }).end(),
    );
    expect(await ls({ ADMIN_URL: `http://127.0.0.1:${port}` })).toBe(
      `http://127.0.0.1:${port} sends on to https://news.example/admin/api/lists, where the key is not sent: ` +
        'set ADMIN_URL to https://news.example\n',
    );
    const login = await httpServer((_req, res) => res.writeHead(302, { location: '/login' }).end());
    expect(await ls({ ADMIN_URL: `http://127.0.0.1:${login}` })).toMatch(
      /set ADMIN_URL to where Footnote itself answers$/m,
    );
  });

  it.runIf(find('openssl') !== undefined)(
    'tells a certificate that is not trusted, and TLS that is not there',
    async () => {
      const folder = path.dirname(await put(''));
      const files = { key: path.join(folder, 'tls.key'), cert: path.join(folder, 'tls.crt') };
      const words = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost'.split(' ');
      execFileSync('openssl', [...words, '-keyout', files.key, '-out', files.cert], { stdio: 'ignore' });
      const [tlsKey, cert] = await Promise.all([readFile(files.key), readFile(files.cert)]);
      const tls = createTlsServer({ key: tlsKey, cert }, (_req, res) => res.end());
      expect(await ls({ ADMIN_URL: `https://127.0.0.1:${await listen(tls)}` })).toMatch(
        /^the certificate of https:\S+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\): /,
      );
      expect(await ls({ ADMIN_URL: env().ADMIN_URL.replace('http:', 'https:') })).toMatch(
        /^what answers at https:\S+ speaks no TLS: set ADMIN_URL to http:/,
      );
    },
  );

  it('tells a connection that breaks off, before and within an answer', async () => {
    const cut = await httpServer((_req, res) => res.destroy());
    expect(await ls({ ADMIN_URL: `http://127.0.0.1:${cut}` })).toMatch(
      /^the connection to http:\S+ broke off \(UND_ERR_SOCKET\)\n$/,
    );
    const halves = await httpServer((_req, res) => {
      res.writeHead(200, { 'content-length': 100 }).write('{"lists":', () => res.destroy());
    });
    const ADMIN_URL = `http://127.0.0.1:${halves}`;
    expect(await ls({ ADMIN_URL })).toBe(`the answer of ${ADMIN_URL} broke off\n`);
    const { id } = await footnote.service.database.prisma.subscriber.findUniqueOrThrow({
      where: { key: 'ann@reader.example' },
    });
    const proof = await script({ ADMIN_API_KEY: key, ADMIN_URL }, ['consent', 'prove', id]);
    expect(proof).toEqual({
      code: 1,
      out: '{"lists":',
      err: 'the proof broke off: what was written is not all of it\n',
    });
  });
});
