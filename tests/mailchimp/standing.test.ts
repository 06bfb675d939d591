import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MailchimpError } from '../../src/mailchimp/api/error.ts';
import { createStanding, type Standing } from '../../src/mailchimp/lane/standing.ts';
import { readSignals } from '../../src/mailchimp/signals.ts';
import { type Newsroom, openNewsroom, silent } from './newsroom.ts';

const revoked = new MailchimpError({ status: 401, title: 'API Key Invalid', detail: '' });

describe('how the lane stands, told by several processes', () => {
  let newsroom: Newsroom;
  let one: Standing;
  let other: Standing;
  beforeAll(async () => {
    newsroom = await openNewsroom();
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    one = createStanding(newsroom.database, silent);
    await one.written();
    other = createStanding(newsroom.database, silent);
    await other.written();
  });
  const told = async () => {
    await Promise.all([one.written(), other.written()]);
    const { stopped, stoppedAt, trouble } = await readSignals(newsroom.database);
    return { stopped, stoppedAt, trouble };
  };
  const nothing = { stopped: null, stoppedAt: null, trouble: null };

  it('is well again once a call of any succeeds, whoever told of the trouble', async () => {
    one.setTrouble('Mailchimp: 500');
    expect(await told()).toEqual({ ...nothing, trouble: 'Mailchimp: 500' });
    await other.look();
    other.setTrouble(null);
    expect(await told()).toEqual(nothing);
  });

  it('forgets what stopped a process that is gone, once another has a call go well', async () => {
    one.stop(revoked);
    expect((await told()).stopped).toBe(revoked.message);
    await other.look();
    other.setTrouble('Mailchimp: 500');
    expect(await told()).toMatchObject({ stopped: revoked.message, trouble: 'Mailchimp: 500' });
    await other.look();
    other.setTrouble(null);
    expect(await told()).toEqual(nothing);
  });

  it('tells again of a fault that still stops a process, and since when it does', async () => {
    one.stop(revoked);
    const { stoppedAt } = await told();
    one.setTrouble('Mailchimp: 500');
    one.setTrouble(null);
    expect(await told()).toEqual({ stopped: revoked.message, stoppedAt, trouble: null });
    await other.look();
    other.setTrouble(null);
    expect(await told()).toEqual(nothing);
    await one.look();
    one.stop(revoked);
    expect((await told()).stopped).toBe(revoked.message);
  });
});
