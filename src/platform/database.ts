import type {
  SqlDriverAdapterFactory,
  SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { ConstructorOptions } from 'pg-boss';
import { PrismaClient } from '../generated/prisma/client.ts';
import type { Settings } from '../settings.ts';
import { openEmbedded } from './embedded.ts';
import type { Log } from './log.ts';
import { applyMigrations } from './migrations.ts';
import { openPostgres } from './postgres.ts';
import { inStep } from './tracing.ts';

export interface Sql {
  /** Runs one statement with `$1` parameters and resolves to its rows. */
  query<Row>(text: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface Places {
  /** Takes a place that nobody has. @returns how to give it back, or null when all are taken */
  take(): Promise<(() => Promise<void>) | null>;
  /** Gives everything back. */
  close(): Promise<void>;
}

/** Whether there is room for more rows. */
export interface Room {
  /** Nothing more can be written: every sign-up and every opt-out fails. */
  full: boolean;
  /** Bytes that are free where the files are; null where only the server knows. */
  free: number | null;
}

/** What PostgreSQL and the embedded PGlite offer alike; the two files beside this one fulfil it. */
export interface Engine extends Sql {
  /** Runs `work` in one transaction: commits when it resolves, rolls back when it throws. */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  /**
   * Where a statement commits at once, beside a transaction that goes on, so that rows which everybody wants
   * are not held until its end. On the embedded database's one connection it is a part of the transaction.
   */
  beside(tx: Sql): Sql;
  /** Runs `work` while no other process runs work of the same name on this database. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** `count` places under a name, shared by all processes on this database. */
  places(name: string, count: number): Places;
  /** How many transactions are worth having under way at once. */
  lanes: number;
  /**
   * Takes out of the files what deleted and altered rows leave in them, so that an erasure is one of bytes, too
   * (C-23). Null where that is the affair of whoever runs the server: on PostgreSQL.
   */
  shred: (() => Promise<void>) | null;
  room(): Promise<Room>;
  adapter: SqlDriverAdapterFactory;
  /** Lends Prisma's schema engine a connection of its own. */
  migrating<T>(work: (adapter: SqlMigrationAwareDriverAdapterFactory) => Promise<T>): Promise<T>;
  /** How pg-boss reaches the same database. */
  queue: ConstructorOptions;
  close(): Promise<void>;
}

export interface Database extends Engine {
  /** For the everyday queries; hot paths speak SQL. Both see the same connections. */
  prisma: PrismaClient;
}

/**
 * Opens the configured database and brings it to the newest migration. Several processes may do so at
 * once on PostgreSQL: one migrates, the others wait.
 * @throws when the database is out of reach, or its embedded folder is in use by another process.
 */
export async function openDatabase(settings: Settings['database'], log: Log): Promise<Database> {
  const engine =
    settings.kind === 'postgres' ? openPostgres(settings.url, log) : await openEmbedded(settings.folder);
  try {
    // Prisma's engine has a lock of its own, but gives up after ten seconds of waiting.
    const applied = await engine.exclusively('migrations', () => applyMigrations(engine));
    if (applied.length > 0) log.info({ applied }, 'migrations applied');
  } catch (error) {
    await engine.close();
    throw error;
  }
  const prisma = new PrismaClient({ adapter: engine.adapter, errorFormat: 'minimal' });
  return {
    ...engine,
    transaction: (work) => inStep('transaction', aTransaction, () => engine.transaction(work)),
    prisma,
    close: async () => {
      await prisma.$disconnect();
      await engine.close();
    },
  };
}

const aTransaction = { kind: 'client', attributes: { 'db.system.name': 'postgresql' } } as const;
