import { createElement, type ReactElement } from 'react';
import { ConfirmationMail, confirmationSubject } from '../../emails/confirmation.tsx';
import { CopyMail, copySubject } from '../../emails/copy.tsx';
import { ErasureMail, erasureSubject } from '../../emails/erasure.tsx';
import type { FooterLinks } from '../../emails/footer.tsx';
import { MyLinkMail, myLinkSubject } from '../../emails/my-link.tsx';
import { ReceiptMail, receiptSubject } from '../../emails/receipt.tsx';
import { WelcomeMail, welcomeSubject } from '../../emails/welcome.tsx';
import { copyOf } from '../consent/copy.ts';
import type { Mail, SignUpRequest, Subscriber } from '../generated/prisma/client.ts';
import { closestLocale } from '../languages/language.ts';
import type { Database } from '../platform/database.ts';
import type { Site } from '../site/site.ts';
import { linkExpiry } from '../subscribing/changes.ts';
import { type Links, recoverToken } from '../subscribing/links.ts';

/** What a mail says, before it is addressed. */
export interface Contents {
  subject: string;
  /** The mail, around the footer that is handed to it. */
  body: (footer: FooterLinks) => ReactElement;
  attachments?: { filename: string; contentType: string; content: string }[];
  /** The secret in it beside the person's key, to be blanked in what we keep. */
  token?: string;
}

export interface Writing {
  database: Database;
  site: Site;
  links: Links;
  secretKeys: readonly string[];
  /** Whether Mailchimp archives, and does not delete, who is erased here. */
  archives: boolean;
  now: () => Date;
}

export type OwedMail = Mail & { subscriber: Subscriber; request: SignUpRequest | null };

/**
 * Writes an owed mail as it should be at this moment, in its reader's language.
 * @returns null when it is no longer wanted: confirmed, left or expired since
 * @throws when the key that signed its link is gone from SECRET_KEYS
 */
export async function write(writing: Writing, mail: OwedMail): Promise<Contents | null> {
  const { database, site, links, secretKeys, archives } = writing;
  const { subscriber, request } = mail;
  const locale = closestLocale(request?.locale ?? subscriber.locale) ?? 'en';

  switch (mail.kind) {
    case 'confirmation': {
      if (request === null || request.confirmedAt !== null || request.expiresAt <= writing.now()) return null;
      const lists = await standingLists(database, request);
      if (lists.length === 0 || subscriber.declinedAt !== null) return null;
      const token = recoverToken(secretKeys, 'confirm', request.id, request.tokenHash);
      return {
        subject: confirmationSubject(locale, site),
        token,
        body: (footer) =>
          createElement(ConfirmationMail, {
            locale,
            site,
            footer,
            lists,
            confirmUrl: links.confirm(token),
            notMeUrl: links.notMe(subscriber.linkKey),
            requestedAt: request.createdAt,
            expiresAt: request.expiresAt,
          }),
      };
    }
    case 'welcome': {
      const lists = await listsOfEntry(database, mail, 'subscribed');
      if (lists.length === 0) return null;
      return {
        subject: welcomeSubject(locale, site),
        body: (footer) => createElement(WelcomeMail, { locale, site, footer, lists }),
      };
    }
    case 'receipt': {
      const left = await listsOfEntry(database, mail, 'unsubscribed');
      if (left.length === 0) return null;
      const remaining = await subscribedLists(database, subscriber.id);
      return {
        subject: receiptSubject(locale, site),
        body: (footer) =>
          createElement(ReceiptMail, { locale, site, footer, left, remaining, at: mail.createdAt }),
      };
    }
    case 'my_link': {
      if (subscriber.declinedAt !== null) return null;
      return {
        subject: myLinkSubject(locale, site),
        body: (footer) => createElement(MyLinkMail, { locale, site, footer }),
      };
    }
    case 'copy': {
      const { json, csv } = await copyOf(database, subscriber.id);
      return {
        subject: copySubject(locale, site),
        body: (footer) => createElement(CopyMail, { locale, site, footer }),
        attachments: [
          { filename: 'my-data.csv', contentType: 'text/csv; charset=utf-8', content: csv },
          { filename: 'my-data.json', contentType: 'application/json', content: json },
        ],
      };
    }
    case 'erasure': {
      const expiresAt = linkExpiry(mail.dueAt);
      if (expiresAt <= writing.now()) return null;
      const token = recoverToken(secretKeys, 'erase', mail.id, mail.tokenHash);
      return {
        subject: erasureSubject(locale, site),
        token,
        body: (footer) =>
          createElement(ErasureMail, {
            locale,
            site,
            footer,
            eraseUrl: links.erase(token),
            expiresAt,
            archives,
          }),
      };
    }
  }
}

interface WordedList {
  name: string;
  description: string;
}

/** The lists of a request that it still stands for, as they were worded to the person. */
async function standingLists(
  database: Database,
  request: { subscriberId: string; seq: number },
): Promise<WordedList[]> {
  return database.query(
    `SELECT wording.name, wording.description
       FROM consent_events event
       CROSS JOIN unnest(event.list_wordings) WITH ORDINALITY AS asked(version, place)
       JOIN mailing_list_wordings wording ON wording.version = asked.version
       JOIN mailing_lists list ON list.slug = wording.slug AND list.archived_at IS NULL
       JOIN subscriptions ON subscriptions.subscriber_id = event.subscriber_id AND subscriptions.list_id = list.id
      WHERE event.subscriber_id = $1::uuid AND event.seq = $2::int
        AND subscriptions.state = 'pending' AND coalesce(subscriptions.ended_seq, 0) < event.seq
      ORDER BY asked.place`,
    [request.subscriberId, request.seq],
  );
}

/**
 * The lists of the ledger entry that a mail tells of which that entry still decides: what was changed again
 * since is told by another mail.
 */
async function listsOfEntry(
  database: Database,
  { subscriberId, seq }: Mail,
  state: 'subscribed' | 'unsubscribed',
): Promise<WordedList[]> {
  return database.query(
    `SELECT wording.name, wording.description
       FROM consent_events event
       CROSS JOIN unnest(event.list_wordings) WITH ORDINALITY AS told(version, place)
       JOIN mailing_list_wordings wording ON wording.version = told.version
       JOIN mailing_lists list ON list.slug = wording.slug
       JOIN subscriptions ON subscriptions.subscriber_id = event.subscriber_id AND subscriptions.list_id = list.id
      WHERE event.subscriber_id = $1::uuid AND event.seq = $2::int AND subscriptions.state = $3::subscription_state
        AND event.seq IN (subscriptions.consent_seq, subscriptions.ended_seq)
        -- Of a request that was called off, nothing had ever come.
        AND subscriptions.consent_seq IS NOT NULL
      ORDER BY told.place`,
    [subscriberId, seq, state],
  );
}

async function subscribedLists(database: Database, subscriberId: string): Promise<WordedList[]> {
  return database.query(
    `SELECT wording.name, wording.description
       FROM subscriptions
       JOIN mailing_lists list ON list.id = subscriptions.list_id
       JOIN mailing_list_wordings wording ON wording.version = list.wording_version
      WHERE subscriptions.subscriber_id = $1::uuid AND subscriptions.state = 'subscribed'
      ORDER BY list.position, list.id`,
    [subscriberId],
  );
}
