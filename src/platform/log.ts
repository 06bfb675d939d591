import { type DestinationStream, pino } from 'pino';
import { traceIds } from './tracing.ts';

export type Log = pino.Logger;

/**
 * Structured log lines, on standard output unless told otherwise. Callers log ids and counts only: no address, no name, no
 * token. Errors are reduced to their class, message and stack, since the errors of HTTP
 * clients carry whole requests, keys included. What is said within a trace that is recorded names it.
 */
export function createLog(level: string, into?: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      mixin: traceIds,
      serializers: {
        err: (error: unknown) =>
          error instanceof Error
            ? { type: error.name, message: error.message, stack: error.stack }
            : { type: typeof error },
      },
    },
    into,
  );
}
