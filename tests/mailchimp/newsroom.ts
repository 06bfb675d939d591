import { pino } from 'pino';
import { inject } from 'vitest';
import { offerConsentWording } from '../../src/consent/wordings.ts';
import { connect, type MailchimpApi } from '../../src/mailchimp/api/client.ts';
import { type Contact, lookAt } from '../../src/mailchimp/lane/contacts.ts';
import { type Sync, startSync } from '../../src/mailchimp/lane/sync.ts';
import { readForImports } from '../../src/mailchimp/reconcile.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import type { Exchange } from '../../src/sandbox/mailchimp/door.ts';
import type { ApiRequest } from '../../src/sandbox/mailchimp/faults.ts';
import type { SandboxMember } from '../../src/sandbox/mailchimp/mailchimp.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import type { Circumstances } from '../../src/subscribing/commands.ts';
import { linksOf, tokenFor } from '../../src/subscribing/links.ts';
import { offeredLists, saveList } from '../../src/subscribing/lists.ts';
import { openSubscribing, type Subscribing } from '../../src/subscribing/subscribing.ts';
import { unhindered } from '../harness/allowance.ts';
import { copyTemplate } from '../harness/template.ts';

export const silent = pino({ level: 'silent' });

/** A publisher with readers who sign up, confirm and leave, on a database of its own. */
export interface Newsroom {
  database: Database;
  subscribing: Subscribing;
  /** The time of the last act. */
  now(): Date;
  addList(slug: string, name?: string): Promise<void>;
  signUp(email: string, ...slugs: string[]): Promise<void>;
  /** Presses the button of the newest confirmation mail. */
  confirm(email: string): Promise<void>;
  leave(email: string, list?: string): Promise<void>;
  /** Signs up and confirms. */
  subscribe(email: string, ...slugs: string[]): Promise<void>;
  /** The same for many, in sets. */
  subscribeMany(emails: readonly string[], ...slugs: string[]): Promise<void>;
  contact(email: string): Promise<ContactRow>;
  /** The state of every list that the reader ever asked for. */
  lists(email: string): Promise<Record<string, string>>;
  lastEvent(email: string): Promise<{ kind: string; channel: string }>;
  /** Has the lane read the member, as a webhook does. */
  look(email: string): Promise<void>;
  /** Makes due at once what waits for its next attempt. */
  hurry(): Promise<void>;
  /** Lets this much time pass for what waits. */
  pass(milliseconds: number): Promise<void>;
  /** Forgets which interests of the audience are ours, for the next test's audience. */
  newAudience(): Promise<void>;
  /** Forgets everyone, too. Only with triggers off, since the database itself forbids it. */
  newReaders(): Promise<void>;
  close(): Promise<void>;
}

export type ContactRow = Pick<Contact, 'subscriberId' | 'refusal' | 'attempts' | 'linkKey'> & {
  wanted: number;
  acknowledged: number;
  optOut: boolean;
  consentSeq: number;
  dueAt: Date | null;
};

const secret = 'a secret of thirty-two characters!';

