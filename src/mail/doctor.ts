import { createPrivateKey, createPublicKey } from 'node:crypto';
import * as dns from 'node:dns/promises';
import { z } from 'zod';
import type { Sql } from '../platform/database.ts';
import { examine, type Finding, fault, ok, type Verdict, warning } from '../platform/finding.ts';
import type { Settings } from '../settings.ts';
import { linkExpiry } from '../subscribing/changes.ts';
import { findToken, type TokenPurpose } from '../subscribing/links.ts';
import { openTransport } from './transport.ts';

/** Asks the DNS for TXT records: each is the list of its parts. */
export type ResolveTxt = (name: string) => Promise<string[][]>;

/** Looks at what mails need to leave and to be believed: the mail server and the DKIM record. */
export async function examineMail({
  smtpUrl,
  dkim,
  resolveTxt = dns.resolveTxt,
}: {
  smtpUrl: string;
  dkim: Settings['dkim'];
  resolveTxt?: ResolveTxt;
}): Promise<Finding[]> {
  return Promise.all([
    examine('mail server', () => judgeServer(smtpUrl)),
    examine('DKIM', () => judgeDkim(dkim, resolveTxt)),
  ]);
}

const checkSmtpUrl = 'Check SMTP_URL: scheme, host, port, user and password.';

// Told by nodemailer's codes, as its messages quote the server, which may quote the user.
const smtpFaults: Record<string, string> = {
  EAUTH: 'The mail server refuses our user or password.',
  EDNS: 'The mail server of SMTP_URL has no address in the DNS.',
  ETLS: 'No encrypted connection to the mail server comes about.',
  ETIMEDOUT: 'The mail server does not answer in time.',
  ECONNECTION: 'The mail server does not answer at the host and port of SMTP_URL.',
  ESOCKET: 'The mail server does not answer at the host and port of SMTP_URL.',
};

async function judgeServer(smtpUrl: string): Promise<Verdict> {
  const transport = openTransport(smtpUrl, null);
  try {
    await transport.verify();
    return ok('The mail server takes our login.');
  } catch (error) {
    const code = z.object({ code: z.string() }).safeParse(error).data?.code ?? '';
    return fault(smtpFaults[code] ?? 'The mail server turns us away before the first mail.', checkSmtpUrl);
  } finally {
    transport.close();
  }
}

/** U-04: a provider offers one-click only for a mail whose DKIM signature it can verify. */
async function judgeDkim(dkim: Settings['dkim'], resolveTxt: ResolveTxt): Promise<Verdict> {
  if (dkim === null) {
    return warning(
      'DKIM is not configured, so mails leave unsigned unless the mail server signs them.',
      'Set DKIM_DOMAIN, DKIM_SELECTOR and DKIM_PRIVATE_KEY, or make sure that the mail server signs ' +
        'List-Unsubscribe and List-Unsubscribe-Post as well.',
    );
  }
  const name = `${dkim.selector}._domainkey.${dkim.domain}`;
  const key = createPublicKey(createPrivateKey(dkim.privateKey));
  const [published, bare] = (['spki', 'pkcs1'] as const).map((type) =>
    key.export({ type, format: 'der' }).toString('base64'),
  );
  const publish = `Publish this TXT record at ${name}: v=DKIM1; k=rsa; p=${published}`;

  const records = await resolveTxt(name).catch(() => null);
  const keys = (records ?? []).map((parts) => publicKeyIn(parts.join(''))).filter((found) => found !== null);
  if (keys.length === 0) {
    return warning(`The DNS holds no DKIM key at ${name}, so our signatures cannot be verified.`, publish);
  }
  if (keys.length > 1) {
    return fault(`There are several DKIM keys at ${name}; receivers may take any of them.`, publish);
  }
  if (keys[0] !== published && keys[0] !== bare) {
    return fault(`The DKIM key at ${name} is not that of DKIM_PRIVATE_KEY: receivers reject us.`, publish);
  }
  return ok(`The DKIM key at ${name} is that of DKIM_PRIVATE_KEY.`);
}

/** The `p` of a key record (RFC 6376 §3.6.1), empty when the key is revoked; null in other records. */
function publicKeyIn(record: string): string | null {
  const tags = new Map(
    record.split(';').map((tag) => {
      const [name = '', ...value] = tag.split('=');
      return [name.trim(), value.join('=').replace(/\s/g, '')];
    }),
  );
  return ['DKIM1', undefined].includes(tags.get('v')) ? (tags.get('p') ?? null) : null;
}

/** As many owed mails are looked at, the oldest first: those that cannot be written stay, and are among them. */
const mostOwed = 10_000;

/**
 * Whether every owed mail can be written: one with a token needs the key that signed it, which a rotation of
 * SECRET_KEYS may have taken away.
 */
export async function judgeOwed(sql: Sql, secretKeys: readonly string[], now: Date): Promise<Verdict> {
  const owed = await sql.query<{ purpose: TokenPurpose; id: string; hash: string; due: Date }>(
    `SELECT CASE mail.kind WHEN 'erasure' THEN 'erase' ELSE 'confirm' END AS purpose,
            coalesce(request.id, mail.id) AS id, coalesce(request.token_hash, mail.token_hash) AS hash,
            mail.due_at AS due
       FROM mails mail
       JOIN subscribers person ON person.id = mail.subscriber_id
       LEFT JOIN sign_up_requests request ON request.id = mail.request_id
      WHERE mail.accepted_at IS NULL AND mail.abandoned IS NULL AND person.ledger_salt IS NOT NULL
        AND (mail.kind = 'erasure'
             OR mail.kind = 'confirmation' AND request.confirmed_at IS NULL AND person.declined_at IS NULL)
      ORDER BY mail.created_at
      LIMIT ${mostOwed}`,
  );
  const lost = owed.filter(
    ({ purpose, id, hash, due }) =>
      linkExpiry(due) > now && findToken(secretKeys, purpose, id, hash) === null,
  );
  return lost.length === 0
    ? ok('Every mail that is owed can be written.')
    : fault(
        `${lost.length} ${lost.length === 1 ? 'mail' : 'mails'} cannot be written, as the key that signed the link in it ` +
          'is no longer among SECRET_KEYS.',
        'Put the old key behind the new one in SECRET_KEYS and restart: the mails then leave by themselves.',
      );
}
