import { createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import type { SignUpLimits } from './guard/limits.ts';
import { type Logo, readLogo } from './site/logo.ts';
import { parseAddress } from './subscribing/address.ts';
import type { Caps } from './subscribing/caps.ts';
import type { Ceilings } from './subscribing/ceilings.ts';
import { linkDays } from './subscribing/changes.ts';

export interface Settings {
  production: boolean;
  port: number;
  host: string;
  /** Where links in mails lead (A-24). An origin, without a slash at its end. */
  baseUrl: string;
  database: { kind: 'postgres'; url: string } | { kind: 'embedded'; folder: string };
  dataDir: string;
  /** `null`: the sandbox. */
  mailchimp: {
    apiKey: string;
    dataCentre: string;
    audienceId: string;
    baseUrl: string;
  } | null;
  webhook: {
    /** The last segment of the webhook's URL; null: no webhook is taken. */
    secret: string | null;
    /** What Mailchimp signs deliveries with, where the account has them signed. */
    signingSecret: string | null;
  };
  sync: {
    /** Calls to Mailchimp at a time, of all processes together. */
    concurrency: number;
    /** Minutes between two incremental reconciliations. */
    reconcileMinutes: number;
    /** What becomes at Mailchimp of who is erased here: deleted for good, or put into its archive. */
    erasure: 'delete' | 'archive';
  };
  /** `null`: the sandbox inbox. */
  smtp: { url: string; from: { name: string; address: string } } | null;
  dkim: { domain: string; selector: string; privateKey: string } | null;
  /** How it presents itself; `siteOf` makes of it what pages and mails show. */
  publication: {
    name: string;
    postalAddress: string;
    url: string | null;
    logo: Logo | null;
    /** `#rrggbb` */
    colour: string;
  };
  adminApiKey: string | null;
  allowedOrigins: string[];
  /** For Express: CIDRs and its names for them, never a hop count (A-23). */
  trustProxy: string[];
  /** The first signs, all verify. */
  secretKeys: [string, ...string[]];
  limits: {
    /** Mails that a stranger can cause to one folded address. */
    caps: Caps;
    /** Such mails to all addresses together, an hour. */
    ceilings: Ceilings;
    /** Sign-ups of one client an hour. */
    signUps: SignUpLimits;
    /** Wrong links, keys and secrets of one client, an hour. */
    wrongLinksPerHour: number;
  };
  form: {
    /** Who sends a form sooner than that after it was drawn is no reader. */
    minSeconds: number;
    /** How hard a challenge is to solve; null: none is asked. */
    altchaDifficulty: number | null;
    /** Whether addresses at throw-away domains are refused. */
    refuseDisposable: boolean;
  };
  /** How long what is kept. */
  retention: {
    /** Days after which who never confirmed is forgotten. */
    unconfirmedDays: number;
    /** Years, from the end of the year in which everything ended, for which proof is kept. */
    proofYears: number;
    auditDays: number;
    /** Months without a consent or a mail after which an address counts as dormant. Nothing ends by that. */
    dormantMonths: number;
  };
  /** How traces are made and sent; null: they are not. OpenTelemetry's packages read its other variables themselves. */
  tracing: { encoding: 'protobuf' | 'json'; sampler: (typeof samplers)[number]; share: number } | null;
  role: 'all' | 'web' | 'worker';
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
}

/** Each of `faults` is one line, `NAME: what is wrong or would be right`, and holds no configured value. */
export class SettingsError extends Error {
  override name = 'SettingsError';
  readonly faults: string[];

  constructor(faults: string[]) {
    super(['the configuration is wrong', ...faults].join('\n  '));
    this.faults = faults;
  }
}

// How a variable's text becomes its value. The first argument completes the fault "NAME: must be …".

const read = <T>(right: string, parse: (text: string) => T | undefined) =>
  z.string().transform((text, { addIssue }) => {
    const value = parse(text);
    if (value !== undefined) return value;
    addIssue(`must be ${right}`);
    return z.NEVER;
  });
const matching = (right: string, pattern: RegExp) => z.string().regex(pattern, `must be ${right}`);
const oneOf = <const T extends string>(...names: T[]) => z.enum(names, `must be one of ${names.join(', ')}`);
const split = z.string().transform((text) => text.split(',').map((entry) => entry.trim()));
const list = <T extends z.ZodType<unknown, string>>(entry: T) => split.pipe(z.array(entry));

const count = (least: number, most: number) =>
  read(`a whole number from ${least} to ${most}`, (text) => wholeNumber(text, least, most));
const line = (right: string) => matching(right, /^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,200}$/u);
const dnsName = (right: string) => matching(right, /^(?=.{1,253}$)[a-z\d-]{1,63}(\.[a-z\d-]{1,63})*$/i);
const secret = matching('32 visible characters or more (openssl rand -hex 32)', /^[!-~]{32,}$/);

