import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomUtils, parseDocument } from 'htmlparser2';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { officialClient } from './officialClient.ts';

const email = 'ada@example.org';
let folder: string;
const running: Sandbox[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((sandbox) => sandbox.stop()));
  await rm(folder, { recursive: true });
});

async function start(options: Partial<Parameters<typeof startSandbox>[0]> = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({
    port: 0,
    smtpPort: 0,
    serviceUrl: 'http://127.0.0.1:9',
    folder: null,
    ...options,
  });
  running.push(sandbox);
  return sandbox;
}

async function stop(sandbox: Sandbox): Promise<void> {
  running.splice(running.indexOf(sandbox), 1);
  await sandbox.stop();
}

const subscribe = (sandbox: Sandbox, status = 'subscribed') =>
  officialClient(sandbox.mailchimp).call('POST', `/lists/${sandbox.mailchimp.audienceId}/members`, {
    body: { email_address: email, status, merge_fields: { FNAME: '<b>Ada</b>' } },
  });

const send = (sandbox: Sandbox) =>
  createTransport(sandbox.smtpUrl).sendMail({
    from: 'news@example.org',
    to: email,
    subject: 'Hello',
    text: 'Hi.',
  });

describe('the sandbox', () => {
  it('is told as an origin of its own, its Mailchimp as an API base with a data centre', async () => {
    const sandbox = await start();
    expect(sandbox.url).toMatch(/^http:\/\/localhost:\d+$/);
    expect(sandbox.mailchimp.baseUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/3\.0$/);
    expect(sandbox.mailchimp.apiKey).toMatch(/-us1$/);
    const index = await (await fetch(sandbox.url)).text();
    for (const path of ['/article', '/inbox', '/mailchimp']) expect(index).toContain(`href="${path}"`);
    const style = await fetch(`${sandbox.url}/style.css`);
    expect(style.headers.get('content-type')).toContain('text/css');
  });

  it('finds the audience and the mails again after a restart', async () => {
    const before = await start({ folder });
    await subscribe(before);
    before.audience.people.leaveByFooter(email);
    await send(before);
    const mail = before.inbox.mails()[0];
    await stop(before);
    expect(await readdir(folder)).toEqual(['mailchimp.json', 'mails']);

    const after = await start({ folder });
    expect(after.mailchimp.audienceId).toBe(before.mailchimp.audienceId);
    expect(after.audience.member(email)).toEqual(before.audience.member(email));
    expect(
      (await officialClient(after.mailchimp).call('GET', `/lists/${after.mailchimp.audienceId}`)).body.stats,
    ).toMatchObject({ unsubscribe_count: 1 });
    expect(after.inbox.mails()).toEqual([{ ...mail, envelope: { from: '', to: [email] } }]);
  });

  it('writes nothing without a folder', async () => {
    const sandbox = await start();
    await subscribe(sandbox);
    await stop(sandbox);
    const again = await start();
    expect(again.audience.member(email)).toBeNull();
  });

  it('does not start over a state that it cannot read', async () => {
    await writeFile(join(folder, 'mailchimp.json'), '{"members":');
    await expect(start({ folder })).rejects.toThrow('is not a state of the sandbox Mailchimp');
  });

  it('names the port that is in use, and leaves the other one free', async () => {
    const first = await start();
    const [port, smtpPort] = [first.url, first.smtpUrl].map((url) => Number(new URL(url).port));
    await expect(start({ port: port ?? 0 })).rejects.toThrow(
      `Port ${port} cannot be taken for the sandbox pages and Mailchimp: it is in use.`,
    );
    await stop(first);
    const second = await start({ smtpPort: smtpPort ?? 0 });
    await expect(start({ port: port ?? 0, smtpPort: smtpPort ?? 0 })).rejects.toThrow(
      `Port ${smtpPort} cannot be taken for the sandbox inbox (SMTP): it is in use.`,
    );
    await stop(second);
    await start({ port: port ?? 0, smtpPort: smtpPort ?? 0 });
  });

  it('stops although a request is never answered', async () => {
    const sandbox = await start();
    const { struck } = sandbox.audience.inject(fault.silent());
    const unanswered = expect(subscribe(sandbox)).rejects.toThrow();
    await struck;
    await stop(sandbox);
    await unanswered;
  });
});

