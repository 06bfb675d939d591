import { digestEvidence, type Evidence, hashEvent, type SealedEvent } from './ledger.ts';

/** A ledger entry as the database holds it; its evidence is gone after an erasure. */
export type StoredEvent = Omit<SealedEvent, 'evidence'> & { subscriberId: string; evidence: Evidence | null };

/** A person's whole chain, and where the database says that it ends. */
export interface Ledger {
  /** Destroyed by an erasure. */
  salt: string | null;
  head: { seq: number; hash: string };
  /** Ordered by `seq`. */
  events: readonly StoredEvent[];
}

/**
 * Recomputes a person's chain from what is stored (I5). Evidence is compared with the chain for as long
 * as there is a salt to do it with; without, the chain alone is verified (I6).
 * @returns the number of the first entry that is altered, out of place or missing; null when all is well
 */
export function verifyLedger({ salt, head, events }: Ledger): number | null {
  let previousHash = '';
  for (const [n, event] of events.entries()) {
    const isWhole =
      event.seq === n + 1 &&
      event.previousHash === previousHash &&
      event.hash === hashEvent(event) &&
      (salt === null || isEvidenceOf(event, salt));
    if (!isWhole) return n + 1;
    previousHash = event.hash;
  }
  if (head.seq !== events.length) return Math.min(head.seq, events.length) + 1;
  return head.hash === previousHash ? null : events.length;
}

function isEvidenceOf({ evidence, evidenceDigest }: StoredEvent, salt: string): boolean {
  return evidence !== null && digestEvidence(salt, evidence) === evidenceDigest;
}
