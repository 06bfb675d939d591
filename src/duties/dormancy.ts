import { z } from 'zod';
import { counted, type Duty } from './duty.ts';
import { everybody } from './people.ts';

/** What dormancy tells: people on each list, by its slug. */
export const dormant = z.object({ people: z.number(), lists: z.record(z.string(), z.number()) });

/** The most lists that the outcome names. */
const mostNamed = 10;

/**
 * C-18: consent that nobody made use of for years may have lapsed (AG München 161 C 12736/22). Campaigns do not go
 * through Footnote, so what it can know is when somebody last consented or took a mail of its own. Ends nothing.
 */
export const dormancy: Duty = {
  name: 'dormancy',
  at: { hour: 4, minute: 23 },
  what:
    'Counts, for each list, whose newest consent and whose newest mail of Footnote are older than DORMANT_MONTHS; ' +
    'campaigns sent by others are not known here',
  async run({ database, retention, now, signal, tell }) {
    const before = new Date(now());
    before.setUTCMonth(before.getUTCMonth() - retention.dormantMonths);
    const lists: Record<string, number> = {};
    let people = 0;
    for await (const rows of everybody<{ lists: string[] }>(database, query, [before.toISOString()])) {
      signal.throwIfAborted();
      people += rows.length;
      for (const slug of rows.flatMap(({ lists }) => lists)) lists[slug] = (lists[slug] ?? 0) + 1;
    }
    const report: z.infer<typeof dormant> = { people, lists };
    await tell(report);
    const named = Object.entries(lists).sort(([, a], [, b]) => b - a);
    const told = named.slice(0, mostNamed).map(([slug, count]) => `${slug} ${count.toLocaleString('en')}`);
    return `${counted(people, 'address', 'addresses')} dormant${told.length === 0 ? '' : `: ${told.join(', ')}`}${
      named.length > mostNamed ? ` and ${named.length - mostNamed} more lists` : ''
    }`;
  },
};

/** Whoever consented to one list lately is not dormant on another. */
const query = `
  SELECT array_agg(list.slug) AS lists
    FROM page person
    JOIN subscriptions subscription ON subscription.subscriber_id = person.id AND subscription.state = 'subscribed'
    JOIN mailing_lists list ON list.id = subscription.list_id
    JOIN consent_events consent ON consent.subscriber_id = person.id AND consent.seq = subscription.consent_seq
    LEFT JOIN consent_evidence evidence
      ON evidence.subscriber_id = consent.subscriber_id AND evidence.seq = consent.seq AND consent.kind = 'imported'
   WHERE NOT EXISTS (
     SELECT FROM mails WHERE subscriber_id = person.id AND accepted_at >= $2::timestamptz)
   GROUP BY person.id
  HAVING max(coalesce(evidence.given_at, consent.at)) < $2::timestamptz`;
