import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { crc32, deflateSync } from 'node:zlib';
import express from 'express';
import { afterAll, describe, expect, it } from 'vitest';
import { readSettings, SettingsError } from '../src/settings.ts';

type Env = Record<string, string | undefined>;

function faultsOf(env: Env): string[] {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}

function rsaKey(bits: number): string {
  return generateKeyPairSync('rsa', { modulusLength: bits })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

const dkimKey = rsaKey(2048);
const production = {
  NODE_ENV: 'production',
  BASE_URL: 'https://newsletters.daily.example',
  SECRET_KEYS: 's'.repeat(32),
  ADMIN_API_KEY: 'a'.repeat(32),
  MAILCHIMP_API_KEY: '0123456789abcdef-us6',
  MAILCHIMP_AUDIENCE_ID: 'a1b2c3d4e5',
  SMTP_URL: 'smtp://user:password@mail.daily.example:587',
  MAIL_FROM: 'The Daily Planet <news@daily.example>',
  PUBLICATION_NAME: 'The Daily Planet',
  POSTAL_ADDRESS: '1000 Broadway, Metropolis',
};

describe('without any variable', () => {
  it('runs on a laptop: embedded database, sandbox Mailchimp and inbox', () => {
    expect(readSettings({})).toEqual({
      production: false,
      port: 3000,
      host: '127.0.0.1',
      baseUrl: 'http://localhost:3000',
      database: { kind: 'embedded', folder: '.data' },
      dataDir: '.data',
      mailchimp: null,
      webhook: { secret: null, signingSecret: null },
      sync: { concurrency: 4, reconcileMinutes: 30, erasure: 'delete' },
      smtp: null,
      dkim: null,
      publication: {
        name: 'The Daily Example',
        postalAddress: 'The Daily Example, 1 Sample Street, 00000 Anytown',
        url: null,
        logo: null,
        colour: '#1c4f82',
      },
      adminApiKey: null,
      allowedOrigins: [],
      trustProxy: [],
      secretKeys: [expect.stringMatching(/^.{32,}$/)],
      limits: {
        caps: { apart: 60_000, perDay: 3, perMonth: 5 },
        ceilings: { perDomain: 1000, total: 5000 },
        signUps: { perIp: 100, perPrefix: 400 },
        wrongLinksPerHour: 60,
      },
      form: { minSeconds: 2, altchaDifficulty: null, refuseDisposable: false },
      retention: { unconfirmedDays: 30, proofYears: 3, auditDays: 365, dormantMonths: 24 },
      tracing: null,
      role: 'all',
      logLevel: 'info',
    });
  });

  it('takes an empty variable for an unset one', () => {
    const empty = Object.fromEntries(
      Object.keys(production).map((name) => [name, name === 'ROLE' ? '' : ' ']),
    );
    expect(readSettings({ ...empty, PORT: '', ROLE: '', TRUST_PROXY: '' })).toEqual(readSettings({}));
  });

  it('follows the port in links', () => {
    expect(readSettings({ PORT: '8080' }).baseUrl).toBe('http://localhost:8080');
  });
});

describe('in production', () => {
  it('takes a whole configuration', () => {
    expect(readSettings(production)).toMatchObject({
      production: true,
      host: '0.0.0.0',
      baseUrl: 'https://newsletters.daily.example',
      mailchimp: {
        apiKey: '0123456789abcdef-us6',
        dataCentre: 'us6',
        audienceId: 'a1b2c3d4e5',
        baseUrl: 'https://us6.api.mailchimp.com/3.0',
      },
      smtp: {
        url: 'smtp://user:password@mail.daily.example:587',
        from: { name: 'The Daily Planet', address: 'news@daily.example' },
      },
      secretKeys: ['s'.repeat(32)],
    });
  });

  it('names everything that is missing, one line each', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toEqual([
      'BASE_URL: is missing; production needs the https address that links in mails lead to',
      'MAILCHIMP_API_KEY: is missing; production needs the API key of the Mailchimp account, as the sandbox keeps nothing',
      'MAILCHIMP_AUDIENCE_ID: is missing; production needs the id of the audience that subscribers go to',
      'SMTP_URL: is missing; production needs a mail server, such as smtp://user:password@mail.example:587, as the sandbox delivers nothing',
      'MAIL_FROM: is missing; production needs the sender, such as The Daily Example <news@daily.example>',
      'PUBLICATION_NAME: is missing; production needs the name that readers know the sender by',
      'POSTAL_ADDRESS: is missing; production needs the postal address that the law wants in every mail',
      'ADMIN_API_KEY: is missing; production needs 32 characters or more (openssl rand -hex 32)',
      'SECRET_KEYS: is missing; production needs 32 characters or more (openssl rand -hex 32)',
    ]);
  });

  it.each(Object.keys(production).filter((name) => name !== 'NODE_ENV'))('needs %s', (name) => {
    expect(faultsOf({ ...production, [name]: '' })).toEqual([
      expect.stringMatching(new RegExp(`^${name}: is missing; production needs `)),
    ]);
  });

  it('refuses http links, and what only a laptop may use', () => {
    const laptop = readSettings({});
    expect(
      faultsOf({
        ...production,
        BASE_URL: 'http://newsletters.daily.example',
        SECRET_KEYS: [...production.SECRET_KEYS, ...laptop.secretKeys].join(','),
        PUBLICATION_NAME: laptop.publication.name,
        POSTAL_ADDRESS: laptop.publication.postalAddress,
      }).slice(-4),
    ).toEqual([
      'BASE_URL: must be https in production',
      'SECRET_KEYS: must not hold the development secret in production (openssl rand -hex 32)',
      'PUBLICATION_NAME: must be the real name in production, not the sample',
      'POSTAL_ADDRESS: must be the real address in production, not the sample',
    ]);
  });
});

