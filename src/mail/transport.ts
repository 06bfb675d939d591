import { createTransport } from 'nodemailer';
import type { Settings } from '../settings.ts';

/** What a DKIM signature covers: nodemailer's own choice lacks List-Unsubscribe-Post (U-04; RFC 8058 §4). */
const signedHeaders = [
  'From',
  'Sender',
  'Reply-To',
  'Subject',
  'Date',
  'Message-ID',
  'To',
  'Cc',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'Auto-Submitted',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
].join(':');

/** The mail server: a pool of a few connections, DKIM when a key is configured. */
export function openTransport(smtpUrl: string, dkim: Settings['dkim']) {
  return createTransport({
    url: smtpUrl,
    pool: true,
    maxConnections: 4,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 30_000,
    ...(dkim && {
      dkim: {
        domainName: dkim.domain,
        keySelector: dkim.selector,
        privateKey: dkim.privateKey,
        headerFieldNames: signedHeaders,
      },
    }),
  });
}

export type Transport = ReturnType<typeof openTransport>;
