import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beatMs, openBeat } from '../../src/web/steady.ts';
import { Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({ LIMIT_ADDRESS_DAY: '2' }, { beat: openBeat() });
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
      const beats = Math.floor((performance.now() - begun) / beatMs);
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
  it('is out before its mail is begun, which only a stranger is sent', async () => {
    const slow = await Footnote.start({}, { beat: openBeat(1000) });
    const order: string[] = [];
    const asked = slow.signUp('stranger@six.example').then(() => order.push('answer'));
    await Promise.all([asked, slow.mailTo('stranger@six.example').then(() => order.push('mail'))]);
    expect(order).toEqual(['answer', 'mail']);
    await slow.stop();
  });

  it('holds no mail up for long, however slowly somebody takes it', async () => {
    const slow = openBeat(0);
    const answer = new PassThrough();
    await slow.steadily(answer, async () => {});
    const begun = performance.now();
    await slow.quiet();
    expect(performance.now() - begun).toBeGreaterThan(900);
    answer.destroy();
    await once(answer, 'close');
    await slow.quiet();
    await slow.steadily(answer, async () => {});
    await slow.quiet();
    expect(performance.now() - begun).toBeLessThan(1900);
  });

  it('never leaves before it, whatever part of a millisecond the work took', async () => {
    const ms = 5;
    const early: number[] = [];
    for (let n = 0; n < 60; n += 1) {
      const begun = performance.now();
      await openBeat(ms).steadily(new PassThrough(), async () => {
        while (performance.now() - begun < 1 + n / 60);
      });
      const passed = performance.now() - begun;
      if (passed < ms) early.push(passed);
    }
    expect(early).toEqual([]);
  });
});
