import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type supertest from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import type { MailKind } from '../../src/generated/prisma/enums.ts';
import { openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { eventually } from '../harness/eventually.ts';
import { dumpOf, Footnote } from '../harness/footnote.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { prepareProcesses } from '../harness/prepared.ts';
import { startProcess } from '../harness/process.ts';

const webhookSecret = 'a-webhook-secret-of-32-characters-or-more';

/** A person whose every trace is known: their address, name, browser, page and network address. */
function canary() {
  const tag = randomUUID().replaceAll('-', '').slice(0, 12);
  const email = `bird-${tag}@canary.example`;
  return {
    email,
    firstName: `Birdy ${tag}`,
    agent: `Browser/${tag}`,
    page: `https://news.example/${tag}`,
    ip: '93.184.216.77',
    /** None of these may be left; the last is what Mailchimp knows them by. */
    traces: [
      email,
      `Birdy ${tag}`,
      `Browser/${tag}`,
      `news.example/${tag}`,
      '93.184.216.77',
      createHash('md5').update(email).digest('hex'),
      tag,
    ],
  };
}
type Canary = ReturnType<typeof canary>;

/** Goes the whole life of a reader up to the link that erases, leaving traces wherever Footnote takes something. */
async function live(
  http: ReturnType<typeof supertest>,
  { inbox, audience, mailchimp }: Sandbox,
  { email, firstName, agent, page, ip }: Canary,
): Promise<{ erase: string }> {
  const as = { 'User-Agent': agent, 'X-Forwarded-For': ip };
  const mail = async (kind: MailKind) => linksIn(await inbox.next(isTo(email, kind)));
  const post = (link: string, body = '') => http.post(link).set(as).type('form').send(body).expect(200);

  const form = new URLSearchParams({ email, firstName, source: page, lists: 'morning-briefing' });
  await http.post('/subscriptions').set(as).type('form').send(form.toString()).expect(303);
  const first = await mail('confirmation');
  // Mailchimp refuses with a detail that names them, and then takes them.
  const refusal = fault.problem(400, 'Invalid Resource', `${email} looks fake or invalid.`);
  const { struck } = audience.inject(refusal, { matching: ({ method }) => method === 'PUT' });
  await post(first.confirm);
  await struck;
  await http
    .post('/subscriptions')
    .set(as)
    .send({ email, firstName, source: page, lists: ['weekend-reads'] })
    .expect(202);
  await post((await mail('confirmation')).confirm);
  await eventually(() => expect(audience.member(email)?.status).toBe('subscribed'));

  await post(first.preferences, 'lists=morning-briefing&lists=science-weekly');
  await post((await mail('confirmation')).confirm);
  await post(first.preferences, 'action=copy');
  await mail('copy');
  await http.post('/my-link').set(as).type('form').send({ email }).expect(200);
  await mail('my_link');
  const told = new URLSearchParams({
    type: 'upemail',
    fired_at: '2026-11-23 09:00:00',
    'data[list_id]': mailchimp.audienceId,
    'data[new_email]': `moved-${email}`,
    'data[old_email]': email,
  });
  await http.post(`/webhooks/mailchimp/${webhookSecret}`).type('form').send(told.toString()).expect(200);
  await post(first.unsubscribe);
  await http
    .post('/subscriptions')
    .set(as)
    .send({ email, source: page, lists: ['morning-briefing'] })
    .expect(202);
  await post((await mail('confirmation')).confirm);
  await post(first.preferences, 'action=erase');
  return { erase: (await mail('erasure')).erase };
}

const settings = {
  TRUST_PROXY: 'loopback',
  MAILCHIMP_WEBHOOK_SECRET: webhookSecret,
  LIMIT_ADDRESS_SECONDS: '0',
  LIMIT_ADDRESS_DAY: '1000',
  LIMIT_ADDRESS_MONTH: '1000',
};

const found = (traces: readonly string[], text: string) =>
  traces.filter((trace) => text.toLowerCase().includes(trace.toLowerCase()));

/** What Mailchimp has of anybody. */
const atMailchimp = ({ audience }: Sandbox) => JSON.stringify([...audience.state.members]);

describe('a canary, after its erasure (I6, C-23)', { timeout: 120_000 }, () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  it('is in no table, no job of the queue, and not at Mailchimp, when an operator erased it', async () => {
    const footnote = await Footnote.start(settings);
    closing.push(() => footnote.stop());
    const bird = canary();
    const { http, sandbox, service } = footnote;
    await live(http, sandbox, bird);
    const [email, ...more] = bird.traces;
    const before = await footnote.dump();
    expect(
      found([email ?? '', ...more.filter((trace) => !/^[0-9a-f]{32}$/.test(trace))], before),
    ).toHaveLength(6);
    expect(found([bird.email], atMailchimp(sandbox))).toHaveLength(1);

    const { id } = await service.database.prisma.subscriber.findUniqueOrThrow({ where: { key: bird.email } });
    // Mails that are still owed, to be found in the queue by nothing but an id.
    await http
      .post('/my-link')
      .set('X-Forwarded-For', '10.0.0.1')
      .type('form')
      .send({ email: bird.email })
      .expect(200);
    for (const _ of ['once', 'and again']) {
      const outcome = await service.subscribing.run({
        type: 'erase_person',
        subscriberId: id,
        channel: 'admin',
      });
      expect(outcome.type).toBe('erased');
    }
    await service.sync?.idle();

    expect(found(bird.traces, await footnote.dump())).toEqual([]);
    expect(found(bird.traces, atMailchimp(sandbox))).toEqual([]);
    const jobs = await service.database.query<{ data: unknown; output: unknown }>(
      `SELECT data, output FROM jobs.job WHERE name = 'mail'`,
    );
    expect(jobs.length).toBeGreaterThan(5);
    for (const { data, output } of jobs) {
      expect(data).toEqual({ mailId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      expect(output).toBeNull();
    }
  });

  it('is in no line of the log and, embedded, in no byte of the data folder, when it pressed the button', async () => {
    const prepared = await prepareProcesses();
    closing.push(() => prepared.close());
    const { sandbox, env } = prepared;
    const footnote = await startProcess({ ...env, ...settings, LOG_LEVEL: 'trace' });
    closing.push(async () => {
      footnote.signal('SIGKILL');
      await footnote.exited;
    });
    const bird = canary();
    const { erase } = await live(footnote.http, sandbox, bird);
    const inFolder = async () =>
      prepared.settings.kind === 'embedded'
        ? found(bird.traces, await bytesIn(prepared.settings.folder))
        : [];
    if (prepared.settings.kind === 'embedded') expect(await inFolder()).toHaveLength(6);

    await footnote.http.post(erase).expect(200);
    await eventually(() => expect(found(bird.traces, atMailchimp(sandbox))).toEqual([]));
    await eventually(async () => expect(await inFolder()).toEqual([]));
    footnote.signal('SIGTERM');
    expect(await footnote.exited).toBe(0);

    expect(await inFolder()).toEqual([]);
    expect(footnote.output()).toContain('Mailchimp mails nothing to an erased person any more');
    expect(found(bird.traces, footnote.output())).toEqual([]);
    const database = await openDatabase(prepared.settings, createLog('silent'));
    closing.push(() => database.close());
    const dump = await dumpOf(database);
    expect(dump).toContain('@erased.invalid');
    expect(found(bird.traces, dump)).toEqual([]);
    expect(await inFolder()).toEqual([]);
  });
});

/** All files of a folder, one after the other. */
async function bytesIn(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  // Those that go meanwhile hold nothing any more.
  const contents = await Promise.all(files.map((file) => readFile(file, 'latin1').catch(() => '')));
  return contents.join('\n');
}
