import { createHmac, randomBytes } from 'node:crypto';
import { sha256 } from '../consent/ledger.ts';

/**
 * The addresses that mails and merge fields carry. Built from BASE_URL alone, never from a request
 * (A-24).
 */
export function linksOf(baseUrl: string) {
  return {
    signUp: () => `${baseUrl}/`,
    myLink: () => `${baseUrl}/my-link`,
    confirm: (token: string) => `${baseUrl}/confirm/${token}`,
    unsubscribe: (linkKey: string) => `${baseUrl}/unsubscribe/${linkKey}`,
    preferences: (linkKey: string) => `${baseUrl}/preferences/${linkKey}`,
    notMe: (linkKey: string) => `${baseUrl}/not-me/${linkKey}`,
    erase: (token: string) => `${baseUrl}/erase/${token}`,
  };
}

export type Links = ReturnType<typeof linksOf>;

/** 128 random bits in lower-case hexadecimal, which survives clients that fold case (U-05, U-14, A-20). */
export const newLinkKey = () => randomBytes(16).toString('hex');

/** What a token can do, and nothing else: confirm a request, or erase a person. */
export type TokenPurpose = 'confirm' | 'erase';

/**
 * The token of a link that is mailed: 160 bits derived from what it is for and a secret, so that the mail
 * can be built, and built again, without the token being stored anywhere.
 * @param id of the request to confirm, or of the mail that offers the erasure
 */
export function tokenFor(secret: string, purpose: TokenPurpose, id: string): string {
  return createHmac('sha256', secret).update(`${purpose} ${id}`).digest('hex').slice(0, 40);
}

/**
 * The token whose hash was stored, although the signing key may have changed since.
 * @param secrets newest first
 * @returns null when the key that signed it is gone from SECRET_KEYS
 */
export function findToken(
  secrets: readonly string[],
  purpose: TokenPurpose,
  id: string,
  tokenHash: string | null,
): string | null {
  const tokens = secrets.map((secret) => tokenFor(secret, purpose, id));
  return tokens.find((token) => sha256(token) === tokenHash) ?? null;
}

/** The same, for whom there is nothing to do without it. @throws Error when the key is gone */
export function recoverToken(...given: Parameters<typeof findToken>): string {
  const token = findToken(...given);
  if (token === null) throw new Error('the key that signed this link is no longer among SECRET_KEYS');
  return token;
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
