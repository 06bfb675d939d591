import { pino } from 'pino';
import { v7 as uuid } from 'uuid';
import { inject } from 'vitest';
import type { Ledger } from '../../src/consent/verify.ts';
import { keepConsentSource, offerConsentWording } from '../../src/consent/wordings.ts';
import type { Prisma } from '../../src/generated/prisma/client.ts';
import { type Database, openDatabase, type Sql } from '../../src/platform/database.ts';
import type { Command, OfferedList } from '../../src/subscribing/commands.ts';
import { tokenFor } from '../../src/subscribing/links.ts';
import { offeredLists, saveList } from '../../src/subscribing/lists.ts';
import { type OwedMail, openSubscribing, type Subscribing } from '../../src/subscribing/subscribing.ts';
import { unhindered } from '../harness/allowance.ts';
import { copyTemplate } from '../harness/template.ts';
import { type Act, addressOf, commandOf, type Directory, linksIn } from './model.ts';

export const secret = 'a secret of thirty-two characters!';
const silent = pino({ level: 'silent' });

/** The shell over a database of its own, with a clock that the test moves. */
export interface Desk {
  database: Database;
  wordingVersion: string;
  /** Where imports say that consent comes from, and the import that rows of the tests are of. */
  source: string;
  importId: string;
  subscribing: Subscribing;
  now(): Date;
  wait(ms: number): void;
  addLists(...slugs: string[]): Promise<OfferedList[]>;
  /** An act as a command of this database. */
  command(act: Act): Promise<Command>;
  directory(emails: readonly string[]): Promise<Directory>;
  /** All who ever had an address, as far as a directory or this showed them, oldest first, by its key. */
  people(emails: readonly string[]): Promise<Map<string, StoredReader[]>>;
  run(act: Act): ReturnType<Subscribing['run']>;
  /** Another shell, as if in another process: on connections of its own where there is a PostgreSQL. */
  openShell(parts?: Partial<Parameters<typeof openSubscribing>[0]>): Subscribing;
  openDatabase(): Promise<Database>;
  close(): Promise<void>;
}

export async function openDesk(): Promise<Desk> {
  const { settings, drop } = await copyTemplate(inject('template'), inject('server'));
  const database = await openDatabase(settings, silent);
  const wordingVersion = await offerConsentWording(database, 'en', 'You acknowledge the transfer.');
  const source = await keepConsentSource(database, 'They ticked a box in our old shop.');
  let clock = Date.UTC(2026, 10, 23, 9);
  const now = () => new Date(clock);
  const importId = uuid();
  await database.prisma.import.create({
    data: {
      ...{
        id: importId,
        digest: 'a file',
        file: 'people.csv',
        listIds: [],
        wordingVersion: source,
        key: 'a key',
      },
      createdAt: now(),
    },
  });

  const openShell: Desk['openShell'] = (parts = {}) =>
    openSubscribing({
      database,
      secretKeys: [secret],
      now,
      enqueueMails: async (_tx: Sql, _mails: readonly OwedMail[]) => {},
      onSyncDue: () => {},
      ...unhindered,
      ...parts,
    });
  const subscribing = openShell();

  async function directory(emails: readonly string[]): Promise<Directory> {
    const readers = await people(emails);
    return {
      offered: await offeredLists(database),
      ...{ wordingVersion, source, importId, now: now() },
      people: (key) =>
        (readers.get(key) ?? []).map((reader) =>
          linksIn(reader, (purpose, id) => tokenFor(secret, purpose, id)),
        ),
    };
  }

  /** The ids of all who were ever seen under a key, since an erasure leaves nothing to find them by. */
  const seen = new Map<string, Set<string>>();

  async function people(emails: readonly string[]): Promise<Map<string, StoredReader[]>> {
    for (const [key, { id }] of await readersOf(database, emails)) {
      seen.set(key, (seen.get(key) ?? new Set()).add(id));
    }
    const keys = emails.map((email) => addressOf(email).key);
    const ids = keys.flatMap((key) => [...(seen.get(key) ?? [])]);
    const readers = new Map((await storedReaders(database, { id: { in: ids } })).map((one) => [one.id, one]));
    return new Map(
      keys.map((key) => [key, [...(seen.get(key) ?? [])].flatMap((id) => readers.get(id) ?? [])]),
    );
  }

  const command = async (act: Act) => commandOf(act, await directory([act.email]));

  return {
    database,
    wordingVersion,
    source,
    importId,
    subscribing,
    now,
    wait: (ms) => {
      clock += ms;
    },
    async addLists(...slugs) {
      const before = await database.prisma.mailingList.count();
      for (const [n, slug] of slugs.entries()) {
        const wording = { slug, name: `The ${slug}`, description: `All about ${slug}.` };
        await saveList(database, { ...wording, position: before + n });
      }
      return (await offeredLists(database)).filter(({ slug }) => slugs.includes(slug));
    },
    command,
    directory,
    people,
    run: async (act) => subscribing.run(await command(act)),
    openShell,
    openDatabase: () => openDatabase(settings, silent),
    close: async () => {
      await subscribing.drained();
      await database.close();
      await drop();
    },
  };
}

/** All that the database holds of some people, by the key of their address. */
export async function readersOf(database: Database, emails: readonly string[]) {
  const keys = emails.map((email) => addressOf(email).key);
  const readers = await storedReaders(database, { key: { in: keys } });
  return new Map(readers.map((reader) => [reader.key, reader]));
}

const storedReaders = (database: Database, where: Prisma.SubscriberWhereInput) =>
  database.prisma.subscriber.findMany({
    where,
    include: {
      events: { include: { evidence: true }, orderBy: { seq: 'asc' } },
      subscriptions: { orderBy: { listId: 'asc' } },
      requests: { orderBy: { seq: 'asc' } },
      mails: { orderBy: [{ dueAt: 'asc' }, { id: 'asc' }] },
      contact: true,
    },
  });

export type StoredReader = Awaited<ReturnType<typeof storedReaders>>[number];

export const ledgerOf = ({ ledgerSalt, ledgerSeq, ledgerHash, events }: StoredReader): Ledger => ({
  salt: ledgerSalt,
  head: { seq: ledgerSeq, hash: ledgerHash },
  events,
});
