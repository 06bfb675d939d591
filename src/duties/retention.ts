import { counted, type Duty } from './duty.ts';
import { expireEverybody } from './people.ts';

/**
 * C-20: proof is kept for as long as mailing lasts, and afterwards for as long as claims can be made. In Germany that
 * is three years from the end of the year (BGB §§ 195, 199). Years end as they do in UTC.
 */
export const retention: Duty = {
  name: 'retention',
  at: { hour: 2, minute: 31 },
  what: 'Destroys the proof of people on no list any more, RETENTION_PROOF_YEARS after the end of the year in which all ended',
  async run({ retention: { proofYears }, now, ...work }) {
    const expired = await expireEverybody(work, {
      why: 'ended',
      before: new Date(Date.UTC(now().getUTCFullYear() - proofYears, 0)),
      condition: `NOT EXISTS (
        SELECT FROM subscriptions WHERE subscriber_id = person.id AND state = 'subscribed')`,
    });
    return `the proof of ${counted(expired, 'person', 'people')} destroyed`;
  },
};
