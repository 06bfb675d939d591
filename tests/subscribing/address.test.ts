import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { languageOf } from '../../src/languages/language.ts';
import { type AddressFault, parseAddress } from '../../src/subscribing/address.ts';
import { readIsemail } from '../harness/isemail.ts';

const sentence = ({ key, values }: AddressFault) => languageOf('en').text(key, values);

function accepted(input: string) {
  const result = parseAddress(input);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(input)}: ${sentence(result.fault)}`);
  return result.address;
}

function refusal(input: string) {
  const result = parseAddress(input);
  return result.ok ? `accepted as ${result.address.email}` : sentence(result.fault);
}

describe('the forms of an address (E-04)', () => {
  it('keeps what was typed, lowers the domain, and knows the person whatever the case', () => {
    expect(accepted(' Anna.Maria@News.Example ')).toEqual({
      typed: ' Anna.Maria@News.Example ',
      email: 'Anna.Maria@news.example',
      key: 'anna.maria@news.example',
      abuseKey: 'anna.maria@news.example',
    });
  });

  it('keeps the tag of an address, and folds it only for limits (A-11)', () => {
    const tagged = accepted('Anna+news+daily@news.example');
    expect(tagged.email).toBe('Anna+news+daily@news.example');
    expect(tagged.key).toBe('anna+news+daily@news.example');
    expect(tagged.abuseKey).toBe('anna@news.example');
  });

  it('does not take a leading plus for a tag', () => {
    expect(accepted('+1@news.example').abuseKey).toBe('+1@news.example');
    expect(accepted('+1+news@news.example').abuseKey).toBe('+1@news.example');
  });

  it('folds dots and the second domain name at Gmail, and nowhere else', () => {
    const anna = accepted('annamaria@gmail.com');
    const dotted = accepted('Anna.Maria+x@googlemail.com');
    expect(dotted.key).toBe('anna.maria+x@googlemail.com');
    expect(dotted.abuseKey).toBe(anna.abuseKey);
    expect(accepted('anna.maria@news.example').abuseKey).not.toBe(
      accepted('annamaria@news.example').abuseKey,
    );
  });

  it.each([
    ['anna@münchen.example', 'anna@xn--mnchen-3ya.example'],
    ['anna@MÜNCHEN.example', 'anna@xn--mnchen-3ya.example'],
    ['anna@XN--MNCHEN-3YA.example', 'anna@xn--mnchen-3ya.example'],
    ['anna@παράδειγμα.ελ', 'anna@xn--hxajbheg2az3al.xn--qxam'],
    ['anna@ｅｘａｍｐｌｅ。ｃｏｍ', 'anna@example.com'],
    ['anna@\u212Aiosk.example', 'anna@kiosk.example'],
  ])('sends %s to its A-labels (E-05, A-10)', (typed, email) => {
    expect(accepted(typed)).toMatchObject({ email, key: email });
  });
});

describe('what a reader is told', () => {
  const missing = 'The part before the @ is missing. An address looks like name@example.com.';
  const invisible = 'The email address contains an invisible character. Please type it by hand.';
  const alone = 'Please enter one email address alone, such as name@example.com.';
  const spaces =
    'An email address has no spaces. If there was a + in its place, the form must send it as %2B.';
  const foreign =
    'Letters such as ü or ñ before the @ are not supported. Please use an address without them.';
  const dots = 'A dot before the @ must stand between two other characters, as in first.last@example.com.';
  const character =
    'The part before the @ has a character that is not supported, such as a quote or a bracket.';
  const domain = 'The part after the @ is not a complete domain. It should look like example.com.';
  const ip = 'An IP address cannot stand after the @. Please use an address such as name@example.com.';
  const long = 'This email address is too long: at most 64 characters before the @, and 254 in all.';
  const special = (top: string) =>
    `Addresses ending in “${top}” cannot get mail from us. Please use another.`;

  it.each([
    ['', 'Please enter your email address.'],
    ['   ', 'Please enter your email address.'],
    ['anna', 'The email address has no @. It should look like name@example.com.'],
    ['@', missing],
    ['@example.com', missing],

    // whatever a mail header could take for its own
    ['a@b.com, c@d.com', alone],
    ['a@b.com;c@d.com', alone],
    ['Anna <a@b.com>', alone],
    ['a@b@c.com', alone],
    ['mailto:a@b.com', alone],
    ['a@b.com\r\nBcc: e@f.com', invisible],
    ['a@b.com\n', invisible],
    ['a\0@b.com', invisible],
    ['"a\r\nBcc: v@evil.example"@b.com', invisible],
    ['"anna"@b.com', character],
    ["anna(o'neil)@b.com", character],
    ['a\\b@b.com', character],
    ['anna@b.com(comment)', domain],

    // what the eye cannot see
    ['an\u200Bna@b.com', invisible],
    ['anna@exa\u00ADmple.com', invisible],
    ['anna@exa\uFE0Fmple.com', invisible],
    ['\u202Emoc.b@anna', invisible],
    ['\uFEFFanna@b.com', invisible],
    ['anna@b.com\u2028', invisible],
    ['anna\uD800@b.com', invisible],

    ['anna news@b.com', spaces],
    ['anna @b.com', spaces],
    ['anna@b.com\u00A0', spaces],
    ['jürgen@b.com', foreign],
    ['\u212Aarl@b.com', foreign],
    ['.anna@b.com', dots],
    ['anna.@b.com', dots],
    ['an..na@b.com', dots],
    [`${'a'.repeat(65)}@b.com`, long],
    [`a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.${'f'.repeat(9)}`, long],
    ['a'.repeat(321), long],

    ['anna@', domain],
    ['anna@b', domain],
    ['anna@b.com.', domain],
    ['anna@.b.com', domain],
    ['anna@b..com', domain],
    ['anna@-b.com', domain],
    ['anna@b-.com', domain],
    ['anna@b_c.com', domain],
    ['anna@b.c0m', domain],
    ['anna@b.co-uk', domain],
    [`anna@${'b'.repeat(64)}.com`, domain],
    ['anna@b.com/path', domain],
    ['anna@b%63.com', domain],
    ['anna@b．％６３om', domain],
    ['anna@xn--a.com', domain],
    ['anna@xn--example-.com', domain],
    ['anna@b.xn--zz', domain],

    ['anna@127.0.0.1', ip],
    ['anna@[127.0.0.1]', ip],
    ['anna@0x7f.1', ip],
    ['anna@２１３０７０６４３３', ip],

    //
    ['anna@localhost', special('localhost')],
    ['anna@printer.local', special('local')],
    ['anna@x.TEST', special('test')],
    ['anna@x.invalid', special('invalid')],
    ['anna@hidden.onion', special('onion')],
  ])('%j', (input, message) => {
    expect(refusal(input)).toBe(message);
  });
});

describe('the limits of RFC 5321', () => {
  it('takes 64 characters before the @, and 254 in all', () => {
    const local = 'l'.repeat(64);
    const domain = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(57)}.com`;
    expect(accepted(`${local}@${domain}`).email).toHaveLength(254);
    expect(parseAddress(`${local}@c${domain}`).ok).toBe(false);
  });

  it('measures the domain that is sent, not the shorter one that was typed', () => {
    const domain = `${'ü.'.repeat(40)}example.com`;
    expect(`a@${domain}`.length).toBeLessThan(254);
    expect(refusal(`a@${domain}`)).toMatch(/too long/);
  });
});

