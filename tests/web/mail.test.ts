import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { type AddressObject, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MailKind } from '../../src/generated/prisma/enums.ts';
import { languageOf } from '../../src/languages/language.ts';
import { deliver, type Postman } from '../../src/mail/deliver.ts';
import { openTransport } from '../../src/mail/transport.ts';
import { createLog } from '../../src/platform/log.ts';
import { siteOf } from '../../src/site/site.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import { linksOf, recoverToken } from '../../src/subscribing/links.ts';
import { Footnote } from '../harness/footnote.ts';
import { kindOf } from '../harness/mails.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** The server and the parser show domains in Unicode. */
function ascii(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1))}`;
}

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({
    DKIM_DOMAIN: 'daily.example',
    DKIM_SELECTOR: 'footnote',
    DKIM_PRIVATE_KEY: privateKey,
  });
});
afterAll(() => footnote.stop());

describe('every mail', () => {
  /** One mail of each kind, out of the life of one reader. */
  const mails: Awaited<ReturnType<Footnote['mailTo']>>[] = [];
  let links: Awaited<ReturnType<Footnote['mailTo']>>;
  beforeAll(async () => {
    const email = 'every.kind@example.com';
    const next = async (kind: MailKind) => {
      const told = await footnote.mailTo(email, kind);
      mails.push(told);
      return told;
    };
    await footnote.signUp(email, ['morning-briefing', 'science-weekly']).expect(202);
    links = await next('confirmation');
    await footnote.http.post(links.confirm).expect(200);
    await next('welcome');
    footnote.advance(2 * 60_000);
    await footnote.http.post('/my-link').type('form').send({ email }).expect(200);
    await next('my_link');
    await footnote.http.post(`${links.unsubscribe}?list=science-weekly`).expect(200);
    await next('receipt');
    for (const [action, kind] of [
      ['copy', 'copy'],
      ['erase', 'erasure'],
    ] as const) {
      await footnote.http.post(links.preferences).type('form').send({ action }).expect(200);
      await next(kind);
    }
    const told = mails.map(({ mail }) => kindOf(mail));
    expect(told.sort()).toEqual(Object.values(MailKind).sort());
  });

  it('ends in its footer, in both parts: the link, who sends, and from where (U-20)', () => {
    const { baseUrl, publication } = footnote.settings;
    const label = languageOf('en').text('mail.footer.unsubscribe');
    for (const { mail, unsubscribe, preferences } of mails) {
      expect([unsubscribe, preferences]).toEqual([links.unsubscribe, links.preferences]);
      for (const part of [mail.text, mail.html ?? '']) {
        expect(part).toContain(`${baseUrl}${preferences}`);
        const footer = part.slice(part.indexOf(`${baseUrl}${unsubscribe}`));
        expect(footer).toContain(publication.name);
        expect(footer.replace(/\s+/g, ' ')).toContain(publication.postalAddress);
      }
      expect(mail.html).toMatch(new RegExp(`<a[^>]*href="${baseUrl}${unsubscribe}"[^>]*>\\s*${label}`));
    }
  });

  it('carries the headers of one-click, which need nothing but the link (U-01 to U-03, U-10, U-13)', () => {
    expect(links.unsubscribe).toMatch(/^\/unsubscribe\/[0-9a-f]{32}$/);
    for (const { mail } of mails) {
      expect(mail.headers.get('list-unsubscribe')).toEqual([
        `<${footnote.settings.baseUrl}${links.unsubscribe}>`,
      ]);
      expect(mail.headers.get('list-unsubscribe-post')).toEqual(['List-Unsubscribe=One-Click']);
      expect(mail.headers.get('auto-submitted')).toEqual(['auto-generated']);
      for (const line of mail.source.toString('latin1').split('\r\n'))
        expect(line.length).toBeLessThanOrEqual(998);
    }
  });

  it('has its text first, both parts below 60 kB, and files in a copy alone (H-01, H-02)', () => {
    for (const { mail } of mails) {
      const types = [...mail.source.toString().matchAll(/^Content-Type: ([\w/.+-]+)/gim)].map(
        ([, type]) => type,
      );
      const parts = ['multipart/alternative', 'text/plain', 'text/html'];
      expect(types).toEqual(
        kindOf(mail) === 'copy' ? ['multipart/mixed', ...parts, 'text/csv', 'application/json'] : parts,
      );
      for (const part of [mail.text, mail.html ?? '']) expect(Buffer.byteLength(part)).toBeLessThan(60_000);
    }
  });

  const withKey = { resolver: async () => [[`v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`]] };

  it('has a DKIM signature that covers both of them (U-04)', async () => {
    for (const { mail } of mails) {
      const asked: string[] = [];
      const { results } = await dkimVerify(mail.source, {
        resolver: async (name: string) => {
          asked.push(name);
          return withKey.resolver();
        },
      });
      expect(asked).toContain('footnote._domainkey.daily.example');
      expect(results).toHaveLength(1);
      expect(results[0]).toMatchObject({
        signingDomain: 'daily.example',
        status: { result: 'pass', aligned: 'daily.example' },
      });
      const signed = results[0]?.signingHeaders?.keys.toLowerCase().split(/:\s*/);
      expect(signed).toEqual(
        expect.arrayContaining(['from', 'to', 'subject', 'list-unsubscribe', 'list-unsubscribe-post']),
      );

      const forged = mail.source.toString().replace(/(List-Unsubscribe-Post: )/, '$1x');
      const tampered = await dkimVerify(forged, withKey);
      expect(tampered.results[0]?.status.result).toBe('fail');
    }
  });

  it('tells everybody the same, whoever asks for it, and nothing that was typed (A-09, C-15)', async () => {
    await footnote
      .signUp('same@example.com', ['morning-briefing'], {
        firstName: 'Buy at spam.example',
        source: 'https://spam.example/',
        locale: 'xx-spam',
      })
      .set('User-Agent', 'spam.example')
      .expect(202);
    const { mail } = await footnote.mailTo('same@example.com');
    expect(mail.source.toString()).not.toContain('spam');
    expect(mail.subject).toBe('Please confirm your subscription to The Daily Example');
    expect(mail.from).toBe('"The Daily Example" <newsletters@daily.example>');
  });

  it('goes to exactly the address that was accepted, and to nobody else (E-08, A-07)', async () => {
    const atom = fc.string({
      unit: fc.constantFrom(..."abcXYZ019!#$%&'*+/=?^_`{|}~-"),
      minLength: 1,
      maxLength: 20,
    });
    const label = fc.string({ unit: fc.constantFrom(...'abcxyz019-äßжé中'), minLength: 1, maxLength: 12 });
    const accepted = fc
      .tuple(
        fc.array(atom, { minLength: 1, maxLength: 3 }),
        fc.array(label, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('example', 'COM', 'рф', 'co.uk'),
      )
      .map(([local, labels, top]) => `${local.join('.')}@${labels.join('.')}.${top}`)
      .map(parseAddress)
      .filter((parsed) => parsed.ok)
      .map(({ address }) => address);

    await fc.assert(
      fc.asyncProperty(accepted, async ({ typed, email }) => {
        await footnote.signUp(typed).expect(202);
        const mail = await footnote.sandbox.inbox.next(({ envelope }) =>
          envelope.to.map(ascii).includes(email),
        );
        expect(mail.envelope.to.map(ascii)).toEqual([email]);
        expect(mail.headers.get('to')).toEqual([email]);
        const { to, cc, bcc, headerLines } = await simpleParser(mail.source);
        const recipients = [to ?? []].flat().flatMap(({ value }: AddressObject) => value);
        expect(recipients.map(({ address = '' }) => ascii(address))).toEqual([email]);
        expect([cc, bcc]).toEqual([undefined, undefined]);
        const names = headerLines.map(({ key }) => key);
        expect(names).toEqual([...new Set(names)]);
      }),
      // Without shrinking: a second sign-up of one address gets no second mail.
      { numRuns: 30, endOnFailure: true },
    );
  });

  it.each([
    'a@example.com,b@example.com',
    'a@example.com;b@example.com',
    'a@example.com b@example.com',
    'a@example.com\r\nBcc: b@example.com',
    'a@example.com\nCc: b@example.com',
    '"a\r\nBcc: b@example.com"@example.com',
    '<a@example.com>',
    'A <a@example.com>',
    'a@example.com(b@example.com)',
    '"b@example.com a"@example.com',
    'a%b@example.com@example.com',
    '@b.example:a@example.com',
    'a@example.com\0b',
    'a@[127.0.0.1]',
    'list: a@example.com;',
  ])('goes to nobody for %j (A-07, A-08)', async (email) => {
    await footnote.signUp(email).expect(422);
    expect(footnote.sandbox.inbox.mails().flatMap(({ envelope }) => envelope.to)).not.toContain(
      'b@example.com',
    );
  });
});

