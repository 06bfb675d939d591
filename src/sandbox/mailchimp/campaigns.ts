import type { z } from 'zod';
import type { AccountState } from './account.ts';
import { invalidFields, notFound, Problem } from './problem.ts';
import type * as requests from './requests.ts';
import { type Campaign, type Member, newId, timestamp } from './state.ts';

// What is written to many: campaigns, whom they go to, and what stands in the way of sending them.

export function findCampaign(state: AccountState, id: string | undefined): Campaign {
  const campaign = state.campaigns.find((known) => known.id === id);
  if (campaign === undefined) throw notFound();
  return campaign;
}

export function createCampaign(
  state: AccountState,
  { recipients, settings, tracking }: z.infer<typeof requests.campaign>,
  now: Date,
): Campaign {
  if (recipients.list_id !== state.audience.id)
    throw invalidFields([{ field: 'recipients.list_id', message: 'This list does not exist.' }]);
  state.lastNumber += 1;
  const campaign: Campaign = {
    id: newId(),
    web_id: state.lastNumber,
    status: 'save',
    create_time: timestamp(now),
    send_time: '',
    emails_sent: 0,
    segment_opts: recipients.segment_opts ?? null,
    settings,
    tracking,
    html: '',
    plain_text: '',
  };
  state.campaigns.push(campaign);
  return campaign;
}

/** A campaign that may still be changed or sent. */
export function findDraft(state: AccountState, id: string | undefined): Campaign {
  const campaign = findCampaign(state, id);
  if (campaign.status === 'save') return campaign;
  throw new Problem(400, 'Bad Request', 'Cannot edit this campaign because it is not in draft status.');
}

/** The subscribed members that a campaign goes to now. */
export const recipientsOf = (state: AccountState, { segment_opts }: Campaign): Member[] =>
  [...state.members].filter(
    (member) => member.status === 'subscribed' && (segment_opts === null || isIn(member, segment_opts)),
  );

function isIn({ interests }: Member, { match, conditions }: NonNullable<Campaign['segment_opts']>): boolean {
  const meets = ({ op, value }: (typeof conditions)[number]) => {
    const chosen = (id: string) => interests[id] === true;
    if (op === 'interestcontains') return value.some(chosen);
    return op === 'interestcontainsall' ? value.every(chosen) : !value.some(chosen);
  };
  return match === 'any' ? conditions.some(meets) : conditions.every(meets);
}

/** What the checklist says, faults first as in the real one. */
export function checklistOf(state: AccountState, campaign: Campaign) {
  const { settings, html } = campaign;
  const checks = [
    { heading: 'Subject', wrong: settings.subject_line === '', details: 'You need to enter a subject.' },
    {
      heading: 'From',
      wrong: settings.from_name === '' || settings.reply_to === '',
      details: 'You need to enter a from name and an email address.',
    },
    { heading: 'Content', wrong: html === '', details: 'You need to design your email.' },
    {
      heading: 'List',
      wrong: recipientsOf(state, campaign).length === 0,
      details: 'There are no contacts in this segment.',
    },
  ];
  return {
    is_ready: checks.every(({ wrong }) => !wrong),
    items: checks.map(({ heading, wrong, details }, index) => ({
      type: wrong ? 'error' : 'success',
      id: 501 + index,
      heading,
      details: wrong ? details : '',
    })),
    _links: [],
  };
}

/** @throws Problem as the API refuses what is not ready */
export function findReady(state: AccountState, id: string | undefined): Campaign {
  const campaign = findCampaign(state, id);
  if (campaign.status === 'save' && checklistOf(state, campaign).is_ready) return campaign;
  throw new Problem(400, 'Bad Request', 'Your Campaign is not ready to send.');
}

/** @throws Problem unless it is a quarter of an hour in the future */
export function schedule(campaign: Campaign, time: string, now: Date): void {
  const at = new Date(time);
  if (at <= now || at.getTime() % (15 * 60_000) !== 0)
    throw new Problem(400, 'Bad Request', 'This campaign cannot be scheduled: invalid schedule time.');
  campaign.status = 'schedule';
  campaign.send_time = timestamp(at);
}

export const campaignAnswer = (state: AccountState, campaign: Campaign) => ({
  id: campaign.id,
  web_id: campaign.web_id,
  type: 'regular',
  create_time: campaign.create_time,
  archive_url: `https://mailchimp.example/${campaign.id}`,
  long_archive_url: `https://mailchimp.example/archive/${campaign.id}`,
  status: campaign.status,
  emails_sent: campaign.emails_sent,
  send_time: campaign.send_time,
  content_type: 'html',
  needs_block_refresh: false,
  resendable: false,
  recipients: {
    list_id: state.audience.id,
    list_is_active: true,
    list_name: state.audience.name,
    segment_text: '',
    recipient_count: campaign.status === 'sent' ? campaign.emails_sent : recipientsOf(state, campaign).length,
    ...(campaign.segment_opts !== null && { segment_opts: campaign.segment_opts }),
  },
  settings: campaign.settings,
  tracking: campaign.tracking,
  delivery_status: { enabled: false },
  _links: [],
});

export const contentAnswer = ({ html, plain_text }: Campaign) => ({
  html,
  plain_text,
  archive_html: html,
  _links: [],
});
