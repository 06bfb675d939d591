import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { type Prepared, prepareProcesses } from '../harness/prepared.ts';
import { type FootnoteProcess, startProcess } from '../harness/process.ts';

describe('what the server prints, at the most talkative level (A-19, A-26)', () => {
  let prepared: Prepared;
  let sandbox: Sandbox;
  let footnote: FootnoteProcess;

  beforeAll(async () => {
    prepared = await prepareProcesses();
    ({ sandbox } = prepared);
    footnote = await startProcess({ ...prepared.env, LOG_LEVEL: 'trace' });
  });
  afterAll(() => prepared.close());

  it('holds no address, no name, no token and no key', async () => {
    const { http } = footnote;
    const email = 'canary.reader@example.com';
    const signUp = (more: object) =>
      http
        .post('/subscriptions')
        .set('User-Agent', 'CanaryBrowser')
        .send({ email, lists: ['morning-briefing'], ...more });

    await signUp({ firstName: 'Canary', source: 'https://news.example/canary' }).expect(202);
    const secretIn = (link: string) => link.split('/').at(-1) ?? '';
    const { confirm, unsubscribe } = linksIn(await sandbox.inbox.next(isTo(email, 'confirmation')));
    const [token, key] = [secretIn(confirm), secretIn(unsubscribe)];

    // What Mailchimp and readers say in trouble names people as well.
    const { struck } = sandbox.audience.inject(
      fault.problem(
        400,
        'Invalid Resource',
        `${email} looks fake or invalid, please enter a real email address.`,
      ),
      { matching: ({ method }) => method === 'PUT' },
    );
    await http.post(`/confirm/${token}`).expect(200);
    await struck;
    await http.get(`/confirm/${token}`).expect(200);
    await http.post(`/preferences/${key}`).type('form').send('lists=canary').expect(200);
    await http.post(`/unsubscribe/${key}`).expect(200);
    await signUp({ firstName: 'Canary\n{"level":60,"msg":"canary"}', locale: 'canary\u001b[2J' }).expect(422);
    await http.post('/subscriptions').type('json').send(`{"email":"${email}"`).expect(400);
    await http.get(`/unsubscribe/${key}/${email}`).expect(404);
    await http.get(`/confirm/${token}%E0%A4%A`).expect(400);
    await http.post('/my-link').type('form').send({ email }).expect(200);
    await http.post('/my-link').type('form').send({ email: 'canary@' }).expect(422);
    for (const action of ['copy', 'erase'])
      await http.post(`/preferences/${key}`).type('form').send({ action }).expect(200);
    await sandbox.inbox.next(isTo(email, 'copy'));
    const { erase } = linksIn(await sandbox.inbox.next(isTo(email, 'erasure')));
    await http.post(`/not-me/${key}`).expect(200);
    await http.post(erase).expect(200);
    await http.get(erase).expect(200);
    const secrets = [token, key, secretIn(erase)];
    expect(new Set(secrets.map((secret) => secret.length))).toEqual(new Set([32, 40]));

    footnote.signal('SIGTERM');
    await footnote.exited;
    const printed = footnote.output();
    expect(printed).toContain('a mail was accepted by the mail server');
    expect(printed).toContain('Mailchimp is not equal for contacts');
    for (const secret of ['canary', 'example.com', sandbox.mailchimp.apiKey, ...secrets]) {
      expect(printed.toLowerCase()).not.toContain(secret);
    }
    for (const line of printed.trim().split('\n')) expect(() => JSON.parse(line), line).not.toThrow();
  });
});
