import type { z } from 'zod';
import type { SignUpLimits } from './guard/limits.ts';
import {
  contradictions,
  type Given,
  missing,
  names,
  type samplers,
  variables,
} from './settings/variables.ts';
import type { Logo } from './site/logo.ts';
import type { Caps } from './subscribing/caps.ts';
import type { Ceilings } from './subscribing/ceilings.ts';

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
