import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/mailchimp/api/client.ts';
import { MailchimpError } from '../../src/mailchimp/api/error.ts';
import { root } from '../../src/platform/root.ts';
import { readSettings, SettingsError } from '../../src/settings.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';

/** What is read with these settings; null when the start is refused. */
function mailchimpOf(env: Record<string, string>) {
  try {
    return readSettings({ MAILCHIMP_AUDIENCE_ID: 'a1b2c3d4e5', ...env }).mailchimp;
  } catch (error) {
    if (error instanceof SettingsError) return null;
    throw error;
  }
}

describe("the host of Mailchimp's API (A-25)", () => {
  const ends = [
    'evil.com',
    'evil.com/#',
    'evil.com/?',
    'evil.com\\',
    'evil.com:443/',
    'us6.evil.com',
    'us6.evil.com/#',
    'us6/',
    'us6/..',
    'us6/#',
    'us6?',
    'us6#',
    'us6:8080',
    'us6@evil.com',
    '@evil.com/',
    'us6%2f',
    'us6%00',
    'us6.',
    '.us6',
    'us6 ',
    'us6\tx',
    'us6\r\nHost:evil.com',
    'us6\0',
    'us６',
    'ｕs6',
    'us6。evil。com',
    'US6',
    'us',
    '6',
    'u6',
    'us1234',
    'abcd1',
    'localhost',
    '127.0.0.1',
    '[::1]',
    '0x7f.1',
    '2130706433',
    'metadata.google.internal',
  ];

  it('is made of nothing but a data centre, whatever the key says', () => {
    const elsewhere = ends.flatMap((end) => {
      const mailchimp = mailchimpOf({ MAILCHIMP_API_KEY: `0123456789abcdef-${end}` });
      return mailchimp === null || new URL(mailchimp.baseUrl).host === 'us6.api.mailchimp.com' ? [] : end;
    });
    expect(elsewhere).toEqual([]);
    // Only space around the key is forgiven, and what stands before the last dash is but the key.
    const taken = ends.filter(
      (end) => mailchimpOf({ MAILCHIMP_API_KEY: `0123456789abcdef-${end}` }) !== null,
    );
    expect(taken).toEqual(['us6 ']);
    const odd = mailchimpOf({ MAILCHIMP_API_KEY: 'x-evil.com/#-us6' });
    expect(odd?.baseUrl).toBe('https://us6.api.mailchimp.com/3.0');
  });

  it('is an http(s) address with nothing hidden in it, where it is configured', () => {
    const refused = [
      'ftp://mailchimp.example/3.0',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'data:text/plain,x',
      'gopher://mailchimp.example',
      '//mailchimp.example/3.0',
      'mailchimp.example/3.0',
      'https://us6.api.mailchimp.com@evil.example/3.0',
      'https://user:password@mailchimp.example/3.0',
      'https://mailchimp.example/3.0?x=',
      'https://mailchimp.example/#',
      'https://mailchimp.example/3.0 evil',
      'https://mailchimp.example\r\n/3.0',
      'https://',
    ];
    expect(
      refused.filter(
        (url) => mailchimpOf({ MAILCHIMP_API_KEY: 'key-us6', MAILCHIMP_BASE_URL: url }) !== null,
      ),
    ).toEqual([]);
  });
});

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

