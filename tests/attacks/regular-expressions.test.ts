import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import express from 'express';
import { checkSync } from 'recheck';
import type { Node } from 'typescript/unstable/ast';
import { isCallExpression, isNewExpression, isRegularExpressionLiteral } from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isSame } from '../../src/access/keys.ts';
import { closestLocale } from '../../src/languages/language.ts';
import { readDelivery, verifySignature } from '../../src/mailchimp/webhook.ts';
import { root } from '../../src/platform/root.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import { keyOfLink, readToken } from '../../src/subscribing/links.ts';
import { languageFor } from '../../src/web/reader.ts';
import { safeRedirect } from '../../src/web/sign-up.ts';
import { checkSignUp, readTyped } from '../../src/web/sign-up-form.ts';

/** Every regular expression in what runs, where it stands, and every place that makes one out of a text. */
function readExpressions(): { literals: string[]; made: string[] } {
  const literals = new Set<string>();
  const made: string[] = [];
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProjects: ['tsconfig.json', 'src/widget/tsconfig.json'] });
    for (const { program } of snapshot.getProjects()) {
      for (const name of program.getSourceFileNames()) {
        const file = path.relative(root, name);
        if (!/^(src(?!\/generated)|emails|prisma)\//.test(file)) continue;
        const visit = (node: Node): void => {
          if (isRegularExpressionLiteral(node)) literals.add(`${file}: ${node.text}`);
          const isCall = isNewExpression(node) || isCallExpression(node);
          if (isCall && node.expression.getText() === 'RegExp') made.push(`${file}: ${node.getText()}`);
          node.forEachChild(visit);
        };
        program.getSourceFile(name)?.forEachChild(visit);
      }
    }
  } finally {
    api.close();
  }
  return { literals: [...literals], made };
}

/** What the checker says of a literal such as `/a+/u`: safe, vulnerable or unknown. */
function judge(literal: string): string {
  const end = literal.lastIndexOf('/');
  return checkSync(literal.slice(1, end), literal.slice(end + 1), {
    // Each proof takes seconds at most; a busy machine, whose pauses count as well, takes longer.
    timeout: 60_000,
    // Counted repeats are proven as well, and what cannot be is tried out in fewer ways than it could be.
    maxRepeatCount: 3000,
    maxPatternSize: 20_000,
    maxIteration: 3,
    incubationLimit: 5000,
    maxInitialGenerationSize: 100,
  }).status;
}

describe('every regular expression of ours (A-15)', () => {
  let expressions: ReturnType<typeof readExpressions>;
  beforeAll(() => {
    // The checker in JavaScript, which is there on every machine and starts no process.
    process.env['RECHECK_BACKEND'] = 'pure';
    expressions = readExpressions();
  });

  it('takes linear time, whoever wrote what it sees', () => {
    expect(expressions.literals.length).toBeGreaterThan(50);
    const unsafe = expressions.literals
      .map((literal) => [literal, judge(literal.slice(literal.indexOf(' ') + 1))])
      .filter(([, status]) => status !== 'safe');
    expect(unsafe).toEqual([]);
  }, 240_000);

  it('stands in the code as it is: none is made of a text', () => {
    expect(expressions.made).toEqual([]);
  });

  it('and so does every one that zod lends us', () => {
    for (const pattern of [z.regexes.datetime({ precision: 0 }), z.regexes.uuid()]) {
      expect([pattern, judge(String(pattern))]).toEqual([pattern, 'safe']);
    }
  });

  it('would be found if it were not', () => {
    for (const literal of ['/^(a+)+$/', '/^\\S+@\\S+$/', '/(\\w+\\s?)*!/i'])
      expect([literal, judge(literal)]).toEqual([literal, 'vulnerable']);
  });
});

/** What makes expressions and parsers go back and forth, to be repeated. */
const pieces = [
  ...['a', '@', ' ', '.', '-', '+', '/', '\\', '%', '"', '<', ',', ';', ':', '=', '&', '(', '_', '0', '\t'],
  ...[
    '\0',
    '\u00ad',
    'é',
    '\u{1d4d0}',
    '\ud800',
    'İ',
    '\u202e',
    '%00',
    '%E0%A4',
    'xn--',
    '@.',
    'a.',
    'a@',
    ' @',
  ],
  ...['en;q=0.1,', 'a-', 'a=b&', 'type=', 'data[email]=', 't=1,', 'v1=', ',,', '::ffff:', 'https://', '\r\n'],
];
const wrappings = [
  (long: string) => long,
  (long: string) => `${long}\0`,
  (long: string) => `${long} x`,
  (long: string) => `a@${long}.com`,
  (long: string) => `${long}@example.com!`,
];

