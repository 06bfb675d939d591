import ApiClient from '@mailchimp/mailchimp_marketing/src/ApiClient.js';
import { z } from 'zod';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely; the contract test checks their shape
  body: any;
}

export interface Client {
  call(
    method: string,
    path: string,
    options?: { body?: unknown; query?: Record<string, unknown> },
  ): Promise<Answer>;
}

const httpError = z.object({ status: z.number(), response: z.object({ body: z.unknown() }) });

/** Mailchimp's own client, pointed at the sandbox. Resolves refusals too; rejects without an answer. */
export function officialClient({ baseUrl, apiKey }: Sandbox['mailchimp']): Client {
  const client = new ApiClient();
  client.basePath = baseUrl;
  client.timeout = 5000;
  // The client replaces the word "server" in URLs by this setting; so it is left as it is.
  client.setConfig({ apiKey, server: 'server' });
  return {
    async call(method, path, { body, query = {} } = {}) {
      try {
        const answer = await client.callApi(
          path,
          method,
          {},
          query,
          {},
          {},
          body,
          ['basicAuth'],
          ['application/json'],
          ['application/json', 'application/problem+json'],
          Object,
        );
        return { status: answer.response.status, body: answer.data };
      } catch (error) {
        const refusal = httpError.safeParse(error);
        if (!refusal.success) throw error;
        return { status: refusal.data.status, body: refusal.data.response.body };
      }
    },
  };
}
