import { z } from 'zod';
import { locales } from '../languages/language.ts';
import { CampaignError, type Campaigns } from '../mailchimp/campaigns/campaigns.ts';
import { parseAddress } from '../subscribing/address.ts';
import { Problem } from '../web/problems.ts';
import { tellOperator } from './mailchimp.ts';
import { type Operation, operation } from './operation.ts';
import { campaign, filledLine, line, slug, text } from './shapes.ts';

const newCampaign = z.strictObject({
  list: slug.max(60, 'must be 60 characters at most').meta({ description: 'Only its readers get it' }),
  subject: filledLine(150),
  previewText: line(150).default('').meta({ description: 'What mailboxes show beside the subject' }),
  title: filledLine(150)
    .optional()
    .meta({ description: 'How editors find it at Mailchimp; the subject when absent' }),
  html: text.meta({
    description: 'The whole document. Our footer is put under it unless all of it is there',
  }),
  text: text.optional().meta({ description: 'Made from the HTML when absent' }),
  locale: z
    .enum(locales, `must be one of ${locales.join(', ')}`)
    .default('en')
    .meta({
      description: 'Of the footer',
    }),
});
const testWish = z.strictObject({
  emails: z
    .array(
      text.refine((email) => parseAddress(email).ok, 'must be an email address'),
      'must be addresses',
    )
    .min(1, 'must be one address at least')
    .max(5, 'must be 5 addresses at most'),
});
const scheduleWish = z.strictObject({
  at: z.iso
    .datetime({ offset: true, error: 'must be a time with its offset, such as 2027-03-01T06:00:00+01:00' })
    .meta({ description: 'A quarter of an hour in the future' }),
});

/** Bytes: the HTML and a text may not be much larger, but are written as JSON. */
const largestBody = 512 * 2 ** 10;
const refusals = { 424: 'Mailchimp refuses; the detail is what it said.' };
const one = {
  params: z.object({ id: z.string().regex(/^[\w-]{1,50}$/) }),
  problems: { ...refusals, 404: 'There is no such campaign.' },
};
const ready = { ...one.problems, 409: 'It is not ready, or no draft any more; the detail says why.' };

/** `/admin/api/campaigns`: a newsletter to the readers of one mailing list, mailed by Mailchimp. */
export function campaignOperations(campaigns: Campaigns): Operation[] {
  return [
    operation(
      {
        id: 'campaigns.create',
        verb: 'post',
        path: '/campaigns',
        scope: 'write',
        summary: 'Draft a newsletter to one mailing list, with our footer',
        body: newCampaign,
        largestBody,
        target: ['id', 'list'],
        answer: { status: 201, description: 'A draft at Mailchimp', shape: campaign },
        problems: { ...refusals, 409: 'The audience is not ready; the detail says why.' },
      },
      ({ body }) => campaigns.create(body).catch(tellEditor),
    ),
    operation(
      {
        ...one,
        id: 'campaigns.read',
        verb: 'get',
        path: '/campaigns/:id',
        scope: 'read',
        summary: 'How a newsletter stands at Mailchimp',
        answer: { description: 'Its state and numbers', shape: campaign },
      },
      ({ params }) => campaigns.show(params.id).catch(tellEditor),
    ),
    operation(
      {
        ...one,
        id: 'campaigns.test',
        verb: 'post',
        path: '/campaigns/:id/test',
        scope: 'write',
        summary: 'Have Mailchimp mail a draft to up to five addresses',
        body: testWish,
        answer: { description: 'The draft', shape: campaign },
        problems: ready,
      },
      ({ params, body }) => campaigns.test(params.id, body.emails).catch(tellEditor),
    ),
    operation(
      {
        ...one,
        id: 'campaigns.send',
        verb: 'post',
        path: '/campaigns/:id/send',
        scope: 'write',
        summary: 'Have Mailchimp send a draft now; refused while Mailchimp has yet to hear of an opt-out',
        answer: { description: 'It is being sent', shape: campaign },
        problems: ready,
      },
      ({ params }) => campaigns.send(params.id).catch(tellEditor),
    ),
    operation(
      {
        ...one,
        id: 'campaigns.schedule',
        verb: 'post',
        path: '/campaigns/:id/schedule',
        scope: 'write',
        summary: 'Have Mailchimp send a draft at a time',
        body: scheduleWish,
        answer: { description: 'It waits for its time', shape: campaign },
        problems: ready,
      },
      ({ params, body }) => campaigns.schedule(params.id, new Date(body.at)).catch(tellEditor),
    ),
  ];
}

function tellEditor(error: unknown): never {
  if (!(error instanceof CampaignError)) return tellOperator(error);
  const { kind, field, message } = error;
  switch (kind) {
    case 'missing':
      throw new Problem(404, 'Not Found', message);
    case 'unready':
      throw new Problem(409, 'Conflict', message);
    case 'unusable': {
      const errors = field === null ? [] : [{ field, message }];
      throw new Problem(422, 'Unprocessable Content', `${field ?? 'It'} ${message}.`, errors);
    }
  }
}
