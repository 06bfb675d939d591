import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type AddressObject, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { listening } from './listening.ts';

const maxMailBytes = 10 * 1024 * 1024;
/** More mails than this push the oldest out. */
const maxMails = 5000;

export interface ReceivedMail {
  id: string;
  receivedAt: Date;
  /** Of the SMTP dialogue; of the header fields for a mail from an earlier start. */
  envelope: { from: string; to: string[] };
  /** Exactly the bytes that came. */
  source: Buffer;
  from: string;
  to: string;
  subject: string;
  /** Unfolded values by lower-cased name, one entry for each time the field occurs. */
  headers: ReadonlyMap<string, string[]>;
  text: string;
  html: string | null;
}

export interface Inbox {
  port: number;
  /** Oldest first. */
  mails(): readonly ReceivedMail[];
  /**
   * The first matching mail that no earlier `next` gave out, awaited if need be.
   * Rejects after `timeoutMs` (5000).
   */
  next(matching?: (mail: ReceivedMail) => boolean, timeoutMs?: number): Promise<ReceivedMail>;
  close(): Promise<void>;
}

/**
 * An SMTP server on the loopback that takes every mail for everyone and keeps it, as `.eml` files in
 * `folder` unless that is null.
 */
export async function startInbox(options: { port: number; folder: string | null }): Promise<Inbox> {
  const { folder } = options;
  const mails = folder === null ? [] : await readMails(folder);
  const given = new Set<ReceivedMail>();
  const waiting = new Set<(mail: ReceivedMail) => boolean>();

  async function receive(source: Buffer, envelope: ReceivedMail['envelope']): Promise<void> {
    const mail = await parseMail(newMailId(), source, envelope);
    if (folder !== null) await keep(folder, mail);
    mails.push(mail);
    if (mails.length > maxMails) {
      const oldest = mails.shift();
      if (oldest !== undefined && folder !== null) await unlink(fileOf(folder, oldest.id));
    }
    for (const offer of waiting) if (offer(mail)) break;
  }

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: maxMailBytes,
    closeTimeout: 100,
    onData(stream, session, callback) {
      readMail(stream)
        .then((source) => receive(source, envelopeOf(session)))
        .then(() => callback(), callback);
    },
  });
  // A client that goes away in the middle is its own affair.
  server.on('error', () => {});
  const port = await listening(server.listen(options.port, '127.0.0.1'), 'the sandbox inbox (SMTP)');

  return {
    port,
    mails: () => mails,
    next(matching = () => true, timeoutMs = 40_000) {
      const kept = mails.find((mail) => !given.has(mail) && matching(mail));
      if (kept !== undefined) {
        given.add(kept);
        return Promise.resolve(kept);
      }
      const { promise, resolve, reject } = Promise.withResolvers<ReceivedMail>();
      function offer(mail: ReceivedMail): boolean {
        if (!matching(mail)) return false;
        clearTimeout(timer);
        waiting.delete(offer);
        given.add(mail);
        resolve(mail);
        return true;
      }
      const timer = setTimeout(() => {
        waiting.delete(offer);
        reject(new Error(`No such mail within ${timeoutMs} ms; ${mails.length} mails are in the inbox.`));
      }, timeoutMs);
      waiting.add(offer);
      return promise;
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

async function readMail(stream: SMTPServerDataStream): Promise<Buffer> {
  const source = await buffer(stream);
  if (stream.sizeExceeded) {
    throw Object.assign(new Error('Message exceeds the fixed maximum size'), { responseCode: 552 });
  }
  return source;
}

const envelopeOf = ({ envelope }: SMTPServerSession) => ({
  from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
  to: envelope.rcptTo.map(({ address }) => address),
});

async function parseMail(
  id: string,
  source: Buffer,
  envelope?: ReceivedMail['envelope'],
): Promise<ReceivedMail> {
  const parsed = await simpleParser(source, { skipImageLinks: true, skipTextToHtml: true });
  const headers = new Map<string, string[]>();
  for (const { key, line } of parsed.headerLines) {
    const value = line
      .slice(line.indexOf(':') + 1)
      .replace(/\r?\n(?=[ \t])/g, '')
      .trim();
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  const recipients = [parsed.to ?? []].flat();
  return {
    id,
    receivedAt: receivedAt(id),
    envelope: envelope ?? { from: '', to: recipients.flatMap(addressesIn) },
    source,
    from: parsed.from?.text ?? '',
    to: recipients.map(({ text }) => text).join(', '),
    subject: parsed.subject ?? '',
    headers,
    text: parsed.text ?? '',
    html: parsed.html || null,
  };
}

const addressesIn = ({ value }: AddressObject) => value.flatMap(({ address }) => address ?? []);

/** Ids sort by time of arrival and hold it, so that a file name says all that is not in the mail. */
const newMailId = () => `${String(Date.now()).padStart(15, '0')}-${randomBytes(4).toString('hex')}`;

const receivedAt = (id: string) => new Date(Number(id.split('-')[0]));

const fileOf = (folder: string, id: string) => join(folder, `${id}.eml`);

async function keep(folder: string, { id, source }: ReceivedMail): Promise<void> {
  const file = fileOf(folder, id);
  await writeFile(`${file}.new`, source);
  await rename(`${file}.new`, file);
}

async function readMails(folder: string): Promise<ReceivedMail[]> {
  await mkdir(folder, { recursive: true });
  const ids = (await readdir(folder)).flatMap((name) => /^(\d{15}-[0-9a-f]{8})\.eml$/.exec(name)?.[1] ?? []);
  const mails: ReceivedMail[] = [];
  for (const id of ids.sort().slice(-maxMails)) {
    mails.push(await parseMail(id, await readFile(fileOf(folder, id))));
  }
  return mails;
}
