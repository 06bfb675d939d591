import { isIP } from 'node:net';
import type { Request } from 'express';
import type { ConsentChannel } from '../generated/prisma/enums.ts';
import type { Circumstances } from '../subscribing/commands.ts';

/** What a request tells of its circumstances, as evidence. Only a valid IP address is one (C-06, A-23). */
export function circumstancesOf(
  req: Request,
  channel: ConsentChannel,
  page: string | null = null,
): Circumstances {
  const ip = (req.ip ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
  return {
    channel,
    ip: isIP(ip) === 0 ? null : ip,
    userAgent: req.get('user-agent')?.slice(0, 500) ?? null,
    page,
  };
}