/** The shortest of three times, in milliseconds, as the machine may be busy with something else meanwhile. */
function time(act: () => void): number {
  return Math.min(
    ...[1, 2, 3].map(() => {
      const begun = performance.now();
      act();
      return performance.now() - begun;
    }),
  );
}

const size = 100_000;
/**
 * For 100 kB, in milliseconds. Linear work takes one or two, so the bound leaves room for a slow and busy
 * machine; the least quadratic work is five thousand million steps, and misses it by far.
 */
const longest = 250;

const repeated = (piece: string, length: number) => piece.repeat(Math.ceil(length / piece.length));

/** The cases that took too long, or much more than twice as long for twice the length. */
function slow(act: (text: string) => void): string[] {
  const found: string[] = [];
  for (const piece of pieces) {
    for (const wrap of wrappings) {
      const whole = wrap(repeated(piece, size));
      const begun = performance.now();
      act(whole);
      if (performance.now() - begun < 5) continue;
      const half = wrap(repeated(piece, size / 2));
      const [one, two] = [time(() => act(half)), time(() => act(whole))];
      // What is linear takes twice as long; a busy machine adds its pauses, and what is quadratic takes seconds.
      if (two > longest || (two > 100 && two > 3 * one))
        found.push(`${JSON.stringify(wrap(piece))}: ${one.toFixed(1)} ms, then ${two.toFixed(1)} ms`);
    }
  }
  return found;
}

const secret = 'what-mailchimp-signs-with';
const now = new Date('2026-11-23T09:00:00Z');
const offered = [{ id: 1, slug: 'daily', name: 'Daily', description: '', wording: 'w' }];
// Raw, as they come: to encode them takes longer than to read them.
const delivery = (field: string, text: string) =>
  'type=profile&fired_at=2026-11-23 09:00:00&data[list_id]=a1b2c3d4e5&data[email]=reader@news.example' +
  `&${field}=${text}`;

describe('100 kB that are made to be slow (A-15)', () => {
  it.each<[string, (text: string) => void]>([
    ['an address', (text) => parseAddress(text)],
    [
      'any field of a sign-up',
      (text) => readTyped({ email: text, lists: [text], firstName: text, source: text }),
    ],
    [
      'the fields of a sign-up, all of them',
      (text) => readTyped(Object.fromEntries(new URLSearchParams(text))),
    ],
    [
      'what a sign-up says',
      (text) =>
        checkSignUp({ email: text, lists: [text], firstName: text, locale: text, source: text }, offered),
    ],
    ['the page of a sign-up', (text) => checkSignUp({ source: `https://news.example/${text}` }, offered)],
    ['a language', (text) => closestLocale(text)],
    ['a token', (text) => readToken(text)],
    ['a link', (text) => keyOfLink(text)],
    ['a secret', (text) => isSame(text, secret)],
    ['where to go afterwards', (text) => safeRedirect(text, ['https://news.example'])],
    [
      'where to go on an allowed site',
      (text) => safeRedirect(`https://news.example/${text}`, ['https://news.example']),
    ],
    ['a delivery', (text) => readDelivery(text)],
    [
      'a field of a delivery',
      (text) => {
        readDelivery(delivery('data[email]', text));
        readDelivery(delivery('fired_at', text));
        readDelivery(delivery('data[merges][UNSUBURL]', text));
      },
    ],
    ['a signature', (text) => verifySignature(Buffer.from('body'), text, secret, now)],
    [
      'a signature of many',
      (text) => verifySignature(Buffer.from('body'), `t=${now.getTime() / 1000},v1=${text}`, secret, now),
    ],
  ])('as %s are read in no time', (_what, act) => {
    expect(slow(act)).toEqual([]);
  });

  it('as Accept-Language are read in no time', async () => {
    const took: [string, number][] = [];
    const app = express().get('/', (req, res) => {
      took.push([(req.get('accept-language') ?? '').slice(0, 20), time(() => languageFor(req))]);
      res.end();
    });
    // A real request of ours could bring 16 kB.
    const server = createServer({ maxHeaderSize: 2 * size }, app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const sendable = pieces.filter((piece) => /^[ -~]+$/.test(piece));
    try {
      for (const piece of sendable) {
        const headers = { 'Accept-Language': repeated(piece, size) };
        await (await fetch(`http://127.0.0.1:${port}/`, { headers })).text();
      }
    } finally {
      server.close();
    }
    expect(took).toHaveLength(sendable.length);
    expect(took.filter(([, ms]) => ms > longest)).toEqual([]);
  });
});
