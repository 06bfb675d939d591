import type { Locale } from '../../languages/language.ts';
import type { Sql } from '../../platform/database.ts';
import type { Site } from '../../site/site.ts';
import { type Campaign, type InterestCondition, interestOf } from '../api/campaigns.ts';
import type { MailchimpApi } from '../api/client.ts';
import { MailchimpError } from '../api/error.ts';
import { footerFields } from '../audience.ts';
import { buildContent, lacks, type Manuscript } from './content.ts';

// Newsletters that an editor has Mailchimp send: to the readers of one mailing list, with our footer, untracked.

/** A campaign as an editor knows it. */
export interface CampaignState {
  id: string;
  title: string;
  subject: string;
  previewText: string;
  /** Null when it is none of ours, or its recipients were chosen anew at Mailchimp. */
  list: string | null;
  /** Mailchimp's word: `save` is a draft, `schedule` waits for its time. */
  status: string;
  /** How many readers Mailchimp counts. */
  recipients: number;
  /** When it was sent, or will be. */
  sendTime: Date | null;
  sent: number;
}

export interface NewCampaignWish extends Manuscript {
  list: string;
  subject: string;
  previewText: string;
  /** How editors find it at Mailchimp; the subject when absent. */
  title?: string | undefined;
  locale: Locale;
}

/** Why a campaign cannot be had or sent, for the editor. */
export class CampaignError extends Error {
  override readonly name = 'CampaignError';
  readonly kind: 'missing' | 'unready' | 'unusable';
  /** What was asked for that cannot be used. */
  readonly field: string | null;

  constructor(kind: CampaignError['kind'], message: string, field: string | null = null) {
    super(message);
    this.kind = kind;
    this.field = field;
  }
}

export interface Campaigns {
  create(wish: NewCampaignWish): Promise<CampaignState>;
  show(id: string): Promise<CampaignState>;
  /** Has Mailchimp mail it to a few addresses, which need not be subscribers. */
  test(id: string, emails: readonly string[]): Promise<CampaignState>;
  /** Sends it now, unless somebody left whom Mailchimp would still mail (I2). */
  send(id: string): Promise<CampaignState>;
  /** Has Mailchimp send it at a quarter of an hour in the future. */
  schedule(id: string, at: Date): Promise<CampaignState>;
}

const quarterHour = 15 * 60_000;
const runSetup = 'Run setup (npm run admin -- setup) and try again.';

