import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key, operator } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
});
afterAll(() => footnote.stop());

const stats = async (days = 3) =>
  (await footnote.http.get(`/admin/api/stats?days=${days}`).auth(key, { type: 'bearer' }).expect(200)).body;

describe('the statistics', () => {
  it('tell what happened, by day and list', async () => {
    const before = await stats();
    expect(before.days).toHaveLength(3);
    expect(before.lists.map(({ subscribers }: { subscribers: number }) => subscribers)).toEqual([0, 0, 0]);

    await footnote.subscribe('ann@reader.example', ['morning-briefing', 'science-weekly']);
    const { unsubscribe } = await footnote.subscribe('bert@reader.example', ['morning-briefing']);
    await footnote.signUp('carl@reader.example', ['science-weekly']).expect(202);
    await footnote.http.post(unsubscribe).expect(200);

    const { lists, days } = await stats();
    expect(lists.find(({ slug }: { slug: string }) => slug === 'morning-briefing')).toMatchObject({
      subscribers: 1,
      signUps: 2,
      confirmations: 2,
      optOuts: 1,
    });
    expect(lists.find(({ slug }: { slug: string }) => slug === 'science-weekly')).toMatchObject({
      subscribers: 1,
      signUps: 2,
      confirmations: 1,
      optOuts: 0,
    });
    // The minutes of this story may lie on both sides of midnight.
    const sum = (what: string) =>
      days.reduce((all: number, day: Record<string, number>) => all + (day[what] ?? 0), 0);
    expect([sum('signUps'), sum('confirmations'), sum('optOuts')]).toEqual([3, 2, 1]);
  });

  it('are a table at a terminal', async () => {
    const { out, code } = await operator(footnote)('stats', '--days', '2');
    expect(code).toBe(0);
    expect(out).toMatch(/^morning-briefing +1 +2 +2 +1 +0$/m);
    expect((await operator(footnote)('stats', '--days', '0')).code).toBe(2);
  });
});
