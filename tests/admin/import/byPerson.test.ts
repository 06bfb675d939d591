import { expect, it } from 'vitest';
import { batchesByPerson, type Placed } from '../../../src/admin/cli/import/byPerson.ts';

const placed = (email: string, line: number): Placed => ({
  origin: { file: 'people.csv', line, raw: () => [email, String(line)] },
  row: {
    ...{ line, email, firstName: null, locale: null, state: 'subscribed', list: null },
    ...{ consentedAt: null, consentIp: null, consentSource: null, endedAt: null },
  },
});

async function batchesOf(emails: readonly string[], largest: number): Promise<Placed[][]> {
  async function* rows() {
    for (const [n, email] of emails.entries()) yield placed(email, n + 1);
  }
  const batches: Placed[][] = [];
  for await (const batch of batchesByPerson(rows(), largest)) batches.push(batch);
  return batches;
}

const [ann, bob, cat] = ['ann@reader.example', 'bob@reader.example', 'cat@reader.example'] as const;

it('rows come back person by person, each as it was, and nobody stands in two batches', async () => {
  const emails = [ann, bob, cat, 'ANN@reader.example', bob, ann, cat];
  const batches = await batchesOf(emails, 5);
  expect(batches.map((batch) => batch.map(({ row }) => row.line))).toEqual([
    [1, 4, 6, 2, 5],
    [3, 7],
  ]);
  const whole = await batchesOf(emails, 4);
  expect(whole.map((batch) => batch.map(({ row }) => row.line))).toEqual([
    [1, 4, 6],
    [2, 5, 3, 7],
  ]);
  const [first] = batches.flat();
  expect(first).toEqual({
    ...placed(ann, 1),
    origin: expect.objectContaining({ file: 'people.csv', line: 1 }),
  });
  expect(first?.origin.raw()).toEqual([ann, '1']);
});

it('who stands in more rows than a batch takes stands in several', async () => {
  const batches = await batchesOf([bob, ann, ann, ann, ann, ann, cat], 2);
  expect(batches.map((batch) => batch.map(({ row }) => row.line))).toEqual([[1], [2, 3], [4, 5], [6, 7]]);
  expect(await batchesOf([], 2)).toEqual([]);
});
