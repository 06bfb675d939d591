import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, type MailchimpApi, type PutMember } from '../../src/mailchimp/api/client.ts';
import { loadContacts, takeDue } from '../../src/mailchimp/lane/contacts.ts';
import { type Sync, startSync } from '../../src/mailchimp/lane/sync.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { linksOf } from '../../src/subscribing/links.ts';
import { type Newsroom, openNewsroom, silent } from './newsroom.ts';

const links = linksOf('https://news.example');
const pace = { poll: 10_000, lease: 60_000, patience: 25_000, probe: 20 };

describe('the lane to Mailchimp', () => {
  let newsroom: Newsroom;
  let sandbox: Sandbox;
  let sync: Sync;
  /** The members put, in the order in which they reached Mailchimp. */
  let puts: Pick<PutMember, 'email_address' | 'status' | 'interests'>[];
  const email = 'reader@news.example';

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
    await newsroom.addList('weekly', 'The Weekly');
  });
  afterAll(() => newsroom.close());

  beforeEach(async () => {
    await newsroom.newReaders();
    sandbox = await startSandbox({ port: 0, smtpPort: 0, serviceUrl: 'http://localhost:3000', folder: null });
    puts = [];
    sandbox.audience.observe(({ method, requestBody }) => {
      if (method === 'PUT') puts.push(requestBody as PutMember);
    });
    sync = start();
    await sync.idle();
  });
  afterEach(async () => {
    await sync.stop();
    await sandbox.stop();
  });

  const start = (options: { api?: MailchimpApi; log?: typeof silent; concurrency?: number } = {}) =>
    startSync({
      database: newsroom.database,
      api: connect(sandbox.mailchimp),
      subscribing: newsroom.subscribing,
      hear: async () => {},
      read: async () => {},
      footerLinks: (key) => ({ unsubscribe: links.unsubscribe(key), preferences: links.preferences(key) }),
      log: silent,
      pace,
      ...options,
    });
  const restart = async (options: Parameters<typeof start>[0]) => {
    await sync.stop();
    sync = start(options);
    await sync.idle();
  };
  const settled = async () => {
    sync.wake();
    await sync.idle();
  };
  const retried = async () => {
    await newsroom.hurry();
    await settled();
  };
  const stopped = async () => (await newsroom.database.prisma.audienceLane.findFirstOrThrow()).stopped;
  const isPut = { matching: ({ method }: { method: string }) => method === 'PUT' };
  const member = (address = email) => sandbox.audience.member(address);
  const chosen = (address = email) =>
    sandbox.audience.state.interests
      .filter(({ id }) => member(address)?.interests[id] === true)
      .map(({ name }) => name);
  const forget = (address: string) =>
    fetch(
      `${sandbox.mailchimp.baseUrl}/lists/${sandbox.mailchimp.audienceId}/members/${address}/actions/delete-permanent`,
      { method: 'POST', headers: { Authorization: `Bearer ${sandbox.mailchimp.apiKey}` } },
    );
  const equal = async (address = email) => {
    const { wanted, acknowledged, refusal } = await newsroom.contact(address);
    expect({ acknowledged, refusal }).toEqual({ acknowledged: wanted, refusal: null });
  };

  describe('subscribing', () => {
    it('puts nobody into the audience before they confirmed, and then with the lists chosen (I1)', async () => {
      await newsroom.signUp(email, 'daily');
      await settled();
      expect(member()).toBeNull();
      await newsroom.confirm(email);
      await settled();
      const { linkKey } = await newsroom.contact(email);
      expect(member()).toMatchObject({
        status: 'subscribed',
        ip_opt: '93.184.216.34',
        merge_fields: { UNSUBURL: links.unsubscribe(linkKey), PREFURL: links.preferences(linkKey) },
      });
      expect(chosen()).toEqual(['The Daily']);
      await equal();
    });

    it('touches no interest but ours', async () => {
      const api = connect(sandbox.mailchimp);
      const topics = await api.createInterestCategory({ title: 'Topics', type: 'checkboxes' });
      const sport = await api.createInterest(topics.id, { name: 'Sport' });
      await api.putMember({
        email_address: email,
        status_if_new: 'subscribed',
        interests: { [sport.id]: true },
      });
      await newsroom.subscribe(email, 'daily');
      await settled();
      expect(chosen().sort()).toEqual(['Sport', 'The Daily']);
    });

    it('makes the interest of a list that is younger than the lane', async () => {
      await newsroom.addList('monthly', 'The Monthly');
      await newsroom.subscribe(email, 'monthly');
      await settled();
      expect(chosen()).toEqual(['The Monthly']);
      await equal();
    });

    it('makes an interest anew that somebody deleted', async () => {
      const { interests } = sandbox.audience.state;
      interests.splice(0, interests.length);
      await newsroom.subscribe(email, 'daily');
      await settled();
      await retried();
      expect(chosen()).toEqual(['The Daily']);
      await equal();
    });

    it('follows a change of lists', async () => {
      await newsroom.subscribe(email, 'daily', 'weekly');
      await settled();
      await newsroom.leave(email, 'daily');
      await settled();
      expect(chosen()).toEqual(['The Weekly']);
      expect(member()?.status).toBe('subscribed');
    });

    it('collapses two quick changes into one call', async () => {
      await newsroom.subscribe(email, 'daily', 'weekly');
      await newsroom.leave(email, 'daily');
      await settled();
      expect(puts).toHaveLength(1);
      expect(chosen()).toEqual(['The Weekly']);
      await equal();
    });
  });

  describe('opting out', () => {
    it('ends the status and every interest', async () => {
      await newsroom.subscribe(email, 'daily', 'weekly');
      await settled();
      await newsroom.leave(email);
      await settled();
      expect(member()?.status).toBe('unsubscribed');
      expect(chosen()).toEqual([]);
      expect(await newsroom.contact(email)).toMatchObject({ optOut: false });
      await equal();
    });

    it('goes before everything that is due longer', async () => {
      await newsroom.subscribe(email, 'daily');
      await settled();
      await sync.stop();
      await newsroom.subscribe('first@news.example', 'daily');
      await newsroom.subscribe('second@news.example', 'daily');
      await newsroom.leave(email);
      puts = [];
      sync = start({ concurrency: 1 });
      await settled();
      expect(puts.map(({ email_address }) => email_address)).toEqual([
        email,
        'first@news.example',
        'second@news.example',
      ]);
    });

    it('during a call is sent after it, and stays (I2)', async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const { struck } = sandbox.audience.inject(fault.held(promise), isPut);
      await newsroom.subscribe(email, 'daily');
      sync.wake();
      await struck;
      await newsroom.leave(email);
      sync.wake();
      resolve();
      await settled();
      expect(puts.map(({ status }) => status)).toEqual(['subscribed', 'unsubscribed']);
      expect(member()?.status).toBe('unsubscribed');
      await equal();
    });

    it('stays when the call of a worker that lost its lease arrives late (I2)', async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const { struck } = sandbox.audience.inject(fault.held(promise), isPut);
      await newsroom.subscribe(email, 'daily');
      sync.wake();
      await struck;
      await newsroom.leave(email);
      const other = start();
      await other.idle();
      expect(member()).toBeNull();
      await other.stop();
      resolve();
      await settled();
      expect(puts.map(({ status }) => status)).toEqual(['subscribed', 'unsubscribed']);
      expect(member()?.status).toBe('unsubscribed');
      await equal();
    });

    it('after a call that we stopped waiting for is sent again once that cannot act any more (I2)', async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      sandbox.audience.inject(fault.held(promise), isPut);
      await restart({ api: connect({ ...sandbox.mailchimp, timeoutMs: 200 }) });
      await newsroom.subscribe(email, 'daily');
      await settled();
      expect((await newsroom.contact(email)).refusal).toMatchObject({ kind: 'timeout' });
      await newsroom.leave(email);
      await settled();
      expect(member()).toBeNull();
      // The call of before arrives, and raises the person.
      const raised = new Promise<void>((done) => {
        sandbox.audience.observe(() => done());
      });
      resolve();
      await raised;
      expect(member()?.status).toBe('subscribed');
      const { wanted, acknowledged, optOut, dueAt } = await newsroom.contact(email);
      expect(acknowledged).toBeLessThan(wanted);
      expect(optOut).toBe(true);
      expect(dueAt?.getTime()).toBeGreaterThan(Date.now() + 100_000);
      await newsroom.pass(180_000);
      await settled();
      expect(member()?.status).toBe('unsubscribed');
      await equal();
    });

    it('is as good as done for an address that Mailchimp has forgotten', async () => {
      await newsroom.subscribe(email, 'daily');
      await settled();
      await forget(email);
      await newsroom.leave(email);
      await settled();
      expect(member()).toBeNull();
      await equal();
    });
  });

  describe('somebody who left at Mailchimp', () => {
    beforeEach(async () => {
      await newsroom.subscribe(email, 'daily', 'weekly');
      await settled();
      sandbox.audience.people.leaveByFooter(email);
      puts = [];
    });

    it('is not raised by a change that is no new consent (I2)', async () => {
      await newsroom.leave(email, 'daily');
      await settled();
      expect(puts.map(({ status }) => status)).toEqual(['unsubscribed']);
      expect(member()?.status).toBe('unsubscribed');
      await equal();
    });

    it('has left here as well, and the ledger says where', async () => {
      await newsroom.look(email);
      await settled();
      expect(await newsroom.lists(email)).toEqual({ daily: 'unsubscribed', weekly: 'unsubscribed' });
      expect(await newsroom.lastEvent(email)).toMatchObject({ kind: 'unsubscribed', channel: 'mailchimp' });
      await equal();
    });

    it('is asked by Mailchimp itself when they consent anew, once', async () => {
      await newsroom.leave(email);
      await newsroom.subscribe(email, 'daily', 'weekly');
      await settled();
      expect(puts.map(({ status }) => status)).toEqual(['subscribed', 'pending']);
      expect(member()?.status).toBe('pending');
      expect(await newsroom.contact(email)).toMatchObject({
        refusal: { kind: 'awaiting_mailchimp_confirmation' },
        dueAt: null,
      });
      await newsroom.leave(email, 'daily');
      await settled();
      expect(puts.map(({ status }) => status)).toEqual(['subscribed', 'pending', undefined]);
      expect(chosen()).toEqual(['The Weekly']);
    });

    it('is subscribed with later choices once they confirmed there', async () => {
      await newsroom.leave(email);
      await newsroom.subscribe(email, 'daily', 'weekly');
      await settled();
      sandbox.audience.people.confirm(email);
      await newsroom.leave(email, 'daily');
      await settled();
      expect(member()?.status).toBe('subscribed');
      expect(chosen()).toEqual(['The Weekly']);
      await equal();
    });

    it('is given up when Mailchimp refuses even to ask', async () => {
      sandbox.audience.people.markCleaned(email);
      await newsroom.leave(email);
      await newsroom.subscribe(email, 'daily');
      await settled();
      expect(await newsroom.contact(email)).toMatchObject({
        refusal: { kind: 'compliance', title: 'Member In Compliance State', status: 400 },
        dueAt: null,
      });
    });

    it('may leave here, too', async () => {
      await newsroom.leave(email);
      await settled();
      expect(member()?.status).toBe('unsubscribed');
      await equal();
    });
  });

  it('raises by a new consent whom an editor unsubscribed or archived', async () => {
    for (const act of ['adminUnsubscribe', 'archive'] as const) {
      const address = `${act.toLowerCase()}@news.example`;
      await newsroom.subscribe(address, 'daily');
      await settled();
      sandbox.audience.people[act](address);
      await newsroom.subscribe(address, 'weekly');
      await settled();
      expect(member(address)?.status).toBe('subscribed');
      await equal(address);
    }
  });

  describe('a refusal', () => {
    it.each([
      ['looks-fake@news.example', 'invalid', null],
      ['too-many-lists@news.example', 'too_many_sign_ups', expect.any(Date)],
    ])("of %s is shown to the operator as %s, with Mailchimp's words", async (address, kind, dueAt) => {
      await newsroom.subscribe(address, 'daily');
      await settled();
      expect(await newsroom.contact(address)).toMatchObject({
        refusal: { kind, status: 400, title: 'Invalid Resource', requestId: expect.any(String) },
        attempts: 1,
        dueAt,
      });
    });

    it('tells since when it stands, and ends when something new is wanted', async () => {
      sandbox.audience.inject(fault.htmlError(500), { ...isPut, times: 2 });
      await newsroom.subscribe(email, 'daily');
      await settled();
      const first = (await newsroom.contact(email)).refusal;
      await retried();
      const second = await newsroom.contact(email);
      expect(second).toMatchObject({ attempts: 2, refusal: { kind: 'transient', since: first?.since } });
      await retried();
      await equal();
      expect(await newsroom.contact(email)).toMatchObject({ attempts: 0 });
    });

    it('of one does not hold up the others', async () => {
      await newsroom.subscribe('looks-fake@news.example', 'daily');
      await newsroom.subscribe(email, 'daily');
      await settled();
      expect(member()?.status).toBe('subscribed');
    });

    it('is logged without the address', async () => {
      const lines: string[] = [];
      await restart({ log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }) });
      await newsroom.subscribe('looks-fake@news.example', 'daily');
      await settled();
      expect(lines.join('')).toContain('"kind":"invalid"');
      expect(lines.join('')).not.toContain('looks-fake');
    });
  });

  describe('trouble', () => {
    it.each([
      ['429 without a body', fault.throttled(), 'throttled'],
      ["the firewall's page", fault.blocked(), 'throttled'],
      ['500', fault.htmlError(500), 'transient'],
      ['a page with 200', fault.htmlPage(), 'transient'],
      ['a connection reset before the work', fault.reset('before'), 'transient'],
      ['an answer lost after the work', fault.reset('after'), 'transient'],
    ])('such as %s is over with the next attempt (I4)', async (_name, trouble, kind) => {
      sandbox.audience.inject(trouble, isPut);
      await newsroom.subscribe(email, 'daily');
      await settled();
      const contact = await newsroom.contact(email);
      expect(contact).toMatchObject({ acknowledged: 0, attempts: 1, refusal: { kind } });
      expect(contact.dueAt?.getTime()).toBeGreaterThan(Date.now());
      await retried();
      // What was done although the answer got lost is found done.
      expect(puts).toHaveLength(trouble.does === 'reset' && trouble.when === 'after' ? 1 : 2);
      expect(member()?.status).toBe('subscribed');
      await equal();
    });

    it('such as a crash is over when the lease is', async () => {
      await sync.stop();
      await newsroom.subscribe(email, 'daily');
      await takeDue(newsroom.database, {
        limit: 10,
        leaseMs: 60_000,
        except: [],
      });
      sync = start();
      await settled();
      expect(puts).toEqual([]);
      await newsroom.pass(60_000);
      await settled();
      expect(member()?.status).toBe('subscribed');
      // The call of the crashed one may still arrive; nothing is final before it cannot.
      expect(await newsroom.contact(email)).toMatchObject({ acknowledged: 0 });
      await newsroom.pass(120_000);
      await settled();
      await equal();
    });

    it('with the key stops the lane and drops nothing; the right key starts it again', async () => {
      const lines: string[] = [];
      sandbox.audience.inject(fault.problem(401, 'API Key Invalid', 'Your API key may be invalid.'), {
        times: 1_000,
      });
      await restart({ log: pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }) });
      await newsroom.subscribe(email, 'daily');
      await newsroom.subscribe('other@news.example', 'daily');
      await settled();
      expect(await stopped()).toBe('Mailchimp: 401, API Key Invalid');
      expect(puts).toEqual([]);
      expect(await newsroom.contact(email)).toMatchObject({
        wanted: 1,
        acknowledged: 0,
        attempts: 0,
        refusal: null,
      });
      sandbox.audience.clearFaults();
      const raised = new Promise<void>((done) => {
        sandbox.audience.observe(({ method }) => method === 'PUT' && done());
      });
      await raised;
      await settled();
      expect(await stopped()).toBeNull();
      expect(lines).toHaveLength(1);
      await equal();
      await equal('other@news.example');
    });

    it('with the key while at work gives the contact back as it was', async () => {
      sandbox.audience.inject(fault.problem(403, 'User Disabled', 'This account has been deactivated.'), {
        times: 2,
      });
      await newsroom.subscribe(email, 'daily');
      await settled();
      expect(await stopped()).toBe('Mailchimp: 403, User Disabled');
      expect(await newsroom.contact(email)).toMatchObject({ attempts: 0, refusal: null });
    });

    it('that looks like the key but is only with one contact does not stop the others', async () => {
      sandbox.audience.inject(fault.problem(404, 'Resource Not Found', ''), {
        matching: ({ method, body }) => method === 'PUT' && JSON.stringify(body).includes('odd@news.example'),
        times: 1_000,
      });
      await newsroom.subscribe('odd@news.example', 'daily');
      await newsroom.subscribe(email, 'daily');
      await settled();
      expect(await stopped()).toBeNull();
      expect(await newsroom.contact('odd@news.example')).toMatchObject({
        refusal: { kind: 'configuration' },
      });
      await equal();
    });
  });

  it('makes at most as many calls at a time as it may, and works off all', async () => {
    await sync.stop();
    const emails = Array.from({ length: 12 }, (_, n) => `reader${n}@news.example`);
    for (const address of emails) await newsroom.subscribe(address, 'daily');
    let most = 0;
    let now = 0;
    const real = connect(sandbox.mailchimp);
    const counted: MailchimpApi = {
      ...real,
      async putMember(wanted) {
        now += 1;
        most = Math.max(most, now);
        return real.putMember(wanted).finally(() => {
          now -= 1;
        });
      },
    };
    sync = start({ api: counted, concurrency: 3 });
    await settled();
    expect(most).toBe(3);
    for (const address of emails) await equal(address);
  });

  it('shares the contacts with another worker, each sent once', async () => {
    await sync.stop();
    const emails = Array.from({ length: 12 }, (_, n) => `reader${n}@news.example`);
    for (const address of emails) await newsroom.subscribe(address, 'daily');
    const other = start();
    sync = start();
    await Promise.all([other.idle(), sync.idle()]);
    await other.stop();
    await sync.stop();
    expect(puts.map(({ email_address }) => email_address).sort()).toEqual([...emails].sort());
  });

  it('waits for the calls under way when it is stopped', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { struck } = sandbox.audience.inject(fault.held(promise), isPut);
    await newsroom.subscribe(email, 'daily');
    sync.wake();
    await struck;
    const stopped = sync.stop();
    resolve();
    await stopped;
    await equal();
  });

  it('finds what is due through its own small index', async () => {
    const plan = await newsroom.database.transaction(async (tx) => {
      await tx.query('SET LOCAL enable_seqscan = off');
      return tx.query<Record<string, string>>(
        `EXPLAIN SELECT subscriber_id FROM audience_contacts
          WHERE wanted <> acknowledged AND due_at <= now() ORDER BY opt_out DESC, due_at LIMIT 4`,
      );
    });
    expect(JSON.stringify(plan)).toContain('Index Scan using audience_contacts_due');
  });

  it('loads the consent that justifies the current subscriptions, not an older one', async () => {
    await sync.stop();
    await newsroom.subscribe(email, 'daily');
    await newsroom.leave(email);
    await newsroom.subscribe(email, 'weekly');
    const { subscriberId } = await newsroom.contact(email);
    const [contact] = await loadContacts(newsroom.database, sandbox.mailchimp.audienceId, [subscriberId]);
    const weekly = await newsroom.database.prisma.subscription.findFirstOrThrow({
      where: { subscriberId, state: 'subscribed' },
      include: { consent: true },
    });
    const { consentSeq: seq, consent } = weekly;
    expect(contact?.consent).toEqual({ seq, at: consent?.at, ip: '93.184.216.34', raises: seq });
  });
});
