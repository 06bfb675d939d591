import { pino } from 'pino';
import { inject } from 'vitest';
import { offerConsentWording } from '../../src/consent/wordings.ts';
import type { Contact } from '../../src/mailchimp/contacts.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import type { Circumstances } from '../../src/subscribing/commands.ts';
import { confirmationToken } from '../../src/subscribing/links.ts';
import { offeredLists, saveList } from '../../src/subscribing/lists.ts';
import { openSubscribing } from '../../src/subscribing/subscribing.ts';
import { copyTemplate } from '../harness/template.ts';

export const silent = pino({ level: 'silent' });

/** A publisher with readers who sign up, confirm and leave, on a database of its own. */
export interface Newsroom {
  database: Database;
  addList(slug: string, name?: string): Promise<void>;
  signUp(email: string, ...slugs: string[]): Promise<void>;
  /** Presses the button of the newest confirmation mail. */
  confirm(email: string): Promise<void>;
  leave(email: string, list?: string): Promise<void>;
  /** Signs up and confirms. */
  subscribe(email: string, ...slugs: string[]): Promise<void>;
  contact(email: string): Promise<ContactRow>;
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

export async function openNewsroom(): Promise<Newsroom> {
  const { settings, drop } = await copyTemplate(inject('template'), inject('server'));
  const database = await openDatabase(settings, silent);
  const { prisma } = database;
  const wordingVersion = await offerConsentWording(
    database,
    'en',
    'You acknowledge the transfer to Mailchimp.',
  );
  // An hour passes between two acts, so that no cap on mails is met.
  let clock = Date.UTC(2026, 0, 1);
  const subscribing = openSubscribing({
    database,
    secretKeys: [secret],
    now: () => {
      clock += 3_600_000;
      return new Date(clock);
    },
    enqueueMails: async () => {},
    onSyncDue: () => {},
  });
  const by = (channel: Circumstances['channel']): Circumstances => ({
    channel,
    ip: '93.184.216.34',
    userAgent: null,
    page: null,
  });
  const find = (email: string) =>
    prisma.subscriber.findUniqueOrThrow({ where: { key: email.toLowerCase() }, include: { contact: true } });

  const newsroom: Newsroom = {
    database,
    addList: (slug, name = slug) => saveList(database, { slug, name, description: '', position: 0 }),
    async signUp(email, ...slugs) {
      const parsed = parseAddress(email);
      if (!parsed.ok) throw new Error(parsed.message);
      const lists = (await offeredLists(database)).filter(({ slug }) => slugs.includes(slug));
      await subscribing.run({
        ...by('form'),
        type: 'sign_up',
        address: parsed.address,
        lists,
        wordingVersion,
        locale: 'en',
        firstName: null,
      });
    },
    async confirm(email) {
      const { id } = await find(email);
      const request = await prisma.signUpRequest.findFirstOrThrow({
        where: { subscriberId: id },
        orderBy: { seq: 'desc' },
      });
      await subscribing.run({
        ...by('confirm_page'),
        type: 'confirm',
        token: confirmationToken(secret, request.id),
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
    async contact(email) {
      const { contact, linkKey } = await find(email);
      if (contact === null) throw new Error('there is no such contact');
      const [row] = await database.query<{ refusal: Contact['refusal'] }>(
        'SELECT refusal FROM audience_contacts WHERE subscriber_id = $1',
        [contact.subscriberId],
      );
      return { ...contact, refusal: row?.refusal ?? null, linkKey };
    },
    async hurry() {
      await database.query('UPDATE audience_contacts SET due_at = now() WHERE due_at IS NOT NULL');
    },
    async pass(milliseconds) {
      await database.query(
        `UPDATE audience_contacts
            SET due_at = due_at - $1 * interval '1 millisecond',
                refusal = refusal || jsonb_build_object('at', (refusal->>'at')::timestamptz - $1 * interval '1 millisecond')`,
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
