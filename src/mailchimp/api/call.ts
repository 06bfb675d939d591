import { z } from 'zod';

/**
 * One call of the API: through the gate, counted, and its answer parsed.
 * @throws MailchimpError
 */
export type Call = <T>(
  shape: z.ZodType<T>,
  method: string,
  path: string,
  options?: CallOptions,
) => Promise<T>;

export interface CallOptions {
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
