import { z } from 'zod';
import { languageOf } from '../languages/language.ts';
import { MailchimpError } from '../mailchimp/api/error.ts';
import { pauseLane, resumeLane } from '../mailchimp/lane/pause.ts';
import type { SetupReport } from '../mailchimp/setup.ts';
import { readSignals, refusedContacts } from '../mailchimp/signals.ts';
import type { Database, Sql } from '../platform/database.ts';
import type { Finding } from '../platform/finding.ts';
import { parseAddress } from '../subscribing/address.ts';
import { Problem } from '../web/problems.ts';
import { type Operation, operation } from './operation.ts';
import { finding, reconciliation, setupReport, syncStatus, time } from './shapes.ts';

/** What an operator can have done. */
export interface Operations {
  doctor(): Promise<Finding[]>;
  setup(): Promise<SetupReport>;
  /** @returns the id under which its progress can be read */
  requestReconciliation(wish: { kind: 'full' | 'incremental'; dryRun: boolean }): Promise<string>;
  /** Told when the lane has something to do: contacts became due, or a pause ended. */
  wakeLane(): void;
}

const dryRun = z
  .boolean('must be true or false')
  .default(false)
  .meta({ description: 'Say what it would come to, and change nothing' });
const retryWish = z.strictObject({ email: z.string('must be text').optional(), dryRun }).prefault({});
const reconcileWish = z
  .strictObject({
    kind: z.enum(['full', 'incremental'], 'must be full or incremental').default('full'),
    dryRun,
  })
  .prefault({});

/** The most refused contacts in one answer. */
const mostRefused = 1_000;

/** `/admin/api/doctor`, `/setup` and `/sync`: how Footnote and Mailchimp get along, and what to do about it. */
export function mailchimpOperations({
  database,
  operations,
  now,
}: {
  database: Database;
  operations: Operations;
  now: () => Date;
}): Operation[] {
  return [
    operation(
      {
        id: 'doctor',
        verb: 'get',
        path: '/doctor',
        scope: 'read',
        summary: 'What is wrong with all that Footnote depends on, and what to do',
        answer: { description: 'One finding a check', shape: z.object({ findings: z.array(finding) }) },
      },
      async () => ({ findings: await operations.doctor() }),
    ),
    operation(
      {
        id: 'setup',
        verb: 'post',
        path: '/setup',
        scope: 'write',
        summary: 'Make the Mailchimp audience ready; may be repeated at any time',
        answer: { description: 'What was there and what was made', shape: setupReport, once: true },
        problems: { 424: 'Mailchimp refuses; the detail is what it said.' },
      },
      () => operations.setup().catch(tellOperator),
    ),
    operation(
      {
        id: 'sync.status',
        verb: 'get',
        path: '/sync',
        scope: 'read',
        summary: 'What waits for Mailchimp, and whom it refuses and why',
        answer: { description: `At most ${mostRefused} refused contacts`, shape: syncStatus },
      },
      async () => {
        const [signals, refused] = await Promise.all([
          readSignals(database),
          refusedContacts(database, { limit: mostRefused }),
        ]);
        return { signals, refused };
      },
    ),
    operation(
      {
        id: 'sync.retry',
        verb: 'post',
        path: '/sync/retry',
        scope: 'write',
        summary: 'Try refused contacts again at once: all, or one',
        body: retryWish,
        target: ['dryRun'],
        answer: { description: 'How many', shape: z.object({ retried: z.number().int() }) },
      },
      async ({ body: { email, dryRun } }) => {
        const key = email === undefined ? null : keyOf(email);
        if (dryRun) return { retried: await countRefused(database, key) };
        const retried = await retryRefused(database, key);
        operations.wakeLane();
        return { retried };
      },
    ),
    operation(
      {
        id: 'sync.pause',
        verb: 'post',
        path: '/sync/pause',
        scope: 'write',
        summary: 'Send nobody to Mailchimp, opt-outs neither, until it is resumed',
        answer: {
          description: 'Since when it is paused, and by which key: the first one, if it was paused already',
          shape: z.object({ pausedBy: z.string(), pausedAt: time }),
        },
      },
      async ({ key }) => {
        const { by, at } = await pauseLane(database, { by: key.name, at: now() });
        // So that what this process is about to send is looked at anew.
        operations.wakeLane();
        return { pausedBy: by, pausedAt: at };
      },
    ),
    operation(
      {
        id: 'sync.resume',
        verb: 'post',
        path: '/sync/resume',
        scope: 'write',
        summary: 'Send to Mailchimp again what waits, opt-outs first',
        answer: {
          description: 'Whether it was paused',
          shape: z.object({ resumed: z.boolean() }),
        },
      },
      async () => {
        const resumed = await resumeLane(database);
        operations.wakeLane();
        return { resumed };
      },
    ),
    operation(
      {
        id: 'sync.reconcile',
        verb: 'post',
        path: '/sync/reconcile',
        scope: 'write',
        summary: 'Compare the audience with the database, and repair what differs',
        body: reconcileWish,
        target: ['id', 'kind', 'dryRun'],
        answer: {
          status: 202,
          description: 'It has been asked for; its progress can be read',
          shape: z.object({ id: z.uuid() }),
        },
      },
      async ({ body }) => ({ id: await operations.requestReconciliation(body) }),
    ),
    operation(
      {
        id: 'sync.reconciliation',
        verb: 'get',
        path: '/sync/reconciliations/:id',
        scope: 'read',
        summary: 'How far a comparison is, and what it found',
        params: z.object({ id: z.uuid() }),
        answer: { description: 'Counts so far', shape: reconciliation },
        problems: { 404: 'There is no such reconciliation.' },
      },
      async ({ params: { id } }) => {
        const found = await database.prisma.reconciliation.findUnique({
          where: { id },
          omit: { heardUntil: true },
        });
        if (found === null) throw new Problem(404, 'Not Found', 'There is no such reconciliation.');
        const kind = reconciliation.shape.kind.parse(found.kind);
        return { ...found, kind, report: await withAddresses(database, found.report) };
      },
    ),
  ];
}