const logo = z.string().transform((path, { addIssue }) => {
  const found = readLogo(path);
  if (typeof found !== 'string') return found;
  addIssue(found);
  return z.NEVER;
});

/** What is no such pair, OpenTelemetry would pass over without a word. */
const pairs = (example: string, pair: RegExp) =>
  read(`key=value pairs parted by commas, percent-encoded, such as ${example}`, (text) =>
    text.split(',').every((entry) => pair.test(entry) && decodes(entry)) ? text : undefined,
  );
const protocol = oneOf('http/protobuf', 'http/json');
const collector = read('an http(s) URL such as http://localhost:4318', (text) =>
  urlOf(text, 'http', 'https'),
);
const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

const developmentSecret = 'development-only-secret-known-to-everybody';
const samplePublication = 'The Daily Example';
const samplePostalAddress = 'The Daily Example, 1 Sample Street, 00000 Anytown';

/** Every variable that we know; `.env.example` explains each. */
const variables = z.object({
  NODE_ENV: oneOf('development', 'test', 'production').default('development'),
  PORT: count(0, 65_535).default(3000),
  HOST: matching('a host name or an IP address', /^[\w.:-]+$/).optional(),
  BASE_URL: read(
    'an http(s) origin without a path, such as https://newsletters.example',
    originOf,
  ).optional(),
  DATABASE_URL: read('a postgres:// or postgresql:// URL', (text) =>
    urlOf(text, 'postgres', 'postgresql'),
  ).optional(),
  DATA_DIR: matching('the path of a folder', /^\P{Cc}+$/u).default('.data'),
  MAILCHIMP_API_KEY: read('an API key that ends in its data centre, such as -us6', apiKeyOf).optional(),
  MAILCHIMP_AUDIENCE_ID: matching('the id of an audience, letters and digits', /^[a-z\d]{1,50}$/i).optional(),
  MAILCHIMP_BASE_URL: read('an http(s) URL without user, query or fragment', baseUrlOf).optional(),
  MAILCHIMP_WEBHOOK_SECRET: matching(
    '32 or more of A-Z a-z 0-9 _ - (openssl rand -hex 32)',
    /^[\w-]{32,}$/,
  ).optional(),
  MAILCHIMP_WEBHOOK_SIGNING_SECRET: matching(
    'the secret that Mailchimp told when the webhook was created',
    /^[!-~]{16,}$/,
  ).optional(),
  MAILCHIMP_CONCURRENCY: read('a whole number from 1 to 10, as Mailchimp allows ten', (text) =>
    wholeNumber(text, 1, 10),
  ).default(4),
  MAILCHIMP_RECONCILE_MINUTES: read(
    'a number of minutes that divides the hour, such as 10, 30 or 60',
    (text) => {
      const minutes = wholeNumber(text, 1, 60);
      return minutes !== undefined && 60 % minutes === 0 ? minutes : undefined;
    },
  ).default(30),
  MAILCHIMP_ERASURE: oneOf('delete', 'archive').default('delete'),
  SMTP_URL: read('an smtp:// or smtps:// URL with a host', smtpUrlOf).optional(),
  MAIL_FROM: read('one sender, such as The Daily Example <news@daily.example>', senderOf).optional(),
  DKIM_DOMAIN: dnsName('the domain that signs, such as daily.example').optional(),
  DKIM_SELECTOR: dnsName('the DNS label before ._domainkey').optional(),
  DKIM_PRIVATE_KEY: read('an RSA private key of 1024 bits or more, as PEM', dkimKeyOf).optional(),
  PUBLICATION_NAME: line('one line of text').default(samplePublication),
  POSTAL_ADDRESS: line('one line of text, its parts parted by commas').default(samplePostalAddress),
  PUBLICATION_URL: read('an http(s) URL without user and password', websiteOf).optional(),
  PUBLICATION_LOGO: logo.optional(),
  PUBLICATION_COLOR: matching('a colour such as #1c4f82', /^#[\da-f]{6}$/i).default('#1c4f82'),
  ADMIN_API_KEY: secret.optional(),
  ALLOWED_ORIGINS: list(
    read('an exact origin such as https://news.example, without a path or *', originOf),
  ).default([]),
  TRUST_PROXY: list(
    read(
      'a CIDR, loopback, linklocal or uniquelocal; true, hop counts and /0 are refused, ' +
        'as they let a client choose its own address',
      proxyOf,
    ),
  ).default([]),
  SECRET_KEYS: split.pipe(z.tuple([secret], secret)).default([developmentSecret]),
  LIMIT_ADDRESS_SECONDS: count(0, 86_400).default(60),
  LIMIT_ADDRESS_DAY: count(1, 1000).default(3),
  LIMIT_ADDRESS_MONTH: count(1, 1000).default(5),
  LIMIT_DOMAIN_HOUR: count(1, 10_000_000).default(1000),
  LIMIT_TOTAL_HOUR: count(1, 10_000_000).default(5000),
  LIMIT_IP_HOUR: count(4, 10_000_000).default(100),
  LIMIT_PREFIX_HOUR: count(4, 10_000_000).default(400),
  LIMIT_WRONG_LINKS_HOUR: count(1, 1_000_000).default(60),
  FORM_MIN_SECONDS: count(0, 60).default(2),
  ALTCHA: oneOf('off', 'on').default('off'),
  ALTCHA_DIFFICULTY: count(10, 100_000).default(1000),
  DISPOSABLE_DOMAINS: oneOf('accept', 'refuse').default('accept'),
  RETENTION_UNCONFIRMED_DAYS: read(
    `a whole number from ${linkDays + 1} to 3650, as links work for ${linkDays} days`,
    (text) => wholeNumber(text, linkDays + 1, 3650),
  ).default(30),
  RETENTION_PROOF_YEARS: count(0, 100).default(3),
  RETENTION_AUDIT_DAYS: count(1, 36_500).default(365),
  DORMANT_MONTHS: count(1, 1200).default(24),
  OTEL_SDK_DISABLED: oneOf('true', 'false').default('false'),
  OTEL_TRACES_EXPORTER: oneOf('otlp', 'none').optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol.default('http/protobuf'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: pairs('api-key=secret', /^\s*[\w.-]+\s*=[ -~]+$/).optional(),
  OTEL_SERVICE_NAME: line('one line of text').optional(),
  OTEL_RESOURCE_ATTRIBUTES: pairs('deployment.environment.name=production', /^[^=]+=[^=]+$/).optional(),
  OTEL_TRACES_SAMPLER: oneOf(...samplers).default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: read('a share from 0 to 1, such as 0.1', (text) =>
    /^(0(\.\d{1,9})?|1(\.0{1,9})?)$/.test(text) ? Number(text) : undefined,
  ).default(1),
  ROLE: oneOf('all', 'web', 'worker').default('all'),
  LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent').default('info'),
});

const names = variables.keyof().options;
type Name = (typeof names)[number];
/** The text of the variables that are set. An empty one counts as not set. */
type Given = Map<Name, string>;

/** What a variable is of no use without. */
const companions: Partial<Record<Name, Name[]>> = {
  MAILCHIMP_API_KEY: ['MAILCHIMP_AUDIENCE_ID'],
  MAILCHIMP_AUDIENCE_ID: ['MAILCHIMP_API_KEY'],
  SMTP_URL: ['MAIL_FROM'],
  DKIM_DOMAIN: ['DKIM_SELECTOR', 'DKIM_PRIVATE_KEY'],
  DKIM_SELECTOR: ['DKIM_DOMAIN', 'DKIM_PRIVATE_KEY'],
  DKIM_PRIVATE_KEY: ['DKIM_DOMAIN', 'DKIM_SELECTOR'],
};

/** What production must be told, as the defaults are made for a laptop. */
const neededInProduction = new Map<Name, string>([
  ['BASE_URL', 'the https address that links in mails lead to'],
  ['MAILCHIMP_API_KEY', 'the API key of the Mailchimp account, as the sandbox keeps nothing'],
  ['MAILCHIMP_AUDIENCE_ID', 'the id of the audience that subscribers go to'],
  [
    'SMTP_URL',
    'a mail server, such as smtp://user:password@mail.example:587, as the sandbox delivers nothing',
  ],
  ['MAIL_FROM', 'the sender, such as The Daily Example <news@daily.example>'],
  ['PUBLICATION_NAME', 'the name that readers know the sender by'],
  ['POSTAL_ADDRESS', 'the postal address that the law wants in every mail'],
  ['ADMIN_API_KEY', '32 characters or more (openssl rand -hex 32)'],
  ['SECRET_KEYS', '32 characters or more (openssl rand -hex 32)'],
]);

/**
 * Reads the environment, and the logo that it names; nothing else does.
 * @throws SettingsError that names every fault at once.
 */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const given: Given = new Map();
  for (const name of names) {
    const text = env[name]?.trim();
    if (text) given.set(name, text);
  }

  const parsed = variables.safeParse(Object.fromEntries(given));
  const faults = [
    ...(parsed.error?.issues ?? []).map(faultLine),
    ...missing(given),
    ...contradictions(given),
  ];
  if (!parsed.success || faults.length > 0) throw new SettingsError(faults);

  const value = parsed.data;
  const production = value.NODE_ENV === 'production';
  return {
    production,
    port: value.PORT,
    host: value.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    baseUrl: value.BASE_URL ?? `http://localhost:${value.PORT}`,
    database: value.DATABASE_URL
      ? { kind: 'postgres', url: value.DATABASE_URL }
      : { kind: 'embedded', folder: value.DATA_DIR },
    dataDir: value.DATA_DIR,
    mailchimp:
      value.MAILCHIMP_API_KEY && value.MAILCHIMP_AUDIENCE_ID
        ? {
            ...value.MAILCHIMP_API_KEY,
            audienceId: value.MAILCHIMP_AUDIENCE_ID,
            baseUrl:
              value.MAILCHIMP_BASE_URL ??
              `https://${value.MAILCHIMP_API_KEY.dataCentre}.api.mailchimp.com/3.0`,
          }
        : null,
    webhook: {
      secret: value.MAILCHIMP_WEBHOOK_SECRET ?? null,
      signingSecret: value.MAILCHIMP_WEBHOOK_SIGNING_SECRET ?? null,
    },
    sync: {
      concurrency: value.MAILCHIMP_CONCURRENCY,
      reconcileMinutes: value.MAILCHIMP_RECONCILE_MINUTES,
      erasure: value.MAILCHIMP_ERASURE,
    },
    smtp:
      value.SMTP_URL && value.MAIL_FROM
        ? {
            url: value.SMTP_URL,
            from: { ...value.MAIL_FROM, name: value.MAIL_FROM.name || value.PUBLICATION_NAME },
          }
        : null,
    dkim:
      value.DKIM_DOMAIN && value.DKIM_SELECTOR && value.DKIM_PRIVATE_KEY
        ? { domain: value.DKIM_DOMAIN, selector: value.DKIM_SELECTOR, privateKey: value.DKIM_PRIVATE_KEY }
        : null,
    publication: {
      name: value.PUBLICATION_NAME,
      postalAddress: value.POSTAL_ADDRESS,
      url: value.PUBLICATION_URL ?? null,
      logo: value.PUBLICATION_LOGO ?? null,
      colour: value.PUBLICATION_COLOR.toLowerCase(),
    },
    adminApiKey: value.ADMIN_API_KEY ?? null,
    allowedOrigins: value.ALLOWED_ORIGINS,
    trustProxy: value.TRUST_PROXY,
    secretKeys: value.SECRET_KEYS,
    limits: {
      caps: {
        apart: value.LIMIT_ADDRESS_SECONDS * 1000,
        perDay: value.LIMIT_ADDRESS_DAY,
        perMonth: value.LIMIT_ADDRESS_MONTH,
      },
      ceilings: { perDomain: value.LIMIT_DOMAIN_HOUR, total: value.LIMIT_TOTAL_HOUR },
      signUps: { perIp: value.LIMIT_IP_HOUR, perPrefix: value.LIMIT_PREFIX_HOUR },
      wrongLinksPerHour: value.LIMIT_WRONG_LINKS_HOUR,
    },
    form: {
      minSeconds: value.FORM_MIN_SECONDS,
      altchaDifficulty: value.ALTCHA === 'on' ? value.ALTCHA_DIFFICULTY : null,
      refuseDisposable: value.DISPOSABLE_DOMAINS === 'refuse',
    },
    retention: {
      unconfirmedDays: value.RETENTION_UNCONFIRMED_DAYS,
      proofYears: value.RETENTION_PROOF_YEARS,
      auditDays: value.RETENTION_AUDIT_DAYS,
      dormantMonths: value.DORMANT_MONTHS,
    },
    tracing: tracingOf(value),
    role: value.ROLE,
    logLevel: value.LOG_LEVEL,
  };
}

/** Traces are on where a collector is named, or asked for: then it is at the place that OpenTelemetry expects it. */
function tracingOf(value: z.output<typeof variables>): Settings['tracing'] {
  const isNamed =
    value.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT !== undefined || value.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined;
  const exporter = value.OTEL_TRACES_EXPORTER ?? (isNamed ? 'otlp' : 'none');
  if (exporter === 'none' || value.OTEL_SDK_DISABLED === 'true') return null;
  const protocol = value.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? value.OTEL_EXPORTER_OTLP_PROTOCOL;
  return {
    encoding: protocol === 'http/json' ? 'json' : 'protobuf',
    sampler: value.OTEL_TRACES_SAMPLER,
    share: value.OTEL_TRACES_SAMPLER_ARG,
  };
}

/** zod's path is the variable, and the index of the entry where it is a list. */
function faultLine({ path: [name, index], message }: z.core.$ZodIssue): string {
  return `${String(name)}: ${typeof index === 'number' ? `entry ${index + 1} ` : ''}${message}`;
}

function missing(given: Given): string[] {
  const reasons = new Map<Name, string>();
  for (const name of given.keys()) {
    for (const companion of companions[name] ?? []) reasons.set(companion, `${name} is set and needs it`);
  }
  for (const [name, needed] of inProduction(given) ? neededInProduction : []) {
    reasons.set(name, `production needs ${needed}`);
  }
  return [...reasons]
    .filter(([name]) => !given.has(name))
    .map(([name, why]) => `${name}: is missing; ${why}`);
}

function contradictions(given: Given): string[] {
  const faults: string[] = [];
  if (/^(web|worker)$/.test(given.get('ROLE') ?? '') && !given.has('DATABASE_URL'))
    faults.push('ROLE: must be all without DATABASE_URL, as the embedded database serves one process only');
  if (!inProduction(given)) return faults;

  if (/^http:/i.test(given.get('BASE_URL') ?? '')) faults.push('BASE_URL: must be https in production');
  if (given.get('SECRET_KEYS')?.includes(developmentSecret))
    faults.push('SECRET_KEYS: must not hold the development secret in production (openssl rand -hex 32)');
  if (given.get('PUBLICATION_NAME') === samplePublication)
    faults.push('PUBLICATION_NAME: must be the real name in production, not the sample');
  if (given.get('POSTAL_ADDRESS') === samplePostalAddress)
    faults.push('POSTAL_ADDRESS: must be the real address in production, not the sample');
  return faults;
}

function inProduction(given: Given): boolean {
  return given.get('NODE_ENV') === 'production';
}

function decodes(text: string): boolean {
  try {
    return decodeURIComponent(text) !== '';
  } catch {
    return false;
  }
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  return /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined;
}

/** `text` itself, if it is a URL of one of the schemes. */
function urlOf(text: string, ...schemes: string[]): string | undefined {
  return schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text) ? text : undefined;
}

