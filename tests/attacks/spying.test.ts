import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beat, steadily } from '../../src/web/steady.ts';
import { Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({ LIMIT_ADDRESS_DAY: '2' }, { beat });
});
afterAll(() => footnote.stop());

/** One address of every kind that a spy would like to tell from the others. */
async function prepare(): Promise<Record<string, string>> {
  const mailOf = (who: string) => `${who}@six.example`;
  for (const who of ['subscribed', 'left', 'bounced', 'declined', 'erased'])
    await footnote.subscribe(mailOf(who));
  await footnote.signUp(mailOf('pending')).expect(202);
  await footnote.mailTo(mailOf('pending'));
  await footnote.signUp(mailOf('capped')).expect(202);
  footnote.advance(120_000);
  await footnote.signUp(mailOf('capped')).expect(202);
  footnote.advance(120_000);
  const { prisma } = footnote.service.database;
  await prisma.subscriber.update({ where: { key: mailOf('bounced') }, data: { mailBlock: 'bounced' } });
  const keyOf = async (who: string) =>
    (await prisma.subscriber.findUniqueOrThrow({ where: { key: mailOf(who) } })).linkKey;
  await footnote.http.post(`/unsubscribe/${await keyOf('left')}`).expect(200);
  await footnote.http.post(`/not-me/${await keyOf('declined')}`).expect(200);
  await footnote.http
    .post(`/preferences/${await keyOf('erased')}`)
    .type('form')
    .send({ action: 'erase' })
    .expect(200);
  const { mail } = await footnote.mailTo(mailOf('erased'), 'erasure');
  const [, token] = /\/erase\/([0-9a-f]+)/.exec(mail.text ?? '') ?? [];
  await footnote.http.post(`/erase/${token}`).expect(200);
  return Object.fromEntries(
    ['new', 'pending', 'subscribed', 'left', 'bounced', 'declined', 'erased', 'capped'].map((who) => [
      who,
      mailOf(who),
    ]),
  );
}

describe('a spy (A-04, I9)', () => {
  it('is given the same status, headers and body for every address, after the same time', async () => {
    const addresses = await prepare();
    const seen: Record<string, string[]> = {};
    const ask = async (
      door: string,
      who: string,
      send: () => PromiseLike<{ status: number; text: string; headers: object }>,
    ) => {
      const begun = performance.now();
      const { status, text, headers } = await send();
      const beats = Math.floor((performance.now() - begun) / beat);
      const told = Object.entries(headers).filter(([name]) => name !== 'date' && name !== 'x-request-id');
      const answer = JSON.stringify({
        status,
        text: text.replace(/value="[0-9a-z]+\.[0-9a-f]{32}"/, ''),
        told,
        atLeastABeat: beats >= 1,
      });
      seen[door] = [...(seen[door] ?? []), answer];
      expect(beats, `${door} ${who}`).toBeGreaterThanOrEqual(1);
    };
    for (const [who, email] of Object.entries(addresses)) {
      await ask('json', who, () => footnote.signUp(email, ['science-weekly']));
      const form = (path: string) =>
        footnote.http.post(path).type('form').send({ email, lists: 'science-weekly' });
      await ask('form', who, () => form('/subscriptions'));
      await ask('link', who, () => form('/my-link'));
    }
    for (const [door, answers] of Object.entries(seen)) expect(new Set(answers).size, door).toBe(1);
  });
});

describe('an answer on the beat (A-04)', () => {
  it('never leaves before it, whatever part of a millisecond the work took', async () => {
    const ms = 5;
    const early: number[] = [];
    for (let n = 0; n < 60; n += 1) {
      const begun = performance.now();
      await steadily(ms, async () => {
        while (performance.now() - begun < 1 + n / 60);
      });
      const passed = performance.now() - begun;
      if (passed < ms) early.push(passed);
    }
    expect(early).toEqual([]);
  });
});
