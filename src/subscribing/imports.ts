import { append, type Changes, type Decision, end, type Fresh, newPerson, nothing } from './changes.ts';
import type { Circumstances, ImportPerson, OfferedList, RowOutcome, UndoImport } from './commands.ts';
import { type Household, isErased, isOptedOut, type Person, type Subscription } from './person.ts';

// What may happen to people by an operator's file. A part of the rules: pure, as they are.

/**
 * A row of an import. It subscribes whoever never opted out here, by an entry that says where consent comes from, and
 * brings opt-outs of another system; nobody who opted out, was erased, bounces or declined is raised by it (I1, I2,
 * C-26). What a known person said of themselves stays. No mail is owed.
 */
export function decideImport(household: Household, command: ImportPerson, now: Date, fresh: Fresh): Decision {
  const { address } = command;
  const known = household.people.find(({ key }) => key === address.key);
  const isSuppressed = household.suppressed.has(address.key);
  // Not even their opt-out is written down anew of somebody who was erased (I6).
  if (known === undefined && isSuppressed) return rowOf('suppressed', null);

  const changes = nothing(known ?? newPerson(address, command.locale, fresh));
  if (known === undefined) changes.created = { email: address.email, firstName: command.firstName };
  return command.state === 'subscribed'
    ? bringIn(changes, command, isSuppressed, now)
    : bringOptOut(changes, command, now);
}

function bringIn(changes: Changes, command: ImportPerson, isSuppressed: boolean, now: Date): Decision {
  const { person, created } = changes;
  const isBarred = isSuppressed || person.mailBlock !== null || person.declined || leftAltogether(person);
  const missing = places(person, command.lists).filter(({ current }) => current?.state !== 'subscribed');
  const raised = missing.filter(
    ({ current }) => !isBarred && (current === undefined || !isOptedOut(current)),
  );
  if (raised.length === 0) return rowOf(missing.length > 0 ? 'suppressed' : 'unchanged', null);

  const seq = append(
    changes,
    now,
    { ...circumstancesOf(command), page: command.source },
    {
      kind: 'imported',
      listWordings: raised.map(({ list }) => list.wording),
      wordingVersion: command.wordingVersion,
    },
    command.address.typed,
  );
  for (const { list, current } of raised) {
    const endedSeq = current?.endedSeq ?? null;
    changes.subscriptions.push({ listId: list.id, state: 'subscribed', consentSeq: seq, endedSeq });
  }
  changes.sync = 'opt_in';
  return entered(created === null ? 'updated' : 'created', changes, command, seq);
}

/** Who left all that they had here wants no newsletter of ours, be it one that they never had (I2). */
const leftAltogether = ({ subscriptions }: Person): boolean =>
  subscriptions.some(({ leftHere }) => leftHere) &&
  subscriptions.every(({ state }) => state !== 'subscribed');

/** Who left over there, bounced or complained, is not on these lists, and no later row or import puts them there. */
function bringOptOut(changes: Changes, command: ImportPerson, now: Date): Decision {
  const { person } = changes;
  if (isErased(person)) return rowOf('suppressed', null);
  // Without a time they left just now: the safe side.
  const leftAt = command.givenAt ?? now;
  const isNewer = ({ state, changedAt, givenAt }: Subscription) =>
    state === 'pending' ? changedAt > leftAt : state === 'subscribed' && givenAt !== null && givenAt > leftAt;
  const isReached = person.subscriptions.some(
    (current) => current.state === 'subscribed' && isNewer(current),
  );
  if (command.state !== 'unsubscribed' && person.mailBlock === null && !isReached)
    changes.mailBlock = command.state === 'complained' ? 'complained' : 'bounced';
  const ending = places(person, command.lists).filter(
    ({ current }) => current === undefined || !(isOptedOutNow(current) || isNewer(current)),
  );
  if (ending.length === 0) return rowOf('suppressed', changes.mailBlock === null ? null : changes);

  const circumstances = circumstancesOf(command);
  const listWordings = ending.map(({ list }) => list.wording);
  const seq = append(
    changes,
    now,
    circumstances,
    { kind: 'unsubscribed', listWordings },
    command.address.typed,
  );
  for (const { list, current } of ending) {
    const consentSeq = current?.consentSeq ?? null;
    changes.subscriptions.push({ listId: list.id, state: 'unsubscribed', consentSeq, endedSeq: seq });
  }
  if (ending.some(({ current }) => current?.state === 'subscribed')) changes.sync = 'opt_out';
  return entered('suppressed', changes, command, seq);
}

/**
 * Takes back what still rests on the word of an import's row. What was confirmed or left since stays, and so do the
 * opt-outs that it brought. That is no opt-out of the person's: the right file may follow.
 */
export function decideUndo(person: Person, { seq }: UndoImport, now: Date): Decision {
  const theirs = person.subscriptions.filter(({ consentSeq }) => consentSeq === seq);
  const ending = theirs.filter(({ state }) => state === 'subscribed');
  const done = theirs.filter(({ state, undone }) => state === 'unsubscribed' && undone);
  const lists = [...done, ...ending].map(({ slug, name, description }) => ({ slug, name, description }));
  const outcome = { type: 'undone' as const, lists };
  if (ending.length === 0 || isErased(person)) return { outcome, changes: null };
  const changes = nothing(person);
  end(changes, 'import_undone', ending, byFile, now);
  changes.sync = 'opt_out';
  return { outcome, changes };
}

const byFile: Circumstances = { channel: 'import', ip: null, userAgent: null, page: null };

const circumstancesOf = ({ ip, givenAt }: ImportPerson) => ({ ...byFile, ip, givenAt });

const isOptedOutNow = (subscription: Subscription) =>
  subscription.state === 'unsubscribed' && isOptedOut(subscription);

/** The lists of a row, with what the person has of them. */
function places(
  person: Person,
  lists: readonly OfferedList[],
): { list: OfferedList; current: Subscription | undefined }[] {
  const current = new Map(person.subscriptions.map((subscription) => [subscription.listId, subscription]));
  return lists.map((list) => ({ list, current: current.get(list.id) }));
}

const rowOf = (outcome: RowOutcome, changes: Changes | null): Decision => ({
  outcome: { type: 'imported', outcome },
  changes,
});

function entered(outcome: RowOutcome, changes: Changes, command: ImportPerson, seq: number): Decision {
  changes.imported = { importId: command.importId, row: command.row, seq, outcome };
  return rowOf(outcome, changes);
}

/** The people of a household as a row leaves them, as far as the next row looks at them. */
export function afterImport(
  people: readonly Person[],
  { person, subscriptions, mailBlock }: Changes,
  { lists, givenAt }: ImportPerson,
): Person[] {
  const changed = subscriptions.flatMap(({ listId, ...now }) =>
    lists
      .filter(({ id }) => id === listId)
      .map(({ id: _, ...list }) => {
        const isRaised = now.state === 'subscribed';
        const undone = isRaised && now.endedSeq !== null;
        const changedAt = new Date(0);
        return {
          ...list,
          ...now,
          listId,
          archived: false,
          changedAt,
          imported: isRaised,
          givenAt,
          undone,
          leftHere: false,
        };
      }),
  );
  const kept = person.subscriptions.filter(({ listId }) => !changed.some((one) => one.listId === listId));
  const next = {
    ...person,
    mailBlock: mailBlock ?? person.mailBlock,
    subscriptions: [...kept, ...changed],
  };
  return [...people.filter(({ id }) => id !== person.id), next];
}
