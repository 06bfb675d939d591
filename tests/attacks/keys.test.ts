import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Footnote } from '../harness/footnote.ts';
import { isTo } from '../harness/mails.ts';

const [oldKey, newKey] = ['the-old-key-of-thirty-two-characters', 'the-new-key-of-thirty-two-characters'];

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({ LOG_LEVEL: 'trace', SECRET_KEYS: oldKey });
});
afterAll(() => footnote.stop());

/** Starts anew, as an operator does who changed SECRET_KEYS. */
async function restart(changed: Parameters<Footnote['startService']>[0]) {
  await footnote.stopService();
  await footnote.startService(changed);
}

const ask = (preferences: string, action: string) =>
  footnote.http.post(preferences).type('form').send({ action }).expect(200);

const mailsOwed = async () =>
  (await footnote.service.operations.doctor()).find(({ check }) => check === 'owed mails');

/** Signs up and asks to be erased, where no worker sends the mails yet. */
async function owe(email: string) {
  await footnote.signUp(email).expect(202);
  const { linkKey } = await footnote.service.database.prisma.subscriber.findUniqueOrThrow({
    where: { key: email },
  });
  await ask(`/preferences/${linkKey}`, 'erase');
}

describe('when SECRET_KEYS are rotated (A-20)', () => {
  it('every link that was mailed goes on working, and the footer even without the old key', async () => {
    const [early, late] = [
      await footnote.subscribe('early@example.com'),
      await footnote.subscribe('late@example.com'),
    ];
    await footnote.signUp('pending@example.com').expect(202);
    const pending = await footnote.mailTo('pending@example.com', 'confirmation');
    await ask(late.preferences, 'erase');
    const { erase } = await footnote.mailTo('late@example.com', 'erasure');
    await footnote.mailsNoted();

    for (const secretKeys of [[newKey, oldKey] as const, [newKey] as const]) {
      await restart({ secretKeys: [...secretKeys] });
      for (const link of [early.unsubscribe, early.preferences, early.notMe, pending.confirm, erase])
        await footnote.http.get(link).expect(200);
      expect(await mailsOwed()).toMatchObject({ status: 'ok' });
    }
    await footnote.http.post(pending.confirm).expect(200);
    expect(await footnote.lists('pending@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
    await footnote.http.post(early.unsubscribe).expect(200);
    expect(await footnote.lists('early@example.com')).toEqual({ 'morning-briefing': 'unsubscribed' });
    await footnote.http.post(erase).expect(200);
    expect(await footnote.lists('late@example.com')).toEqual({});
    await footnote.mailsNoted();
  });

  it('mails owed under a key that is gone are told by the doctor, and leave once it is back', async () => {
    await restart({ secretKeys: [oldKey], role: 'web' });
    await owe('owed@example.com');
    await owe('gone@example.com');
    expect(await mailsOwed()).toMatchObject({ status: 'ok' });

    await restart({ secretKeys: [newKey], role: 'web' });
    const told = await mailsOwed();
    expect(told).toMatchObject({
      status: 'fault',
      message: expect.stringMatching(/^4 mails/),
      remedy: expect.stringContaining('behind the new one in SECRET_KEYS'),
    });
    expect(JSON.stringify(told)).not.toMatch(/example\.com|-key-of-/);

    // What nobody waits for any more needs no key.
    const { linkKey } = await footnote.service.database.prisma.subscriber.findUniqueOrThrow({
      where: { key: 'gone@example.com' },
    });
    await footnote.http.post(`/not-me/${linkKey}`).expect(200);
    expect(await mailsOwed()).toMatchObject({ message: expect.stringMatching(/^3 mails/) });

    // A worker that has only the new key fails with them, says so, and goes on.
    await restart({ secretKeys: [newKey] });
    await footnote.signUp('next@example.com').expect(202);
    await footnote.mailTo('next@example.com', 'confirmation');
    await expect.poll(() => footnote.logged).toContain('no longer among SECRET_KEYS');
    expect(footnote.sandbox.inbox.mails().filter(isTo('owed@example.com'))).toEqual([]);
    expect(footnote.logged).not.toMatch(/example\.com|-key-of-/);

    await restart({ secretKeys: [newKey, oldKey] });
    await footnote.hurry();
    await footnote.signUp('after@example.com').expect(202);
    const { confirm } = await footnote.mailTo('owed@example.com', 'confirmation');
    await footnote.mailTo('owed@example.com', 'erasure');
    await footnote.http.post(confirm).expect(200);
    await footnote.mailsNoted();
    expect(await mailsOwed()).toMatchObject({ status: 'ok' });
  });
});
