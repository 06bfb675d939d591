import { createElement } from 'react';
import { z } from 'zod';
import { ConfirmationMail, confirmationSubject } from '../../emails/confirmation.tsx';
import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { recoverToken } from '../subscribing/links.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';
import { compose, type Sender } from './compose.ts';
import type { Transport } from './transport.ts';

/** The queue of owed mails, and how it tries again: from seconds up to an hour, for as long as their links work. */
export const mailQueue = {
  retryLimit: 200,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 3600,
  expireInSeconds: 120,
  heartbeatSeconds: 10,
  deleteAfterSeconds: 86_400,
} as const;

/** How mail does, for `/readyz`. */
export interface MailHealth {
  /** Why the last mail could not be handed over; null when it could. */
  trouble: string | null;
}

export interface Postman {
  database: Database;
  subscribing: Subscribing;
  transport: Transport;
  sender: Sender;
  site: { publication: string; postalAddress: string };
  secretKeys: readonly string[];
  now: () => Date;
  /** Kept up to date with every attempt. */
  health: MailHealth;
  log: Log;
}

const job = z.object({ mailId: z.uuid() });

/**
 * Sends one owed mail, if it is still wanted at this moment, and has its acceptance entered into the
 * ledger (C-02, C-05). Safe to repeat: a process that dies between the server's 250 and our note of it
 * sends the same Message-ID once more, and nothing else can make a mail go twice.
 * @throws when the mail server is out of reach or puts us off; the queue tries again
 */
export async function deliver(postman: Postman, data: unknown): Promise<void> {
  const { database, sender, site, log } = postman;
  const { mailId } = job.parse(data);
  const mail = await database.prisma.mail.findUnique({
    where: { id: mailId },
    include: { subscriber: true, request: true },
  });
  if (mail === null || mail.request === null || mail.acceptedAt !== null || mail.abandoned !== null) return;

  const { subscriber, request } = mail;
  const lists = await standingLists(database, request);
  if (lists.length === 0 || request.confirmedAt !== null || request.expiresAt <= postman.now()) {
    await abandon(database, mailId, 'no longer wanted');
    return;
  }
  if (subscriber.mailBlock !== null) {
    await abandon(database, mailId, `the address ${subscriber.mailBlock}`);
    return;
  }

  const token = recoverToken(postman.secretKeys, request.id, request.tokenHash);
  const letter = await compose(sender, {
    id: mail.id,
    to: subscriber,
    subject: confirmationSubject(site.publication),
    body: (footer) =>
      createElement(ConfirmationMail, {
        site,
        footer,
        lists,
        confirmUrl: sender.links.confirm(token),
        requestedAt: request.createdAt,
        expiresAt: request.expiresAt,
      }),
  });

  try {
    await postman.transport.sendMail(letter);
  } catch (error) {
    const code = refusalOf(error);
    if (code === null) {
      const notTaken = unreachable(error);
      postman.health.trouble = notTaken.message;
      throw notTaken;
    }
    log.warn({ mail: mailId, code }, 'the mail server refuses a recipient for good');
    await abandon(database, mailId, `refused with ${code}`);
    return;
  }

  postman.health.trouble = null;
  await postman.subscribing.run({
    type: 'mail_accepted',
    subscriberId: subscriber.id,
    mailId,
    requestSeq: request.seq,
    copy: letter.text.replaceAll(token, '[token]').replaceAll(subscriber.linkKey, '[key]'),
  });
  log.info({ mail: mailId }, 'a mail was accepted by the mail server');
}

/** The lists of a request that it still stands for, as they were worded to the person. */
async function standingLists(
  database: Database,
  request: { subscriberId: string; seq: number },
): Promise<{ name: string; description: string }[]> {
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

async function abandon(database: Database, id: string, reason: string): Promise<void> {
  await database.prisma.mail.update({ where: { id }, data: { abandoned: reason } });
}

const smtpError = z.object({
  code: z.string().optional(),
  command: z.string().optional(),
  responseCode: z.number().optional(),
});

/** The 5xx with which the server refuses this recipient; null for anything that may pass. */
function refusalOf(error: unknown): number | null {
  const { data } = smtpError.safeParse(error);
  return data?.command === 'RCPT TO' && data.responseCode !== undefined && data.responseCode >= 500
    ? data.responseCode
    : null;
}

/** Servers put the address into their answers, so only the codes go on to the log. */
function unreachable(error: unknown): Error {
  const { data } = smtpError.safeParse(error);
  return new Error(
    `the mail server did not take the mail (${data?.code ?? 'unknown'} ${data?.responseCode ?? ''})`.trim(),
  );
}