/** Every method throws `CampaignError`, or `MailchimpError` when Mailchimp refuses or does not answer. */
export function openCampaigns({
  database,
  api,
  site,
  from,
  now,
}: {
  database: Sql;
  api: MailchimpApi;
  site: Site;
  from: { name: string; address: string };
  now: () => Date;
}): Campaigns {
  const stateOf = async (campaign: Campaign): Promise<CampaignState> => ({
    id: campaign.id,
    title: campaign.settings.title,
    subject: campaign.settings.subject_line,
    previewText: campaign.settings.preview_text,
    list:
      campaign.recipients.list_id === api.audienceId ? await listOf(database, interestOf(campaign)) : null,
    status: campaign.status,
    recipients: campaign.recipients.recipient_count,
    sendTime: campaign.send_time ? new Date(campaign.send_time) : null,
    sent: campaign.emails_sent,
  });

  async function show(id: string): Promise<CampaignState> {
    try {
      return await stateOf(await api.getCampaign(id));
    } catch (error) {
      if (error instanceof MailchimpError && error.status === 404)
        throw new CampaignError('missing', 'There is no such campaign.');
      throw error;
    }
  }

  /** Without the merge fields, the links of the footer would lead nowhere. */
  async function demandFields(): Promise<void> {
    const tags = new Set((await api.listMergeFields()).map(({ tag }) => tag));
    const missing = footerFields.filter(({ tag }) => !tags.has(tag));
    if (missing.length > 0) {
      const named = missing.map(({ tag }) => tag).join(' and ');
      throw new CampaignError('unready', `The audience lacks the merge fields ${named}. ${runSetup}`);
    }
  }

  /** Looks at the campaign as it stands at Mailchimp, where it may have been changed since it was made (I8). */
  async function demandWhole(id: string): Promise<void> {
    const { list, status } = await show(id);
    if (list === null)
      throw new CampaignError('unready', 'This campaign does not go to one of our mailing lists alone.');
    if (status !== 'save' && status !== 'paused')
      throw new CampaignError('unready', `This campaign is no draft any more: Mailchimp says “${status}”.`);
    const missing = lacks(await api.getCampaignContent(id), site);
    if (missing !== null) throw new CampaignError('unready', `This campaign cannot be sent: ${missing}.`);
    await demandFields();
  }

  async function demandReady(id: string): Promise<void> {
    await demandWhole(id);
    const { is_ready, items } = await api.getSendChecklist(id);
    if (is_ready) return;
    const told = items
      .filter(({ type }) => type === 'error')
      .map(({ heading, details }) => `${heading}: ${details}`);
    throw new CampaignError('unready', `Mailchimp is not ready to send it. ${told.join(' ')}`.trim());
  }

  return {
    show,

    async create({ list, subject, previewText, title = subject, ...manuscript }) {
      const built = await buildContent(site, manuscript);
      if (!built.ok) throw new CampaignError('unusable', built.why, 'html');
      const condition = await conditionFor(database, api.audienceId, list);
      await demandFields();
      const { id } = await api.createCampaign({
        type: 'regular',
        recipients: {
          list_id: api.audienceId,
          segment_opts: { match: 'any', conditions: [condition] },
        },
        settings: {
          subject_line: subject,
          preview_text: previewText,
          title,
          from_name: from.name,
          reply_to: from.address,
          auto_footer: false,
        },
        tracking: { opens: false, html_clicks: false, text_clicks: false },
      });
      try {
        await api.putCampaignContent(id, built.content);
      } catch (error) {
        // An empty draft is of no use; that it stays is no worse than what is told.
        await api.deleteCampaign(id).catch(() => {});
        throw error;
      }
      return show(id);
    },

    async test(id, emails) {
      await demandWhole(id);
      await api.testCampaign(id, emails);
      return show(id);
    },

    async send(id) {
      await demandReady(id);
      const leaving = await optOutsOnTheWay(database);
      if (leaving > 0) {
        throw new CampaignError(
          'unready',
          `Mailchimp has not yet heard of opt-outs (${leaving}) and would mail who left. Try again in a moment; ` +
            'sync status says what they wait for.',
        );
      }
      await api.sendCampaign(id);
      return show(id);
    },

    async schedule(id, at) {
      if (at.getTime() % quarterHour !== 0)
        throw new CampaignError(
          'unusable',
          'must be a quarter of an hour, such as 06:00, 06:15 or 06:30',
          'at',
        );
      if (at <= now()) throw new CampaignError('unusable', 'must be in the future', 'at');
      await demandReady(id);
      await api.scheduleCampaign(id, at);
      return show(id);
    },
  };
}

/** Whoever is on the list at Mailchimp. @throws CampaignError */
async function conditionFor(sql: Sql, audienceId: string, slug: string): Promise<InterestCondition> {
  const [list] = await sql.query<{ categoryId: string | null; interestId: string | null }>(
    `SELECT interest.category_id AS "categoryId", interest.interest_id AS "interestId"
       FROM mailing_lists list
       LEFT JOIN audience_interests interest ON interest.list_id = list.id AND interest.audience_id = $2
      WHERE list.slug = $1`,
    [slug, audienceId],
  );
  if (list === undefined) throw new CampaignError('unusable', 'must be the slug of a mailing list', 'list');
  const { categoryId, interestId } = list;
  if (categoryId === null || interestId === null)
    throw new CampaignError('unready', `The mailing list ${slug} has no interest at Mailchimp. ${runSetup}`);
  return {
    condition_type: 'Interests',
    field: `interests-${categoryId}`,
    op: 'interestcontains',
    value: [interestId],
  };
}

async function listOf(sql: Sql, interestId: string | null): Promise<string | null> {
  const [list] = await sql.query<{ slug: string }>(
    `SELECT list.slug FROM audience_interests interest JOIN mailing_lists list ON list.id = interest.list_id
      WHERE interest.interest_id = $1`,
    [interestId],
  );
  return list?.slug ?? null;
}

/** Parked ones are not on their way, and may stay so: an operator sees them among the refused. */
async function optOutsOnTheWay(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM audience_contacts
      WHERE opt_out AND wanted <> acknowledged AND due_at IS NOT NULL`,
  );
  return row?.count ?? 0;
}
