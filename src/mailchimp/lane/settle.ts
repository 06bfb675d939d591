import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { type Refused, recordRefusals, type TakenContact } from './contacts.ts';
import { type RefusalKind, retryDelay } from './refusals.ts';

/** What is known of a refusal beside its kind; a `MailchimpError` fits. */
export interface RefusalFacts {
  status?: number | null;
  title?: string | null;
  detail?: string;
  requestId?: string | null;
}

/** Why one contact of a set is not equal, and what came of it at Mailchimp all the same. */
export interface Refusing extends Pick<Refused, 'contact' | 'tookConsent' | 'asked' | 'memberStatus'> {
  kind: RefusalKind;
  facts: RefusalFacts;
}

/** Records refusals with their next attempts, and tells the log without naming anybody. */
export async function refuse(database: Database, log: Log, refusing: readonly Refusing[]): Promise<void> {
  const at = new Date().toISOString();
  const refused = refusing.map(({ kind, facts, contact, ...rest }): Refused => {
    const { status = null, title = null, detail = '', requestId = null } = facts;
    const again = contact.refusal?.kind === kind ? contact.refusal : null;
    const attempts = again === null ? 1 : contact.attempts + 1;
    return {
      ...rest,
      contact,
      attempts,
      delayMs: retryDelay(kind, attempts, Math.random()),
      refusal: { kind, status, title, detail, requestId, since: again?.since ?? at, at },
    };
  });
  await recordRefusals(database, refused);
  for (const [kind, few] of Map.groupBy(refused, ({ refusal }) => refusal.kind)) {
    const { status, title, requestId } = few[0]?.refusal ?? {};
    log.warn(
      { kind, status, title, requestId, contacts: few.length, ...idsOf(few) },
      'Mailchimp is not equal for contacts',
    );
  }
}

/** A handful of ids helps to look them up; thousands would drown the log. */
const idsOf = (refused: readonly { contact: TakenContact }[]) =>
  refused.length <= 5 && { subscriberIds: refused.map(({ contact }) => contact.subscriberId) };
