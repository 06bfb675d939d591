import { z } from 'zod';
import { type Call, fieldsOf, noContent } from './call.ts';

/** The calls about campaigns, which Mailchimp builds and mails. Each throws `MailchimpError`. */
export interface CampaignsApi {
  createCampaign(campaign: NewCampaign): Promise<Campaign>;
  /** Only of a campaign that was not sent. */
  deleteCampaign(id: string): Promise<void>;
  getCampaign(id: string): Promise<Campaign>;
  putCampaignContent(id: string, content: CampaignContent): Promise<void>;
  getCampaignContent(id: string): Promise<CampaignContent>;
  /** What Mailchimp finds in the way of sending it. */
  getSendChecklist(id: string): Promise<SendChecklist>;
  testCampaign(id: string, emails: readonly string[]): Promise<void>;
  /** Not to be repeated without a look at the status: it is no idempotent call. */
  sendCampaign(id: string): Promise<void>;
  /** @param at a quarter of an hour of UTC: :00, :15, :30 or :45 */
  scheduleCampaign(id: string, at: Date): Promise<void>;
}

/** A condition on the interests of a category: whoever has chosen one of `value`. */
const interestCondition = z.object({
  condition_type: z.literal('Interests'),
  field: z.string(),
  op: z.literal('interestcontains'),
  value: z.array(z.string()),
});
export type InterestCondition = z.infer<typeof interestCondition>;
/** As it is shown again, the type may be left out. */
const shownCondition = interestCondition.omit({ condition_type: true });

export interface NewCampaign {
  type: 'regular';
  recipients: { list_id: string; segment_opts: { match: 'any'; conditions: [InterestCondition] } };
  settings: {
    subject_line: string;
    preview_text: string;
    title: string;
    from_name: string;
    reply_to: string;
    /** Whether Mailchimp puts a footer of its own under it. */
    auto_footer: boolean;
  };
  tracking: { opens: boolean; html_clicks: boolean; text_clicks: boolean };
}

const campaign = z.object({
  id: z.string(),
  /** save, paused, schedule, sending or sent; new ones may come. */
  status: z.string(),
  emails_sent: z.number().default(0),
  /** When it was sent or will be, ISO 8601; may be empty. */
  send_time: z.string().nullish(),
  recipients: z.object({
    list_id: z.string().default(''),
    recipient_count: z.number().default(0),
    segment_opts: z.object({ conditions: z.array(z.unknown()).default([]) }).nullish(),
  }),
  settings: z.object({
    subject_line: z.string().default(''),
    preview_text: z.string().default(''),
    title: z.string().default(''),
  }),
});
export type Campaign = z.infer<typeof campaign>;

const content = z.object({ html: z.string().default(''), plain_text: z.string().default('') });
export type CampaignContent = z.infer<typeof content>;

const sendChecklist = z.object({
  is_ready: z.boolean(),
  items: z.array(
    z.object({ type: z.string(), heading: z.string().default(''), details: z.string().default('') }),
  ),
});
export type SendChecklist = z.infer<typeof sendChecklist>;

/** The interest that a campaign goes to, and to nobody else; null where its recipients are chosen in any other way. */
export function interestOf({ recipients }: Pick<Campaign, 'recipients'>): string | null {
  const [condition, ...others] = recipients.segment_opts?.conditions ?? [];
  const [interest, ...more] = shownCondition.safeParse(condition).data?.value ?? [];
  return others.length > 0 || more.length > 0 ? null : (interest ?? null);
}

/** Makes the calls by what makes a call. */
export function campaignsApi(call: Call): CampaignsApi {
  const one = '/campaigns/{campaign_id}';
  const at = (id: string) => ({ path: { campaign_id: id } });
  const act = async (id: string, action: string, body?: object) => {
    await call(noContent, 'POST', `${one}/actions/${action}`, { ...at(id), body });
  };
  return {
    createCampaign: (body) => call(campaign, 'POST', '/campaigns', { body }),
    deleteCampaign: async (id) => {
      await call(noContent, 'DELETE', one, at(id));
    },
    getCampaign: (id) => call(campaign, 'GET', one, { ...at(id), query: { fields: fieldsOf(campaign) } }),
    putCampaignContent: async (id, body) => {
      await call(content, 'PUT', `${one}/content`, { ...at(id), body });
    },
    getCampaignContent: (id) =>
      call(content, 'GET', `${one}/content`, { ...at(id), query: { fields: fieldsOf(content) } }),
    getSendChecklist: (id) => call(sendChecklist, 'GET', `${one}/send-checklist`, at(id)),
    testCampaign: (id, emails) => act(id, 'test', { test_emails: emails, send_type: 'html' }),
    sendCampaign: (id) => act(id, 'send'),
    scheduleCampaign: (id, at) =>
      act(id, 'schedule', { schedule_time: at.toISOString().replace('.000Z', '+00:00') }),
  };
}
