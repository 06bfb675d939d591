import type { MailKind } from '../../src/generated/prisma/enums.ts';
import type { Decision } from '../../src/subscribing/changes.ts';
import type { OfferedList } from '../../src/subscribing/commands.ts';
import { decide } from '../../src/subscribing/decide.ts';
import { type Act, addressOf, commandOf, createModel, freshOf, type Model } from './model.ts';

/** Newsletters and readers in memory: acts are decided by the rules and folded into the model. */
export interface Story {
  model: Model;
  now(): Date;
  wait(ms: number): void;
  /** Decides an act on frozen values and saves what it changes. */
  run(act: Act): Decision;
  signUp(email: string, ...lists: string[]): Decision;
  /** Presses the button of somebody's nth confirmation mail. */
  confirm(email: string, nth?: number): Decision;
  leave(email: string, list?: string): Decision;
  /** Ticks these lists on a page that showed all. */
  choose(email: string, ...lists: string[]): Decision;
  renew(email: string, nth?: number): Decision;
  /** Presses the button of somebody's nth erasure mail. */
  erase(email: string, nth?: number): Decision;
  /** Does what needs no more words. */
  does(
    email: string,
    act: 'decline' | 'allow' | 'ask link' | 'ask copy' | 'ask erasure' | 'erase person',
  ): Decision;
  reword(slug: string): void;
  /** The lists that a person is on, by state. */
  lists(email: string): Record<string, string>;
  /** The kinds of a person's ledger entries, in order. */
  ledger(email: string): string[];
  /** When mails of a kind to a person's mailbox are due, in milliseconds from the beginning. */
  mails(email: string, kind?: MailKind): number[];
}

const beginning = Date.UTC(2026, 10, 23, 9);

export function tellStory(...slugs: string[]): Story {
  const model = createModel();
  const lists = new Map(slugs.map((slug, n) => [slug, listOf(slug, n + 1)]));
  for (const list of lists.values()) model.offer(list);
  let clock = beginning;
  let drawn = 0;

  function run(act: Act): Decision {
    const now = new Date(clock);
    const command = deepFreeze(commandOf(act, model.directory(now)));
    const household = deepFreeze(model.household(command, now));
    const decision = decide(household, command, now, deepFreeze(freshOf(drawn++)));
    if (decision.changes !== null) model.save(decision.changes, now);
    return decision;
  }

  return {
    model,
    run,
    now: () => new Date(clock),
    wait: (ms) => {
      clock += ms;
    },
    signUp: (email, ...lists) => run({ act: 'sign up', email, lists }),
    confirm: (email, nth = 0) => run({ act: 'confirm', email, nth }),
    leave: (email, list) => run({ act: 'leave', email, list: list ?? null }),
    choose: (email, ...lists) => run({ act: 'choose', email, lists, shown: null }),
    renew: (email, nth = 0) => run({ act: 'renew', email, nth }),
    erase: (email, nth = 0) => run({ act: 'erase', email, nth }),
    does: (email, act) => run({ act, email }),
    reword(slug) {
      const list = lists.get(slug);
      if (list === undefined) throw new Error(`there is no list ${slug}`);
      const reworded = { ...list, name: `${list.name}, renamed`, wording: `${list.wording}'` };
      lists.set(slug, reworded);
      model.offer(reworded);
    },
    lists: (email) =>
      Object.fromEntries(
        (model.reader(email)?.subscriptions ?? []).map(({ listId, state }) => [slugs[listId - 1], state]),
      ),
    ledger: (email) => (model.reader(email)?.events ?? []).map(({ kind }) => kind),
    mails: (email, kind = 'confirmation') =>
      model
        .mailsOf(addressOf(email).abuseKey)
        .filter((mail) => mail.kind === kind)
        .map(({ dueAt }) => dueAt.getTime() - beginning),
  };
}

const listOf = (slug: string, id: number): OfferedList => ({
  id,
  slug,
  name: `The ${slug}`,
  description: `All about ${slug}.`,
  wording: `wording of ${slug}`,
});

/** Makes every change of an argument an error: the rules alter nothing that they are given. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
