import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { connect, type MailchimpApi } from '../../src/mailchimp/api/client.ts';
import { MailchimpError } from '../../src/mailchimp/api/error.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';

const apiKey = '0123456789abcdef-us1';
const email = 'reader@news.example';
const subscribed = { email_address: email, status_if_new: 'subscribed', interests: {} } as const;

describe('an odd answer', () => {
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const server = createServer((request, response) => {
    // Reads the body first, so that a connection is never torn by unread bytes.
    request.resume().on('end', () => answer(request, response));
  });
  let api: MailchimpApi;
  let baseUrl: string;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/3.0`;
    api = connect({ apiKey, baseUrl, audienceId: 'serverside' });
  });
  afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())));

  async function failure(
    call: () => Promise<unknown> = () => api.putMember(subscribed),
  ): Promise<MailchimpError> {
    const error: unknown = await call().then(
      () => new Error('the call succeeded'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof MailchimpError)) throw error;
    return error;
  }

  const answering = (status: number, headers: Record<string, string>, body: string) => {
    answer = (_request, response) => void response.writeHead(status, headers).end(body);
  };

  it('is an error when a proxy sends a page with 200', async () => {
    answering(200, { 'Content-Type': 'text/html' }, '<html>Down for maintenance</html>');
    expect(await failure()).toMatchObject({ status: 200, title: 'Unreadable answer' });
  });

  it('is an error when 200 comes without a body', async () => {
    answering(200, {}, '');
    expect(await failure()).toMatchObject({ status: 200, title: 'Unreadable answer' });
  });

  it('is an error when JSON is broken, and does not quote it', async () => {
    answering(200, { 'Content-Type': 'application/json' }, `{"email_address":"${email}"`);
    const error = await failure();
    expect(error).toMatchObject({ status: null, title: 'Unreadable answer' });
    expect(JSON.stringify(error)).not.toContain(email);
  });

  it('is an error when the shape is another than documented', async () => {
    answering(
      200,
      { 'Content-Type': 'application/json' },
      `{"email_address":"${email}","status":"delighted"}`,
    );
    expect(await failure()).toMatchObject({ status: 200, detail: 'not as documented: status' });
  });

  it('is told by its status when 429 has no body', async () => {
    answering(429, {}, '');
    expect(await failure()).toMatchObject({ status: 429, title: null, detail: '', fields: [] });
  });

  it('is told by its status when an error is a page', async () => {
    answering(502, { 'Content-Type': 'text/html' }, '<html>Bad gateway</html>');
    expect(await failure()).toMatchObject({ status: 502, title: null });
  });

  it('carries title, detail, fields and request id of a problem', async () => {
    answering(
      400,
      { 'Content-Type': 'application/problem+json; charset=utf-8', 'X-Request-Id': 'r-1' },
      JSON.stringify({
        title: 'Invalid Resource',
        status: 400,
        detail: 'd',
        errors: [{ field: 'f', message: 'm' }],
      }),
    );
    expect(await failure()).toMatchObject({
      status: 400,
      title: 'Invalid Resource',
      detail: 'd',
      fields: [{ field: 'f', message: 'm' }],
      requestId: 'r-1',
    });
  });

  it.each([301, 302, 303, 307, 308])(
    'is an error when it redirects (%d): nothing goes elsewhere (A-25)',
    async (status) => {
      const elsewhere: string[] = [];
      const other = createServer((request, response) => {
        elsewhere.push(request.url ?? '');
        response.end('{}');
      });
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      try {
        answering(status, { Location: `http://127.0.0.1:${(other.address() as AddressInfo).port}/` }, '');
        expect(await failure()).toMatchObject({ status });
        expect(elsewhere).toEqual([]);
      } finally {
        other.close();
      }
    },
  );

  it('is an error when the connection is reset', async () => {
    answer = (request) => void request.socket.resetAndDestroy();
    expect(await failure()).toMatchObject({ status: null, title: 'ECONNRESET' });
  });

  it('is an error when nobody listens', async () => {
    const nobody = createTcpServer();
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise<void>((resolve) => void nobody.close(() => resolve()));
    const lost = connect({ apiKey, baseUrl: `http://127.0.0.1:${port}/3.0`, audienceId: 'a' });
    expect(await failure(() => lost.getAudience())).toMatchObject({ status: null, title: 'ECONNREFUSED' });
  });

  it('is an error when none comes in time', async () => {
    answer = () => {};
    const impatient = connect({ apiKey, baseUrl, audienceId: 'a', timeoutMs: 50 });
    expect(await failure(() => impatient.putMember(subscribed))).toMatchObject({
      status: null,
      title: 'Timeout',
    });
  });

  it('never holds the key, however it is printed', async () => {
    answering(401, { 'Content-Type': 'application/problem+json' }, '{"title":"API Key Invalid"}');
    const error = await failure();
    const { inspect } = await import('node:util');
    const basic = Buffer.from(`user:${apiKey}`).toString('base64');
    for (const text of [
      inspect(error, { depth: 20, showHidden: true }),
      JSON.stringify(error),
      error.stack ?? '',
    ]) {
      expect(text).not.toContain(apiKey);
      expect(text).not.toContain(basic);
    }
    expect(error.message).toBe('Mailchimp: 401, API Key Invalid');
  });

  it('finds the request as it should be', async () => {
    const seen: IncomingMessage[] = [];
    answer = (request, response) => {
      seen.push(request);
      const body = { email_address: 'Reader@News.example', status: 'subscribed' };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
    await api.putMember({ ...subscribed, email_address: 'Reader@News.example' });
    expect(seen[0]?.method).toBe('PUT');
    // An audience id with "server" in it stays what it is; the hash is of the address in lower case (E-04).
    expect(seen[0]?.url).toBe(
      '/3.0/lists/serverside/members/a7716e78df63837daeb0d7a0955808e8?skip_merge_validation=true',
    );
    expect(seen[0]?.headers['user-agent']).toBe(`footnote/${manifest.version}`);
    expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from(`user:${apiKey}`).toString('base64')}`);
  });

  it('may come in pages', async () => {
    const all = Array.from({ length: 5 }, (_, n) => ({ id: `i${n}`, name: `List ${n}` }));
    const offsets: (string | null)[] = [];
    answer = (request, response) => {
      const { searchParams } = new URL(request.url ?? '', baseUrl);
      const offset = Number(searchParams.get('offset'));
      offsets.push(searchParams.get('offset'));
      const page = { interests: all.slice(offset, offset + 2), total_items: all.length };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(page));
    };
    expect(await api.listInterests('c')).toEqual(all);
    expect(offsets).toEqual(['0', '2', '4']);
  });
});

describe('the audience of the sandbox', () => {
  let sandbox: Sandbox;
  let api: MailchimpApi;

  beforeEach(async () => {
    sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: 'http://localhost:3000', folder: null });
    api = connect(sandbox.mailchimp);
  });
  afterEach(() => sandbox.stop());

  it('is found', async () => {
    expect(await api.getAudience()).toMatchObject({ id: sandbox.mailchimp.audienceId });
  });

  it('takes a category with more interests than the ten that a page holds by default', async () => {
    const category = await api.createInterestCategory({ title: 'Newsletters', type: 'checkboxes' });
    expect(await api.listInterestCategories()).toContainEqual(category);
    const names = Array.from({ length: 12 }, (_, n) => `List ${n}`);
    for (const name of names) await api.createInterest(category.id, { name });
    expect((await api.listInterests(category.id)).map(({ name }) => name)).toEqual(names);
  });

  it('takes a merge field', async () => {
    await api.createMergeField({ tag: 'PREFURL', name: 'Preferences link', type: 'url', public: false });
    expect((await api.listMergeFields()).map(({ tag }) => tag)).toContain('PREFURL');
  });

  it('takes a member, and the same member twice', async () => {
    expect(await api.getMember(email)).toBeNull();
    await api.putMember(subscribed);
    await api.putMember(subscribed);
    expect(await api.getMember(email)).toMatchObject({ status: 'subscribed' });
  });

  it('tells why it refuses one', async () => {
    await api.putMember(subscribed);
    sandbox.audience.people.leaveByFooter(email);
    await expect(api.putMember({ ...subscribed, status: 'subscribed' })).rejects.toMatchObject({
      status: 400,
      title: 'Member In Compliance State',
    });
  });
});