/** A server on this machine, until the test ends. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Somewhere that nothing may ever reach out to. */
async function trap() {
  let calls = 0;
  const server = createTcpServer((socket) => {
    calls += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, calls: () => calls, close: () => server.close() };
}

describe('Footnote (A-25)', () => {
  let footnote: Footnote;
  let elsewhere: Awaited<ReturnType<typeof trap>>;
  beforeAll(async () => {
    elsewhere = await trap();
    footnote = await Footnote.start({
      ALLOWED_ORIGINS: elsewhere.url,
      MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-forty-characters-in-the-path',
    });
  });
  afterAll(async () => {
    await footnote.stop();
    elsewhere.close();
  });

  it('fetches nothing that a stranger names', async () => {
    const { url, port } = elsewhere;
    const email = 'reader@example.com';
    await footnote.http
      .post('/subscriptions')
      .set({
        Origin: url,
        Referer: `${url}/referer`,
        'User-Agent': `${url}/agent`,
        'X-Forwarded-Host': `127.0.0.1:${port}`,
        'X-Forwarded-For': `127.0.0.1:${port}`,
        Host: `127.0.0.1:${port}`,
        Forwarded: `host=127.0.0.1:${port}`,
        Link: `<${url}>; rel=preload`,
      })
      .type('form')
      .send(
        new URLSearchParams({
          email,
          lists: 'morning-briefing',
          firstName: url,
          source: `${url}/article`,
          redirect: `${url}/thanks`,
          locale: 'en',
          callback: url,
        }).toString(),
      )
      .expect(303)
      .expect('Location', `${url}/thanks`);
    const { confirm, unsubscribe } = await footnote.mailTo(email, 'confirmation');
    await footnote.http.post(confirm).expect(200);
    await footnote.member(email);
    const delivery = {
      type: 'profile',
      fired_at: '2026-11-23 09:00:00',
      'data[list_id]': footnote.sandbox.mailchimp.audienceId,
      'data[email]': email,
      'data[merges][UNSUBURL]': `${url}/unsubscribe/${'0'.repeat(32)}`,
      'data[web_id]': url,
    };
    await footnote.http
      .post('/webhooks/mailchimp/a-secret-of-forty-characters-in-the-path')
      .type('form')
      .send(delivery)
      .expect(200);
    await footnote.http.post(unsubscribe).expect(200);
    await footnote.mailsNoted();
    expect(await footnote.member(email)).toMatchObject({ status: 'unsubscribed' });
    expect(elsewhere.calls()).toBe(0);
  });

  it('follows Mailchimp to no other place, whoever asks and however it is sent there', async () => {
    const { url, port } = elsewhere;
    const locations = [
      `${url}/3.0/`,
      `//127.0.0.1:${port}/3.0/`,
      `http://x@127.0.0.1:${port}/`,
      '/elsewhere',
    ];
    const asked: IncomingMessage[] = [];
    const baseUrl = await serve((request, response) => {
      const n = asked.push(request);
      const status = [301, 302, 303, 307, 308][n % 5] ?? 302;
      const Location = locations[n % locations.length] ?? '';
      request.resume().on('end', () => void response.writeHead(status, { Location }).end());
    });
    const { mailchimp } = footnote.settings;
    await footnote.stopService();
    await footnote.startService({ mailchimp: { ...mailchimp, baseUrl: `${baseUrl}/3.0` } });
    try {
      const { doctor, setup } = footnote.service.operations;
      await doctor();
      await expect(setup()).rejects.toThrow(MailchimpError);
      const before = asked.length;
      await footnote.signUp('newcomer@example.com').expect(202);
      const { confirm } = await footnote.mailTo('newcomer@example.com', 'confirmation');
      await footnote.http.post(confirm).expect(200);
      for (let round = 1; round <= 2; round += 1) {
        await eventually(() => expect(asked.length).toBeGreaterThan(before + round));
        await footnote.hurry();
      }
    } finally {
      await footnote.stopService();
      await footnote.startService();
    }
    expect(asked.length).toBeGreaterThan(5);
    expect(new Set(asked.map(({ url }) => url?.slice(0, 5)))).toEqual(new Set(['/3.0/']));
    expect(elsewhere.calls()).toBe(0);
  });

  it('follows its own address to no other place when the doctor asks for it', async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(302, { Location: `${elsewhere.url}/healthz` }).end();
    });
    await footnote.stopService();
    await footnote.startService({ baseUrl });
    try {
      const findings = await footnote.service.operations.doctor();
      expect(JSON.stringify(findings)).toContain('answers at BASE_URL (302)');
    } finally {
      await footnote.stopService();
      await footnote.startService();
    }
    expect(elsewhere.calls()).toBe(0);
  });
});

