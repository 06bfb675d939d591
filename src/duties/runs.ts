import { type DutyRun, Prisma } from '../generated/prisma/client.ts';
import type { Sql } from '../platform/database.ts';
import { nextAt } from '../platform/schedule.ts';
import type { Duty, Parts } from './duty.ts';
import { isOverdue, neverRan } from './scheduled.ts';

// When each duty ran last and what came of it: one row a duty.

/** How a duty stands. */
export interface DutyState {
  duty: Duty;
  run: Omit<DutyRun, 'duty' | 'cursor'> | null;
  nextAt: Date;
  /** It has not gone well for twice as long as it should take from one run to the next. */
  isOverdue: boolean;
}

/** How the duties stand, in their order. One that no worker ever knew of is not overdue. */
export async function readDuties(sql: Sql, duties: readonly Duty[], now: Date): Promise<DutyState[]> {
  const rows = await sql.query<Omit<DutyRun, 'cursor'>>(
    `SELECT duty, since, began_at AS "beganAt", ended_at AS "endedAt", succeeded_at AS "succeededAt",
            outcome, failure, report
       FROM duty_runs`,
  );
  return duties.map((duty) => {
    const run = rows.find((row) => row.duty === duty.name) ?? null;
    return { duty, run, nextAt: nextAt(duty.at, now), isOverdue: isOverdue(duty.at, run ?? neverRan, now) };
  });
}

/** Enters those that nobody knew of: from then on they are expected to run. */
export async function enterDuties(sql: Sql, duties: readonly Duty[], now: Date): Promise<void> {
  await sql.query(
    'INSERT INTO duty_runs (duty, since) SELECT unnest($1::text[]), $2::timestamptz ON CONFLICT DO NOTHING',
    [duties.map(({ name }) => name), now.toISOString()],
  );
}

/**
 * Runs a duty and notes how it went. One that breaks off as the process stops has not failed, and goes on where it
 * was.
 * @throws what the duty throws
 */
export async function runDuty(duty: Duty, parts: Parts, signal: AbortSignal): Promise<void> {
  const { database, now, log } = parts;
  const note = (data: Prisma.DutyRunUpdateInput) =>
    database.prisma.dutyRun.update({ where: { duty: duty.name }, data });
  const { cursor } = await note({ beganAt: now(), endedAt: null });
  try {
    const outcome = await duty.run({
      ...parts,
      signal,
      cursor,
      keep: async (cursor) => void (await note({ cursor: { ...cursor } })),
      tell: async (report) => void (await note({ report: { ...report } })),
    });
    const endedAt = now();
    await note({ endedAt, succeededAt: endedAt, outcome, failure: null, cursor: Prisma.DbNull });
    log.info({ duty: duty.name, outcome }, 'a duty was done');
  } catch (error) {
    if (!signal.aborted) {
      const failure = error instanceof Error ? error.message : 'for an unknown reason';
      await note({ endedAt: now(), failure });
    }
    throw error;
  }
}
