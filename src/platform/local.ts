import { BlockList, isIP } from 'node:net';

const local = new BlockList();
local.addSubnet('10.0.0.0', 8);
local.addSubnet('127.0.0.0', 8);
local.addSubnet('169.254.0.0', 16);
local.addSubnet('172.16.0.0', 12);
local.addSubnet('192.168.0.0', 16);
local.addAddress('::1', 'ipv6');
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

/**
 * Whether a URL leads to this machine or its network at most, as far as its host tells: a private address
 * (RFC 1918, RFC 4193), a name without a dot, or one that is reserved (RFC 6761, RFC 8375).
 */
export function isLocal(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const version = isIP(host);
  if (version !== 0) return local.check(host, version === 4 ? 'ipv4' : 'ipv6');
  return !host.includes('.') || /\.(localhost|local|internal|test|home\.arpa)$/.test(host);
}
