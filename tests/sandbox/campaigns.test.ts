import { DomUtils, parseDocument } from 'htmlparser2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/sandbox/mailchimp/door.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { checkExchange, contractMissing } from '../harness/mailchimpContract.ts';
import { type Client, officialClient } from './officialClient.ts';

const settings = { subject_line: 'Hello *|FNAME|*', from_name: 'News', reply_to: 'news@example.org' };
const content = {
  html: '<body>Hello *|FNAME|* *|NOBODY|*<a href="*|UNSUB|*">Leave</a></body>',
  plain_text: 'Hello *|FNAME|*: *|UNSUB|*',
};
const hour = 60 * 60_000;

describe('campaigns of the sandbox', () => {
  let sandbox: Sandbox;
  let mailchimp: Client;
  let ahead = 0;
  const exchanges: Exchange[] = [];

  beforeAll(async () => {
    sandbox = await startSandbox({
      port: 0,
      smtpPort: 0,
      serviceUrl: 'http://127.0.0.1:9',
      folder: null,
      now: () => new Date(Date.now() + ahead),
    });
    mailchimp = officialClient(sandbox.mailchimp);
    sandbox.audience.observe((exchange) => {
      if (exchange.path.startsWith('/campaigns')) exchanges.push(exchange);
    });
    sandbox.audience.seed([
      { email_address: 'ada@example.org', status: 'subscribed', merge_fields: { FNAME: '<b>Ada</b>' } },
      { email_address: 'bert@example.org', status: 'unsubscribed' },
    ]);
  });
  afterAll(() => sandbox.stop());

  const draft = async (more: object = {}) => {
    const recipients = { list_id: sandbox.mailchimp.audienceId };
    const body = { type: 'regular', recipients, settings: { ...settings, ...more } };
    return String((await mailchimp.call('POST', '/campaigns', { body })).body.id);
  };
  const act = (id: string, action: string, body?: object) =>
    mailchimp.call('POST', `/campaigns/${id}/actions/${action}`, { body });
  const mailed = async () => {
    await sandbox.audience.mailing.idle();
    return sandbox.inbox.mails().map(({ subject, envelope }) => `${subject} to ${envelope.to.join()}`);
  };

  it('are not sent before they are whole, and the checklist says what they lack', async () => {
    const id = await draft({ subject_line: '' });
    expect((await act(id, 'send')).body).toMatchObject({
      status: 400,
      detail: 'Your Campaign is not ready to send.',
    });
    const { body } = await mailchimp.call('GET', `/campaigns/${id}/send-checklist`);
    expect(body.is_ready).toBe(false);
    expect(
      body.items
        .filter(({ type }: { type: string }) => type === 'error')
        .map(({ heading }: { heading: string }) => heading),
    ).toEqual(['Subject', 'Content']);
    expect((await mailchimp.call('DELETE', `/campaigns/${id}`)).status).toBe(204);
    expect((await mailchimp.call('GET', `/campaigns/${id}`)).status).toBe(404);
  });

  it('mail whoever is subscribed, once, with their own words', async () => {
    const id = await draft();
    await mailchimp.call('PUT', `/campaigns/${id}/content`, { body: content });
    expect((await act(id, 'send')).status).toBe(204);
    expect(await mailed()).toEqual(['Hello <b>Ada</b> to ada@example.org']);
    const [mail] = sandbox.inbox.mails();
    expect(mail?.html).toContain('Hello &lt;b&gt;Ada&lt;/b&gt; <a');
    const { body } = await mailchimp.call('GET', `/campaigns/${id}`);
    expect(body).toMatchObject({ status: 'sent', emails_sent: 1 });
    expect((await act(id, 'send')).status).toBe(400);
    expect((await mailchimp.call('DELETE', `/campaigns/${id}`)).status).toBe(400);
    expect((await mailchimp.call('PUT', `/campaigns/${id}/content`, { body: content })).status).toBe(400);
    expect(await mailed()).toHaveLength(1);
  });

  it('are sent when their time has come', async () => {
    const id = await draft({ subject_line: 'Later' });
    await mailchimp.call('PUT', `/campaigns/${id}/content`, { body: content });
    const at = new Date(Math.ceil(Date.now() / hour) * hour + hour);
    const odd = new Date(at.getTime() + 60_000).toISOString();
    expect((await act(id, 'schedule', { schedule_time: odd })).status).toBe(400);
    expect((await act(id, 'schedule', { schedule_time: at.toISOString() })).status).toBe(204);
    sandbox.audience.mailing.sendDue();
    expect(await mailed()).not.toContain('Later to ada@example.org');
    ahead = 3 * hour;
    sandbox.audience.mailing.sendDue();
    sandbox.audience.mailing.sendDue();
    expect((await mailed()).filter((mail) => mail.startsWith('Later'))).toEqual(['Later to ada@example.org']);
  });

  it('have a link of Mailchimp’s own, where a button and no GET ends it (I7)', async () => {
    const [mail] = sandbox.inbox.mails();
    const [link] = DomUtils.getElementsByTagName('a', parseDocument(mail?.html ?? ''));
    const page = await fetch(link?.attribs['href'] ?? '');
    expect(page.status).toBe(200);
    expect(sandbox.audience.member('ada@example.org')?.status).toBe('subscribed');
    const document = parseDocument(await page.text());
    const [button] = DomUtils.getElementsByTagName('button', document);
    const [form] = DomUtils.getElementsByTagName('form', document);
    await fetch(new URL(form?.attribs['action'] ?? '', sandbox.url), {
      method: 'POST',
      body: new URLSearchParams({ act: button?.attribs['value'] ?? '' }),
    });
    expect(sandbox.audience.member('ada@example.org')?.status).toBe('unsubscribed');
    expect(await (await fetch(`${sandbox.url}/mailchimp`)).text()).toContain('mails sent: 1');
    expect((await fetch(`${sandbox.url}/mailchimp/leave/nobody`)).status).toBe(404);
  });

  it.skipIf(contractMissing !== null)('answer as the description of the API says', () => {
    expect(exchanges.length).toBeGreaterThan(10);
    expect(exchanges.flatMap(checkExchange)).toEqual([]);
  });
});
