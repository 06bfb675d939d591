import fc from 'fast-check';
import { fault } from '../../../src/sandbox/mailchimp/faults.ts';
import { crowd, lists, names, type Town } from './town.ts';

// What may happen on either side and in between, in whatever order.

const minute = 60_000;

const who = fc.constantFrom(...names.slice(0, 3), ...names.slice(0, 3), ...names);
const list = fc.constantFrom(...lists);
const allOrOne = [lists, ...lists.map((slug) => [slug])];
const some = fc.subarray(lists, { minLength: 1 });
const does = <Name extends string>(name: Name) => fc.constant(name);

const readerStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: does('subscribe'), who, some }) },
  { weight: 1, arbitrary: fc.record({ does: does('sign up'), who, some }) },
  { weight: 1, arbitrary: fc.record({ does: does('confirm'), who }) },
  { weight: 3, arbitrary: fc.record({ does: does('leave'), who, list: fc.option(list) }) },
);

/** One, or enough for calls in bulk. */
const whom: fc.Arbitrary<readonly string[]> = fc.oneof(
  who.map((person) => [person]),
  fc.constant([...crowd, ...names.slice(0, 3)]),
);
const importStep = fc.oneof(
  { weight: 2, arbitrary: fc.record({ does: does('import'), whom, some }) },
  { weight: 1, arbitrary: fc.record({ does: does('undo imports'), whom }) },
);

const thereStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: does('happen'),
      who,
      act: fc.constantFrom(
        'leaveByFooter',
        'leaveByFooter',
        'complain',
        'adminUnsubscribe',
        'adminSubscribe',
        'confirm',
        'archive',
        'changeEmail',
        'markCleaned',
        'deletePermanently',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: does('choose group'),
      who,
      list,
      on: fc.boolean(),
      by: fc.constantFrom('user', 'admin'),
    }),
  },
);

/** Faults by name, so that a failing sequence can be read. */
const faults = {
  throttled: fault.throttled,
  'throttled, in words': fault.throttledWithBody,
  blocked: fault.blocked,
  'server error': () => fault.htmlError(500),
  'bad gateway': () => fault.htmlError(502),
  'firewall text': fault.firewallText,
  'page with 200': fault.htmlPage,
  'nothing with 200': fault.emptyPage,
  redirect: () => fault.redirect(307, 'http://127.0.0.1:1/'),
  'wrong key': () => fault.problem(401, 'API Key Invalid', 'Your API key may be invalid.'),
  'user disabled': () => fault.problem(403, 'User Disabled', 'This account has been deactivated.'),
  'reset before': () => fault.reset('before'),
  'reset after': () => fault.reset('after'),
};
const faultNames = Object.keys(faults) as (keyof typeof faults)[];

const trouble = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: does('fault'),
      fault: fc.constantFrom(...faultNames),
      method: fc.constantFrom('PUT', 'PUT', 'GET', 'POST', null),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: does('hold up') }) },
  { weight: 1, arbitrary: fc.record({ does: does('land') }) },
  { weight: 2, arbitrary: fc.record({ does: does('crash'), doors: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ does: does('second lane') }) },
);

const webhooks = fc.record({
  does: does('webhooks'),
  how: fc.constantFrom('hold', 'hold', 'release', 'reverse', 'twice', 'lose'),
});

export const step = fc.oneof(
  { weight: 10, arbitrary: readerStep },
  { weight: 4, arbitrary: importStep },
  { weight: 8, arbitrary: thereStep },
  { weight: 10, arbitrary: fc.record({ does: does('settle') }) },
  { weight: 5, arbitrary: trouble },
  { weight: 3, arbitrary: webhooks },
  { weight: 2, arbitrary: fc.record({ does: does('meanwhile'), step: readerStep }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: does('pass'),
      ms: fc.constantFrom(2_000, 30_000, minute, 2 * minute, 180 * minute),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: does('compare'), kind: fc.constantFrom('full', 'incremental') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: does('crowd'), comes: fc.boolean(), some: fc.constantFrom(...allOrOne) }),
  },
  { weight: 1, arbitrary: fc.record({ does: does('delete interest'), list }) },
);

type Generated<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never;
export type ReaderStep = Generated<typeof readerStep>;
export type Step = Generated<typeof step>;

async function takeReaderStep(town: Town, step: ReaderStep): Promise<void> {
  const { readers } = town;
  switch (step.does) {
    case 'subscribe':
      await readers.signUp(step.who, step.some);
      return readers.confirm(step.who);
    case 'sign up':
      return readers.signUp(step.who, step.some);
    case 'confirm':
      return readers.confirm(step.who);
    case 'leave':
      return readers.leave(step.who, step.list);
  }
}

export async function take(town: Town, step: Step): Promise<void> {
  town.tick();
  switch (step.does) {
    case 'subscribe':
    case 'sign up':
    case 'confirm':
    case 'leave':
      return takeReaderStep(town, step);
    case 'import':
      return town.readers.import(step.whom, step.some);
    case 'undo imports':
      return town.readers.undoImports(step.whom);
    case 'happen':
      await town.happen(step.who, step.act);
      return town.audience.deliveries.idle();
    case 'choose group':
      await town.chooseGroup(step.who, step.list, step.on, step.by);
      return town.audience.deliveries.idle();
    case 'delete interest':
      return town.deleteInterest(step.list);
    case 'settle':
      return town.settle();
    case 'fault': {
      const { method, times } = step;
      const matching = (met: { method: string }) => method === null || met.method === method;
      town.audience.inject(faults[step.fault](), { times, matching });
      return;
    }
    case 'hold up':
      return town.holdUp();
    case 'land':
      return town.land();
    case 'crash':
      return town.crash(step.doors);
    case 'second lane':
      return town.secondLane();
    case 'webhooks':
      return town.webhooks(step.how);
    case 'meanwhile':
      return town.meanwhile(() => takeReaderStep(town, step.step));
    case 'pass':
      return town.pass(step.ms);
    case 'compare':
      await town.compare(step.kind);
      return;
    case 'crowd':
      // The few are among them, so that what they do meets calls in bulk.
      return town.readers.crowd([...crowd, ...names.slice(0, 3)], step.comes, step.some);
  }
}
