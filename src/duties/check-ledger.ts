import { z } from 'zod';
import { checkLedgers } from '../consent/check.ts';
import { counted, type Duty } from './duty.ts';

/** What a check of all ledgers found. */
export const ledgerReport = z.object({
  people: z.number(),
  entries: z.number(),
  broken: z.number(),
  /** The first of the broken ones: whose, at which entry, and what is wrong. */
  examples: z.array(z.object({ subscriberId: z.string(), seq: z.number(), why: z.string() })),
});

const progress = ledgerReport.extend({ after: z.string() });

const mostExamples = 20;

/**
 * I5: every ledger is recomputed, a page at a time; a run that broke off goes on where it was.
 * @param pageSize people in a page, after which it may break off
 */
export const ledgerCheck = (pageSize: number): Duty => ({
  name: 'check-ledger',
  at: { hour: 1, minute: 7 },
  what: 'Recomputes the ledger of everybody, and holds evidence, wordings, mails and lists against it',
  async run({ database, log, signal, cursor, keep, tell }) {
    const before = progress.safeParse(cursor).data;
    const { after: _, ...report } = before ?? { after: '', people: 0, entries: 0, broken: 0, examples: [] };
    for (let after = before?.after ?? null; ; ) {
      signal.throwIfAborted();
      const page = await checkLedgers(database, { after, limit: pageSize });
      for (const { subscriberId, seq, why } of page.broken)
        log.error({ subscriber: subscriberId, entry: seq, why }, 'a ledger is broken');
      report.people += page.checked;
      report.entries += page.events;
      report.broken += page.broken.length;
      report.examples = [...report.examples, ...page.broken].slice(0, mostExamples);
      after = page.next;
      if (after === null) break;
      await keep({ ...report, after } satisfies z.infer<typeof progress>);
    }
    await tell(report);
    const size = `${counted(report.people, 'person', 'people')}, ${counted(report.entries, 'entry', 'entries')}`;
    return `${size}, ${report.broken === 0 ? 'all whole' : `${report.broken} broken`}`;
  },
});

export const checkLedger = ledgerCheck(500);