/** @param begins the time of the first act; each act after it comes an hour later */
export async function openNewsroom({ begins = new Date() } = {}): Promise<Newsroom> {
  const { settings, drop } = await copyTemplate(inject('template'), inject('server'));
  const database = await openDatabase(settings, silent);
  const { prisma } = database;
  const wordingVersion = await offerConsentWording(
    database,
    'en',
    'You acknowledge the transfer to Mailchimp.',
  );
  // An hour passes between two acts, so that no cap on mails is met.
  let clock = begins.getTime();
  const subscribing = openSubscribing({
    database,
    secretKeys: [secret],
    now: () => {
      clock += 3_600_000;
      return new Date(clock);
    },
    enqueueMails: async () => {},
    onSyncDue: () => {},
    ...unhindered,
  });
  const by = (channel: Circumstances['channel']): Circumstances => ({
    channel,
    ip: '93.184.216.34',
    userAgent: null,
    page: null,
  });
  const addressOf = (email: string) => {
    const parsed = parseAddress(email);
    if (!parsed.ok) throw new Error(parsed.fault.key);
    return parsed.address;
  };
  const find = (email: string) =>
    prisma.subscriber.findUniqueOrThrow({ where: { key: email.toLowerCase() }, include: { contact: true } });
  async function signUpAll(emails: readonly string[], slugs: readonly string[]): Promise<void> {
    const lists = (await offeredLists(database)).filter(({ slug }) => slugs.includes(slug));
    const signUps = emails.map((email) =>
      subscribing.run({
        ...by('form'),
        type: 'sign_up',
        address: addressOf(email),
        lists,
        wordingVersion,
        locale: 'en',
        firstName: null,
      }),
    );
    await Promise.all(signUps);
  }

  const newsroom: Newsroom = {
    database,
    subscribing,
    now: () => new Date(clock),
    addList: (slug, name = slug) => saveList(database, { slug, name, description: '', position: 0 }),
    signUp: (email, ...slugs) => signUpAll([email], slugs),
    async confirm(email) {
      const { id } = await find(email);
      const request = await prisma.signUpRequest.findFirstOrThrow({
        where: { subscriberId: id },
        orderBy: { seq: 'desc' },
      });
      await subscribing.run({
        ...by('confirm_page'),
        type: 'confirm',
        token: tokenFor(secret, 'confirm', request.id),
      });
    },
    async leave(email, list) {
      const { linkKey } = await find(email);
      await subscribing.run({ ...by('one_click'), type: 'leave', linkKey, list: list ?? null });
    },
    async subscribe(email, ...slugs) {
      await newsroom.signUp(email, ...slugs);
      await newsroom.confirm(email);
    },
    async subscribeMany(emails, ...slugs) {
      await signUpAll(emails, slugs);
      const keys = emails.map((email) => addressOf(email).key);
      const requests = await database.query<{ id: string }>(
        `SELECT request.id FROM sign_up_requests request
           JOIN subscribers person ON person.id = request.subscriber_id
          WHERE person.key = ANY ($1::text[]) AND request.confirmed_at IS NULL`,
        [keys],
      );
      await Promise.all(
        requests.map(({ id }) =>
          subscribing.run({ ...by('confirm_page'), type: 'confirm', token: tokenFor(secret, 'confirm', id) }),
        ),
      );
    },
    async contact(email) {
      const { contact, linkKey } = await find(email);
      if (contact === null) throw new Error('there is no such contact');
      const [row] = await database.query<{ refusal: Contact['refusal'] }>(
        'SELECT refusal FROM audience_contacts WHERE subscriber_id = $1',
        [contact.subscriberId],
      );
      return { ...contact, refusal: row?.refusal ?? null, linkKey };
    },
    async lists(email) {
      const { id } = await find(email);
      const subscriptions = await prisma.subscription.findMany({
        where: { subscriberId: id },
        include: { list: true },
      });
      return Object.fromEntries(subscriptions.map(({ list, state }) => [list.slug, state]));
    },
    async lastEvent(email) {
      const { id } = await find(email);
      return prisma.consentEvent.findFirstOrThrow({
        where: { subscriberId: id },
        orderBy: { seq: 'desc' },
      });
    },
    async look(email) {
      await lookAt(database, [(await find(email)).id]);
    },
    async hurry() {
      await database.query('UPDATE audience_contacts SET due_at = now() WHERE due_at IS NOT NULL');
    },
    async pass(milliseconds) {
      await database.query(
        `UPDATE audience_contacts
            SET due_at = due_at - $1 * interval '1 millisecond',
                may_act_until = may_act_until - $1 * interval '1 millisecond'`,
        [milliseconds],
      );
    },
    async newAudience() {
      await database.query('DELETE FROM audience_interests');
    },
    async newReaders() {
      await newsroom.newAudience();
      await database.transaction(async (tx) => {
        await tx.query('SET LOCAL session_replication_role = replica');
        await tx.query('TRUNCATE subscribers CASCADE');
      });
    },
    async close() {
      await database.close();
      await drop();
    },
  };
  return newsroom;
}

