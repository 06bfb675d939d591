import { z } from 'zod';
import type { People } from './people.ts';

// What people do, as data: for the control API and the sandbox's page.

const email = z.string();
export const act = z.discriminatedUnion('does', [
  z.strictObject({
    does: z.enum([
      'leaveByFooter',
      'complain',
      'confirm',
      'markCleaned',
      'adminUnsubscribe',
      'adminSubscribe',
      'archive',
      'deletePermanently',
    ]),
    email,
  }),
  z.strictObject({
    does: z.literal('subscribeByForm'),
    email,
    interests: z.array(z.string()).default([]),
  }),
  z.strictObject({
    does: z.literal('chooseGroups'),
    email,
    interests: z.record(z.string(), z.boolean()),
    by: z.enum(['user', 'admin']).default('user'),
  }),
  z.strictObject({ does: z.literal('changeEmail'), email, newEmail: z.string() }),
  z.strictObject({ does: z.literal('deleteInterest'), interest: z.string() }),
  z.strictObject({ does: z.literal('sendCampaign'), subject: z.string() }),
]);
export type Act = z.infer<typeof act>;

/** @throws Problem what Mailchimp refuses */
export function perform(people: People, act: Act): void {
  switch (act.does) {
    case 'subscribeByForm':
      people.subscribeByForm(act.email, act.interests);
      break;
    case 'chooseGroups':
      people.chooseGroups(act.email, act.interests, act.by);
      break;
    case 'changeEmail':
      people.changeEmail(act.email, act.newEmail);
      break;
    case 'deleteInterest':
      people.deleteInterest(act.interest);
      break;
    case 'sendCampaign':
      people.sendCampaign(act.subject);
      break;
    default:
      people[act.does](act.email);
  }
}
