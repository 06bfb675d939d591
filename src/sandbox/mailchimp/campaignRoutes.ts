import type { AccountState } from './account.ts';
import * as campaigns from './campaigns.ts';
import type { Routes } from './door.ts';
import type { Mailing } from './mailing.ts';
import * as requests from './requests.ts';
import { select } from './selection.ts';

/** Campaigns, from the draft to the mails. */
export function campaignRoutes(
  { read, write }: Routes,
  { state, mailing, now }: { state: AccountState; mailing: Mailing; now: () => Date },
): void {
  write('post', '/campaigns', ({ body }) =>
    campaigns.campaignAnswer(
      state,
      campaigns.createCampaign(state, requests.parse(requests.campaign, body), now()),
    ),
  );
  const one = '/campaigns/:campaign';
  read(one, ({ params, query }) =>
    select(
      campaigns.campaignAnswer(state, campaigns.findCampaign(state, params.campaign)),
      requests.parse(requests.selectionQuery, query),
    ),
  );
  write('delete', one, ({ params }) => {
    const campaign = campaigns.findDraft(state, params.campaign);
    state.campaigns = state.campaigns.filter((known) => known !== campaign);
    return null;
  });

  read(`${one}/content`, ({ params, query }) =>
    select(
      campaigns.contentAnswer(campaigns.findCampaign(state, params.campaign)),
      requests.parse(requests.selectionQuery, query),
    ),
  );
  write('put', `${one}/content`, ({ params, body }) => {
    const campaign = campaigns.findDraft(state, params.campaign);
    Object.assign(campaign, requests.parse(requests.campaignContent, body));
    return campaigns.contentAnswer(campaign);
  });
  read(`${one}/send-checklist`, ({ params }) =>
    campaigns.checklistOf(state, campaigns.findCampaign(state, params.campaign)),
  );

  write('post', `${one}/actions/test`, ({ params, body }) => {
    const { test_emails } = requests.parse(requests.campaignTest, body);
    mailing.test(campaigns.findDraft(state, params.campaign), test_emails);
    return null;
  });
  write('post', `${one}/actions/send`, ({ params }) => {
    mailing.send(campaigns.findReady(state, params.campaign));
    return null;
  });
  write('post', `${one}/actions/schedule`, ({ params, body }) => {
    const { schedule_time } = requests.parse(requests.campaignSchedule, body);
    campaigns.schedule(campaigns.findReady(state, params.campaign), schedule_time, now());
    return null;
  });
}
