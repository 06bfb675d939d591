import { isIP } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';
import type { MessageKey } from '../languages/language.ts';

/** An address that we can mail to, in its four forms (E-04). */
export interface Address {
  /** Exactly what the person typed, for the proof of consent (C-01). */
  typed: string;
  /** What we send to: the local part as typed, the domain as lower-case A-labels. */
  email: string;
  /** Whose address it is: `email` in lower case. Tags and dots count, as only the provider knows. */
  key: string;
  /** Whose mailbox it probably fills: `key` without its tag, and without dots at Gmail. For limits only. */
  abuseKey: string;
}

/** Why an address is refused: what is to be said to the person who typed it, in their language. */
export interface AddressFault {
  key: Extract<MessageKey, `fault.email.${string}`>;
  values?: { ending: string };
}

export type AddressResult = { ok: true; address: Address } | { ok: false; fault: AddressFault };

/**
 * Parses an address that a person typed, in the order of E-03. What passes is a plain dot-atom at a public
 * domain: a subset of what a browser's `type=email` accepts (E-01), free of everything that mail software
 * reads in more than one way. Nothing is decoded after it was checked.
 */
export function parseAddress(input: string): AddressResult {
  // no expression below ever sees a long text.
  if (input.length > 320) return { ok: false, fault: tooLong };

  const text = withoutSpacesAround(input);
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const typedDomain = text.slice(at + 1);
  const domain = asciiDomain(typedDomain);
  const email = `${local}@${domain}`;

  const fault =
    textFault(text) ??
    localFault(local) ??
    domainFault(typedDomain, domain) ??
    (email.length > 254 ? tooLong : undefined);
  if (fault !== undefined) return { ok: false, fault };

  // Everything is ASCII by now, so lower case changes letters only.
  const key = email.toLowerCase();
  return { ok: true, address: { typed: input, email, key, abuseKey: abuseKey(local.toLowerCase(), domain) } };
}

const tooLong: AddressFault = { key: 'fault.email.long' };

function textFault(text: string): AddressFault | undefined {
  if (text === '') return { key: 'fault.email.empty' };
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(text))
    return { key: 'fault.email.invisible' };
  if (!text.includes('@')) return { key: 'fault.email.noAt' };
  if (/@.*@|[<>,;:]/.test(text)) return { key: 'fault.email.several' };
  // Forms turn a bare + into a space, so name+tag@… sent by hand arrives here as two words.
  if (/\p{Zs}/u.test(text)) return { key: 'fault.email.spaces' };
  return undefined;
}

function localFault(local: string): AddressFault | undefined {
  if (local === '') return { key: 'fault.email.noLocal' };
  // E-05
  if (/\P{ASCII}/u.test(local)) return { key: 'fault.email.letters' };
  if (local.length > 64) return tooLong;
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..'))
    return { key: 'fault.email.dots' };
  if (!/^[\w.!#$%&'*+/=?^`{|}~-]+$/.test(local)) return { key: 'fault.email.characters' };
  return undefined;
}

/**
 * Maps a typed domain to lower-case A-labels (UTS 46); empty if it cannot be one. `domainToASCII` reads its
 * argument as part of a URL, percent-decodes it and cuts it at a slash: hence the check in front.
 */
function asciiDomain(typed: string): string {
  return /^[a-zA-Z\d.\P{ASCII}-]+$/u.test(typed) ? domainToASCII(typed) : '';
}

function domainFault(typed: string, domain: string): AddressFault | undefined {
  // The mapping turns 0x7f.1 and full-width digits into an IP address, so it is asked afterwards.
  if (typed.startsWith('[') || isIP(domain) !== 0) return { key: 'fault.email.ip' };

  const labels = domain.split('.');
  const top = labels.at(-1) ?? '';
  // Before the next check, so that name@localhost is told why.
  if (unmailable.has(top)) return { key: 'fault.email.special', values: { ending: top } };
  if (labels.length < 2 || !labels.every(isLabel) || !/^([a-z]+|xn--.+)$/.test(top))
    return { key: 'fault.email.domain' };
  return undefined;
}

/** A host name label. One that claims to be an A-label must decode, or readers of it would disagree. */
function isLabel(label: string): boolean {
  return (
    /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/.test(label) &&
    !(label.startsWith('xn--') && domainToUnicode(label) === label)
  );
}

/**
 * Top-level names that never lead to a mailbox in the public DNS. `example` is not among them:
 * RFC 6761 asks applications not to treat it specially, and demonstrations live there.
 */
const unmailable = new Set(['alt', 'arpa', 'internal', 'invalid', 'local', 'localhost', 'onion', 'test']);

/** Folds what one person can vary at will: the +tag, and at Gmail dots and the second name. */
function abuseKey(local: string, domain: string): string {
  const tag = local.indexOf('+', 1); // +1@example.com is a name, not a tag
  const untagged = tag === -1 ? local : local.slice(0, tag);
  return domain === 'gmail.com' || domain === 'googlemail.com'
    ? `${untagged.replaceAll('.', '')}@gmail.com`
    : `${untagged}@${domain}`;
}

/** Of ASCII alone: other spaces are no part of an address either, and are told as such. */
function withoutSpacesAround(text: string): string {
  let [start, end] = [0, text.length];
  while (text[start] === ' ') start += 1;
  while (end > start && text[end - 1] === ' ') end -= 1;
  return text.slice(start, end);
}
