import { isIP } from 'node:net';
import type { Request } from 'express';
import ipaddr from 'ipaddr.js';

/** The address that a request comes from, as far as trusted proxies tell it; null when it is none. */
export function senderOf(req: Request): string | null {
  return validIp(req.ip);
}

/**
 * The same, for limits: null as well where a private address is connected directly, since that is a proxy
 * which nobody named in TRUST_PROXY, or this machine, and all readers would share its limits.
 */
export function clientOf(req: Request): string | null {
  const sender = senderOf(req);
  if (sender === null || sender !== validIp(req.socket.remoteAddress)) return sender;
  return privateRanges.includes(ipaddr.process(sender).range()) ? null : sender;
}

const privateRanges = ['loopback', 'private', 'linkLocal', 'uniqueLocal', 'carrierGradeNat', 'unspecified'];

/** Some proxies write the port behind an address, and IPv4 comes in IPv6 clothes where a server listens on both. */
function validIp(text: string | undefined): string | null {
  const ip = (text ?? '')
    .replace(/^\[([\da-f:.]+)\](?::\d+)?$/i, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
    .replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(ip) === 0 ? null : ip;
}
