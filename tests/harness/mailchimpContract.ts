import { existsSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { z } from 'zod';
import type { Exchange } from '../../src/sandbox/mailchimp/router.ts';

// Mailchimp's own OpenAPI description as the judge of requests and answers.

const file = new URL('../../../shared/data/mailchimp-openapi.json', import.meta.url);

/** Why the contract cannot be checked here, or null when it can. */
export const contractMissing = existsSync(file) ? null : `no description of the API at ${file.pathname}`;

const schema = z.looseObject({ type: z.unknown().optional() });
const payload = z.object({ content: z.record(z.string(), z.object({ schema })).optional() });
const parameter = z.object({
  in: z.enum(['path', 'query', 'header']),
  name: z.string(),
  required: z.boolean().default(false),
  schema,
});
const operation = z.object({
  parameters: z.array(parameter).default([]),
  requestBody: z.union([z.object({ $ref: z.string() }), payload]).optional(),
  responses: z.object({ 200: payload.optional(), 204: payload.optional(), default: payload }),
});
const description = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z.object({ requestBodies: z.record(z.string(), payload) }),
});

type Description = z.infer<typeof description>;
type Operation = z.infer<typeof operation>;

let loaded: Description | undefined;
const load = () => {
  loaded ??= description.parse(JSON.parse(readFileSync(file, 'utf8')));
  return loaded;
};

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const ajv = new Ajv({
  strict: false,
  allErrors: true,
  // An unknown time is told as an empty string.
  formats: { 'date-time': (text: string) => text === '' || dateTime.test(text), float: true, uri: true },
});
const coercing = new Ajv({ strict: false, allErrors: true, coerceTypes: true });

/**
 * Everything in an exchange that the description does not allow: unknown paths, parameters and fields,
 * missing ones, wrong types. What a fault answered is not the API's and is passed over.
 */
export function checkExchange(exchange: Exchange): string[] {
  const name = `${exchange.method} ${exchange.path}`;
  const found = findOperation(load(), exchange);
  if (found === null) return [`${name}: no such operation`];
  const violations = [
    ...checkQuery(found, exchange.query),
    ...checkRequestBody(found, exchange),
    ...(exchange.injected || exchange.status === null ? [] : checkAnswer(found, exchange, exchange.status)),
  ];
  return violations.map((violation) => `${name}: ${violation}`);
}

function findOperation({ paths }: Description, { method, path }: Exchange): Operation | null {
  for (const [template, operations] of Object.entries(paths)) {
    const pattern = new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
    const described = operations[method.toLowerCase()];
    if (described !== undefined && pattern.test(path)) return parsed(described);
  }
  return null;
}

const operations = new Map<unknown, Operation>();

/** The same object each time, so that its validators are compiled once. */
function parsed(described: unknown): Operation {
  const known = operations.get(described) ?? operation.parse(described);
  operations.set(described, known);
  return known;
}

function checkQuery({ parameters }: Operation, query: Record<string, string>): string[] {
  const known = parameters.filter((parameter) => parameter.in === 'query');
  const unknown = Object.keys(query).filter((name) => !known.some((parameter) => parameter.name === name));
  const wrong = known.flatMap(({ name, schema: { type, ...schema }, required }) => {
    const value = query[name];
    if (value === undefined) return required ? [`query ${name} is missing`] : [];
    // Arrays are one value with commas.
    const instance = { value: type === 'array' ? value.split(',') : value };
    return errorsOf(
      coercing.compile({ properties: { value: { type, ...schema } } }),
      instance,
      `query ${name}`,
    );
  });
  return [...unknown.map((name) => `query ${name} is unknown`), ...wrong];
}

function checkRequestBody({ requestBody }: Operation, { requestBody: body }: Exchange): string[] {
  if (requestBody === undefined) return body === undefined ? [] : ['takes no body'];
  const described = '$ref' in requestBody ? referred(requestBody.$ref) : requestBody;
  return errorsOf(validator(jsonSchema(described)), body, 'request');
}

function referred(reference: string): z.infer<typeof payload> {
  const body = load().components.requestBodies[reference.split('/').at(-1) ?? ''];
  if (body === undefined) throw new Error(`The description lacks ${reference}.`);
  return body;
}

function checkAnswer({ responses }: Operation, { responseBody }: Exchange, status: number): string[] {
  const described =
    status >= 400 ? responses.default : status === 200 || status === 204 ? responses[status] : undefined;
  if (described === undefined) return [`answer ${status} is not described`];
  if (described.content === undefined) {
    return responseBody === null ? [] : [`answer ${status} has a body`];
  }
  return errorsOf(validator(jsonSchema(described)), responseBody, `answer ${status}`);
}

const jsonSchema = ({ content }: z.infer<typeof payload>) => content?.['application/json']?.schema ?? {};

const validators = new Map<object, ValidateFunction>();

function validator(described: Record<string, unknown>): ValidateFunction {
  const known = validators.get(described);
  if (known !== undefined) return known;
  const compiled = ajv.compile(closed(described));
  validators.set(described, compiled);
  return compiled;
}

/**
 * The schema with no room for fields it does not name, but for what every answer may have: `_links`, and
 * `errors` in problem bodies.
 */
function closed(described: unknown): object {
  const parsed = schema.safeParse(described);
  if (!parsed.success) return {};
  const { properties, items, additionalProperties, ...rest } = parsed.data;
  const fields = schema.safeParse(properties);
  return {
    ...rest,
    ...(items !== undefined && { items: closed(items) }),
    ...(additionalProperties !== undefined && { additionalProperties }),
    ...(fields.success && {
      properties: {
        ...Object.fromEntries(Object.entries(fields.data).map(([name, field]) => [name, closed(field)])),
        _links: { type: 'array' },
        ...('detail' in fields.data && { errors: { type: 'array' } }),
      },
      additionalProperties: additionalProperties ?? false,
    }),
  };
}

function errorsOf(validate: ValidateFunction, instance: unknown, what: string): string[] {
  if (validate(instance)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${what}${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
