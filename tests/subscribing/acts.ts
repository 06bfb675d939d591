import fc from 'fast-check';
import type { Act } from './model.ts';

export const slugs = ['daily', 'weekly', 'monthly'];

/** The first two share a mailbox. */
export const emails = ['ann@reader.example', 'ann+news@reader.example', 'bob@reader.example'];

/** Anything that one of a few readers may do. Old tokens, links of nobody and repeats are among it. */
export const acts: fc.Arbitrary<Act> = actsOf(emails, slugs);

export function actsOf(emails: string[], slugs: string[]): fc.Arbitrary<Act> {
  const email = fc.constantFrom(...emails);
  const lists = fc.subarray(slugs, { minLength: 1 });
  const nth = fc.nat({ max: 5 });
  const act = <Name extends Act['act']>(name: Name) => fc.constant(name);
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ act: act('sign up'), email, lists }) },
    { weight: 4, arbitrary: fc.record({ act: act('confirm'), email, nth }) },
    {
      weight: 2,
      arbitrary: fc.record({
        act: act('leave'),
        email,
        list: fc.option(fc.constantFrom(...slugs, 'never-heard-of')),
      }),
    },
    { weight: 2, arbitrary: fc.record({ act: act('choose'), email, lists: fc.subarray(slugs) }) },
    { weight: 1, arbitrary: fc.record({ act: act('take mail'), email, nth }) },
  );
}
