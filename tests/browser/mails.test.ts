import { generateKeyPairSync } from 'node:crypto';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReceivedMail } from '../../src/sandbox/inbox.ts';
import { Footnote } from '../harness/footnote.ts';
import { axe, foreign, newReader, overflowing, shot } from './browser.ts';
import { languageFor, linkIn, Visitor } from './every-page.ts';
import { spamVerdict } from './spamassassin.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({
    DKIM_DOMAIN: 'daily.example',
    DKIM_SELECTOR: 'footnote',
    DKIM_PRIVATE_KEY: privateKey,
    // Mails are judged with the addresses that a publisher's have; nothing is asked of that host.
    BASE_URL: 'https://newsletters.daily.example',
    PUBLICATION_NAME: 'The Daily Example',
    POSTAL_ADDRESS: 'The Daily Example, 12 Harbour Street, Exampletown EX4 3PL',
  });
});
afterAll(() => footnote.stop());

const hour = 60 * 60_000;
const bothLists = ['morning-briefing', 'science-weekly'];

/** Every mail that we send, and what makes us send it. */
const everyMail: Record<string, (visitor: Visitor) => Promise<ReceivedMail>> = {
  confirmation: (visitor) => visitor.signUp(bothLists),
  async welcome(visitor) {
    await visitor.subscribe(bothLists);
    return visitor.mailAbout('mail.welcome.subject');
  },
  async 'my-link'(visitor) {
    await visitor.subscribe();
    // Mails that anybody could cause are kept apart.
    footnote.advance(hour);
    await visitor.askForLink();
    return visitor.mailAbout('mail.myLink.subject');
  },
  async receipt(visitor) {
    const link = linkIn(await visitor.subscribe(bothLists), 'unsubscribe');
    await footnote.http.post(`${link}?list=science-weekly`).expect(200);
    return visitor.mailAbout('mail.receipt.subject');
  },
  async copy(visitor) {
    await visitor.open(linkIn(await visitor.subscribe(), 'preferences'));
    await visitor.press('preferences.copy');
    return visitor.mailAbout('mail.copy.subject');
  },
  async erasure(visitor) {
    await visitor.open(linkIn(await visitor.subscribe(), 'preferences'));
    await visitor.press('preferences.erase');
    return visitor.mailAbout('mail.erasure.subject');
  },
};

/** The header fields that the signature of a mail covers. @throws when it does not hold */
async function signedHeaders(source: Buffer): Promise<string[]> {
  const { results } = await dkimVerify(source, {
    resolver: async () => [[`v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`]],
  });
  expect(results).toHaveLength(1);
  expect(results[0]?.status).toMatchObject({ result: 'pass', aligned: 'daily.example' });
  return results[0]?.signingHeaders?.keys.toLowerCase().split(/:\s*/) ?? [];
}

describe.each(['en', 'de', 'ar'])('in %s', (tag) => {
  it.each(Object.entries(everyMail))('the mail: %s', async (kind, cause) => {
    const language = languageFor(tag);
    const reader = await newReader({ locale: tag });
    const visitor = new Visitor(reader, footnote, language);
    const mail = await cause(visitor);
    const html = mail.html ?? '';

    // H-09
    const { score, rules } = await spamVerdict(mail.source);
    expect.soft(rules.filter((rule) => /^MISSING_|HTML_ONLY|^MIME_/.test(rule))).toEqual([]);
    expect.soft(score, rules.join()).toBeLessThanOrEqual(1);

    // U-01 to U-04, U-10, U-13
    const unsubscribe = linkIn(mail, 'unsubscribe');
    expect
      .soft(mail.headers.get('list-unsubscribe'))
      .toEqual([`<${footnote.settings.baseUrl}${unsubscribe}>`]);
    expect.soft(mail.headers.get('list-unsubscribe-post')).toEqual(['List-Unsubscribe=One-Click']);
    expect.soft(mail.headers.get('auto-submitted')).toEqual(['auto-generated']);
    const fields = [
      'from',
      'to',
      'subject',
      'date',
      'message-id',
      'list-unsubscribe',
      'list-unsubscribe-post',
    ];
    expect.soft(await signedHeaders(mail.source)).toEqual(expect.arrayContaining(fields));
    const lines = mail.source.toString('latin1').split('\r\n');
    expect.soft(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(998);
    expect.soft(lines.filter((line) => /[^\t\x20-\x7e]/.test(line))).toEqual([]);

    // H-01, H-02, H-08, U-22
    const source = mail.source.toString();
    expect.soft(source).toMatch(/multipart\/alternative[\s\S]+text\/plain[\s\S]+text\/html/);
    expect.soft(mail.from).toBe('"The Daily Example" <newsletters@daily.example>');
    expect.soft(Buffer.byteLength(html)).toBeGreaterThan(1_000);
    expect.soft(Buffer.byteLength(html)).toBeLessThan(60_000);
    const { attachments } = await simpleParser(mail.source);
    const types = attachments.map(({ contentType }) => contentType).toSorted();
    expect.soft(types).toEqual(kind === 'copy' ? ['application/json', 'text/csv'] : []);

    // A mail is shown by somebody else, so none of our pages' policies are in force. Nothing is at the
    // address that it names; nothing but a logo may be asked for anyway.
    const { page, context, requests } = await newReader({ locale: tag });
    await context.route('**/*', (route) => route.abort());
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [700, 360]) {
        await page.setViewportSize({ width, height: 800 });
        await page.setContent(html);
        expect.soft(await overflowing(page), `${width} px`).toEqual([]);
        await shot(page, `mail-${kind}.${tag}.${width}-${colorScheme}`);
      }
      // H-06; landmarks are those of the program that shows the mail.
      const faults = (await axe(page)).filter((fault) => !/^(region|landmark-one-main) /.test(fault));
      expect.soft(faults, colorScheme).toEqual([]);
    }
    expect.soft(foreign(requests, footnote.settings.baseUrl)).toEqual([]);
  });
});
