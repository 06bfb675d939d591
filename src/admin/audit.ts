import type { Database } from '../platform/database.ts';

/** The log of what was changed through the admin API, by which key and when. Names nobody (I6). */
export interface Audit {
  /** Enters a change before it is made. @returns what closes it */
  enter(entry: { key: string; operation: string; target: Target }): Promise<bigint>;
  /** Says how it ended. @param target as it was entered, with what the change made, such as an id */
  close(entry: bigint, status: number, target: Target): Promise<void>;
  /** The newest first. @param before the number of an entry: those that are older */
  list(page: { before: bigint | null; limit: number }): Promise<AuditEntry[]>;
}

/** What a change was made to, such as `slug` or `id`. */
export type Target = Record<string, string>;

export interface AuditEntry {
  id: bigint;
  at: Date;
  key: string;
  operation: string;
  target: unknown;
  /** Null: it is under way, or the process died meanwhile. */
  status: number | null;
}

export function openAudit({
  database: { prisma },
  now,
}: {
  database: Pick<Database, 'prisma'>;
  now: () => Date;
}): Audit {
  return {
    enter: async (entry) => (await prisma.auditEntry.create({ data: { ...entry, at: now() } })).id,
    close: async (id, status, target) => {
      await prisma.auditEntry.update({ where: { id }, data: { status, target } });
    },
    list: ({ before, limit }) =>
      prisma.auditEntry.findMany({
        where: before === null ? {} : { id: { lt: before } },
        orderBy: { id: 'desc' },
        take: limit,
      }),
  };
}
