import { createHmac, randomInt } from 'node:crypto';
import { type Challenge, createChallenge, verifySolution } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { z } from 'zod';
import type { Limits } from './limits.ts';

export type { Challenge } from 'altcha-lib';

/** Proof of work in place of a picture puzzle (WCAG 3.3.8): a little of a reader's time, much of a flooder's. */
export interface Altcha {
  /** A challenge for one form, as ALTCHA's own widget takes it too (its protocol v2). */
  challenge(): Promise<Challenge>;
  /**
   * Checks what came in the field `altcha`: the challenge and its solution, as JSON in base64. A sound one
   * is spent by that, on all nodes.
   */
  spend(payload: string | undefined): Promise<'sound' | 'missing' | 'wrong' | 'expired' | 'spent'>;
}

/** A little less than one-time values are remembered. */
const lifeMinutes = 50;

const payloadShape = z.object({
  challenge: z.object({
    parameters: z.looseObject({
      algorithm: z.string(),
      nonce: z.string(),
      salt: z.string(),
      cost: z.number(),
      keyLength: z.number(),
      keyPrefix: z.string(),
      expiresAt: z.number(),
    }),
    signature: z.string(),
  }),
  solution: z.object({ counter: z.number(), derivedKey: z.string() }),
});

/**
 * @param secretKeys the first signs, all verify; they are the same on all nodes, so any of them takes a
 * challenge of any other
 * @param difficulty how many tries a solution takes on average
 */
export function openAltcha({
  secretKeys,
  difficulty,
  limits,
}: {
  secretKeys: readonly [string, ...string[]];
  difficulty: number;
  limits: Pick<Limits, 'takeOnce'>;
}): Altcha {
  const keyOf = (secret: string) => createHmac('sha256', secret).update('altcha').digest('hex');

  async function isSolved({ challenge, solution }: z.infer<typeof payloadShape>): Promise<boolean> {
    for (const secret of secretKeys) {
      const { verified } = await verifySolution({
        challenge,
        solution,
        deriveKey,
        hmacSignatureSecret: keyOf(secret),
      });
      if (verified) return true;
    }
    return false;
  }

  return {
    challenge: () =>
      createChallenge({
        algorithm: 'PBKDF2/SHA-256',
        cost: 1000,
        counter: randomInt(Math.ceil(difficulty / 2), Math.ceil(difficulty * 1.5)),
        deriveKey,
        hmacSignatureSecret: keyOf(secretKeys[0]),
        expiresAt: new Date(Date.now() + lifeMinutes * 60_000),
      }),

    async spend(payload) {
      if (payload === undefined) return 'missing';
      const read = readPayload(payload);
      if (read === null) return 'wrong';
      const { parameters, signature } = read.challenge;
      if (parameters.expiresAt * 1000 < Date.now()) return 'expired';
      if (!(await isSolved(read))) return 'wrong';
      return (await limits.takeOnce(signature)) ? 'sound' : 'spent';
    },
  };
}

function readPayload(payload: string): z.infer<typeof payloadShape> | null {
  try {
    return payloadShape.parse(JSON.parse(Buffer.from(payload, 'base64').toString()));
  } catch {
    return null;
  }
}
