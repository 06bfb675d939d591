import { z } from 'zod';

/**
 * One call of the API: through the gate, counted, traced, and its answer parsed.
 * @param path with a `{name}` for each value of `options.path`, so that it can be told without them; `{list_id}` is
 * the audience
 * @throws MailchimpError
 */
export type Call = <T>(
  shape: z.ZodType<T>,
  method: string,
  path: string,
  options?: CallOptions,
) => Promise<T>;

export interface CallOptions {
  path?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
}

/** What the client makes of 204; a proxy's page with 200 is a string. */
export const noContent = z.null();

/** Asks for what we read and no more: a member has many fields, and a page a thousand members. */
export const fieldsOf = (shape: z.ZodObject, prefix = '') =>
  Object.keys(shape.shape)
    .map((field) => `${prefix}${field}`)
    .join(',');
