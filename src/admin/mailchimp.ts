import { Router } from 'express';
import { z } from 'zod';
import { languageOf } from '../languages/language.ts';
import { MailchimpError } from '../mailchimp/api/error.ts';
import type { SetupReport } from '../mailchimp/setup.ts';
import { readSignals, refusedContacts } from '../mailchimp/signals.ts';
import type { Database, Sql } from '../platform/database.ts';
import type { Finding } from '../platform/finding.ts';
import { parseAddress } from '../subscribing/address.ts';
import { onlyVerbs, Problem } from '../web/problems.ts';
import { jsonBody, parse } from './bodies.ts';

/** What an operator can have done. */
export interface Operations {
  doctor(): Promise<Finding[]>;
  setup(): Promise<SetupReport>;
  /** @returns the id under which its progress can be read */
  requestReconciliation(wish: { kind: 'full' | 'incremental'; dryRun: boolean }): Promise<string>;
  /** Told when contacts became due. */
  onRetry(): void;
}

const retryWish = z.strictObject({ email: z.string('must be text').optional() });
const reconcileWish = z.strictObject({
  kind: z.enum(['full', 'incremental'], 'must be full or incremental').default('full'),
  dryRun: z.boolean('must be true or false').default(false),
});

/** The most refused contacts in one answer. */
const mostRefused = 1_000;

/** `/admin/api/doctor`, `/setup` and `/sync`: how Footnote and Mailchimp get along, and what to do about it. */
export function mailchimpRoutes({
  database,
  operations,
}: {
  database: Database;
  operations: Operations;
}): Router {
  const router = Router();

  router
    .route('/doctor')
    .get(async (_req, res) => {
      res.json({ findings: await operations.doctor() });
    })
    .all(onlyVerbs('GET'));

  router
    .route('/setup')
    .post(async (_req, res) => {
      res.json(await operations.setup().catch(tellOperator));
    })
    .all(onlyVerbs('POST'));

  router
    .route('/sync')
    .get(async (_req, res) => {
      const [signals, refused] = await Promise.all([
        readSignals(database),
        refusedContacts(database, { limit: mostRefused }),
      ]);
      res.json({ signals, refused });
    })
    .all(onlyVerbs('GET'));

  router
    .route('/sync/retry')
    .post(jsonBody, async (req, res) => {
      const { email } = parse(retryWish, req.body ?? {});
      const retried = await retryRefused(database, email === undefined ? null : keyOf(email));
      operations.onRetry();
      res.json({ retried });
    })
    .all(onlyVerbs('POST'));

  router
    .route('/sync/reconcile')
    .post(jsonBody, async (req, res) => {
      const id = await operations.requestReconciliation(parse(reconcileWish, req.body ?? {}));
      res.status(202).json({ id });
    })
    .all(onlyVerbs('POST'));

  router
    .route('/sync/reconciliations/:id')
    .get(async (req, res) => {
      const id = z.uuid().safeParse(req.params.id).data;
      const found =
        id === undefined
          ? null
          : await database.prisma.reconciliation.findUnique({ where: { id }, omit: { heardUntil: true } });
      if (found === null) throw new Problem(404, 'Not Found', 'There is no such reconciliation.');
      res.json({ ...found, report: await withAddresses(database, found.report) });
    })
    .all(onlyVerbs('GET'));

  return router;
}

const exemplified = z.looseObject({
  examples: z.array(z.object({ subscriberId: z.uuid(), finding: z.string(), would: z.string() })),
});

/** A stored report names people by id, so that erasure need not look for them there (I6). */
async function withAddresses(sql: Sql, report: unknown): Promise<unknown> {
  const { data } = exemplified.safeParse(report);
  if (data === undefined) return report;
  const people = await sql.query<{ id: string; email: string }>(
    'SELECT id, email FROM subscribers WHERE id = ANY ($1::uuid[])',
    [data.examples.map(({ subscriberId }) => subscriberId)],
  );
  const emails = new Map(people.map(({ id, email }) => [id, email]));
  return {
    ...data,
    examples: data.examples.flatMap(({ subscriberId, finding, would }) => {
      const email = emails.get(subscriberId);
      return email === undefined ? [] : { email, finding, would };
    }),
  };
}

/** Makes refused contacts due at once, parked ones too. @returns how many */
async function retryRefused(sql: Sql, key: string | null): Promise<number> {
  const retried = await sql.query(
    `UPDATE audience_contacts SET due_at = now(), attempts = 0
      WHERE refusal IS NOT NULL AND wanted <> acknowledged
        AND ($1::text IS NULL OR subscriber_id = (SELECT id FROM subscribers WHERE key = $1))
     RETURNING subscriber_id`,
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
function tellOperator(error: unknown): never {
  if (!(error instanceof MailchimpError)) throw error;
  const { message, detail } = error;
  throw new Problem(424, 'Failed Dependency', detail === '' ? `${message}.` : `${message}. ${detail}`);
}