const origin = 'must be an http(s) origin without a path, such as https://newsletters.example';
const exactOrigin = 'must be an exact origin such as https://news.example, without a path or *';
const apiKey = 'must be an API key that ends in its data centre, such as -us6';
const proxy =
  'must be a CIDR, loopback, linklocal or uniquelocal; true, hop counts and /0 are refused, as they let a client choose its own address';
const sender = 'must be one sender, such as The Daily Example <news@daily.example>';
const website = 'must be an http(s) URL without user and password';
const visible = 'must be 32 visible characters or more (openssl rand -hex 32)';
const smtp = 'must be an smtp:// or smtps:// URL with a host';
const rsa = 'must be an RSA private key of 1024 bits or more, as PEM';
const alone = 'must be all without DATABASE_URL, as the embedded database serves one process only';
const collector = 'must be an http(s) URL such as http://localhost:4318';
const pairs = 'must be key=value pairs parted by commas, percent-encoded, such as';
const port = 'must be a whole number from 0 to 65535';

describe('a wrong value is one fault', () => {
  it.each<[string, string, string]>([
    ['NODE_ENV', 'prod', 'must be one of development, test, production'],
    ['PORT', '65536', port],
    ['PORT', '-1', port],
    ['PORT', '3000.5', port],
    ['PORT', '0x50', port],
    ['HOST', 'http://localhost', 'must be a host name or an IP address'],
    ['BASE_URL', 'newsletters.example', origin],
    ['BASE_URL', 'ftp://newsletters.example', origin],
    ['BASE_URL', 'https://newsletters.example/path', origin],
    ['BASE_URL', 'https://newsletters.example?', origin],
    ['BASE_URL', 'https://newsletters.example#top', origin],
    ['BASE_URL', 'https://user:pw@newsletters.example', origin],
    ['BASE_URL', 'https://', origin],
    ['DATABASE_URL', 'mysql://db/footnote', 'must be a postgres:// or postgresql:// URL'],
    ['DATABASE_URL', 'postgres://db:port/footnote', 'must be a postgres:// or postgresql:// URL'],
    ['DATA_DIR', 'a\nb', 'must be the path of a folder'],
    [
      'MAILCHIMP_BASE_URL',
      'https://user:pw@proxy.example/3.0',
      'must be an http(s) URL without user, query or fragment',
    ],
    ['MAILCHIMP_BASE_URL', 'proxy.example/3.0', 'must be an http(s) URL without user, query or fragment'],
    [
      'MAILCHIMP_WEBHOOK_SECRET',
      'a'.repeat(31),
      'must be 32 or more of A-Z a-z 0-9 _ - (openssl rand -hex 32)',
    ],
    [
      'MAILCHIMP_WEBHOOK_SECRET',
      `${'a'.repeat(32)}/`,
      'must be 32 or more of A-Z a-z 0-9 _ - (openssl rand -hex 32)',
    ],
    ['MAIL_FROM', 'news', sender],
    ['MAIL_FROM', 'The Daily <news@daily.example>, Other <other@daily.example>', sender],
    ['MAIL_FROM', 'a@daily.example, b@daily.example', sender],
    ['MAIL_FROM', 'The Daily\r\nBcc: x@daily.example <news@daily.example>', sender],
    ['MAIL_FROM', 'The Daily <news@daily.example\r\nBcc: x@daily.example>', sender],
    ['MAIL_FROM', '"The Daily <news@daily.example>', sender],
    ['PUBLICATION_NAME', 'The\nDaily', 'must be one line of text'],
    ['POSTAL_ADDRESS', '1 Street\n00000 Town', 'must be one line of text, its parts parted by commas'],
    ['PUBLICATION_URL', 'daily.example', website],
    ['PUBLICATION_URL', 'javascript:alert(1)', website],
    ['PUBLICATION_URL', 'https://user:pw@daily.example', website],
    ['PUBLICATION_URL', 'https://', website],
    ['PUBLICATION_COLOR', 'navy', 'must be a colour such as #1c4f82'],
    ['PUBLICATION_COLOR', '#1c4', 'must be a colour such as #1c4f82'],
    ['ADMIN_API_KEY', 'a'.repeat(31), visible],
    ['ADMIN_API_KEY', `${'a'.repeat(31)} b`, visible],
    ['ALLOWED_ORIGINS', '*', `entry 1 ${exactOrigin}`],
    ['ALLOWED_ORIGINS', 'https://*.news.example', `entry 1 ${exactOrigin}`],
    ['ALLOWED_ORIGINS', 'https://news.example,https://news.example/path', `entry 2 ${exactOrigin}`],
    ['ALLOWED_ORIGINS', 'https://news.example,null', `entry 2 ${exactOrigin}`],
    ['TRUST_PROXY', 'true', `entry 1 ${proxy}`],
    ['TRUST_PROXY', '1', `entry 1 ${proxy}`],
    ['TRUST_PROXY', '0.0.0.0/0', `entry 1 ${proxy}`],
    ['TRUST_PROXY', 'loopback,::/0', `entry 2 ${proxy}`],
    ['TRUST_PROXY', '10.0.0.0/33', `entry 1 ${proxy}`],
    ['TRUST_PROXY', '10.0.0/8', `entry 1 ${proxy}`],
    ['TRUST_PROXY', 'proxy.example', `entry 1 ${proxy}`],
    ['SECRET_KEYS', `${'a'.repeat(32)},short`, `entry 2 ${visible}`],
    ['RETENTION_UNCONFIRMED_DAYS', '7', 'must be a whole number from 8 to 3650, as links work for 7 days'],
    ['RETENTION_PROOF_YEARS', '-1', 'must be a whole number from 0 to 100'],
    ['RETENTION_AUDIT_DAYS', '0', 'must be a whole number from 1 to 36500'],
    ['DORMANT_MONTHS', '0', 'must be a whole number from 1 to 1200'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', collector],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'grpc://collector:4317', collector],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'must be one of http/protobuf, http/json'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'Bearer secret', `${pairs} api-key=secret`],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key=100%', `${pairs} api-key=secret`],
    ['OTEL_RESOURCE_ATTRIBUTES', 'team=a=b', `${pairs} deployment.environment.name=production`],
    ['OTEL_TRACES_EXPORTER', 'jaeger', 'must be one of otlp, none'],
    ['OTEL_TRACES_SAMPLER_ARG', '10%', 'must be a share from 0 to 1, such as 0.1'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', 'must be a share from 0 to 1, such as 0.1'],
    ['OTEL_SDK_DISABLED', 'yes', 'must be one of true, false'],
    ['ROLE', 'reader', 'must be one of all, web, worker'],
    ['ROLE', 'web', alone],
    ['ROLE', 'worker', alone],
    ['LOG_LEVEL', 'loud', 'must be one of fatal, error, warn, info, debug, trace, silent'],
  ])('%s=%j', (name, value, fault) => {
    expect(faultsOf({ [name]: value })).toEqual([`${name}: ${fault}`]);
  });

  it.each(['nodash', '-us6', 'key-', 'key-us', 'key-6', 'x-evil.com/#', 'key-us6/#', 'a b-us6', 'key-US6'])(
    'refuses the API key %s, as its end becomes a host name (A-25)',
    (key) => {
      expect(faultsOf({ MAILCHIMP_API_KEY: key, MAILCHIMP_AUDIENCE_ID: 'a1b2c3d4e5' })).toEqual([
        `MAILCHIMP_API_KEY: ${apiKey}`,
      ]);
    },
  );

  it('refuses an audience id that could leave its path', () => {
    expect(faultsOf({ MAILCHIMP_API_KEY: 'key-us6', MAILCHIMP_AUDIENCE_ID: '../lists' })).toEqual([
      'MAILCHIMP_AUDIENCE_ID: must be the id of an audience, letters and digits',
    ]);
  });

  it.each(['http://mail.daily.example', 'smtp://', 'smtp://:587', 'mail.daily.example:587'])(
    'refuses the mail server %s',
    (url) => {
      expect(faultsOf({ SMTP_URL: url, MAIL_FROM: 'news@daily.example' })).toEqual([`SMTP_URL: ${smtp}`]);
    },
  );

  it('refuses DKIM keys that receivers would not honour', () => {
    const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    for (const key of ['secret', rsaKey(512), ed25519.toString()]) {
      expect(
        faultsOf({ DKIM_DOMAIN: 'daily.example', DKIM_SELECTOR: 'footnote', DKIM_PRIVATE_KEY: key }),
      ).toEqual([`DKIM_PRIVATE_KEY: ${rsa}`]);
    }
    expect(
      faultsOf({ DKIM_DOMAIN: 'daily example', DKIM_SELECTOR: 'foot_note', DKIM_PRIVATE_KEY: dkimKey }),
    ).toEqual([
      'DKIM_DOMAIN: must be the domain that signs, such as daily.example',
      'DKIM_SELECTOR: must be the DNS label before ._domainkey',
    ]);
  });

  it.each([
    [
      { MAILCHIMP_API_KEY: 'key-us6' },
      ['MAILCHIMP_AUDIENCE_ID: is missing; MAILCHIMP_API_KEY is set and needs it'],
    ],
    [
      { MAILCHIMP_AUDIENCE_ID: 'a1' },
      ['MAILCHIMP_API_KEY: is missing; MAILCHIMP_AUDIENCE_ID is set and needs it'],
    ],
    [{ SMTP_URL: 'smtp://localhost' }, ['MAIL_FROM: is missing; SMTP_URL is set and needs it']],
    [
      { DKIM_SELECTOR: 'footnote' },
      [
        'DKIM_DOMAIN: is missing; DKIM_SELECTOR is set and needs it',
        'DKIM_PRIVATE_KEY: is missing; DKIM_SELECTOR is set and needs it',
      ],
    ],
  ])('names what %j lacks', (env, faults) => {
    expect(faultsOf(env)).toEqual(faults);
  });

  it('is told together with all others, in the error itself too', () => {
    expect(() => readSettings({ PORT: 'x', ROLE: 'web', SMTP_URL: 'smtp://localhost' })).toThrow(
      [
        'the configuration is wrong',
        `  PORT: ${port}`,
        '  MAIL_FROM: is missing; SMTP_URL is set and needs it',
        `  ROLE: ${alone}`,
      ].join('\n'),
    );
  });

  it('never shows a configured value', () => {
    const canary = (name: string) => `canary ${name}\u0007`;
    const env = Object.fromEntries(Object.keys(parseEnv(example)).map((name) => [name, canary(name)]));
    const faults = faultsOf(env);
    // A canary is wrong for every variable, so each is heard of.
    expect(new Set(faults.map((fault) => fault.split(':')[0]))).toEqual(new Set(Object.keys(env)));
    expect(faults.join('\n')).not.toContain('canary');
  });
});

describe('a right value', () => {
  it('keeps origins as browsers send them', () => {
    const { baseUrl, allowedOrigins } = readSettings({
      BASE_URL: 'https://News.example/',
      ALLOWED_ORIGINS: 'https://news.example, https://WWW.News.example:443,http://localhost:8080',
    });
    expect(baseUrl).toBe('https://news.example');
    expect(allowedOrigins).toEqual([
      'https://news.example',
      'https://www.news.example',
      'http://localhost:8080',
    ]);
  });

  it('names proxies in a way that Express understands (A-23)', () => {
    const named = ['loopback', 'linklocal', 'uniquelocal', '10.1.2.3', '10.0.0.0/8', 'fd00::/8', '::1'];
    const { trustProxy } = readSettings({ TRUST_PROXY: named.join(', ') });
    expect(trustProxy).toEqual(named);
    const trusts: unknown = express().set('trust proxy', trustProxy).get('trust proxy fn');
    if (typeof trusts !== 'function') throw new Error('Express made no function of it');
    expect(trusts('10.200.0.1')).toBe(true);
    expect(trusts('203.0.113.1')).toBe(false);
  });

  it.each([
    ['news@daily.example', { name: 'The Daily Example', address: 'news@daily.example' }],
    ['The Daily <news@Daily.example>', { name: 'The Daily', address: 'news@daily.example' }],
    ['"The Daily" <news@daily.example>', { name: 'The Daily', address: 'news@daily.example' }],
    ["L'Écho d’Été <news@münchen.example>", { name: "L'Écho d’Été", address: 'news@xn--mnchen-3ya.example' }],
  ])('sends as %s', (text, from) => {
    expect(readSettings({ SMTP_URL: 'smtp://localhost', MAIL_FROM: text }).smtp?.from).toEqual(from);
  });

  it('unfolds a DKIM key from one line', () => {
    const dkim = { DKIM_DOMAIN: 'daily.example', DKIM_SELECTOR: 'footnote' };
    const folded = readSettings({ ...dkim, DKIM_PRIVATE_KEY: dkimKey.replaceAll('\n', '\\n') });
    expect(folded.dkim?.privateKey).toBe(dkimKey);
    expect(folded.dkim).toMatchObject({ domain: 'daily.example', selector: 'footnote' });
  });

  it('leads Mailchimp calls elsewhere, and takes its calls', () => {
    const { mailchimp, webhook } = readSettings({
      MAILCHIMP_API_KEY: 'key-with-dashes-uk12',
      MAILCHIMP_AUDIENCE_ID: 'a1b2c3d4e5',
      MAILCHIMP_BASE_URL: 'http://127.0.0.1:4010/3.0/',
      MAILCHIMP_WEBHOOK_SECRET: 'f'.repeat(32),
    });
    expect(mailchimp).toMatchObject({
      dataCentre: 'uk12',
      baseUrl: 'http://127.0.0.1:4010/3.0',
    });
    expect(webhook).toEqual({ secret: 'f'.repeat(32), signingSecret: null });
  });

  it('makes four calls at a time to Mailchimp, or as many as it is told up to ten', () => {
    expect(readSettings({}).sync).toEqual({ concurrency: 4, reconcileMinutes: 30, erasure: 'delete' });
    expect(readSettings({ MAILCHIMP_ERASURE: 'archive' }).sync.erasure).toBe('archive');
    expect(readSettings({ MAILCHIMP_CONCURRENCY: '10' }).sync.concurrency).toBe(10);
    expect(faultsOf({ MAILCHIMP_CONCURRENCY: '11' })).toEqual([
      'MAILCHIMP_CONCURRENCY: must be a whole number from 1 to 10, as Mailchimp allows ten',
    ]);
  });

  it('splits the roles once PostgreSQL is there', () => {
    const { role, database } = readSettings({ ROLE: 'worker', DATABASE_URL: 'postgresql://u:p@db/footnote' });
    expect(role).toBe('worker');
    expect(database).toEqual({ kind: 'postgres', url: 'postgresql://u:p@db/footnote' });
  });

  it('presents the publication as it likes', () => {
    const { url, colour } = readSettings({
      PUBLICATION_URL: 'https://Daily.example/newsletters?from=mail',
      PUBLICATION_COLOR: '#FFD400',
    }).publication;
    expect({ url, colour }).toEqual({
      url: 'https://daily.example/newsletters?from=mail',
      colour: '#ffd400',
    });
  });

  it('keeps old secrets for verifying', () => {
    const keys = ['n'.repeat(32), 'o'.repeat(40)];
    expect(readSettings({ SECRET_KEYS: keys.join(',') }).secretKeys).toEqual(keys);
  });
});

describe('traces', () => {
  const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' };
  const byDefault = { encoding: 'protobuf', sampler: 'parentbased_always_on', share: 1 };

  it.each<[string, Env, object | null]>([
    ['are sent where a collector is named', collector, byDefault],
    [
      'are sent where one is named for them alone',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.example/v1/traces' },
      byDefault,
    ],
    ['are sent where they are asked for', { OTEL_TRACES_EXPORTER: 'otlp' }, byDefault],
    ['are not when they are not wanted', { ...collector, OTEL_TRACES_EXPORTER: 'none' }, null],
    ['are not when all is switched off', { ...collector, OTEL_SDK_DISABLED: 'true' }, null],
    [
      'are sampled and written as asked',
      {
        ...collector,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20Zm9v==, tenant=a',
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.25',
      },
      { encoding: 'json', sampler: 'traceidratio', share: 0.25 },
    ],
    [
      'are written as asked for them alone',
      {
        ...collector,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
      },
      byDefault,
    ],
  ])('%s', (_what, env, tracing) => expect(readSettings(env).tracing).toEqual(tracing));
});

describe('the logo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'footnote-logo-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function fileOf(content: Buffer): string {
    const path = join(folder, `${randomUUID()}.png`);
    writeFileSync(path, content);
    return path;
  }
  const faultOf = (path: string) => faultsOf({ PUBLICATION_LOGO: path });

  it('is read once, with its size', () => {
    const png = pngOf(480, 80);
    expect(readSettings({ PUBLICATION_LOGO: fileOf(png) }).publication.logo).toEqual({
      png,
      width: 480,
      height: 80,
    });
  });

  it('may weigh 16 kB, and no more', () => {
    const heavy = (size: number) => Buffer.concat([pngOf(480, 80), Buffer.alloc(size)]).subarray(0, size);
    expect(faultOf(fileOf(heavy(16_000)))).toEqual([]);
    expect(faultOf(fileOf(heavy(16_001)))).toEqual(['PUBLICATION_LOGO: must be a file of at most 16 kB']);
  });

  it('must be there, and a file', () => {
    const unreadable = ['PUBLICATION_LOGO: must be the path of a file that can be read'];
    expect(faultOf(join(folder, 'none.png'))).toEqual(unreadable);
    expect(faultOf('a\0b')).toEqual(unreadable);
    expect(faultOf(folder)).toEqual(['PUBLICATION_LOGO: must be a file']);
  });

  it('must be a PNG, whatever its name says', () => {
    const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0, ...Buffer.alloc(100)]);
    const headless = Buffer.concat([pngOf(480, 80).subarray(0, 8), Buffer.alloc(100)]);
    for (const content of [Buffer.alloc(0), jpeg, headless, pngOf(480, 80).subarray(0, 20)]) {
      expect(faultOf(fileOf(content))).toEqual(['PUBLICATION_LOGO: must be a PNG file']);
    }
  });

  it('must have a size that a page can show', () => {
    const fault = ['PUBLICATION_LOGO: must be 4096 pixels wide and high at most'];
    expect(faultOf(fileOf(pngOf(4097, 80)))).toEqual(fault);
    expect(faultOf(fileOf(pngOf(480, 0xffff_ffff)))).toEqual(fault);
    expect(faultOf(fileOf(pngOf(0, 80)))).toEqual(['PUBLICATION_LOGO: must be a PNG file']);
    expect(faultOf(fileOf(pngOf(4096, 4096)))).toEqual([]);
  });
});

