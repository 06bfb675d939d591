import { randomBytes } from 'node:crypto';
import { sha256 } from '../consent/ledger.ts';
import type { Database } from '../platform/database.ts';
import type { AdminKey, AdminKeys } from './keys.ts';

/** Who is signed in at the dashboard. Each session has a secret of 256 bits, kept by its digest alone. */
export interface Sessions {
  /**
   * Ends the session before, if there is one, so that none outlives a sign-in.
   * @returns a new secret; null for a wrong key, or one that may not read
   */
  signIn(key: string, before: string | null): Promise<string | null>;
  /** @returns whose key a session was opened with; null once it has ended, or its key was revoked or replaced */
  find(secret: string): Promise<AdminKey | null>;
  signOut(secret: string): Promise<void>;
}

/** Half a day: whoever is on duty signs in once. */
export const sessionSeconds = 12 * 60 * 60;
const minute = 60_000;

export function openSessions({
  database: { prisma },
  keys,
  now,
}: {
  database: Pick<Database, 'prisma'>;
  keys: Pick<AdminKeys, 'find' | 'findByDigest'>;
  now: () => Date;
}): Sessions {
  async function signOut(secret: string): Promise<void> {
    await prisma.adminSession.deleteMany({ where: { digest: sha256(secret) } });
  }

  return {
    signOut,

    async signIn(key, before) {
      const holder = await keys.find(key);
      if (holder === null || !holder.scopes.includes('read')) return null;
      if (before !== null) await signOut(before);
      const secret = randomBytes(32).toString('base64url');
      const at = now();
      const expiresAt = new Date(at.getTime() + sessionSeconds * 1000);
      const keyDigest = sha256(key);
      const digest = sha256(secret);
      await prisma.adminSession.create({ data: { digest, keyDigest, createdAt: at, expiresAt, seenAt: at } });
      return secret;
    },

    async find(secret) {
      const at = now();
      const digest = sha256(secret);
      const session = await prisma.adminSession.findUnique({ where: { digest, expiresAt: { gt: at } } });
      if (session === null) return null;
      // Of several at once, one may end the session meanwhile.
      if (at.getTime() - session.seenAt.getTime() >= minute)
        await prisma.adminSession.updateMany({ where: { digest }, data: { seenAt: at } });
      return keys.findByDigest(session.keyDigest);
    },
  };
}