const links = linksOf('https://news.example');
export const footerLinks = (key: string) => ({
  unsubscribe: links.unsubscribe(key),
  preferences: links.preferences(key),
});

/** The lane of a newsroom at work on a sandbox audience of its own. */
export interface Lane {
  sandbox: Sandbox;
  sync: Sync;
  /** What reached Mailchimp, in the order of the answers. */
  calls: Exchange[];
  writes(): Exchange[];
  /** Works off what can be done now. */
  settled(): Promise<void>;
  /** The same after making due what waits for its next attempt. */
  retried(): Promise<void>;
  restart(options?: LaneOptions): Promise<void>;
  member(email: string): SandboxMember | null;
  /** The names of the interests that the member has chosen. */
  chosen(email: string): string[];
  /** Why the lane stopped; null when it runs. */
  stopped(): Promise<string | null>;
  /** How many contacts are settled, and how many are refused for which reason. */
  ends(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

export interface LaneOptions {
  api?: MailchimpApi;
  hear?: () => Promise<void>;
  read?: () => Promise<void>;
  log?: typeof silent;
  erasure?: 'delete' | 'archive';
  pace?: { poll: number; lease: number; patience: number; probe: number };
}

/** Starts a lane on a new audience, which tells the newsroom's time. */
export async function openLane(newsroom: Newsroom, options: LaneOptions = {}): Promise<Lane> {
  const { database, subscribing } = newsroom;
  const sandbox = await startSandbox({
    port: 0,
    smtpPort: 0,
    serviceUrl: 'http://localhost:3000',
    folder: null,
    now: newsroom.now,
  });
  const { audience } = sandbox;
  const start = (some: LaneOptions) =>
    startSync({
      database,
      api: connect(sandbox.mailchimp),
      subscribing,
      hear: async () => {},
      read: () => readForImports({ database, api: connect(sandbox.mailchimp), footerLinks, log: silent }),
      footerLinks,
      log: silent,
      pace: { poll: 10_000, lease: 60_000, patience: 25_000, probe: 20 },
      ...some,
    });
  const calls: Exchange[] = [];
  audience.observe((exchange) => calls.push(exchange));

  const lane: Lane = {
    sandbox,
    sync: start(options),
    calls,
    writes: () => calls.filter(({ method }) => method !== 'GET'),
    async settled() {
      lane.sync.wake();
      await lane.sync.idle();
    },
    async retried() {
      await newsroom.hurry();
      await lane.settled();
    },
    async restart(some = {}) {
      await lane.sync.stop();
      lane.sync = start(some);
      await lane.sync.idle();
    },
    member: (email) => audience.member(email),
    chosen: (email) =>
      audience.state.interests
        .filter(({ id }) => audience.member(email)?.interests[id] === true)
        .map(({ name }) => name)
        .sort(),
    stopped: async () => (await database.prisma.audienceLane.findFirstOrThrow()).stopped,
    async ends() {
      const rows = await database.query<{ reason: string; contacts: number }>(
        `SELECT coalesce(refusal->>'kind', CASE WHEN wanted = acknowledged THEN 'settled' ELSE 'due' END) AS reason,
                count(*)::int AS contacts
           FROM audience_contacts GROUP BY 1`,
      );
      return Object.fromEntries(rows.map(({ reason, contacts }) => [reason, contacts]));
    },
    async stop() {
      await lane.sync.stop();
      await sandbox.stop();
    },
  };
  await lane.sync.idle();
  calls.splice(0);
  return lane;
}

/** Calls of this method, to a path that ends so if given. */
export const callsOf =
  (method: string, end = '') =>
  (request: Pick<ApiRequest, 'method' | 'path'>) =>
    request.method === method && request.path.endsWith(end);

/** The addresses `name0@news.example` and so on. */
export const readers = (count: number, name = 'reader') =>
  Array.from({ length: count }, (_, n) => `${name}${n}@news.example`);
