import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Log } from '../platform/log.ts';
import { jsonIn } from '../platform/text.ts';
import type { Gone } from '../subscribing/subscribing.ts';

// A backup does not know who left after it was made. The log does: it is written elsewhere, and names people by
// their id alone.

const left = 'a person left mailing lists';
const wasErased = 'a person was erased';

/** Writes down who left, for the day on which an older database is restored. */
export function logGone(log: Log, gone: readonly Gone[]): void {
  for (const { subscriberId, lists, declined, erased } of gone) {
    if (erased) log.info({ subscriberId }, wasErased);
    else log.info({ subscriberId, lists, declined }, left);
  }
}

/** Somebody who left, and when. */
export interface Logged extends Gone {
  at: Date;
}

const line = z.object({ time: z.number(), subscriberId: z.uuid() }).and(
  z.union([
    z.object({
      msg: z.literal(left),
      lists: z.array(z.int()),
      // Older lines do not say.
      declined: z.boolean().default(false),
    }),
    z.object({ msg: z.literal(wasErased) }),
  ]),
);

/** Who left by a log, in its order. What else stands there, before a line too, is passed over. */
export async function* goneBy(file: string): AsyncGenerator<Logged> {
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    // Docker and the like put a name or a time before what was logged.
    const found = line.safeParse(jsonIn(text.slice(text.indexOf('{')))).data;
    if (found === undefined) continue;
    const { subscriberId, time } = found;
    const { lists, declined } = found.msg === left ? found : { lists: [], declined: false };
    yield { subscriberId, lists, declined, erased: found.msg === wasErased, at: new Date(time) };
  }
}
