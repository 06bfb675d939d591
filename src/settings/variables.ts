import { z } from 'zod';
import { linkDays } from '../subscribing/changes.ts';
import {
  apiKeyOf,
  baseUrlOf,
  collector,
  count,
  dkimKeyOf,
  dnsName,
  line,
  list,
  logo,
  matching,
  oneOf,
  originOf,
  pairs,
  protocol,
  proxyOf,
  read,
  secret,
  senderOf,
  smtpUrlOf,
  split,
  urlOf,
  websiteOf,
  wholeNumber,
} from './values.ts';

export const samplers = [
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
export const variables = z.object({
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

export const names = variables.keyof().options;
type Name = (typeof names)[number];
/** The text of the variables that are set. An empty one counts as not set. */
export type Given = Map<Name, string>;

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

/** What is missing beside what is set, or in production, a line each. */
export function missing(given: Given): string[] {
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

/** What cannot be together, a line each. */
export function contradictions(given: Given): string[] {
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
