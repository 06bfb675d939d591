import type { Request, RequestHandler } from 'express';
import type { AdminKey, AdminKeys } from '../access/keys.ts';
import type { AdminScope } from '../generated/prisma/enums.ts';
import type { Guard } from '../guard/guard.ts';
import { Problem } from './problems.ts';
import { countWrong } from './wrong-links.ts';

const holders = new WeakMap<Request, AdminKey>();

/** Lets pass who sends a key as `Authorization: Bearer KEY`. Wrong ones are limited. */
export function demandKey(keys: AdminKeys, guard: Guard): RequestHandler {
  return async (req, res, next) => {
    const [, key] = /^Bearer ([!-~]{1,1000})$/i.exec(req.get('authorization') ?? '') ?? [];
    const holder = key === undefined ? null : await keys.find(key);
    if (holder !== null) {
      holders.set(req, holder);
      next();
      return;
    }
    if (key !== undefined) await countWrong(guard, req, res);
    res.set('WWW-Authenticate', 'Bearer');
    const detail = keys.isOpen
      ? 'Send a valid key as Authorization: Bearer KEY.'
      : 'This is closed, as the server was started without ADMIN_API_KEY.';
    throw new Problem(401, 'Unauthorized', detail);
  };
}

/** Who sent a request that `demandKey` let pass. @throws Problem 403 when their key is not for this */
export function holderOf(req: Request, scope: AdminScope): AdminKey {
  const holder = holders.get(req);
  if (holder === undefined) throw new Error('this route asks for no key');
  demandScope(holder, scope);
  return holder;
}

/** @throws Problem 403 when a key is not for this */
export function demandScope(holder: AdminKey, scope: AdminScope): void {
  if (!holder.scopes.includes(scope)) {
    throw new Problem(
      403,
      'Forbidden',
      `This needs a key of scope ${scope}; yours is for ${holder.scopes.join(', ')}.`,
    );
  }
}
