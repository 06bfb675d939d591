import { forget } from '../platform/forget.ts';
import { counted, type Duty } from './duty.ts';

const day = 86_400_000;

/** Shows for how long there was silence. */
const newestDelivery = 'received_at = (SELECT max(received_at) FROM webhook_deliveries)';

/**
 * Of each kind the last that went well and the last that did not, which tell how they went, and the one that heard the
 * latest, where the next one begins.
 */
const newestComparisons = `
  id IN (SELECT DISTINCT ON (kind, dry_run, finished_at IS NOT NULL AND failure IS NULL) id FROM reconciliations
          ORDER BY kind, dry_run, finished_at IS NOT NULL AND failure IS NULL, requested_at DESC)
  OR heard_until IS NOT NULL
     AND heard_until = (SELECT max(heard_until) FROM reconciliations WHERE finished_at IS NOT NULL AND failure IS NULL)`;

/** Throws away what has done its service: counters, answers, deliveries, comparisons, old entries of the audit log. */
export const housekeeping: Duty = {
  name: 'housekeeping',
  at: { hour: null, minute: 41 },
  what: 'Throws away old counters, answers, webhook deliveries, comparisons, and audit entries after RETENTION_AUDIT_DAYS',
  async run({ database, retention, now }) {
    const ago = (days: number) => new Date(now().getTime() - days * day);
    const gone = [
      // Those that are empty, which is all that ever has to be done about them.
      await forget(database, 'buckets', 'empty_at', now()),
      await forget(database, 'admin_sessions', 'expires_at', now()),
      // What an Idempotency-Key was answered with.
      await forget(database, 'idempotent_answers', 'created_at', ago(1)),
      // Mailchimp repeats one for 75 minutes.
      await forget(database, 'webhook_deliveries', 'received_at', ago(30), newestDelivery),
      await forget(database, 'reconciliations', 'requested_at', ago(90), newestComparisons),
      await forget(database, 'audit_entries', 'at', ago(retention.auditDays)),
    ];
    const rows = gone.reduce((sum, rows) => sum + rows, 0);
    return `${counted(rows, 'row', 'rows')} thrown away`;
  },
};