/** What a browser takes in `type=email`, from the production in the HTML standard. */
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const html = new RegExp(`^[a-zA-Z0-9.!#$%&'*+/=?^_\`{|}~-]+@${label}(?:\\.${label})*$`);

const atom = fc.string({
  unit: fc.constantFrom(..."abcXYZ019!#$%&'*+/=?^_`{|}~-"),
  minLength: 1,
  maxLength: 12,
});
const plainAddress = fc
  .tuple(
    fc.array(atom, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('example.com', 'GMail.com', 'googlemail.com', 'münchen.example'),
  )
  .map(([atoms, domain]) => `${atoms.join('.')}@${domain}`);
/** Plain addresses with foreign matter in random places. */
const soiledAddress = fc
  .tuple(
    plainAddress,
    fc.array(
      fc.tuple(
        fc.nat(60),
        fc.oneof(
          fc.constantFrom(' ', '\r\n', '\0', '\u200B', '\u202E', '\u00AD', '@', '"', '<', ',', '..', '%40'),
          fc.string({ unit: 'binary', maxLength: 3 }),
        ),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([address, soil]) =>
    soil.reduce((text, [at, piece]) => `${text.slice(0, at)}${piece}${text.slice(at)}`, address),
  );

describe('for every address', () => {
  it('accepts dot-atoms at public domains', () => {
    fc.assert(fc.property(plainAddress, (input) => parseAddress(input).ok));
  });

  it('sends only to what a browser would take too, in visible ASCII (E-01, A-07)', () => {
    fc.assert(
      fc.property(soiledAddress, (input) => {
        const result = parseAddress(input);
        if (!result.ok) return;
        expect(result.address.email).toMatch(html);
        expect(result.address.email).toMatch(/^[!-~]+$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('parses its own forms to the same person again', () => {
    fc.assert(
      fc.property(plainAddress, (input) => {
        const { email, key, abuseKey } = accepted(input);
        expect(accepted(email)).toMatchObject({ email, key, abuseKey });
        expect(accepted(key)).toMatchObject({ email: key, key, abuseKey });
      }),
    );
  });

  it('tells two people apart by their tag, and counts them as one mailbox (A-11)', () => {
    fc.assert(
      fc.property(plainAddress, atom, (input, tag) => {
        const plain = accepted(input);
        const tagged = accepted(input.replace('@', () => `+${tag}@`));
        expect(tagged.key).not.toBe(plain.key);
        expect(tagged.abuseKey).toBe(plain.abuseKey);
      }),
    );
  });

  it('never echoes the address into a message', () => {
    fc.assert(
      fc.property(soiledAddress, (input) => {
        const result = parseAddress(`${input} canary`);
        return !result.ok && !sentence(result.fault).includes('canary');
      }),
    );
  });

  it.each(['a'.repeat(100_000), `${'a.'.repeat(50_000)}@`, '@'.repeat(100_000), ' '.repeat(100_000)])(
    'refuses 100 kB at once (A-15) #%#',
    (input) => {
      const durations = Array.from({ length: 5 }, () => {
        const start = performance.now();
        expect(parseAddress(input).ok).toBe(false);
        return performance.now() - start;
      });
      expect(Math.min(...durations)).toBeLessThan(5);
    },
  );
});

const corpus = readIsemail();

describe.skipIf(corpus.length === 0)('the isemail corpus (E-02)', () => {
  const wanted = (category: string) => category === 'VALID_CATEGORY' || category === 'DNSWARN';

  /** Where we differ from the corpus on purpose. */
  const refusedThoughValid = new Map([
    ['5', 'test@io: one label; no mailbox of the public stands at a top-level domain'],
    ['33', 'test@iana.co-uk: a top-level domain is letters only, or an A-label'],
  ]);
  const acceptedThoughUnusual = new Map([
    ['157', 'a leading space: trimmed, as every browser does (E-03)'],
    ['158', 'a trailing space: trimmed, as every browser does (E-03)'],
  ]);

  it('is read whole', () => {
    expect(corpus).toHaveLength(164);
    expect(corpus.filter(({ category }) => wanted(category))).toHaveLength(22);
  });

  it('accepts every valid address, but for the listed ones', () => {
    const refused = corpus.filter((test) => wanted(test.category) && !parseAddress(test.address).ok);
    expect(refused.map(({ id }) => id)).toEqual([...refusedThoughValid.keys()]);
  });

  it('accepts no other address, but for the listed ones', () => {
    const taken = corpus.filter((test) => !wanted(test.category) && parseAddress(test.address).ok);
    expect(taken.map(({ id }) => id)).toEqual([...acceptedThoughUnusual.keys()]);
  });
});
