import type { Request } from 'express';
import type { ConsentChannel } from '../generated/prisma/enums.ts';
import type { Circumstances } from '../subscribing/commands.ts';
import { senderOf } from './sender.ts';

/** What a request tells of its circumstances, as evidence. Only a valid IP address is one (C-06, A-23). */
export function circumstancesOf(
  req: Request,
  channel: ConsentChannel,
  page: string | null = null,
): Circumstances {
  return {
    channel,
    ip: senderOf(req),
    userAgent: req.get('user-agent')?.slice(0, 500) ?? null,
    page,
  };
}
