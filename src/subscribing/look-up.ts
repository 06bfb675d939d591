import type { SubscriptionState } from '../generated/prisma/enums.ts';
import type { Sql } from '../platform/database.ts';

/** A person as operators see them in a list. */
export interface Found {
  id: string;
  email: string;
  firstName: string | null;
  locale: string;
  createdAt: Date;
  mailBlock: 'bounced' | 'complained' | null;
  lists: { slug: string; name: string; state: SubscriptionState; since: string }[];
}

/** A person as operators see them alone. */
export interface Known extends Found {
  /** As typed. */
  typed: string;
  /** They want no mail that others may cause. */
  declined: boolean;
  /** Everything personal is gone; the addresses are stand-ins. */
  erased: boolean;
  mailchimp: {
    /** What Mailchimp last showed; null: nothing yet. */
    status: string | null;
    /** Whether it has yet to hear of something. */
    due: boolean;
    toldAt: string | null;
    refusal: { reason: string; title: string | null; detail: string; nextAttempt: string | null } | null;
  } | null;
}

const lists = `coalesce((
         SELECT jsonb_agg(jsonb_build_object('slug', list.slug, 'name', wording.name, 'state', subscription.state,
                  'since', subscription.changed_at) ORDER BY list.position, list.id)
           FROM subscriptions subscription
           JOIN mailing_lists list ON list.id = subscription.list_id
           JOIN mailing_list_wordings wording ON wording.version = list.wording_version
          WHERE subscription.subscriber_id = person.id), '[]')`;
const columns = `person.id, person.email, person.first_name AS "firstName", person.locale,
            person.created_at AS "createdAt", person.mail_block AS "mailBlock", ${lists} AS lists`;

/**
 * Looks for people by the beginning of their address, in the order of addresses; erased ones have none any more.
 * @param after the address that the page before ended with
 * @param list a slug: people on it, in any state or in `state`
 */
export function searchSubscribers(
  sql: Sql,
  wish: {
    beginning: string;
    list: string | null;
    state: SubscriptionState | null;
    after: string;
    limit: number;
  },
): Promise<Found[]> {
  return sql.query<Found>(
    `SELECT ${columns}
       FROM subscribers person
      WHERE person.key >= $1 AND person.key < $1 || chr(1114111) AND person.key > $2
        AND person.ledger_salt IS NOT NULL
        AND (($3::text IS NULL AND $4::text IS NULL) OR EXISTS (
              SELECT FROM subscriptions subscription JOIN mailing_lists list ON list.id = subscription.list_id
               WHERE subscription.subscriber_id = person.id
                 AND ($3::text IS NULL OR list.slug = $3) AND ($4::text IS NULL OR subscription.state::text = $4)))
      ORDER BY person.key
      LIMIT $5`,
    [wish.beginning.toLowerCase(), wish.after, wish.list, wish.state, wish.limit],
  );
}

/** All that an operator may see of a person beside their ledger. @returns null when there is no such person */
export async function lookUp(sql: Sql, id: string): Promise<Known | null> {
  const [known] = await sql.query<Known>(
    `SELECT ${columns}, person.typed, person.declined_at IS NOT NULL AS declined,
            person.ledger_salt IS NULL AS erased,
            (SELECT jsonb_build_object(
                      'status', nullif(member_status, 'unread'), 'due', wanted <> acknowledged, 'toldAt', acknowledged_at,
                      'refusal', CASE WHEN refusal IS NOT NULL THEN jsonb_build_object(
                        'reason', refusal->'kind', 'title', refusal->'title', 'detail', refusal->'detail',
                        'nextAttempt', due_at) END)
               FROM audience_contacts WHERE subscriber_id = person.id) AS mailchimp
       FROM subscribers person WHERE person.id = $1`,
    [id],
  );
  return known ?? null;
}