/** A black picture in shades of grey, one bit a pixel (PNG 3, § 11). */
function pngOf(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(64))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');

describe('.env.example', () => {
  it('lists exactly the variables that are read', () => {
    const read = new Set<string>();
    readSettings(new Proxy<Env>({}, { get: (_, name) => void read.add(String(name)) }));
    expect(Object.keys(parseEnv(example)).sort()).toEqual([...read].sort());
  });

  it('changes nothing when copied as it is', () => {
    expect(readSettings(parseEnv(example))).toEqual(readSettings({}));
  });

  it('explains each variable with its default, and its examples are right together', () => {
    const blocks = example.split('\n\n').filter((block) => /^[A-Z_]+=$/m.test(block));
    const examples = blocks.map((block) => {
      const name = /^([A-Z_]+)=$/m.exec(block)?.[1] ?? '';
      expect(block, name).toMatch(/^# Default: .+$/m);
      const [, written] = /^# Example: (.+)$/m.exec(block) ?? [];
      if (written === undefined) return [name, undefined] as const;
      // To a file, # begins a comment, and to Docker Compose $ a variable, but in single quotes.
      const meant = /^'(.+)'$/.exec(written)?.[1];
      if (meant === undefined) expect(written, name).not.toMatch(/[#$]/);
      const read = parseEnv(`${name}=${written}`)[name];
      expect(read, name).toBe(meant ?? written);
      return [name, read] as const;
    });
    const secrets = {
      SECRET_KEYS: production.SECRET_KEYS,
      ADMIN_API_KEY: production.ADMIN_API_KEY,
      MAILCHIMP_API_KEY: production.MAILCHIMP_API_KEY,
      DKIM_PRIVATE_KEY: dkimKey,
    };
    expect(faultsOf({ ...Object.fromEntries(examples), ...secrets, NODE_ENV: 'production' })).toEqual([]);
  });
});