type Told = z.output<typeof reconciliation>['report'];
const stored = reconciliation.shape.report.unwrap().extend({
  examples: z.array(z.object({ subscriberId: z.uuid(), finding: z.string(), would: z.string() })),
});

/** A stored report names people by id, so that erasure need not look for them there (I6). */
async function withAddresses(sql: Sql, report: unknown): Promise<Told> {
  if (report === null) return null;
  const told = stored.parse(report);
  const people = await sql.query<{ id: string; email: string }>(
    'SELECT id, email FROM subscribers WHERE id = ANY ($1::uuid[])',
    [told.examples.map(({ subscriberId }) => subscriberId)],
  );
  const emails = new Map(people.map(({ id, email }) => [id, email]));
  return {
    ...told,
    examples: told.examples.flatMap(({ subscriberId, finding, would }) => {
      const email = emails.get(subscriberId);
      return email === undefined ? [] : { email, finding, would };
    }),
  };
}

/** Refused contacts, all or that of an address, parked ones too. */
const refusedOf = `refusal IS NOT NULL AND wanted <> acknowledged
        AND ($1::text IS NULL OR subscriber_id = (SELECT id FROM subscribers WHERE key = $1))`;

async function countRefused(sql: Sql, key: string | null): Promise<number> {
  const [found] = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM audience_contacts WHERE ${refusedOf}`,
    [key],
  );
  return found?.count ?? 0;
}

/** Makes refused contacts due at once. @returns how many */
async function retryRefused(sql: Sql, key: string | null): Promise<number> {
  const retried = await sql.query(
    `UPDATE audience_contacts SET due_at = now(), attempts = 0 WHERE ${refusedOf} RETURNING subscriber_id`,
    [key],
  );
  return retried.length;
}

function keyOf(email: string): string {
  const parsed = parseAddress(email);
  if (parsed.ok) return parsed.address.key;
  const message = languageOf('en').text(parsed.fault.key, parsed.fault.values);
  throw new Problem(422, 'Unprocessable Content', message, [{ field: 'email', message }]);
}

/** What Mailchimp said is for the operator to mend. Below 500, so that no detail reaches the log. */
export function tellOperator(error: unknown): never {
  if (!(error instanceof MailchimpError)) throw error;
  const { message, detail } = error;
  throw new Problem(424, 'Failed Dependency', detail === '' ? `${message}.` : `${message}. ${detail}`);
}
