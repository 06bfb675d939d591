import type { Request } from 'express';
import type { AdminKey } from '../access/keys.ts';
import { sha256 } from '../consent/ledger.ts';
import type { Database } from '../platform/database.ts';
import { Problem } from '../web/problems.ts';

/** What `Idempotency-Key` promises (draft-ietf-httpapi-idempotency-key-header): a write happens once. */
export interface Repeats {
  /**
   * Does something, unless it was done before under the key that the request carries: then it is answered as it
   * was then. What failed is forgotten, so that it may be tried again. Without a key, it is simply done.
   * @param asked `once`: the answer is told once and not stored
   * @throws Problem 409 while the first is under way, 422 when the key came with another request
   */
  once(
    asked: { req: Request; key: AdminKey; once: boolean; status: number },
    act: () => Promise<string | null>,
  ): Promise<string | null>;
}

/** After that, whoever had it under way is dead. */
const patience = 10 * 60_000;

export function openRepeats({ database, now }: { database: Database; now: () => Date }): Repeats {
  const { prisma } = database;
  return {
    async once({ req, key, once, status }, act) {
      const sent = req.get('idempotency-key');
      if (sent === undefined) return act();
      if (!/^[!-~]{1,255}$/.test(sent))
        throw new Problem(400, 'Bad Request', 'Idempotency-Key must be 1 to 255 visible characters.');
      const digest = sha256(JSON.stringify([key.name, sent]));
      const request = sha256(JSON.stringify([req.method, req.originalUrl, req.body ?? null]));

      if (!(await claim(digest, request))) {
        const before = await prisma.idempotentAnswer.findUnique({ where: { digest } });
        if (before !== null && before.request !== request)
          throw new Problem(422, 'Unprocessable Content', 'This Idempotency-Key came with another request.');
        if (before === null || before.status === null)
          throw new Problem(409, 'Conflict', 'The same request is under way: ask again in a moment.');
        if (once)
          throw new Problem(409, 'Conflict', 'This was done before, and its answer is told only once.');
        return before.body;
      }
      try {
        const body = await act();
        await prisma.idempotentAnswer.update({
          where: { digest },
          data: { status, body: once ? null : body },
        });
        return body;
      } catch (error) {
        await prisma.idempotentAnswer.deleteMany({ where: { digest } });
        throw error;
      }
    },
  };

  /** @returns whether this request is the first under its key, or the one before died over it */
  async function claim(digest: string, request: string): Promise<boolean> {
    const claimed = await database.query(
      `INSERT INTO idempotent_answers AS answer (digest, request, created_at) VALUES ($1, $2, $3::timestamptz)
       ON CONFLICT (digest) DO UPDATE SET created_at = excluded.created_at
        WHERE answer.status IS NULL AND answer.request = excluded.request AND answer.created_at < $4::timestamptz
       RETURNING digest`,
      [digest, request, now().toISOString(), new Date(now().getTime() - patience).toISOString()],
    );
    return claimed.length > 0;
  }
}