describe('the page of the sandbox Mailchimp', () => {
  const post = (sandbox: Sandbox, path: string, fields: Record<string, string>) =>
    fetch(`${sandbox.url}/mailchimp/${path}`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams(fields),
    });
  /** Presses the button with that label, as the page holds it. */
  async function press(sandbox: Sandbox, label: string) {
    const html = await (await fetch(`${sandbox.url}/mailchimp`)).text();
    const form = DomUtils.getElementsByTagName('form', parseDocument(html)).find(
      (candidate) => DomUtils.textContent(candidate) === label,
    );
    const [button] = DomUtils.getElementsByTagName('button', form ?? []);
    const { name, value = '' } = button?.attribs ?? expect.fail(`no button ${label}`);
    const path = form?.attribs['action']?.replace('/mailchimp/', '') ?? '';
    return post(sandbox, path, name === undefined ? {} : { [name]: value });
  }

  it('shows the members and lets the person leave as by Mailchimp’s footer', async () => {
    const sandbox = await start();
    await subscribe(sandbox);
    const html = await (await fetch(`${sandbox.url}/mailchimp`)).text();
    expect(html).toContain(email);
    expect(html).toContain('&lt;b&gt;Ada&lt;/b&gt;');
    expect((await press(sandbox, 'Unsubscribe in Mailchimp')).headers.get('location')).toBe('/mailchimp');
    expect(sandbox.audience.member(email)?.status).toBe('unsubscribed');
    expect(
      (
        await officialClient(sandbox.mailchimp).call(
          'PATCH',
          `/lists/${sandbox.mailchimp.audienceId}/members/${email}`,
          { body: { status: 'subscribed' } },
        )
      ).body.title,
    ).toBe('Member In Compliance State');
  });

  it('counts who was deleted for good, and names nobody', async () => {
    const sandbox = await start();
    await subscribe(sandbox);
    sandbox.audience.people.deletePermanently(email);
    const html = await (await fetch(`${sandbox.url}/mailchimp`)).text();
    expect(html.replaceAll('<!-- -->', '')).toContain('0 members, 1 deleted for good.');
    expect(html).not.toContain(email);
  });

  it('lets a pending person confirm as by Mailchimp’s mail', async () => {
    const sandbox = await start();
    await subscribe(sandbox, 'pending');
    expect((await press(sandbox, 'Confirm in Mailchimp’s mail')).status).toBe(303);
    expect(sandbox.audience.member(email)?.status).toBe('subscribed');
  });

  it('knows no stranger', async () => {
    const sandbox = await start();
    const act = JSON.stringify({ does: 'leaveByFooter', email });
    expect((await post(sandbox, 'people', { act })).status).toBe(404);
    expect((await post(sandbox, 'people', { act: '{}' })).status).toBe(400);
  });

  it('lets people choose, complain, bounce, be archived, and return by Mailchimp’s form', async () => {
    const sandbox = await start();
    await subscribe(sandbox);
    const { state } = sandbox.audience;
    state.categories.push({ id: 'c', title: 'Newsletters', type: 'checkboxes', display_order: 0 });
    state.interests.push({ id: 'i', category_id: 'c', name: 'Daily', display_order: 0 });
    await press(sandbox, 'Join Daily');
    expect(sandbox.audience.member(email)?.interests).toEqual({ i: true });
    await press(sandbox, 'Leave Daily');
    expect(sandbox.audience.member(email)?.interests).toEqual({ i: false });
    for (const [label, status] of [
      ['Report as spam', 'unsubscribed'],
      ['Let the address bounce', 'cleaned'],
      ['Archive', 'archived'],
    ] as const) {
      await press(sandbox, label);
      expect(sandbox.audience.member(email)?.status).toBe(status);
      await press(sandbox, 'Join by Mailchimp’s form');
      expect(sandbox.audience.member(email)?.status).toBe('subscribed');
    }
  });

  it('makes the next call of the API fail, until told to stop', async () => {
    const sandbox = await start();
    await press(sandbox, 'throttled');
    expect((await subscribe(sandbox)).status).toBe(429);
    await press(sandbox, 'html page');
    await press(sandbox, 'No more faults');
    expect((await subscribe(sandbox)).body.status).toBe('subscribed');
  });
});
