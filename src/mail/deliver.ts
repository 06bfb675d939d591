import { z } from 'zod';
import type { Log } from '../platform/log.ts';
import type { Queue } from '../platform/queue.ts';
import { inSpan } from '../platform/tracing.ts';
import { isMailable } from '../subscribing/person.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';
import { compose, type Sender } from './compose.ts';
import { type OwedMail, type Writing, write } from './letters.ts';
import type { Transport } from './transport.ts';

/** The longest time between two tries of a mail, in seconds: within it, a mail server that works again is noticed. */
const retryDelayMax = 600;

/**
 * The queue of owed mails, and how it tries again: from seconds up to ten minutes, for eight days. Their links work
 * for seven.
 */
export const mailQueue = {
  retryLimit: (8 * 86_400) / retryDelayMax,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax,
  expireInSeconds: 120,
  heartbeatSeconds: 10,
  deleteAfterSeconds: 86_400,
} as const;

/** How mail does, for `/readyz`. */
export interface MailHealth {
  /** Why the last mail could not be handed over; null when it could. */
  trouble: string | null;
}

export interface Postman extends Writing {
  subscribing: Subscribing;
  transport: Transport;
  sender: Sender;
  /** Kept up to date with every attempt. */
  health: MailHealth;
  /** Told when the mail server takes a mail after trouble. */
  onMended: () => Promise<void>;
  /** Told what became of each attempt: `accepted`, `refused` for good, or `unreachable` and tried again. */
  onAttempt?: (outcome: Outcome) => void;
  log: Log;
}

const job = z.object({ mailId: z.uuid() });

/**
 * Sends one owed mail, if it is still wanted at this moment, and notes its acceptance: that of a
 * confirmation in the ledger, as proof (C-02, C-05). Safe to repeat: a process that dies between the
 * server's 250 and our note of it sends the same Message-ID once more, and nothing else can make a mail go
 * twice.
 * @throws when the mail server is out of reach or puts us off; the queue tries again
 */
export async function deliver(postman: Postman, data: unknown): Promise<void> {
  const { database, sender, log } = postman;
  const { mailId } = job.parse(data);
  const mail = await database.prisma.mail.findUnique({
    where: { id: mailId },
    include: { subscriber: true, request: true },
  });
  if (mail === null || mail.acceptedAt !== null || mail.abandoned !== null) return;

  const { subscriber } = mail;
  const contents = subscriber.ledgerSalt === null ? null : await write(postman, mail);
  if (contents === null) return abandon(postman, mailId, 'no longer wanted');
  if (!isMailable(subscriber.mailBlock, mail.kind)) {
    return abandon(postman, mailId, `the address ${subscriber.mailBlock}`);
  }

  const letter = await compose(sender, { id: mail.id, to: subscriber, ...contents });
  const { trouble } = postman.health;
  const refusal = await handOver(postman, mail.kind, letter);
  if (refusal !== null) {
    log.warn({ mail: mailId, code: refusal }, 'the mail server refuses a recipient for good');
    return abandon(postman, mailId, `refused with ${refusal}`);
  }

  const copy = letter.text.replaceAll(subscriber.linkKey, '[key]');
  const { token } = contents;
  await noteAcceptance(postman, mail, token === undefined ? copy : copy.replaceAll(token, '[token]'));
  log.info({ mail: mailId, kind: mail.kind }, 'a mail was accepted by the mail server');
  if (trouble !== null) await postman.onMended();
}

/**
 * @returns how to have all mails that wait for another try tried at once. Not again before they are by themselves: a
 * server that takes some mails and puts others off is not pressed, nor are the tries of those used up
 */
export function mailHurry({
  database,
  queue,
  now,
}: Pick<Postman, 'database' | 'now'> & { queue: Pick<Queue, 'hurry'> }) {
  let last = 0;
  return async (): Promise<void> => {
    const at = now().getTime();
    if (at < last + retryDelayMax * 1000) return;
    last = at;
    await queue.hurry(database, 'mail');
  };
}

type Outcome = 'accepted' | 'refused' | 'unreachable';

/**
 * Makes one attempt.
 * @returns null when the server took the mail, or the code with which it refuses the recipient for good
 * @throws when it is out of reach or puts us off
 */
function handOver(
  { transport, health, onAttempt }: Postman,
  kind: OwedMail['kind'],
  letter: Awaited<ReturnType<typeof compose>>,
): Promise<number | null> {
  const about = { kind: 'client', attributes: { 'footnote.mail.kind': kind } } as const;
  return inSpan('send mail', about, async (tell) => {
    const note = (outcome: Outcome, more: { 'error.type'?: string } = {}) => {
      tell({ 'footnote.mail.outcome': outcome, ...more });
      onAttempt?.(outcome);
    };
    try {
      await transport.sendMail(letter);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== null) {
        note('refused', { 'error.type': String(refusal) });
        return refusal;
      }
      note('unreachable', { 'error.type': codeOf(error) });
      const notTaken = unreachable(error);
      health.trouble = notTaken.message;
      throw notTaken;
    }
    health.trouble = null;
    note('accepted');
    return null;
  });
}

async function noteAcceptance({ database, subscribing, now }: Postman, mail: OwedMail, copy: string) {
  const { id, subscriberId, request } = mail;
  if (request === null) {
    await database.prisma.mail.update({ where: { id }, data: { acceptedAt: now() } });
  } else {
    await subscribing.run({
      type: 'mail_accepted',
      subscriberId,
      mailId: id,
      requestSeq: request.seq,
      copy,
    });
  }
}

async function abandon({ database }: Postman, id: string, reason: string): Promise<void> {
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
const unreachable = (error: unknown) => new Error(`the mail server did not take the mail (${codeOf(error)})`);

function codeOf(error: unknown): string {
  const { data } = smtpError.safeParse(error);
  return `${data?.code ?? 'unknown'} ${data?.responseCode ?? ''}`.trim();
}
