import type { Database, Sql } from '../platform/database.ts';
import { examine, type Finding, fault, ok, type Verdict, warning } from '../platform/finding.ts';
import { isLocal } from '../platform/local.ts';
import type { Settings } from '../settings.ts';
import type { Account, Audience, MailchimpApi, Webhook } from './api/client.ts';
import { MailchimpError, timedOut } from './api/error.ts';
import { maxInterests, overfilling, type Survey, surveyAudience } from './audience.ts';
import { pauseMeans } from './lane/pause.ts';
import { ourWebhooks, webhookFaults, webhookUrlOf } from './setup.ts';
import { readSignals } from './signals.ts';

/** What the checks look at. */
export interface MailchimpParts {
  database: Database;
  api: MailchimpApi;
  mailchimp: NonNullable<Settings['mailchimp']>;
  webhook: Settings['webhook'];
  baseUrl: string;
}

const runSetup = 'Run: npm run admin -- setup';

/**
 * Looks at everything that keeping the audience equal needs, and changes nothing. What cannot be right
 * while the key or the audience is wrong is not looked at then, so that the one cause stands alone.
 */
export async function examineMailchimp(parts: MailchimpParts): Promise<Finding[]> {
  const { database, api, mailchimp } = parts;
  const lane = await examine('sync', () => judgeLane(database));
  const backup = await examine('backup', () => judgeBackup(database));

  const account = api.getAccount();
  const key = await examineKey({ mailchimp }, account);
  if (key.status === 'fault') return [key, lane, backup];

  const audience = api.getAudience();
  const there = await examine('audience', () => audience.then(judgeAudience, audienceFault));
  if (there.status === 'fault') return [key, there, lane, backup];

  const survey = surveyAudience(parts);
  return [
    key,
    there,
    ...(await Promise.all([
      examine('account', async () => judgeAccount(await account)),
      examine('double opt-in', async () => judgeDoubleOptIn(await audience)),
      examine('marketing permissions', async () => judgeMarketingPermissions(await audience)),
      examine('required fields', async () => judgeRequiredFields(await survey)),
      examine('interests', async () => judgeInterests(await survey)),
      examine('footer links', async () => judgeFooterFields(await survey)),
      examine('webhook', async () => judgeWebhook(await api.listWebhooks(), parts)),
    ])),
    lane,
    backup,
  ];
}

/** Whether Mailchimp takes the key: the one call that tells. */
export function examineKey(
  { mailchimp }: Pick<MailchimpParts, 'mailchimp'>,
  account: Promise<Account>,
): Promise<Finding> {
  return examine('Mailchimp key', () => account.then(judgeKey, (error) => keyFault(error, mailchimp)));
}

const judgeKey = (): Verdict => ok('Mailchimp takes the key.');

function keyFault(error: unknown, { baseUrl, dataCentre }: MailchimpParts['mailchimp']): Verdict {
  if (!(error instanceof MailchimpError)) throw error;
  const asked = /^https:\/\/([a-z]+\d+)\.api\.mailchimp\.com\b/.exec(baseUrl)?.[1];
  if (asked !== undefined && asked !== dataCentre) {
    return fault(
      `The key belongs to the data centre ${dataCentre}, but MAILCHIMP_BASE_URL leads to ${asked}.`,
      'Leave MAILCHIMP_BASE_URL empty: the address follows from the key.',
    );
  }
  if (error.status === 401) {
    return fault(
      `Mailchimp does not take the key: it was revoked, its user is gone, or its end (-${dataCentre}) is wrong.`,
      'Create a key at Mailchimp (Account > Extras > API keys), set MAILCHIMP_API_KEY to all of it, and restart.',
    );
  }
  if (error.status === 403 && !error.throttles) {
    return fault(
      `Mailchimp knows the key and refuses it (${error.title}): the account is suspended or its user may not do this.`,
      'Log in at Mailchimp, where the account says what it wants.',
    );
  }
  if (error.title === 'ENOTFOUND') {
    return fault(
      `There is no Mailchimp at the data centre ${dataCentre}, or this machine reaches no DNS.`,
      'Check that MAILCHIMP_API_KEY is complete: its end names the data centre.',
    );
  }
  if (error.status === null) {
    const what = error.title === timedOut ? 'does not answer in time' : `cannot be reached (${error.title})`;
    return fault(
      `Mailchimp ${what}.`,
      'Check that this machine may open https connections to Mailchimp. Nothing is lost meanwhile.',
    );
  }
  return fault(
    `${error.message}: that does not tell whether the key is good.`,
    'Try again in a few minutes. If MAILCHIMP_BASE_URL is set, check that it leads to Mailchimp.',
  );
}

