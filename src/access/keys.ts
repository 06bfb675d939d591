import { randomBytes, timingSafeEqual } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import { sha256 } from '../consent/ledger.ts';
import type { AdminScope } from '../generated/prisma/enums.ts';
import type { Database } from '../platform/database.ts';

/** Who uses the admin API, and for what. */
export interface AdminKey {
  name: string;
  scopes: readonly AdminScope[];
}

/** A key as operators see it. Its text is told once, when it is made. */
export interface ListedKey extends AdminKey {
  id: string;
  createdAt: Date;
  /** To the minute. */
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

export interface AdminKeys {
  /** Whether there is a key of the settings, which makes the first ones. */
  isOpen: boolean;
  /** @returns whose key this is; null for a wrong or a revoked one */
  find(key: string): Promise<AdminKey | null>;
  /** The same for a key that is known by its digest alone. */
  findByDigest(digest: string): Promise<AdminKey | null>;
  /** @returns the key with its text, or null when another has that name */
  create(wish: { name: string; scopes: AdminScope[] }): Promise<(ListedKey & { key: string }) | null>;
  list(): Promise<ListedKey[]>;
  /** A revoked key stays listed and never works again. @returns it, or null when there is none of that id */
  revoke(id: string): Promise<ListedKey | null>;
}

/** The key of the settings: there is no database that could revoke it. */
const bootstrap: AdminKey = { name: 'ADMIN_API_KEY', scopes: ['read', 'write', 'erase'] };

const minute = 60_000;
const columns = {
  id: true,
  name: true,
  scopes: true,
  createdAt: true,
  lastUsedAt: true,
  revokedAt: true,
} as const;

/** Compares secrets by their digests, which are equally long whatever was sent. */
export function isSame(given: string, secret: string): boolean {
  return isSameDigest(sha256(given), sha256(secret));
}

function isSameDigest(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

/**
 * The keys of the admin API: one of the settings, and those in the database, which are looked up by their digest
 * and stored in no other form.
 * @param adminApiKey of the settings; null closes the API, as nobody could make another key
 */
export function openKeys({
  database: { prisma },
  adminApiKey,
  now,
}: {
  database: Pick<Database, 'prisma'>;
  adminApiKey: string | null;
  now: () => Date;
}): AdminKeys {
  async function findByDigest(digest: string): Promise<AdminKey | null> {
    if (adminApiKey === null) return null;
    if (isSameDigest(digest, sha256(adminApiKey))) return bootstrap;
    const at = now();
    const found = await prisma.adminKey.findUnique({ where: { digest, revokedAt: null } });
    if (found !== null && at.getTime() - (found.lastUsedAt?.getTime() ?? 0) >= minute)
      await prisma.adminKey.update({ where: { id: found.id }, data: { lastUsedAt: at } });
    return found;
  }

  return {
    isOpen: adminApiKey !== null,
    find: (key) => findByDigest(sha256(key)),
    findByDigest,

    async create({ name, scopes }) {
      const key = `footnote_${randomBytes(32).toString('base64url')}`;
      const row = { id: uuid(), name, scopes, digest: sha256(key), createdAt: now() };
      if (name === bootstrap.name) return null;
      const { count } = await prisma.adminKey.createMany({ data: [row], skipDuplicates: true });
      if (count === 0) return null;
      const { digest: _, ...made } = row;
      return { ...made, lastUsedAt: null, revokedAt: null, key };
    },

    list: () => prisma.adminKey.findMany({ select: columns, orderBy: { createdAt: 'asc' } }),

    async revoke(id) {
      await prisma.adminKey.updateMany({ where: { id, revokedAt: null }, data: { revokedAt: now() } });
      return prisma.adminKey.findUnique({ where: { id }, select: columns });
    },
  };
}
