import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/consent/ledger.ts';
import { newLinkKey, type TokenPurpose, tokenFor } from '../../src/subscribing/links.ts';
import { Footnote } from '../harness/footnote.ts';
import { addressesIn } from '../harness/html.ts';
import { type Answer, each, insideIn, type Send, senderTo } from '../harness/routes.ts';

const secretKey = 'a-secret-key-of-thirty-two-characters';
const adminKey = 'an-admin-key-of-forty-visible-characters';
const form = { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' };
const day = 24 * 60 * 60_000;

let footnote: Footnote;
let send: Send;
let close: () => void;

/** What a reader was mailed: a request to confirm, and a link to erase. */
async function mailed(email: string) {
  await footnote.signUp(email).expect(202);
  const links = await footnote.mailTo(email, 'confirmation');
  await footnote.http.post(links.preferences).type('form').send('action=erase').expect(200);
  const { erase } = await footnote.mailTo(email, 'erasure');
  await footnote.mailsNoted();
  const secretIn = (link: string) => link.split('/').at(-1) ?? '';
  const secrets = {
    confirm: secretIn(links.confirm),
    erase: secretIn(erase),
    linkKey: secretIn(links.unsubscribe),
  };
  given.push(email, ...Object.values(secrets));
  return secrets;
}

/** Every token, key and address of this file, for the log to hold none of them. */
const given: string[] = [];

beforeAll(async () => {
  footnote = await Footnote.start({
    LOG_LEVEL: 'trace',
    SECRET_KEYS: secretKey,
    ADMIN_API_KEY: adminKey,
    MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-forty-characters-in-the-path',
    LIMIT_WRONG_LINKS_HOUR: '100000',
  });
  ({ send, close } = senderTo(footnote.service.port));
});
afterAll(async () => {
  close();
  await footnote.stop();
});

type Secrets = Awaited<ReturnType<typeof mailed>>;
const [byConfirm, byErase, byKey] = ['confirm', 'erase', 'linkKey'] as const;

/** Every door that a token or key opens: how it is knocked at, and with which. */
const doors: { verb: string; path: (secret: string) => string; body?: string; opens: keyof Secrets }[] = [
  { verb: 'GET', path: (secret) => `/confirm/${secret}`, opens: byConfirm },
  { verb: 'POST', path: (secret) => `/confirm/${secret}`, opens: byConfirm },
  { verb: 'POST', path: (secret) => `/confirm/${secret}/renew`, opens: byConfirm },
  { verb: 'GET', path: (secret) => `/erase/${secret}`, opens: byErase },
  { verb: 'POST', path: (secret) => `/erase/${secret}`, opens: byErase },
  ...['unsubscribe', 'not-me', 'preferences'].flatMap((kind) => [
    { verb: 'GET', path: (secret: string) => `/${kind}/${secret}`, opens: byKey },
    { verb: 'POST', path: (secret: string) => `/${kind}/${secret}`, opens: byKey },
  ]),
  ...['action=copy', 'action=erase', 'action=allow', 'lists=science-weekly'].map((body) => ({
    verb: 'POST',
    path: (secret: string) => `/preferences/${secret}`,
    body,
    opens: byKey,
  })),
];
const knock = ({ verb, path, body }: (typeof doors)[number], secret: string) =>
  send(verb, path(secret), { headers: form, ...(body !== undefined && { body }) });

/** Runs an attack, and expects that it changed no row and mailed nobody. */
async function inVain(attack: () => Promise<unknown>) {
  const before = await footnote.fingerprint();
  const mails = footnote.sandbox.inbox.mails().length;
  await attack();
  expect(await footnote.fingerprint()).toEqual(before);
  expect(footnote.sandbox.inbox.mails()).toHaveLength(mails);
}

describe('a token (A-20)', () => {
  it('has 160 bits, a link key 128, and each is as often set as not', async () => {
    const { confirm, erase, linkKey } = await mailed('shape@example.com');
    expect([confirm, erase]).toEqual(Array(2).fill(expect.stringMatching(/^[0-9a-f]{40}$/)));
    expect(linkKey).toMatch(/^[0-9a-f]{32}$/);
    const many = 1_000;
    const ids = Array.from({ length: many }, () => crypto.randomUUID());
    const made = (purpose: TokenPurpose) => ids.map((id) => tokenFor(secretKey, purpose, id));
    for (const secrets of [ids.map(newLinkKey), made('confirm'), made('erase')]) {
      expect(new Set(secrets).size).toBe(many);
      const bits = secrets.map((secret) => BigInt(`0x${secret}`));
      const length = BigInt((secrets[0] ?? '').length * 4);
      for (let place = 0n; place < length; place += 1n) {
        const set = bits.filter((value) => (value >> place) & 1n).length;
        // Six and more standard deviations off: never by chance.
        expect(Math.abs(set - many / 2)).toBeLessThan(100);
      }
    }
  });

  it('opens the doors of its own purpose alone, and nothing that is stored opens one', async () => {
    const secrets = await mailed('purpose@example.com');
    const { prisma } = footnote.service.database;
    const person = await prisma.subscriber.findUniqueOrThrow({
      where: { key: 'purpose@example.com' },
      include: { requests: true, mails: true },
    });
    const stored = [
      ...person.requests.flatMap(({ id, tokenHash }) => [id, tokenHash]),
      ...person.mails.flatMap(({ id, tokenHash }) => [id, tokenHash ?? id]),
      person.id,
      person.ledgerHash,
    ].flatMap((secret) => [secret, secret.replaceAll('-', '')]);
    expect(stored).toContain(sha256(secrets.confirm));
    expect(stored).toContain(sha256(secrets.erase));

    await inVain(async () => {
      const wrong = doors.flatMap((door) =>
        [...stored, ...Object.entries(secrets).flatMap(([of, one]) => (of === door.opens ? [] : one))].map(
          (secret) => ({ door, secret }),
        ),
      );
      const opened = await each(wrong, async ({ door, secret }) => {
        const { status } = await knock(door, secret);
        return status === 404 ? undefined : `${door.verb} ${door.path(secret)} ${door.body}: ${status}`;
      });
      expect(opened).toEqual([]);
      for (const secret of Object.values(secrets)) {
        expect((await send('POST', `/webhooks/mailchimp/${secret}`, { headers: form })).status).toBe(404);
        const headers = { Authorization: `Bearer ${secret}` };
        expect((await send('GET', '/admin/api/lists', { headers })).status).toBe(401);
      }
      for (const door of doors.filter(({ verb }) => verb === 'GET'))
        expect((await knock(door, secrets[door.opens])).status).toBe(200);
    });
  });

  it('is stored as a hash only, wherever one looks; a link key is meant to be stored', async () => {
    const { confirm, erase, linkKey } = await mailed('stored@example.com');
    const dump = (await footnote.dump()).toLowerCase();
    for (const token of [confirm, erase]) {
      expect(dump).toContain(sha256(token));
      for (const coding of ['base64', 'base64url', 'latin1'] as const)
        expect(dump).not.toContain(Buffer.from(token, 'hex').toString(coding).toLowerCase());
      expect(dump).not.toContain(token);
      expect(dump).not.toContain(Buffer.from(token).toString('hex'));
    }
    expect(dump).toContain(linkKey);
  });

  it('that cannot be one is a link that we do not know, whatever it is (A-21)', async () => {
    const { confirm, linkKey } = await mailed('broken@example.com');
    const broken = ['%', '%zz', '%E0%A4%A', `${confirm}%`, '%ff'.repeat(40), '%c0%80', '%ed%a0%80'];
    const unlike = [
      ...[1, 31, 32, 33, 39, 40, 41, 63, 64, 65, 4_000].map((length) => '0'.repeat(length)),
      ...['g', 'é', '\uff10', '\u0660', '\u{1d7d8}', '\0', '\u200b'].map((one) => one.repeat(40)),
      ...['\0', ' ', '\n', '\r\n', '\u2028', '\u00ad', '.json', '/', '/..', '#', '?', ';', ',', '-'].flatMap(
        (end) => [`${confirm}${end}`, `${linkKey}${end}`, `${end}${linkKey}`],
      ),
      ...[confirm, linkKey].flatMap((secret) => [secret.slice(1), secret.slice(0, -1), `0${secret}`]),
      ...[`0x${linkKey}`, linkKey.replace(/^(.{8})/, '$1-'), `${linkKey},${linkKey}`, `["${linkKey}"]`],
      ...[
        '..',
        '../../etc/passwd',
        'null',
        'undefined',
        '__proto__',
        'constructor',
        "' OR 1=1 --",
        '$1',
        '*',
      ],
    ].map(encodeURIComponent);
    const knocks = [...broken, ...unlike.filter((path) => !/^\.+$/.test(path))].flatMap((secret) =>
      doors.map((door) => ({ door, secret })),
    );
    expect(knocks.length).toBeGreaterThan(1_000);
    await inVain(async () => {
      const wrong = await each(knocks, async ({ door, secret }) => {
        const answer = await knock(door, secret);
        // What is no percent-encoding is told apart: the address cannot even be read.
        const right = broken.includes(secret) ? [400, 404] : [404];
        if (right.includes(answer.status) && insideIn(answer) === null) return undefined;
        return `${door.verb} ${door.path(secret).slice(0, 80)}: ${answer.status} ${insideIn(answer)}`;
      });
      expect(wrong).toEqual([]);
    });
  });
});

describe('the page behind a token (A-19)', () => {
  const faultsOf = ({ status, headers, text }: Answer) => {
    const { 'referrer-policy': referrer, 'cache-control': cache, 'x-robots-tag': robots } = headers;
    const wrong = addressesIn(text).filter(
      (address) => URL.parse(address, footnote.settings.baseUrl)?.origin !== footnote.settings.baseUrl,
    );
    if (/<(script|iframe|object|embed|meta http-equiv)/i.test(text)) wrong.push('something is loaded');
    const told = [referrer, cache, robots].join();
    return told === 'no-referrer,no-store,noindex' ? wrong : [...wrong, `${status}: ${told}`];
  };

  it('is kept and indexed by nobody, and no other site is asked or told, be it well or a fault', async () => {
    const [first, second] = [await mailed('page@example.com'), await mailed('late.page@example.com')];
    const answers: Answer[] = [];
    for (const door of doors) {
      answers.push(await knock(door, '0'.repeat(40)));
      if (door.verb === 'GET') answers.push(await knock(door, first[door.opens]));
    }
    answers.push(await send('POST', `/preferences/${first.linkKey}`, { headers: form, body: 'action=x' }));
    // Those that act, and the erasure last, as nothing is left to act on then.
    const acting = doors.filter(({ verb }) => verb === 'POST');
    for (const door of [...acting.filter(({ opens }) => opens !== 'erase'), ...acting.slice(0, 3)])
      answers.push(await knock(door, first[door.opens]));
    await footnote.mailsNoted();
    footnote.advance(8 * day);
    for (const door of doors) answers.push(await knock(door, second[door.opens]));

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 404, 410, 422]));
    expect(answers.flatMap(faultsOf)).toEqual([]);
    for (const { text } of answers.filter(({ status }) => status !== 404))
      expect(addressesIn(text)).not.toEqual([]);
  });
});

it('and nothing of all that is in the log, at its most talkative (A-19, A-26)', () => {
  const lines = footnote.logged.trim().split('\n');
  expect(given.length).toBeGreaterThan(20);
  expect(footnote.logged).toContain('a mail was accepted by the mail server');
  expect(lines.flatMap((line) => given.filter((secret) => line.includes(secret)))).toEqual([]);
  for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
});