function judgeAccount({ role, pricing_plan_type }: Account): Verdict {
  const facts = `The key acts as ${role} of an account of the plan ${pricing_plan_type}.`;
  return /^(viewer|author)$/i.test(role)
    ? warning(`${facts} That role may not change the audience.`, 'Use a key of an owner, admin or manager.')
    : ok(facts);
}

const judgeAudience = ({ name }: Audience): Verdict => ok(`The audience is there: ${name}.`);

function audienceFault(error: unknown): Verdict {
  if (!(error instanceof MailchimpError)) throw error;
  return error.status === 404
    ? fault(
        'The account has no audience of this id.',
        'Set MAILCHIMP_AUDIENCE_ID to the id under Audience > Settings > Audience name and defaults.',
      )
    : fault(`The audience cannot be read. ${error.message}.`, 'Try again in a few minutes.');
}

function judgeDoubleOptIn({ double_optin }: Audience): Verdict {
  return double_optin
    ? warning(
        'The audience asks for double opt-in. That concerns forms of Mailchimp alone: who comes from us has ' +
          'confirmed by our mail, is subscribed at once, and gets no second one.',
        null,
      )
    : ok('Who confirmed our mail is subscribed at once.');
}

function judgeMarketingPermissions({ marketing_permissions }: Audience): Verdict {
  return marketing_permissions
    ? warning(
        'The audience keeps marketing permissions (its GDPR fields). We set none, so campaigns that are sent by ' +
          'permission reach nobody who comes from us. The proof of consent is in our ledger.',
        'Send campaigns by interest, or switch the GDPR fields off (Audience > Settings).',
      )
    : ok('The audience asks for no marketing permissions.');
}

function judgeRequiredFields({ mergeFields }: Survey): Verdict {
  const required = mergeFields.filter((field) => field.required && field.tag !== 'EMAIL');
  return required.length > 0
    ? warning(
        `The audience requires fields that our form does not ask for: ${required.map(({ tag }) => tag).join(', ')}. ` +
          'We ask Mailchimp to skip them, so nobody is lost, but its own pages insist on them.',
        'Make them optional (Audience > Settings > Audience fields and merge tags).',
      )
    : ok('The audience requires no field that we do not have.');
}

function judgeInterests(survey: Survey): Verdict {
  const { lists, interestCount } = survey;
  const full = overfilling(survey);
  if (full !== null) return fault(full.message, full.remedy);
  const named = (some: Survey['lists']) => some.map(({ slug }) => slug).join(', ');
  const lost = lists.filter(({ lostInterest }) => lostInterest);
  if (lost.length > 0) {
    return fault(`Interests were deleted at Mailchimp, those of ${named(lost)}.`, runSetup);
  }
  const unmapped = lists.filter(({ isMapped }) => !isMapped);
  if (unmapped.length > 0) {
    return warning(`Mailing lists have no interest yet: ${named(unmapped)}.`, runSetup);
  }
  return ok(
    `Each of our ${lists.length} mailing lists has its interest; ${interestCount} of ${maxInterests} are used.`,
  );
}

function judgeFooterFields({ missingFields }: Survey): Verdict {
  return missingFields.length > 0
    ? fault(
        `The audience lacks the merge fields ${missingFields.map(({ tag }) => tag).join(' and ')}, so campaigns ` +
          "cannot carry the readers' own links.",
        runSetup,
      )
    : ok("Campaigns can carry the readers' own links: *|UNSUBURL|* and *|PREFURL|*.");
}

