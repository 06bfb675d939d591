import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/sandbox/mailchimp/door.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { key, operator } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';
import { checkExchange, contractMissing } from '../harness/mailchimpContract.ts';
import { linksIn } from '../harness/mails.ts';

const html = '<html><head><title>Monday</title></head><body><h1>Good morning</h1></body></html>';

describe('an editor who sends a newsletter', () => {
  let footnote: Footnote;
  let folder: string;
  const exchanges: Exchange[] = [];
  let id: string;
  let dora: { unsubscribe: string };

  beforeAll(async () => {
    footnote = await Footnote.start({ ADMIN_API_KEY: key });
    footnote.sandbox.audience.observe((exchange) => {
      if (exchange.path.startsWith('/campaigns')) exchanges.push(exchange);
    });
    folder = await mkdtemp(join(tmpdir(), 'campaigns-'));
    await writeFile(join(folder, 'monday.html'), html);
    await footnote.subscribe('ada@reader.example', ['morning-briefing']);
    await footnote.subscribe('bert@reader.example', ['morning-briefing', 'weekend-reads']);
    await footnote.subscribe('cleo@reader.example', ['weekend-reads']);
    dora = await footnote.subscribe('dora@reader.example', ['morning-briefing']);
    await footnote.service.sync?.idle();
  });
  afterAll(async () => {
    await footnote.stop();
    await rm(folder, { recursive: true });
  });

  const admin = (...words: string[]) => operator(footnote)(...words);
  const campaigns = async (...words: string[]) => {
    const { out, err, code } = await admin('campaigns', ...words, '--json');
    expect(err).toBe('');
    expect(code).toBe(0);
    return JSON.parse(out);
  };
  const api = (verb: 'get' | 'post', path: string, body?: object) => {
    const asked = footnote.http[verb](`/admin/api/campaigns${path}`).set('Authorization', `Bearer ${key}`);
    return body === undefined ? asked : asked.send(body);
  };
  const draft = async (more: object = {}) => {
    const { body } = await api('post', '', {
      list: 'morning-briefing',
      subject: 'Good morning',
      html,
      ...more,
    }).expect(201);
    return String(body.id);
  };
  /** Who got a mail of that subject, once all are mailed. */
  const readersOf = async (subject: string) => {
    await footnote.sandbox.audience.mailing.idle();
    return footnote.sandbox.inbox
      .mails()
      .filter((mail) => mail.subject === subject)
      .flatMap(({ envelope }) => envelope.to)
      .sort();
  };
  const mailOf = (subject: string, email: string) =>
    footnote.sandbox.inbox.next((mail) => mail.subject === subject && mail.envelope.to.includes(email));

  it('drafts it, and has it tested', async () => {
    const { id: made, ...drafted } = await campaigns(
      'create',
      '--list',
      'morning-briefing',
      '--subject',
      'Monday',
      '--preview',
      'What matters today',
      '--html',
      join(folder, 'monday.html'),
    );
    id = made;
    expect(drafted).toEqual({
      title: 'Monday',
      subject: 'Monday',
      previewText: 'What matters today',
      list: 'morning-briefing',
      status: 'save',
      recipients: 3,
      sendTime: null,
      sent: 0,
    });

    await campaigns('test', id, 'editor@daily.example');
    expect((await mailOf('[Test] Monday', 'editor@daily.example')).html).toContain('Good morning');
  });

  it('is told whom it would reach, and sends it to the readers of that list alone', async () => {
    const asked = await admin('campaigns', 'send', id);
    expect(asked.out).toBe(
      'This would send “Monday” to 3 readers of morning-briefing. Say --yes to do it.\n',
    );
    expect(await readersOf('Monday')).toEqual([]);

    // Who leaves in the meantime gets nothing (I2).
    await footnote.http.post(dora.unsubscribe).expect(200);
    await footnote.service.sync?.idle();
    await campaigns('send', id, '--yes');
    expect(await readersOf('Monday')).toEqual(['ada@reader.example', 'bert@reader.example']);
    expect(await campaigns('show', id)).toMatchObject({ status: 'sent', recipients: 2, sent: 2 });
  });

  it('mails links by which a reader ends it, or chooses, beside that of Mailchimp (I8)', async () => {
    const mail = await mailOf('Monday', 'bert@reader.example');
    const { unsubscribe, preferences } = linksIn(mail);
    for (const link of [unsubscribe, preferences]) {
      expect(link).not.toBe('');
      expect(mail.html).toContain(`href="${footnote.settings.baseUrl}${link}"`);
    }
    const leave = `${footnote.sandbox.url}/mailchimp/leave/`;
    expect(mail.html).toContain(`href="${leave}`);
    expect(mail.text).toContain(leave);
    expect(mail.html).toContain(footnote.settings.publication.postalAddress);
    expect(`${mail.html}${mail.text}`).not.toContain('*|');

    await footnote.http.get(preferences).expect(200);
    await footnote.http.post(unsubscribe).expect(200);
    expect(Object.values(await footnote.lists('bert@reader.example'))).toEqual([
      'unsubscribed',
      'unsubscribed',
    ]);
    const id = await draft({ subject: 'Tuesday' });
    await footnote.service.sync?.idle();
    await api('post', `/${id}/send`).expect(200);
    expect(await readersOf('Tuesday')).toEqual(['ada@reader.example']);
  });

  it('is not tracked for us: Mailchimp is asked for neither opens nor clicks', () => {
    const made = exchanges.filter(({ method, path }) => method === 'POST' && path === '/campaigns');
    expect(made.length).toBeGreaterThan(0);
    for (const { requestBody } of made) {
      expect(requestBody).toMatchObject({
        tracking: { opens: false, html_clicks: false, text_clicks: false },
      });
    }
  });

  it('waits while Mailchimp has yet to hear of somebody who left (I2)', async () => {
    const links = await footnote.subscribe('emil@reader.example', ['morning-briefing']);
    await footnote.service.sync?.idle();
    const id = await draft({ subject: 'Wednesday' });
    footnote.sandbox.audience.inject(fault.problem(500, 'InternalServerError', 'Later.'), {
      times: Number.POSITIVE_INFINITY,
      matching: ({ path }) => path.includes('/members') || /^\/lists\/\w+$/.test(path),
    });
    await footnote.http.post(links.unsubscribe).expect(200);
    const { body } = await api('post', `/${id}/send`).expect(409);
    expect(body.detail).toContain('has not yet heard of opt-outs (1)');
    expect(await readersOf('Wednesday')).toEqual([]);

    footnote.sandbox.audience.clearFaults();
    await footnote.hurry();
    await footnote.service.sync?.idle();
    await api('post', `/${id}/send`).expect(200);
    expect(await readersOf('Wednesday')).toEqual(['ada@reader.example']);
  });

  it('schedules it at a quarter of an hour in the future, and no other', async () => {
    const id = await draft({ subject: 'Thursday' });
    const quarter = 15 * 60_000;
    const soon = new Date((Math.floor(footnote.now().getTime() / quarter) + 2) * quarter);
    const refused = async (at: string) => (await api('post', `/${id}/schedule`, { at }).expect(422)).body;
    expect((await refused(new Date(soon.getTime() + 60_000).toISOString())).detail).toContain('quarter');
    expect((await refused(new Date(soon.getTime() - 365 * 24 * 4 * quarter).toISOString())).detail).toContain(
      'future',
    );
    expect((await refused('tomorrow')).errors).toEqual([expect.objectContaining({ field: 'at' })]);

    expect(await campaigns('schedule', id, soon.toISOString())).toMatchObject({
      status: 'schedule',
      sendTime: soon.toISOString(),
      sent: 0,
    });
    // It is no draft any more.
    const { body } = await api('post', `/${id}/send`).expect(409);
    expect(body.detail).toContain('“schedule”');
    expect(await readersOf('Thursday')).toEqual([]);
  });

  it('is refused what is no mail, and told why (H-02, H-05)', async () => {
    const faults = async (more: object) => {
      const wish = { list: 'morning-briefing', subject: 'Bad', html, ...more };
      const { body } = await api('post', '', wish).expect(422);
      return body.errors.map(
        ({ field, message }: { field: string; message: string }) => `${field} ${message}`,
      );
    };
    expect(await faults({ html: '<p>Hello</p>' })).toEqual(['html must be a whole document, with a body']);
    expect(await faults({ html: '<body><script>1</script></body>' })).toEqual([
      'html must have no <script>: mail programs refuse it',
    ]);
    expect(await faults({ html: `<body>${'x'.repeat(80_000)}</body>` })).toEqual([
      expect.stringContaining('html must be 80000 bytes at most with its footer'),
    ]);
    expect(await faults({ list: 'no-such-list' })).toEqual(['list must be the slug of a mailing list']);
    expect(await faults({ subject: 'Two\nlines' })).toEqual(['subject must be one line']);
    expect(await faults({ locale: 'xx' })).toEqual([expect.stringContaining('locale must be one of')]);
    await api('post', '/0123456789/send').expect(404);
    await api('get', '/0123456789').expect(404);
    const id = await draft();
    await api('post', `/${id}/test`, { emails: Array(6).fill('editor@daily.example') }).expect(422);
    await api('post', `/${id}/test`, { emails: ['nobody'] }).expect(422);
  });

  it('is told what Mailchimp finds in the way of sending it', async () => {
    const id = await draft({ list: 'science-weekly' });
    const refused = await api('post', `/${id}/send`).expect(409);
    expect(refused.body.detail).toContain('There are no contacts in this segment.');
  });

  it('is told what Mailchimp refuses, and leaves no empty draft behind', async () => {
    const before = footnote.sandbox.audience.state.campaigns.length;
    footnote.sandbox.audience.inject(
      fault.problem(400, 'Invalid Resource', 'The content is not to our taste.'),
      { matching: ({ method, path }) => method === 'PUT' && path.endsWith('/content') },
    );
    const { body } = await api('post', '', { list: 'morning-briefing', subject: 'Bad', html }).expect(424);
    expect(body.detail).toContain('The content is not to our taste.');
    expect(footnote.sandbox.audience.state.campaigns).toHaveLength(before);
  });

  it('sends nothing that lost its footer, or its list, at Mailchimp (I8)', async () => {
    const bare = await draft({ subject: 'Bare' });
    const wide = await draft({ subject: 'Wide' });
    for (const campaign of footnote.sandbox.audience.state.campaigns) {
      if (campaign.id === bare) campaign.html = html;
      if (campaign.id === wide) campaign.segment_opts = null;
    }
    const { body } = await api('post', `/${bare}/send`).expect(409);
    expect(body.detail).toContain('the HTML lacks the links');
    expect((await api('post', `/${wide}/send`).expect(409)).body.detail).toContain('mailing lists alone');
    expect((await api('get', `/${wide}`).expect(200)).body.list).toBeNull();
    expect([...(await readersOf('Bare')), ...(await readersOf('Wide'))]).toEqual([]);
  });

  it.skipIf(contractMissing !== null)('speaks with Mailchimp as its description says', () => {
    const asked = new Set(exchanges.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`));
    for (const call of ['POST campaigns', 'PUT content', 'GET send-checklist', 'POST test', 'POST send']) {
      expect(asked).toContain(call);
    }
    expect(asked).toContain('POST schedule');
    expect(exchanges.flatMap(checkExchange)).toEqual([]);
  });
});
