import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import manifest from '../../package.json' with { type: 'json' };
import { publicPaths, refusedAs, tooManyWrong } from '../web/described.ts';
import type { Described } from './operation.ts';

const idempotencyKey = z.object({
  'Idempotency-Key': z.string().max(255).optional().meta({
    description:
      'The same request again under the same key is answered as the first was, and does nothing. Kept for a day.',
  }),
});

/**
 * The description of the whole API, OpenAPI 3.1, from the shapes that validate it.
 * @param described the operations under `/admin/api`
 */
export function openapi(baseUrl: string, described: readonly Described[]): object {
  const paths: ZodOpenApiPathsObject = { ...publicPaths };
  for (const operation of described) {
    const path = `/admin/api${operation.path.replace(/:(\w+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [operation.verb]: describe(operation) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Footnote',
      version: manifest.version,
      summary: manifest.description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: baseUrl }],
    tags: [
      { name: 'Sign-up', description: 'For websites and the scripts of their forms' },
      { name: 'Pages for readers', description: 'Behind the links of mails; programs need none of them' },
      { name: 'Administration', description: 'For editors and operators, by bearer key' },
      { name: 'Mailchimp' },
      { name: 'Operation' },
    ],
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'ADMIN_API_KEY of the settings, or a key made by `npm run admin -- keys create`',
        },
      },
    },
    paths,
  });
}

function describe(operation: Described): ZodOpenApiOperationObject {
  const { id, scope, summary, params, query, body, answer } = operation;
  const { status = 200, description, shape, types = ['application/json'] } = answer;
  const schema = shape ?? z.string();
  return {
    operationId: id,
    tags: ['Administration'],
    summary,
    description: `Needs a key of scope \`${scope}\`.`,
    security: [{ key: [] }],
    requestParams: {
      ...(params && { path: params }),
      ...(query && { query }),
      ...(scope !== 'read' && { header: idempotencyKey }),
    },
    ...(body && { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: {
      [status]: {
        description,
        content: Object.fromEntries(types.map((type) => [type, { schema }])),
      },
      ...refusalsOf(operation),
    },
  };
}

/** What it may refuse with: what all do, what all that read a body or may be repeated do, and what it alone does. */
function refusalsOf({ scope, body, problems = {} }: Described): ZodOpenApiOperationObject['responses'] {
  const whys: [status: string, why: string][] = [
    ['401', 'The key is missing or wrong.'],
    ['403', 'The key is not for this.'],
    ['422', 'Something of the request does not fit; `errors` says what.'],
    ['429', tooManyWrong('keys')],
    ...Object.entries(problems),
  ];
  if (body !== undefined)
    whys.push(
      ['400', 'The body is no JSON.'],
      ['413', 'The body is too large.'],
      ['415', 'The body is of another type than JSON in UTF-8, or compressed.'],
    );
  if (scope !== 'read')
    whys.push(
      ['400', '`Idempotency-Key` is not 1 to 255 visible characters.'],
      [
        '409',
        'The same request is under way, or was done and its answer is told only once (`Idempotency-Key`).',
      ],
      ['422', '`Idempotency-Key` came with another request.'],
    );
  const byStatus = Map.groupBy(whys, ([status]) => status);
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [status, refusedAs(same.map(([, why]) => why).join(' '))]),
  );
}
