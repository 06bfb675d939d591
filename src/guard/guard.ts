import { type Altcha, type Challenge, openAltcha } from './altcha.ts';
import { disposableDomains } from './disposable.ts';
import { type Limits, openLimits, type SignUpLimits } from './limits.ts';
import { openNonces } from './nonce.ts';

/** A wish of somebody unknown that would have a mail sent to an address. */
export interface Wish {
  /** Where it comes from; null when that is not known. */
  ip: string | null;
  /** The domain of the address. */
  domain: string;
  /** The field that readers do not see. */
  honeypot: string | undefined;
  nonce: string | undefined;
  altcha: string | undefined;
}

/** What is made of a wish. Nothing of it depends on who is subscribed (I9). */
export type Verdict =
  | { type: 'welcome' }
  /** Gets the normal answer, and nothing happens. */
  | { type: 'bot' }
  | { type: 'refused'; why: 'altcha' | 'disposable' }
  | { type: 'limited'; seconds: number };

/** Stands behind every door that can cause a mail. Opt-outs, preferences and confirmations never meet it. */
export interface Guard {
  /** What a form that is drawn now is given to carry. */
  proof(): Promise<{ nonce: string; challenge: Challenge | null }>;
  judge(wish: Wish): Promise<Verdict>;
  /** Counts a link, key or secret that was wrong. @returns seconds until the next may be tried */
  countWrong(ip: string): Promise<number>;
  /** Wishes whose sender was not known, since the start. */
  sendersUnknown(): number;
  drained(): Promise<void>;
}

/** Who cannot show that a form of ours was filled in, by a reader's pace, meets limits that many times stricter. */
const unprovenWeight = 4;

/** @throws never; what its parts throw is the database's */
export async function openGuard(
  parts: Omit<Parameters<typeof openLimits>[0], 'secret'> & {
    secretKeys: readonly [string, ...string[]];
    signUps: SignUpLimits;
    minSeconds: number;
    altchaDifficulty: number | null;
    refuseDisposable: boolean;
  },
): Promise<Guard> {
  const { secretKeys, altchaDifficulty: difficulty } = parts;
  const limits: Limits = openLimits({ ...parts, secret: secretKeys[0] });
  const nonces = openNonces(parts);
  const altcha: Altcha | null = difficulty === null ? null : openAltcha({ secretKeys, difficulty, limits });
  const isDisposable = parts.refuseDisposable ? await disposableDomains() : () => false;
  let unknown = 0;

  return {
    proof: async () => ({ nonce: nonces.issue(), challenge: (await altcha?.challenge()) ?? null }),

    async judge({ ip, domain, honeypot, nonce, altcha: payload }) {
      if (honeypot !== undefined) return { type: 'bot' };
      if (isDisposable(domain)) return { type: 'refused', why: 'disposable' };
      if (altcha !== null && (await altcha.spend(payload)) !== 'sound')
        return { type: 'refused', why: 'altcha' };
      if (ip === null) {
        unknown += 1;
        return { type: 'welcome' };
      }
      const weight = nonces.isSound(nonce) ? 1 : unprovenWeight;
      const seconds = await limits.count({ kind: 'sign_up', ip, weight });
      return seconds === 0 ? { type: 'welcome' } : { type: 'limited', seconds };
    },

    countWrong: (ip) => limits.count({ kind: 'wrong_link', ip, weight: 1 }),
    sendersUnknown: () => unknown,
    drained: limits.drained,
  };
}
