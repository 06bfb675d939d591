import { createHmac, randomBytes } from 'node:crypto';
import { sha256 } from '../consent/ledger.ts';

/**
 * The addresses that mails and merge fields carry. Built from BASE_URL alone, never from a request
 * (A-24).
 */
export function linksOf(baseUrl: string) {
  return {
    signUp: () => `${baseUrl}/`,
    confirm: (token: string) => `${baseUrl}/confirm/${token}`,
    unsubscribe: (linkKey: string) => `${baseUrl}/unsubscribe/${linkKey}`,
    preferences: (linkKey: string) => `${baseUrl}/preferences/${linkKey}`,
  };
}

export type Links = ReturnType<typeof linksOf>;

/** 128 random bits in lower-case hexadecimal, which survives clients that fold case (U-05, U-14, A-20). */
export const newLinkKey = () => randomBytes(16).toString('hex');

/**
 * The token of a request's confirmation link: 160 bits derived from the request and a secret, so that
 * the mail can be built, and built again, without the token being stored anywhere.
 */
export function confirmationToken(secret: string, requestId: string): string {
  return createHmac('sha256', secret).update(`confirm ${requestId}`).digest('hex').slice(0, 40);
}

/**
 * The token that a request was given, although the signing key may have changed since.
 * @param secrets newest first
 * @throws Error when the key that signed it is gone from SECRET_KEYS
 */
export function recoverToken(secrets: readonly string[], requestId: string, tokenHash: string): string {
  for (const secret of secrets) {
    const token = confirmationToken(secret, requestId);
    if (sha256(token) === tokenHash) return token;
  }
  throw new Error('the key that signed this request is no longer among SECRET_KEYS');
}

/** A token or key as it may come back: in upper case, percent-decoded (U-27). Null when it cannot be one. */
export function readToken(text: string): string | null {
  const token = text.toLowerCase();
  return /^[0-9a-f]{32,64}$/.test(token) ? token : null;
}

/** The key in one of a person's own links, whatever BASE_URL was when it was made. Null: it is none. */
export function keyOfLink(link: string): string | null {
  return readToken(link.slice(link.lastIndexOf('/') + 1));
}
