import { createHmac, timingSafeEqual } from 'node:crypto';

/** Form nonces: they show when a form was drawn, and that it was ours. */
export interface Nonces {
  /** One for a form that is drawn now. The same for everybody in a second, so it tells nothing of anybody. */
  issue(): string;
  /**
   * Whether a form was ours, and drawn long enough ago for a reader to have filled it in and not longer ago
   * than a day. Who has none, or an old one, is no liar: forms are pasted, and tabs stay open.
   */
  isSound(nonce: string | undefined): boolean;
}

const day = 24 * 60 * 60_000;

/**
 * @param secretKeys the first signs, all verify
 * @param minSeconds how long a reader takes at least
 */
export function openNonces({
  secretKeys,
  minSeconds,
  now,
}: {
  secretKeys: readonly [string, ...string[]];
  minSeconds: number;
  now: () => Date;
}): Nonces {
  const sign = (secret: string, time: string) =>
    createHmac('sha256', secret).update(`form ${time}`).digest('hex').slice(0, 32);

  return {
    issue() {
      const time = Math.floor(now().getTime() / 1000).toString(36);
      return `${time}.${sign(secretKeys[0], time)}`;
    },
    isSound(nonce) {
      const [, time, signature] = /^([0-9a-z]{1,9})\.([0-9a-f]{32})$/.exec(nonce ?? '') ?? [];
      if (time === undefined || signature === undefined) return false;
      const given = Buffer.from(signature);
      if (!secretKeys.some((secret) => timingSafeEqual(Buffer.from(sign(secret, time)), given))) return false;
      const age = now().getTime() - Number.parseInt(time, 36) * 1000;
      return age >= minSeconds * 1000 && age <= day;
    },
  };
}
