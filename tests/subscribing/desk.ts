import { pino } from 'pino';
import { inject } from 'vitest';
import type { Ledger } from '../../src/consent/verify.ts';
import { offerConsentWording } from '../../src/consent/wordings.ts';
import { type Database, openDatabase, type Sql } from '../../src/platform/database.ts';
import type { Command, OfferedList } from '../../src/subscribing/commands.ts';
import { confirmationToken } from '../../src/subscribing/links.ts';
import { offeredLists, saveList } from '../../src/subscribing/lists.ts';
import { type OwedMail, openSubscribing, type Subscribing } from '../../src/subscribing/subscribing.ts';
import { copyTemplate } from '../harness/template.ts';
import { type Act, addressOf, commandOf, type Directory, mailedRequest } from './model.ts';

const secret = 'a secret of thirty-two characters!';
const silent = pino({ level: 'silent' });

/** The shell over a database of its own, with a clock that the test moves. */
export interface Desk {
  database: Database;
  wordingVersion: string;
  subscribing: Subscribing;
  now(): Date;
  wait(ms: number): void;
  addLists(...slugs: string[]): Promise<OfferedList[]>;
  /** An act as a command of this database. */
  command(act: Act): Promise<Command>;
  directory(emails: readonly string[]): Promise<Directory>;
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
  let clock = Date.UTC(2026, 10, 23, 9);
  const now = () => new Date(clock);

  const openShell: Desk['openShell'] = (parts = {}) =>
    openSubscribing({
      database,
      secretKeys: [secret],
      now,
      enqueueMails: async (_tx: Sql, _mails: readonly OwedMail[]) => {},
      onSyncDue: () => {},
      ...parts,
    });
  const subscribing = openShell();

  async function directory(emails: readonly string[]): Promise<Directory> {
    const readers = await readersOf(database, emails);
    return {
      offered: await offeredLists(database),
      wordingVersion,
      linkKey: (key) => readers.get(key)?.linkKey ?? null,
      request: (key, nth) => mailedRequest(readers.get(key), nth, (id) => confirmationToken(secret, id)),
    };
  }

  const command = async (act: Act) => commandOf(act, await directory([act.email]));

  return {
    database,
    wordingVersion,
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
  const readers = await database.prisma.subscriber.findMany({
    where: { key: { in: emails.map((email) => addressOf(email).key) } },
    include: {
      events: { include: { evidence: true }, orderBy: { seq: 'asc' } },
      subscriptions: { orderBy: { listId: 'asc' } },
      requests: { orderBy: { seq: 'asc' } },
      mails: { orderBy: [{ dueAt: 'asc' }, { id: 'asc' }] },
      contact: true,
    },
  });
  return new Map(readers.map((reader) => [reader.key, reader]));
}

export type StoredReader =
  Awaited<ReturnType<typeof readersOf>> extends Map<string, infer Reader> ? Reader : never;

export const ledgerOf = ({ ledgerSalt, ledgerSeq, ledgerHash, events }: StoredReader): Ledger => ({
  salt: ledgerSalt,
  head: { seq: ledgerSeq, hash: ledgerHash },
  events,
});
