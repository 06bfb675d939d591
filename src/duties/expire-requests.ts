import { counted, type Duty } from './duty.ts';
import { expireEverybody } from './people.ts';

const day = 86_400_000;

/** C-17: who signed up and never confirmed is forgotten. */
export const expireRequests: Duty = {
  name: 'expire-requests',
  at: { hour: 2, minute: 11 },
  what: 'Destroys what is personal of people who never confirmed, RETENTION_UNCONFIRMED_DAYS after they asked last',
  async run({ retention, now, ...work }) {
    const expired = await expireEverybody(work, {
      why: 'unconfirmed',
      before: new Date(now().getTime() - retention.unconfirmedDays * day),
      condition: `NOT EXISTS (
        SELECT FROM subscriptions
         WHERE subscriber_id = person.id AND (state <> 'pending' OR consent_seq IS NOT NULL))`,
    });
    return `${counted(expired, 'person', 'people')} who never confirmed forgotten`;
  },
};
