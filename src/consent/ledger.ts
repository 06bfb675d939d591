import { createHash, createHmac } from 'node:crypto';
import type { ConsentChannel, ConsentEventKind } from '../generated/prisma/enums.ts';

/** A ledger entry before it is sealed. What it says of the person is in `evidence`. */
export interface EventDraft {
  seq: number;
  kind: ConsentEventKind;
  at: Date;
  channel: ConsentChannel;
  listWordings: string[];
  wordingVersion: string | null;
  requestSeq: number | null;
  mailHash: string | null;
  evidence: Evidence;
}

/** The personal part: kept beside the chain, where erasure can destroy it. */
export interface Evidence {
  email: string;
  ip: string | null;
  userAgent: string | null;
  page: string | null;
  /** When consent was given, or taken back, in the system that an import came from; null for all else. */
  givenAt: Date | null;
}

export interface SealedEvent extends EventDraft {
  evidenceDigest: string;
  previousHash: string;
  hash: string;
}

/**
 * Chains a ledger entry to the one before it (I5). The hash covers everything but the evidence, which
 * enters as a digest keyed with the person's salt: without the salt the digest tells nothing and the
 * chain still verifies (I6).
 * @param previousHash the hash of the entry before, '' for the first
 */
export function sealEvent(
  subscriberId: string,
  salt: string,
  previousHash: string,
  draft: EventDraft,
): SealedEvent {
  const evidenceDigest = digestEvidence(salt, draft.evidence);
  return {
    ...draft,
    evidenceDigest,
    previousHash,
    hash: hashEvent({ ...draft, subscriberId, evidenceDigest, previousHash }),
  };
}

/** SHA-256 over the entry's parts in a fixed order, as a JSON array, which leaves no two readings. */
export function hashEvent(
  event: Omit<EventDraft, 'evidence'> & {
    subscriberId: string;
    evidenceDigest: string;
    previousHash: string;
  },
): string {
  return sha256(
    JSON.stringify([
      'footnote consent event 1',
      event.subscriberId,
      event.seq,
      event.kind,
      event.at.toISOString(),
      event.channel,
      event.listWordings,
      event.wordingVersion,
      event.requestSeq,
      event.mailHash,
      event.evidenceDigest,
      event.previousHash,
    ]),
  );
}

/** A time of consent elsewhere enters only where there is one, so that entries without stay as they were sealed. */
export function digestEvidence(salt: string, { email, ip, userAgent, page, givenAt }: Evidence): string {
  const elsewhere = givenAt === null ? [] : [givenAt.toISOString()];
  return createHmac('sha256', salt)
    .update(JSON.stringify([email, ip, userAgent, page, ...elsewhere]))
    .digest('hex');
}

/** SHA-256 in hexadecimal: names wordings and mails by their content, and hides tokens at rest. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