function originOf(text: string): string | undefined {
  return /^https?:\/\/[^/\\?#@*\s]+\/?$/i.test(text) ? URL.parse(text)?.origin : undefined;
}

function baseUrlOf(text: string): string | undefined {
  return /[?#@\s]/.test(text) ? undefined : urlOf(text, 'http', 'https')?.replace(/\/$/, '');
}

function smtpUrlOf(text: string): string | undefined {
  return urlOf(text, 'smtp', 'smtps') && URL.parse(text)?.hostname ? text : undefined;
}

function websiteOf(text: string): string | undefined {
  const url = /[\s\p{Cc}]/u.test(text) ? undefined : URL.parse(urlOf(text, 'http', 'https') ?? '');
  return url && url.username + url.password === '' ? url.href : undefined;
}

/** The data centre becomes part of a host name, so its form is checked (A-25). */
function apiKeyOf(text: string): { apiKey: string; dataCentre: string } | undefined {
  const end = text.lastIndexOf('-');
  const dataCentre = text.slice(end + 1);
  return end > 0 && /^[!-~]+$/.test(text) && /^[a-z]{2,3}\d{1,3}$/.test(dataCentre)
    ? { apiKey: text, dataCentre }
    : undefined;
}

/** `Name <address>`, the name in quotes or not, or the address alone; nothing that could be read as two. */
function senderOf(text: string): { name: string; address: string } | undefined {
  const sender = /^("?)([^\p{Cc}"\\<>@,;:]*)\1 <([^<>]+)>$/u.exec(text);
  const [, , name = '', address = text] = sender ?? [];
  const parsed = parseAddress(address);
  return parsed.ok ? { name: name.trim(), address: parsed.address.email } : undefined;
}

function dkimKeyOf(text: string): string | undefined {
  const pem = text.replaceAll('\\n', '\n');
  try {
    const bits = createPrivateKey(pem).asymmetricKeyDetails?.modulusLength;
    return bits !== undefined && bits >= 1024 ? pem : undefined;
  } catch {
    return undefined;
  }
}

function proxyOf(text: string): string | undefined {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return text;
  const [, address = '', prefix] = /^([\da-f.:]+)(?:\/([1-9]\d{0,2}))?$/i.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  return prefix === undefined || Number(prefix) <= (version === 4 ? 32 : 128) ? text : undefined;
}