function judgeWebhook(
  webhooks: Webhook[],
  { webhook: { secret, signingSecret }, baseUrl, mailchimp }: MailchimpParts,
): Verdict {
  const url = webhookUrlOf(baseUrl, secret);
  if (url === null) {
    return warning(
      'MAILCHIMP_WEBHOOK_SECRET is not set, so what changes at Mailchimp is only heard of by reconciliation.',
      'Set MAILCHIMP_WEBHOOK_SECRET (openssl rand -hex 32), restart, and run: npm run admin -- setup',
    );
  }
  const { current, earlier } = ourWebhooks(webhooks, url);
  if (current === null) {
    // A Mailchimp on this machine, such as the sandbox, calls whatever is beside it.
    const callable = isLocal(mailchimp.baseUrl) || (baseUrl.startsWith('https:') && !isLocal(baseUrl));
    return callable
      ? fault('Mailchimp has no webhook of ours, or gave it up, and tells us of nothing.', runSetup)
      : warning(
          'Mailchimp has no webhook of ours, as BASE_URL is not a public https address that it could call. What ' +
            'changes there is only heard of by reconciliation.',
          'Set BASE_URL to the public https address, restart, and run: npm run admin -- setup',
        );
  }
  const faults = webhookFaults(current);
  if (faults.length > 0) return fault(`The webhook is set up otherwise: ${faults.join(', ')}.`, runSetup);
  if (earlier.length > 0) {
    return warning(`${earlier.length} webhooks with an earlier secret are still there.`, runSetup);
  }
  if (current.signing_enabled && signingSecret === null) {
    return warning(
      'Mailchimp signs the calls of the webhook, and nobody looks at the signatures.',
      'Set MAILCHIMP_WEBHOOK_SIGNING_SECRET to the secret that setup told. If it is lost, delete the webhook at Mailchimp and run setup again.',
    );
  }
  return ok(
    signingSecret === null
      ? 'The webhook is there. Its calls are known by the secret in the URL; no signing secret is set.'
      : 'The webhook is there, and only signed calls are taken.',
  );
}

async function judgeLane(sql: Sql): Promise<Verdict> {
  const { stopped, stoppedAt, pausedBy, pausedAt, trouble, troubleAt } = await readSignals(sql);
  const since = (time: Date | null) => (time === null ? '' : ` since ${time.toISOString()}`);
  const pause = pausedAt === null ? null : `${pausedBy} paused the lane${since(pausedAt)}. ${pauseMeans}`;
  const resume = 'npm run admin -- sync resume';
  if (stopped !== null) {
    return fault(
      `Nobody is sent to Mailchimp${since(stoppedAt)}: ${stopped}.${pause === null ? '' : ` And ${pause}`}`,
      pause === null
        ? 'Nothing is lost: mend what the other checks find, and it goes on by itself.'
        : `Nothing is lost: mend what the other checks find, then run: ${resume}`,
    );
  }
  if (pause !== null) return warning(pause, `Run: ${resume}`);
  if (trouble !== null) {
    return warning(
      `Calls to Mailchimp fail${since(troubleAt)}: ${trouble}.`,
      'They are tried again by themselves.',
    );
  }
  return ok('Contacts are sent to Mailchimp.');
}

/** R-11: after a backup was restored, the audience knows people whom the database does not. */
async function judgeBackup(sql: Sql): Promise<Verdict> {
  const { drift, reconciledAt } = await readSignals(sql);
  if (drift === null || drift.lost === 0) return ok('The database knows everybody who carries our links.');
  const found = reconciledAt === null ? '' : ` (compared ${reconciledAt.toISOString()})`;
  return warning(
    `${drift.lost} ${drift.lost === 1 ? 'member of the audience carries' : 'members of the audience carry'} links of ` +
      `ours that are nobody's here${found}: the database is older than what Mailchimp was told, as after restoring ` +
      'a backup.',
    'See "After a restore" in docs/operations.md: who left since must not come back.',
  );
}
