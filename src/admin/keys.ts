import { z } from 'zod';
import type { AdminKeys } from '../access/keys.ts';
import { Problem } from '../web/problems.ts';
import type { Audit } from './audit.ts';
import { type Operation, operation } from './operation.ts';
import { adminKey, adminScope, auditEntry, filledLine, newAdminKey, next, page } from './shapes.ts';

const newKey = z.strictObject({
  name: filledLine(100).meta({
    description: 'Whose it is, as the audit log will say',
    example: 'newsroom laptop',
  }),
  scopes: z.array(adminScope).min(1, 'must name a scope at least'),
});

/** `/admin/api/keys` and `/audit`: who may use this API, and what they changed. */
export function keyOperations(keys: AdminKeys, audit: Audit): Operation[] {
  return [
    operation(
      {
        id: 'keys.list',
        verb: 'get',
        path: '/keys',
        scope: 'read',
        summary: 'All keys that were made, revoked ones too',
        answer: { description: 'Their names and scopes', shape: z.object({ keys: z.array(adminKey) }) },
      },
      async () => ({ keys: await keys.list() }),
    ),
    operation(
      {
        id: 'keys.create',
        verb: 'post',
        path: '/keys',
        scope: 'write',
        summary: 'Make a key, of scopes that your own has',
        body: newKey,
        target: ['id', 'name', 'scopes'],
        answer: { status: 201, description: 'The key, told this once', shape: newAdminKey, once: true },
        problems: { 409: 'There is a key of that name already.' },
      },
      async ({ key, body: { name, scopes } }) => {
        const beyond = scopes.filter((scope) => !key.scopes.includes(scope));
        if (beyond.length > 0)
          throw new Problem(403, 'Forbidden', `Your own key is not for ${beyond.join(', ')}.`);
        const made = await keys.create({ name, scopes: [...new Set(scopes)] });
        if (made === null) throw new Problem(409, 'Conflict', `There is a key ${name} already.`);
        return made;
      },
    ),
    operation(
      {
        id: 'keys.revoke',
        verb: 'delete',
        path: '/keys/:id',
        scope: 'write',
        summary: 'Revoke a key; it stays listed and never works again',
        params: z.object({ id: z.uuid() }),
        target: ['name'],
        answer: { description: 'The key', shape: adminKey },
        problems: { 404: 'There is no such key.' },
      },
      async ({ params: { id } }) => {
        const revoked = await keys.revoke(id);
        if (revoked === null) throw new Problem(404, 'Not Found', 'There is no such key.');
        return revoked;
      },
    ),
    operation(
      {
        id: 'audit.list',
        verb: 'get',
        path: '/audit',
        scope: 'read',
        summary: 'What was changed through this API, by which key and when; the newest first',
        query: page.extend({
          cursor: z
            .string()
            .regex(/^\d{1,18}$/, 'must be the next of a page')
            .optional(),
        }),
        answer: { description: 'A page', shape: z.object({ entries: z.array(auditEntry), next }) },
      },
      async ({ query: { cursor, limit } }) => {
        const entries = await audit.list({ before: cursor === undefined ? null : BigInt(cursor), limit });
        const told = entries.map(({ id, target, ...entry }) => ({
          ...entry,
          id: String(id),
          target: z.record(z.string(), z.string()).parse(target),
        }));
        return { entries: told, next: entries.length < limit ? null : (told.at(-1)?.id ?? null) };
      },
    ),
  ];
}
