import { createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { readLogo } from '../site/logo.ts';
import { parseAddress } from '../subscribing/address.ts';

// How a variable's text becomes its value. The first argument completes the fault "NAME: must be …".

export const read = <T>(right: string, parse: (text: string) => T | undefined) =>
  z.string().transform((text, { addIssue }) => {
    const value = parse(text);
    if (value !== undefined) return value;
    addIssue(`must be ${right}`);
    return z.NEVER;
  });
export const matching = (right: string, pattern: RegExp) => z.string().regex(pattern, `must be ${right}`);
export const oneOf = <const T extends string>(...names: T[]) =>
  z.enum(names, `must be one of ${names.join(', ')}`);
export const split = z.string().transform((text) => text.split(',').map((entry) => entry.trim()));
export const list = <T extends z.ZodType<unknown, string>>(entry: T) => split.pipe(z.array(entry));

export const count = (least: number, most: number) =>
  read(`a whole number from ${least} to ${most}`, (text) => wholeNumber(text, least, most));
export const line = (right: string) =>
  matching(right, /^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,200}$/u);
export const dnsName = (right: string) =>
  matching(right, /^(?=.{1,253}$)[a-z\d-]{1,63}(\.[a-z\d-]{1,63})*$/i);
export const secret = matching('32 visible characters or more (openssl rand -hex 32)', /^[!-~]{32,}$/);

export const logo = z.string().transform((path, { addIssue }) => {
  const found = readLogo(path);
  if (typeof found !== 'string') return found;
  addIssue(found);
  return z.NEVER;
});

/** What is no such pair, OpenTelemetry would pass over without a word. */
export const pairs = (example: string, pair: RegExp) =>
  read(`key=value pairs parted by commas, percent-encoded, such as ${example}`, (text) =>
    text.split(',').every((entry) => pair.test(entry) && decodes(entry)) ? text : undefined,
  );
export const protocol = oneOf('http/protobuf', 'http/json');
export const collector = read('an http(s) URL such as http://localhost:4318', (text) =>
  urlOf(text, 'http', 'https'),
);

function decodes(text: string): boolean {
  try {
    return decodeURIComponent(text) !== '';
  } catch {
    return false;
  }
}

export function wholeNumber(text: string, least: number, most: number): number | undefined {
  return /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined;
}

/** `text` itself, if it is a URL of one of the schemes. */
export function urlOf(text: string, ...schemes: string[]): string | undefined {
  return schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text) ? text : undefined;
}

export function originOf(text: string): string | undefined {
  return /^https?:\/\/[^/\\?#@*\s]+\/?$/i.test(text) ? URL.parse(text)?.origin : undefined;
}

export function baseUrlOf(text: string): string | undefined {
  return /[?#@\s]/.test(text) ? undefined : urlOf(text, 'http', 'https')?.replace(/\/$/, '');
}

export function smtpUrlOf(text: string): string | undefined {
  return urlOf(text, 'smtp', 'smtps') && URL.parse(text)?.hostname ? text : undefined;
}

export function websiteOf(text: string): string | undefined {
  const url = /[\s\p{Cc}]/u.test(text) ? undefined : URL.parse(urlOf(text, 'http', 'https') ?? '');
  return url && url.username + url.password === '' ? url.href : undefined;
}

/** The data centre becomes part of a host name, so its form is checked. */
export function apiKeyOf(text: string): { apiKey: string; dataCentre: string } | undefined {
  const end = text.lastIndexOf('-');
  const dataCentre = text.slice(end + 1);
  return end > 0 && /^[!-~]+$/.test(text) && /^[a-z]{2,3}\d{1,3}$/.test(dataCentre)
    ? { apiKey: text, dataCentre }
    : undefined;
}

/** `Name <address>`, the name in quotes or not, or the address alone; nothing that could be read as two. */
export function senderOf(text: string): { name: string; address: string } | undefined {
  const sender = /^("?)([^\p{Cc}"\\<>@,;:]*)\1 <([^<>]+)>$/u.exec(text);
  const [, , name = '', address = text] = sender ?? [];
  const parsed = parseAddress(address);
  return parsed.ok ? { name: name.trim(), address: parsed.address.email } : undefined;
}

export function dkimKeyOf(text: string): string | undefined {
  const pem = text.replaceAll('\\n', '\n');
  try {
    const bits = createPrivateKey(pem).asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits >= 1024 ? pem : undefined;
  } catch {
    return undefined;
  }
}

export function proxyOf(text: string): string | undefined {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return text;
  const [, address = '', prefix] = /^([\da-f.:]+)(?:\/([1-9]\d{0,2}))?$/i.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  return prefix === undefined || Number(prefix) <= (version === 4 ? 32 : 128) ? text : undefined;
}
