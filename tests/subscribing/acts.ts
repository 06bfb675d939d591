import fc from 'fast-check';
import { type Act, day, minute } from './model.ts';

export const slugs = ['daily', 'weekly', 'monthly'];

/** The first two share a mailbox. */
export const emails = ['ann@reader.example', 'ann+news@reader.example', 'bob@reader.example'];

/** Anything that one of a few readers may do. Old tokens, links of nobody and repeats are among it. */
export const acts: fc.Arbitrary<Act> = actsOf(emails, slugs);

export function actsOf(emails: string[], slugs: string[]): fc.Arbitrary<Act> {
  const email = fc.constantFrom(...emails);
  const lists = fc.subarray(slugs, { minLength: 1 });
  // Most have few mails.
  const nth = fc.constantFrom(0, 0, 0, 1, 1, 2, 5);
  const former = fc.boolean().chain((maybe) => (maybe ? fc.boolean() : fc.constant(false)));
  const act = <Name extends Act['act']>(...names: Name[]) => fc.constantFrom(...names);
  const list = fc.option(fc.constantFrom(...slugs, 'never-heard-of'));
  const state = fc.oneof(
    { weight: 6, arbitrary: fc.constant('subscribed' as const) },
    { weight: 2, arbitrary: fc.constant('unsubscribed' as const) },
    // Whose address bounces gets no more mails, so that less happens to them.
    { weight: 1, arbitrary: fc.constant('cleaned' as const) },
  );
  const givenAgo = fc.option(fc.constantFrom(0, minute, day, 40 * day));
  const why = fc.constantFrom('unconfirmed' as const, 'ended' as const);
  const quiet = fc.constantFrom(0, minute, day);
  const shown = fc.option(fc.subarray(slugs));
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ act: act('sign up'), email, lists }) },
    { weight: 5, arbitrary: fc.record({ act: act('confirm'), email, nth, former }) },
    { weight: 2, arbitrary: fc.record({ act: act('leave'), email, list, former }) },
    {
      weight: 2,
      arbitrary: fc.record({ act: act('choose'), email, lists: fc.subarray(slugs), shown, former }),
    },
    { weight: 1, arbitrary: fc.record({ act: act('take mail', 'renew'), email, nth, former }) },
    { weight: 2, arbitrary: fc.record({ act: act('ask link'), email }) },
    { weight: 3, arbitrary: fc.record({ act: act('import'), email, lists, state, givenAgo }) },
    { weight: 2, arbitrary: fc.record({ act: act('undo import'), email, nth, former }) },
    { weight: 2, arbitrary: fc.record({ act: act('decline', 'allow', 'ask copy'), email, former }) },
    { weight: 2, arbitrary: fc.record({ act: act('ask erasure'), email, former }) },
    { weight: 2, arbitrary: fc.record({ act: act('erase'), email, nth, former }) },
    { weight: 1, arbitrary: fc.record({ act: act('erase person'), email, former }) },
    { weight: 1, arbitrary: fc.record({ act: act('expire'), email, why, quiet, former }) },
  );
}