describe('delivery', () => {
  let server: SMTPServer;
  let postman: Postman;
  /** What the mail server answers at which point; it takes the mail if nothing is set. */
  let refusal: { at: 'mail' | 'rcpt' | 'data'; code: number } | null = null;
  let attempts = 0;
  let mended = 0;
  let taken: { to: string[]; messageId: string | undefined }[] = [];

  const refuse = (at: 'mail' | 'rcpt' | 'data', callback: (error?: Error | null) => void) => {
    if (refusal?.at !== at) return callback();
    callback(Object.assign(new Error('<reader@example.com> is refused'), { responseCode: refusal.code }));
  };

  beforeAll(async () => {
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['AUTH', 'STARTTLS'],
      onMailFrom: (_address, _session, callback) => {
        attempts += 1;
        refuse('mail', callback);
      },
      onRcptTo: (_address, _session, callback) => refuse('rcpt', callback),
      onData: (stream, { envelope }, callback) => {
        buffer(stream)
          .then((source) => simpleParser(source))
          .then(({ messageId }) => {
            if (refusal === null)
              taken.push({ to: envelope.rcptTo.map(({ address }) => address), messageId });
            refuse('data', callback);
          }, callback);
      },
    });
    const listener = server.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;

    await footnote.stopService();
    // No worker of its own, so that the test says when a mail is tried.
    await footnote.startService({ role: 'web' });
    const { settings, service } = footnote;
    const links = linksOf(settings.baseUrl);
    postman = {
      database: service.database,
      subscribing: service.subscribing,
      transport: openTransport(`smtp://127.0.0.1:${port}`, null),
      sender: { from: settings.smtp.from, links },
      site: siteOf(settings),
      links,
      secretKeys: settings.secretKeys,
      archives: false,
      now: () => footnote.now(),
      health: { trouble: null },
      onMended: async () => {
        mended += 1;
      },
      log: createLog('silent'),
    };
  });
  afterAll(async () => {
    postman.transport.close();
    await new Promise<void>((resolve) => server.close(resolve));
  });
  afterEach(() => {
    refusal = null;
    attempts = 0;
    mended = 0;
    taken = [];
  });

  /** Signs up, and hands over the mail that is owed then. */
  async function owed(email: string) {
    await footnote.signUp(email, ['morning-briefing', 'science-weekly']).expect(202);
    const mail = await postman.database.prisma.mail.findFirstOrThrow({
      where: { subscriber: { key: email } },
      include: { subscriber: true, request: true },
    });
    if (mail.request === null) throw new Error('a mail without its request');
    const token = recoverToken(postman.secretKeys, 'confirm', mail.request.id, mail.request.tokenHash);
    const reload = () => postman.database.prisma.mail.findUniqueOrThrow({ where: { id: mail.id } });
    return { mailId: mail.id, linkKey: mail.subscriber.linkKey, token, reload };
  }

  it('happens once, however often the queue says so', async () => {
    const { mailId, reload } = await owed('once@example.com');
    for (let time = 0; time < 3; time++) await deliver(postman, { mailId });
    expect(taken).toEqual([{ to: ['once@example.com'], messageId: `<${mailId}@daily.example>` }]);
    expect((await reload()).acceptedAt).not.toBeNull();
    expect(await footnote.ledger('once@example.com')).toEqual(['requested', 'mailed']);
  });

  it('keeps what was said as proof, without the secrets in it (C-05, A-19)', async () => {
    const { mailId, linkKey, reload } = await owed('proof@example.com');
    await deliver(postman, { mailId });
    const { copy } = await reload();
    expect(copy).toContain('Morning Briefing');
    expect(copy).toContain('/confirm/[token]');
    expect(copy).toContain('/unsubscribe/[key]');
    expect(copy).not.toContain(linkKey);
    expect(copy).not.toMatch(/[0-9a-f]{32}/);
  });

  it.each([
    ['a 4xx for the recipient', 'rcpt', 451],
    ['a 4xx after the data', 'data', 452],
    ['a 4xx for the sender', 'mail', 421],
    ['a 5xx for the sender, which is our own fault', 'mail', 550],
  ] as const)('is put off by %s, and happens once when it is over', async (_, at, code) => {
    const email = `put.off.${at}.${code}@example.com`;
    const { mailId, reload } = await owed(email);
    refusal = { at, code };
    const failure = await deliver(postman, { mailId }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).toContain(String(code));
    expect(String(failure)).not.toContain('@');
    expect(await reload()).toMatchObject({ acceptedAt: null, abandoned: null });

    refusal = null;
    await deliver(postman, { mailId });
    await deliver(postman, { mailId });
    expect(taken).toEqual([{ to: [email], messageId: `<${mailId}@daily.example>` }]);
  });

  it('is told of when the server takes mails again, once', async () => {
    const mails = await Promise.all(['first', 'second', 'third'].map((name) => owed(`${name}@example.com`)));
    const [first, second, third] = mails.map(({ mailId }) => ({ mailId }));
    await deliver(postman, first);
    expect(mended).toBe(0);
    refusal = { at: 'mail', code: 421 };
    await expect(deliver(postman, second)).rejects.toThrow('421');
    refusal = null;
    await deliver(postman, second);
    await deliver(postman, third);
    expect(mended).toBe(1);
  });

  it('is given up when the server refuses the recipient for good', async () => {
    const { mailId, reload } = await owed('gone@example.com');
    refusal = { at: 'rcpt', code: 550 };
    await deliver(postman, { mailId });
    expect(await reload()).toMatchObject({ acceptedAt: null, abandoned: 'refused with 550' });
    refusal = null;
    attempts = 0;
    await deliver(postman, { mailId });
    expect(attempts).toBe(0);
    expect(await footnote.ledger('gone@example.com')).toEqual(['requested']);
  });

  it('does not happen when Mailchimp showed meanwhile that the address bounces', async () => {
    const { mailId, reload } = await owed('bounces@example.com');
    await postman.database.prisma.subscriber.update({
      where: { key: 'bounces@example.com' },
      data: { mailBlock: 'bounced' },
    });
    await deliver(postman, { mailId });
    expect(await reload()).toMatchObject({ acceptedAt: null, abandoned: 'the address bounced' });
    expect([attempts, taken]).toEqual([0, []]);
  });

  it('tells a reader no more than what is still so', async () => {
    const { token, linkKey } = await owed('brief@example.com');
    const { prisma } = postman.database;
    const next = (kind: MailKind) =>
      prisma.mail.findFirstOrThrow({
        where: { subscriber: { linkKey }, kind, acceptedAt: null, abandoned: null },
      });
    const tried = async ({ id }: { id: string }) => {
      await deliver(postman, { mailId: id });
      const { acceptedAt, abandoned } = await prisma.mail.findUniqueOrThrow({ where: { id } });
      return acceptedAt === null ? abandoned : 'sent';
    };
    const press = (action: string) =>
      footnote.http.post(`/preferences/${linkKey}`).type('form').send({ action }).expect(200);

    await footnote.http.post(`/confirm/${token}`).expect(200);
    const welcome = await next('welcome');
    await footnote.http.post(`/unsubscribe/${linkKey}`).expect(200);
    expect(await tried(welcome)).toBe('no longer wanted');
    expect(await tried(await next('receipt'))).toBe('sent');

    await footnote.http.post('/my-link').type('form').send({ email: 'brief@example.com' }).expect(200);
    const link = await next('my_link');
    await press('erase');
    const erasure = await next('erasure');
    await footnote.http.post(`/not-me/${linkKey}`).expect(200);
    expect(await tried(link)).toBe('no longer wanted');
    footnote.advance(8 * 24 * 60 * 60_000);
    expect(await tried(erasure)).toBe('no longer wanted');
    await press('copy');
    expect(await tried(await next('copy'))).toBe('sent');
    expect(taken).toHaveLength(2);
  });

  it.each(['left', 'confirmed', 'expired'])(
    'does not happen when the request has %s meanwhile',
    async (what) => {
      const { mailId, linkKey, token, reload } = await owed(`${what}@example.com`);
      if (what === 'left') {
        await footnote.http.post(`/unsubscribe/${linkKey}`).expect(200);
      } else if (what === 'confirmed') {
        // By an earlier copy of this mail, whose sending was never noted.
        await footnote.http.post(`/confirm/${token}`).expect(200);
      } else {
        footnote.advance(8 * 24 * 60 * 60_000);
      }
      await deliver(postman, { mailId });
      expect(await reload()).toMatchObject({ acceptedAt: null, abandoned: 'no longer wanted' });
      expect([attempts, taken]).toEqual([0, []]);
    },
  );
});
