import { parse } from 'csv-parse/sync';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ReceivedMail } from '../../src/sandbox/inbox.ts';
import { allowedOrigin, Footnote } from '../harness/footnote.ts';
import { additions, addressesIn, structureOf } from '../harness/html.ts';
import { naughty, naughtyHost, naughtyStrings, naughtyTexts, packed } from '../harness/naughty.ts';
import { each, insideIn, type Send, senderTo } from '../harness/routes.ts';

const key = 'an-admin-key-of-forty-visible-characters';
const secret = 'a-secret-of-forty-characters-in-the-path';
const asForm = { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' };
const asJson = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` };
const many = '1000';

let footnote: Footnote;
let send: Send;
let close: () => void;
beforeAll(async () => {
  footnote = await Footnote.start({
    LOG_LEVEL: 'trace',
    ADMIN_API_KEY: key,
    MAILCHIMP_WEBHOOK_SECRET: secret,
    LIMIT_ADDRESS_SECONDS: '0',
    LIMIT_ADDRESS_DAY: many,
    LIMIT_ADDRESS_MONTH: many,
    LIMIT_DOMAIN_HOUR: '1000000',
    LIMIT_TOTAL_HOUR: '1000000',
  });
  ({ send, close } = senderTo(footnote.service.port));
});
afterAll(async () => {
  close();
  await footnote.stop();
});

type Fields = Record<string, string | string[]>;
const formOf = (fields: Fields) =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one]),
    ),
  ).toString();
const postForm = (path: string, fields: Fields) =>
  send('POST', path, { headers: asForm, body: formOf(fields) });
const postJson = (path: string, body: object, verb = 'POST') =>
  send(verb, path, { headers: asJson, body: JSON.stringify(body) });

/** Texts as they are taken into one field, and those that are none one by one. */
const typed = [
  ...packed(naughtyTexts, 600),
  ...naughtyStrings
    .map(({ text }) => text)
    .filter((text) => !naughtyTexts.includes(text) || text.length > 600),
];
const shown = (text: string) => JSON.stringify(text.slice(0, 40));

describe('a form that comes back (A-09, A-14)', () => {
  const inEvery = (text: string) => ({
    ...{ email: text, lists: text, source: text, locale: text, firstName: text, redirect: text },
  });
  const harmless = (path: string, ...sets: Fields[]) =>
    each(sets, async (fields) => (await postForm(path, fields)).text);

  it('has no element and no attribute more, whatever was typed into each of its fields', async () => {
    const all = { email: 'nobody', firstName: 'a'.repeat(65), locale: 'nowhere', source: 'nowhere' };
    const pages = await harmless(
      '/subscriptions',
      { ...all, lists: 'no-such-list', redirect: 'nowhere' },
      { firstName: 'Ann', locale: 'en', source: `${allowedOrigin}/`, redirect: `${allowedOrigin}/` },
      { ...all, firstName: 'Ann' },
      { email: 'reader@example.com' },
      inEvery('no text\0'),
    );
    const wrong = await each(typed, async (text) => {
      const fields = inEvery(text);
      const page = await postForm('/subscriptions', fields);
      if (page.status === 413 && formOf(fields).length > 8_192) return undefined;
      const faults = [...additions(page.text, pages), ...(page.status === 422 ? [] : [page.status])];
      if (addressesIn(page.text).some((address) => address.includes(naughtyHost))) faults.push('a link');
      return faults.length > 0 ? `${shown(text)}: ${faults}` : undefined;
    });
    expect(wrong).toEqual([]);
  });

  it('nor has that for a link, nor that of preferences', async () => {
    const links = await harmless('/my-link', { email: 'nobody' }, { email: 'no text\0' });
    const { preferences } = await footnote.subscribe('choosy@example.com');
    const stale = await harmless(preferences, { consentVersion: 'unknown' }, { action: 'unknown' });
    const lists = packed(naughtyTexts, 100);
    const wrong = await each(typed, async (text) => {
      const pages = [
        { page: await postForm('/my-link', { email: text }), known: links },
        { page: await postForm(preferences, { consentVersion: text || 'unknown', lists }), known: stale },
        { page: await postForm(preferences, { action: text, lists: text, shown: lists }), known: stale },
      ];
      const faults = pages.flatMap(({ page, known }) =>
        page.status === 413
          ? []
          : [...additions(page.text, known), ...(page.status === 422 ? [] : [page.status])],
      );
      return faults.length > 0 ? `${shown(text)}: ${faults}` : undefined;
    });
    expect(wrong).toEqual([]);
    expect(await footnote.lists('choosy@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
  });

  it('and a program is told of its fields, and nothing else', async () => {
    const wrong = await each(naughtyStrings, async ({ group, text }) => {
      const fields = { ...inEvery(text), consentVersion: text };
      if (JSON.stringify(fields).length > 4_000) return undefined;
      const answer = await postJson('/subscriptions', fields);
      const told = insideIn(answer) ?? (answer.text.includes(naughtyHost) ? naughtyHost : null);
      return answer.status === 422 && told === null
        ? undefined
        : `${group} ${shown(text)}: ${answer.status} ${told}`;
    });
    expect(wrong).toEqual([]);
  });
});

/** What one can see, and is taken for a name, a page or a browser. */
const visible = (...groups: Parameters<typeof naughty>) =>
  naughty(...groups).filter((text) => !/\p{C}/u.test(text));
const names = [
  ...naughty('formulas').map((text) => text.trim()),
  ...packed(visible('towers', 'markup', 'templates', 'links', 'mails'), 64),
].filter((text) => text !== '' && !/\p{C}/u.test(text));

const fieldsOf = ({ headers }: ReceivedMail) =>
  [...headers].map(([name, values]) => `${name} ${values.length}`).sort();
/** A mail without what differs between any two: links, times, the address. */
const wordsOf = ({ text, to }: ReceivedMail) =>
  text
    .replaceAll(to, '')
    .replace(/[0-9a-f]{32,}/g, '')
    .replace(/\d+ \p{L}+ \d+|\d+/gu, '0');

/** Every fault of a mail, beside one that nobody tampered with. */
function faultsOf(mail: ReceivedMail, to: string, untouched: ReceivedMail): string[] {
  const { baseUrl } = footnote.settings;
  return [
    ...(String(mail.envelope.to) === to && mail.to === to ? [] : [`to ${mail.envelope.to}`]),
    ...(String(fieldsOf(mail)) === String(fieldsOf(untouched)) ? [] : [`fields ${fieldsOf(mail)}`]),
    ...(structureOf(mail.html ?? '') === structureOf(untouched.html ?? '') ? [] : ['another structure']),
    ...addressesIn(mail.html ?? '').filter((address) => URL.parse(address)?.origin !== baseUrl),
  ];
}

const mailsTo = (email: string) =>
  footnote.sandbox.inbox.mails().filter(({ envelope }) => envelope.to.includes(email));

describe('what was typed and taken', () => {
  const collector = 'collector@example.com';

  it('gets into no confirmation, no redirect and no header (A-05, A-07, A-09)', async () => {
    await footnote.signUp('untouched@example.com').expect(202);
    const { mail: untouched } = await footnote.mailTo('untouched@example.com', 'confirmation');
    for (const [n, name] of names.entries()) {
      const fields = {
        ...{ email: collector, lists: 'morning-briefing', firstName: name, redirect: name },
        source: `${allowedOrigin}/${name}`,
      };
      const headers = { ...asForm, ...(/^[ -~]+$/.test(name) && { 'User-Agent': name }) };
      const answer =
        n % 2 === 0
          ? await send('POST', '/subscriptions', { headers, body: formOf(fields) })
          : await postJson('/subscriptions', fields);
      expect([name, answer.status]).toEqual([name, expect.toBeOneOf([202, 303])]);
      if (n % 2 === 0) expect(answer.headers['location']).toBe(`${footnote.settings.baseUrl}/thanks`);
      // An earlier request that is as good as this one would stand for both.
      footnote.advance(120_000);
    }
    expect(names.length).toBeGreaterThan(30);
    for (const _ of names) {
      const { mail } = await footnote.mailTo(collector);
      expect(faultsOf(mail, collector, untouched)).toEqual([]);
      expect(wordsOf(mail)).toBe(wordsOf(untouched));
      expect(mail.subject).toBe(untouched.subject);
    }
    await footnote.mailsNoted();
  });

  it('goes to exactly the address that was typed, be it ever so strange (A-07, A-10)', async () => {
    const { mail: untouched } = { mail: mailsTo('untouched@example.com')[0] ?? expect.fail('no mail') };
    const addresses = ['=1+1', '+1', '-1', '{{7*7}}', '%s%n', "'", '$$', '`id`', '#{7*7}', '*|UNSUB|*'].map(
      (local) => `${local}@example.com`,
    );
    for (const email of addresses) {
      await footnote.signUp(email, ['morning-briefing'], { firstName: '=1+1' }).expect(202);
      const { mail } = await footnote.mailTo(email);
      expect([email, faultsOf(mail, email, untouched)]).toEqual([email, []]);
    }
  });

  it('is in the copy that its reader asks for, and no cell of it is a formula (A-16)', async () => {
    const { preferences } = await linksOf(collector);
    const strange = await linksOf('=1+1@example.com');
    for (const link of [preferences, strange.preferences])
      expect((await postForm(link, { action: 'copy' })).status).toBe(200);
    for (const [email, least] of [
      [collector, names.length],
      ['=1+1@example.com', 1],
    ] as const) {
      const { mail } = await footnote.mailTo(email, 'copy');
      const { attachments } = await simpleParser(mail.source);
      const csv = attachments.find(({ contentType }) => contentType === 'text/csv')?.content ?? expect.fail();
      const rows = z.array(z.record(z.string(), z.string())).parse(parse(csv, { bom: true, columns: true }));
      expect(rows.length).toBeGreaterThanOrEqual(least);
      const cells = rows.flatMap((row) => Object.values(row));
      expect(cells.filter((cell) => /^[\s\p{C}]*[=+\-@\uff1d\uff0b\uff0d\uff20]/u.test(cell))).toEqual([]);
      if (email !== collector) expect(rows[0]?.['address']).toBe("'=1+1@example.com");
      else
        for (const name of names)
          expect(rows.map(({ first_name }) => first_name?.replace(/^'(?=[=+\-@\uff1d])/u, ''))).toContain(
            name,
          );
    }
  });

  async function linksOf(email: string) {
    const { linkKey } = await footnote.service.database.prisma.subscriber.findUniqueOrThrow({
      where: { key: email },
    });
    return { preferences: `/preferences/${linkKey}` };
  }
});

describe('and of all that', () => {
  it('no label of a metric is any, webhooks included (A-17)', async () => {
    await each(typed, async (text) => {
      const fields = { type: text, fired_at: text, 'data[email]': text, 'data[list_id]': text };
      const { status } = await postForm(`/webhooks/mailchimp/${secret}`, fields);
      if (status !== 200) throw new Error(`${shown(text)}: ${status}`);
    });
    const { text } = await send('GET', '/metrics', { headers: asJson });
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(text).toContain('footnote_wishes_total{verdict="welcome"}');
    expect(text).toContain('footnote_mailchimp_webhook_deliveries_total{type="unknown",outcome="ignored"}');
    expect(
      series.filter(
        // Of words of ours, and of routes as they were registered.
        (line) => !/^[a-z_]+(\{[a-z_]+="[\w.+/:-]+"(,[a-z_]+="[\w.+/:-]+")*\})? ([\d.e+-]+|NaN)$/.test(line),
      ),
    ).toEqual([]);
  });

  it('nothing is in the log, which has one JSON object a line (A-26)', () => {
    const lines = footnote.logged.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(names.length);
    for (const line of lines) expect(JSON.parse(line), line).toHaveProperty('level');
    expect(footnote.logged).not.toMatch(/[^\n\x20-\x7e]/);
    for (const told of [
      naughtyHost,
      'example.com',
      'forged',
      'alert',
      '{{',
      ...names.filter((n) => n.length > 9),
    ])
      expect(footnote.logged).not.toContain(told);
  });
});
