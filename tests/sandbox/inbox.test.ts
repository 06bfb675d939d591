import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { createTransport, type SendMailOptions } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';

interface Received {
  request: IncomingMessage;
  body: string;
}

let sandbox: Sandbox;
let origin: string;
let received: Received[];
let closeService: () => void;

beforeEach(async () => {
  received = [];
  const service = createServer(async (request, response) => {
    received.push({ request, body: await text(request) });
    response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const address = service.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  closeService = () => service.close();
  sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: origin, folder: null });
});

afterEach(async () => {
  await sandbox.stop();
  closeService();
});

const send = (mail: SendMailOptions = {}) =>
  createTransport(sandbox.smtpUrl).sendMail({
    from: { name: 'The Courier', address: 'news@example.org' },
    to: 'ada@example.org',
    subject: 'Grüße vom Hafen',
    text: 'In plain words.',
    html: '<!doctype html><html><head><title>x</title></head><body><p>In <b>bold</b> words.</p></body></html>',
    ...mail,
  });
const oneClick = (url: string) => ({
  headers: { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
});
const get = async (path: string) => (await fetch(`${sandbox.url}${path}`)).text();
const press = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${sandbox.url}${path}`, { method: 'POST', redirect: 'manual', headers });

describe('the inbox', () => {
  it('keeps a mail as it came, with the envelope of the SMTP dialogue', async () => {
    await send({ bcc: 'bob@example.org' });
    const mail = await sandbox.inbox.next();
    expect(mail.envelope).toEqual({ from: 'news@example.org', to: ['ada@example.org', 'bob@example.org'] });
    expect(mail).toMatchObject({
      subject: 'Grüße vom Hafen',
      to: 'ada@example.org',
      text: 'In plain words.',
    });
    expect(mail.html).toContain('<b>bold</b>');
    expect(mail.source.toString()).toMatch(/^From: The Courier <news@example\.org>\r\n/);
    expect(sandbox.inbox.mails()).toEqual([mail]);
  });

  it('tells how often a header field occurs, unfolded', async () => {
    const long = `https://news.example.org/unsubscribe/${'a'.repeat(90)}`;
    await send(oneClick(long));
    const { headers } = await sandbox.inbox.next();
    expect(headers.get('list-unsubscribe')).toEqual([`<${long}>`]);
    expect(headers.get('list-id')).toBeUndefined();
  });

  it('hands each mail out once, whether it came before or comes later', async () => {
    await send({ subject: 'first' });
    await send({ subject: 'second' });
    const isSecond = ({ subject }: { subject: string }) => subject === 'second';
    expect((await sandbox.inbox.next(isSecond)).subject).toBe('second');
    expect((await sandbox.inbox.next()).subject).toBe('first');
    const later = sandbox.inbox.next();
    await send({ subject: 'third' });
    expect((await later).subject).toBe('third');
    await expect(sandbox.inbox.next(undefined, 10)).rejects.toThrow('No such mail within 10 ms; 3 mails');
  });

  it('takes many mails over one connection', async () => {
    const transport = createTransport({ url: sandbox.smtpUrl, pool: true, maxConnections: 1 });
    const mails = Array.from({ length: 25 }, (_, n) => ({
      from: 'a@example.org',
      to: 'b@example.org',
      text: `${n}`,
    }));
    await Promise.all(mails.map((mail) => transport.sendMail(mail)));
    expect(sandbox.inbox.mails()).toHaveLength(25);
    transport.close();
  });

  it('refuses a mail that is too large', async () => {
    await expect(send({ text: 'x'.repeat(11_000_000) })).rejects.toMatchObject({ responseCode: 552 });
    expect(sandbox.inbox.mails()).toEqual([]);
  });
});

describe('the inbox page', () => {
  it('lists the mails, newest first', async () => {
    await send({ subject: 'older' });
    await send({ subject: '<script>newer</script>' });
    const html = await get('/inbox');
    expect(html).toContain('&lt;script&gt;newer&lt;/script&gt;');
    expect(html.indexOf('newer')).toBeLessThan(html.indexOf('older'));
  });

  it('shows a mail: header fields, both parts, its source', async () => {
    await send(oneClick(`${origin}/unsubscribe/abc`));
    const { id, source } = await sandbox.inbox.next();
    const html = await get(`/inbox/${id}`);
    for (const shown of ['The Courier', 'ada@example.org', 'List-Unsubscribe=One-Click', 'In plain words.']) {
      expect(html).toContain(shown);
    }
    expect(html).toContain(
      'sandbox="allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"',
    );
    expect(html).toContain('&lt;head&gt;&lt;base target=&quot;_blank&quot;&gt;');
    const raw = await fetch(`${sandbox.url}/inbox/${id}.eml`);
    expect(raw.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await raw.text()).toBe(source.toString());
    expect((await fetch(`${sandbox.url}/inbox/unknown`)).status).toBe(404);
  });

  it('unsubscribes as a mailbox provider does: that body, no cookie, no referrer (U-06, U-07)', async () => {
    await send(oneClick(`${origin}/unsubscribe/abc`));
    const { id } = await sandbox.inbox.next();
    const answer = await press(`/inbox/${id}/unsubscribe`);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe(`/inbox/${id}?answered=200`);

    expect(received).toHaveLength(1);
    const [{ request, body } = expect.fail()] = received;
    expect([request.method, request.url, body]).toEqual([
      'POST',
      '/unsubscribe/abc',
      'List-Unsubscribe=One-Click',
    ]);
    expect(request.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': '26',
    });
    for (const name of ['cookie', 'authorization', 'origin', 'referer'])
      expect(request.headers).not.toHaveProperty(name);
    expect(await get(`/inbox/${id}?answered=200`)).toContain('answered 200');
  });

  it('offers no one-click to another origin, without the POST field, or to another site’s page', async () => {
    await send(oneClick('http://127.0.0.1:9/unsubscribe/abc'));
    await send({ headers: { 'List-Unsubscribe': `<${origin}/unsubscribe/abc>` } });
    await send(oneClick(`${origin}/unsubscribe/abc`));
    const [elsewhere, noPost, good] = sandbox.inbox.mails();
    for (const mail of [elsewhere, noPost]) {
      expect(await get(`/inbox/${mail?.id}`)).not.toContain('<form');
      expect((await press(`/inbox/${mail?.id}/unsubscribe`)).status).toBe(404);
    }
    const foreign = await press(`/inbox/${good?.id}/unsubscribe`, { 'Sec-Fetch-Site': 'cross-site' });
    expect(foreign.status).toBe(403);
    expect(received).toEqual([]);
  });
});