describe('an answer of Mailchimp (A-25)', () => {
  const apiKey = '0123456789abcdef-us6';
  const megabyte = 2 ** 20;

  const failure = (baseUrl: string, timeoutMs = 15_000) =>
    connect({ apiKey, baseUrl, audienceId: 'a1b2c3d4e5', timeoutMs })
      .getAudience()
      .then(
        () => 'it was taken',
        (error: unknown) => (error instanceof MailchimpError ? error : 'another error'),
      );

  /** JSON of twice the size that is taken, so that a test without that limit ends as well. */
  function* long() {
    yield '{"id":"';
    const part = Buffer.alloc(megabyte, 'a');
    for (let made = 0; made < 128; made += 1) yield part;
  }

  // The largest answer that is asked for, a page of a thousand members, has a few megabytes.
  it.each([
    ['200', 200, false],
    ['an error', 500, false],
    ['200, compressed a thousandfold', 200, true],
  ])('without end is broken off, with %s', async (_what, status, isCompressed) => {
    const body = Readable.from(long(), { objectMode: false });
    const baseUrl = await serve((_request, response) => {
      response.on('close', () => body.destroy());
      response.writeHead(status, {
        'Content-Type': 'application/json',
        ...(isCompressed && { 'Content-Encoding': 'gzip' }),
      });
      if (isCompressed) body.pipe(createGzip({ level: 1 })).pipe(response);
      else body.pipe(response);
    });
    expect(await failure(baseUrl)).toMatchObject({ status: null, outcome: 'no answer' });
  });

  it('that comes in drops is broken off in time', async () => {
    const dripping = new AbortController();
    const baseUrl = await serve(async (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      while (!dripping.signal.aborted && !response.destroyed) {
        response.write(' ');
        await pause(10);
      }
    });
    const begun = performance.now();
    expect(await failure(baseUrl, 100)).toMatchObject({ status: null, title: 'Timeout' });
    expect(performance.now() - begun).toBeLessThan(5_000);
    dripping.abort();
  });

  it('with headers without end is broken off', async () => {
    const baseUrl = await serve((_request, response) => {
      response.writeHead(200, { 'X-Long': 'a'.repeat(megabyte) }).end('{}');
    });
    expect(await failure(baseUrl)).toMatchObject({ status: null });
  });
});

describe('whatever calls out (A-25)', () => {
  /** How a program reaches the network, or asks the DNS. */
  const means =
    /\bfetch\(|\b(?:XMLHttpRequest|WebSocket|EventSource|sendBeacon)\b|from '(?:node:)?(?:https?|http2|net|tls|dgram|dns|dns\/promises|undici|superagent|axios|nodemailer|pg|@prisma\/adapter-pg|@mailchimp\/.+?)'/g;
  /** Types, and what only looks at addresses. */
  const harmless = /^import (?:type .*|\{ (?:BlockList, )?isIP \} from 'node:net');$/gm;

  it('stands here, and goes where the configuration says', async () => {
    const files = (
      await Promise.all(
        ['src', 'emails'].map((folder) =>
          readdir(path.join(root, folder), { recursive: true }).then((names) =>
            names.map((name) => path.join(folder, name)),
          ),
        ),
      )
    )
      .flat()
      // Prisma's own client knows no network but through its adapter; the sandbox is no part of a production.
      .filter((file) => /\.tsx?$/.test(file) && !/^src\/(generated|sandbox)\//.test(file));
    expect(files.length).toBeGreaterThan(100);

    const found: Record<string, string[]> = {};
    for (const file of files) {
      const source = await readFile(path.join(root, file), 'utf8');
      const used = (source.replaceAll(harmless, '').match(means) ?? []).map((use) =>
        use.replace(/^from |['(]/g, ''),
      );
      if (used.length > 0) found[file] = used;
    }
    expect(found).toEqual({
      // BASE_URL, and no redirect.
      'src/admin/doctor.ts': ['fetch'],
      // ADMIN_URL, and no redirect.
      'src/admin/cli/call.ts': ['fetch'],
      // In the reader's browser, to us.
      'src/widget/send.ts': ['fetch'],
      'src/widget/proof.ts': ['fetch'],
      // MAILCHIMP_BASE_URL, or the data centre of the key; no redirect.
      'src/mailchimp/api/client.ts': ['@mailchimp/mailchimp_marketing/src/ApiClient.js'],
      // SMTP_URL.
      'src/mail/transport.ts': ['nodemailer'],
      // The TXT record of our own DKIM key: the one question to the DNS.
      'src/mail/doctor.ts': ['node:dns/promises'],
      // DATABASE_URL.
      'src/platform/postgres.ts': ['@prisma/adapter-pg', 'pg'],
      // It listens.
      'src/service.ts': ['node:http'],
    });
    // Nodemailer would read files and pages that a mail names.
    const compose = await readFile(path.join(root, 'src/mail/compose.ts'), 'utf8');
    expect(compose).toContain('disableFileAccess: true');
    expect(compose).toContain('disableUrlAccess: true');
  });
});
