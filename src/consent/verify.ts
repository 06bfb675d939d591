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

/** The number of an entry at which something is wrong, and what, in plain words. */
export interface Fault {
  seq: number;
  why: string;
}

/**
 * Recomputes a person's chain from what is stored (I5). Evidence is compared with the chain for as long
 * as there is a salt to do it with; without, the chain alone is verified (I6).
 * @returns the first entry that is altered, out of place or missing; null when all is well
 */
export function faultInChain({ salt, head, events }: Ledger): Fault | null {
  let previousHash = '';
  for (const [n, event] of events.entries()) {
    const why = faultIn(event, n + 1, previousHash, salt);
    if (why !== null) return { seq: n + 1, why };
    previousHash = event.hash;
  }
  if (head.seq !== events.length) {
    return { seq: Math.min(head.seq, events.length) + 1, why: 'the ledger ends elsewhere than it should' };
  }
  return head.hash === previousHash ? null : { seq: events.length, why: 'the ledger ends in another entry' };
}

function faultIn(event: StoredEvent, seq: number, previousHash: string, salt: string | null): string | null {
  if (event.seq !== seq) return 'the entry is missing';
  if (event.previousHash !== previousHash) return 'the entry does not follow the one before';
  if (event.hash !== hashEvent(event)) return 'the entry was altered';
  if (salt === null || isEvidenceOf(event, salt)) return null;
  return event.evidence === null ? 'its evidence is missing' : 'its evidence was altered';
}

function isEvidenceOf({ evidence, evidenceDigest }: StoredEvent, salt: string): boolean {
  return evidence !== null && digestEvidence(salt, evidence) === evidenceDigest;
}
