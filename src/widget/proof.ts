import type { Challenge } from 'altcha-lib';

/** What a sign-up carries to show that a reader filled in a form of ours. Empty where it could not be had. */
export interface Proof {
  nonce?: string;
  altcha?: string;
}

/** How long one is good for: less than the service takes it for, so that a tab left open is no trouble. */
const life = 40 * 60_000;

/**
 * @returns how to begin to get a proof, and how to have it: to be called when the reader begins to fill in
 * the form, as the service looks at how long that takes. Nothing is asked for before.
 */
export function prover(service: string): () => Promise<Proof> {
  let current: Promise<Proof> | null = null;
  let since = 0;
  return () => {
    if (current === null || Date.now() - since > life) {
      since = Date.now();
      current = prove(service);
    }
    return current;
  };
}

async function prove(service: string): Promise<Proof> {
  try {
    const answer = await fetch(`${service}/nonce`, {
      credentials: 'omit',
      signal: AbortSignal.timeout(10_000),
    });
    const { nonce, challenge }: { nonce: string; challenge: Challenge | null } = await answer.json();
    if (challenge === null) return { nonce };
    const solver: typeof import('./altcha.ts') = await import(`${service}/altcha.js`);
    return { nonce, altcha: await solver.solve(challenge) };
  } catch {
    // What the service makes of a sign-up without proof, it will say.
    return {};
  }
}
