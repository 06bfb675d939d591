import { randomBytes } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import { type EventDraft, sha256 } from '../consent/ledger.ts';
import type { Database, Sql } from '../platform/database.ts';
import { gather } from '../platform/gather.ts';
import type { Caps } from './caps.ts';
import { type Ceilings, placesUnder } from './ceilings.ts';
import { type Changes, type Decision, type Fresh, mailsAStranger } from './changes.ts';
import type { Command, ImportPerson, Outcome, UndoImport } from './commands.ts';
import { decide } from './decide.ts';
import { eraseRows } from './erase.ts';
import { afterImport } from './imports.ts';
import { newLinkKey, tokenFor } from './links.ts';
import { findHouseholds, findSuppressed, loadHouseholds, lockHouseholds } from './load.ts';
import type { Allowance, Household, Person } from './person.ts';
import { saveChanges } from './save.ts';

export interface OwedMail {
  id: string;
  dueAt: Date;
}

/** A command of many that could not be carried out. */
export interface Failed {
  type: 'failed';
  error: unknown;
}

export interface Subscribing {
  /**
   * Carries out a command. Once it resolves, everything is committed: the choice, its ledger entries
   * and the intent to mail and to sync (I3). @throws when the database refuses or is out of reach.
   */
  run(command: Command): Promise<Outcome>;
  /**
   * Carries out many commands in sets of their own, in order for each person; what readers do meanwhile waits for no
   * more than a set. @returns for each what became of it: one that the database refuses fails alone
   * @throws when the database is out of reach; what was done until then stays done
   */
  runAll(commands: readonly Command[]): Promise<(Outcome | Failed)[]>;
  /**
   * What a command would do, for the page that stands before its button. Changes nothing (I7).
   * @returns its outcome, and whether carrying it out would change anything
   */
  preview(command: Command): Promise<{ outcome: Outcome; isOpen: boolean }>;
  /** What the rows of an import, or taking them back, would do, one after the other. Changes nothing. */
  previewAll(commands: readonly (ImportPerson | UndoImport)[]): Promise<Outcome[]>;
  /** Resolves when every command taken so far is settled. */
  drained(): Promise<void>;
}

/**
 * Somebody who must not come back to lists: they left, here or at Mailchimp, their address bounces, a file of another
 * system says so, or they were erased.
 */
export interface Gone {
  subscriberId: string;
  /** The ids of the lists. */
  lists: number[];
  /** Whether they said "this was not me". */
  declined: boolean;
  erased: boolean;
}

/**
 * The one shell around the rules: every door (form, API, pages, mail delivery) runs its commands here.
 * It works in sets: lock and load the people concerned, decide each, save all in one statement, commit,
 * answer.
 */
export function openSubscribing(parts: {
  database: Database;
  /** The first key derives the tokens of new requests. */
  secretKeys: readonly [string, ...string[]];
  /** What mails strangers may cause: to one address, and to all together. */
  caps: Caps;
  ceilings: Ceilings;
  now: () => Date;
  /** Queues owed mails within the transaction. */
  enqueueMails: (tx: Sql, mails: readonly OwedMail[]) => Promise<void>;
  /** Queues within the transaction of an erasure that its traces in the files go, too. */
  enqueueShredding?: (tx: Sql) => Promise<void>;
  /** Told after a commit that Mailchimp has to follow somebody. */
  onSyncDue: () => void;
  /** Told after a commit who left what, for a log that outlives the database. */
  onGone?: (gone: readonly Gone[]) => void;
  /** Told after a commit what was entered into ledgers. */
  onEntered?: (entries: readonly Pick<EventDraft, 'kind' | 'channel'>[]) => void;
  /** Told of mails that a ceiling put off, or did not let go at all: somebody may be flooding. */
  onCeiling: (mails: { putOff: number; refused: number }) => void;
}): Subscribing {
  const { database, now } = parts;

  interface Pending {
    command: Command;
    resolve: (outcome: Outcome) => void;
    /** `isItsOwn`: the fault lies in the command, and not in the set or the database. */
    reject: (error: unknown, isItsOwn: boolean) => void;
  }

  const gathered = gather<Pending>(workOff, { lanes: database.lanes, largest: 200 });

  /** Works off a set in rounds; whoever has to see another's result first waits for the next round. */
  async function workOff(set: Pending[]): Promise<void> {
    let waiting = set;
    while (waiting.length > 0) {
      try {
        waiting = await round(waiting);
      } catch (error) {
        if (waiting.length === 1 || !isFaultOfOne(error)) {
          for (const { reject } of waiting) reject(error, isFaultOfOne(error));
          return;
        }
        // Somebody in the set is refused by the database; in the end the faulty one fails alone.
        const middle = Math.ceil(waiting.length / 2);
        await workOff(waiting.slice(0, middle));
        await workOff(waiting.slice(middle));
        return;
      }
    }
  }

  async function round(set: readonly Pending[]): Promise<Pending[]> {
    const later: Pending[] = [];
    const settle: (() => void)[] = [];
    let syncDue = false;
    let gone: Gone[] = [];
    let entered: readonly EventDraft[] = [];

    await database.transaction(async (tx) => {
      const commands = set.map(({ command }) => command);
      const at = now();
      const abuseKeys = await findHouseholds(tx, commands);
      const keys = distinct(abuseKeys);
      await lockHouseholds(tx, keys);
      const lockedKeys = await findHouseholds(tx, commands);
      const households = await load(tx, commands, keys, at);
      const decided = new Map<string | null, { pending: Pending } & Decision>();

      for (const [n, pending] of set.entries()) {
        const abuseKey = abuseKeys[n] ?? null;
        // Decided on what this round already changes, it would be decided on old news; and somebody whose
        // address changed until the lock was ours is locked under the old one.
        if (decided.has(abuseKey) || lockedKeys[n] !== abuseKeys[n]) {
          later.push(pending);
          continue;
        }
        try {
          const { outcome, changes } = decideFor(households, abuseKey, pending.command, at);
          if (changes === null) settle.push(() => pending.resolve(outcome));
          else decided.set(abuseKey, { pending, outcome, changes });
        } catch (error) {
          settle.push(() => pending.reject(error, true));
        }
      }

      for (const [abuseKey, from] of await whatWaits(tx, decided, at)) {
        const pending = decided.get(abuseKey)?.pending;
        if (pending !== undefined)
          decided.set(abuseKey, { pending, ...decideFor(households, abuseKey, pending.command, at, from) });
      }
      for (const { pending, outcome } of decided.values()) settle.push(() => pending.resolve(outcome));

      const changes = [...decided.values()].flatMap(({ changes }) => changes ?? []);
      await saveChanges(tx, changes, at);
      const erased = changes.flatMap(({ person: { id, key }, erased, suppressed }) =>
        erased ? { id, key, suppressed } : [],
      );
      if (erased.length > 0) {
        await eraseRows(tx, erased, parts.secretKeys[0], at);
        await parts.enqueueShredding?.(tx);
      }
      const mails = changes.flatMap(({ mails }) => mails);
      if (mails.length > 0) await parts.enqueueMails(tx, mails);
      entered = changes.flatMap(({ events }) => events);
      syncDue = changes.some(({ sync, erased }) => sync !== null || erased);
      gone = changes.flatMap(goneOf);
    });

    for (const answer of settle) answer();
    if (entered.length > 0) parts.onEntered?.(entered);
    if (syncDue) parts.onSyncDue();
    if (gone.length > 0) parts.onGone?.(gone);
    return later;
  }

  /** @returns how to look up a household among those of these commands */
  async function load(sql: Sql, commands: readonly Command[], keys: readonly string[], at: Date) {
    const known = await loadHouseholds(sql, commands, keys, at);
    const suppressed = await findSuppressed(sql, commands, parts.secretKeys);
    return (abuseKey: string | null): Omit<Household, 'allowance'> => {
      const household = abuseKey === null ? undefined : known.get(abuseKey);
      return { people: [], mails: [], ...household, suppressed };
    };
  }

  function decideFor(
    households: Awaited<ReturnType<typeof load>>,
    abuseKey: string | null,
    command: Command,
    at: Date,
    from: Allowance['from'] = at,
  ): Decision {
    const household = { ...households(abuseKey), allowance: { caps: parts.caps, from } };
    return decide(household, command, at, fresh(parts.secretKeys[0]));
  }

  /** Takes places under the ceilings. @returns the folded addresses whose mail cannot go at once, and when it can */
  async function whatWaits(
    tx: Sql,
    decided: ReadonlyMap<string | null, Decision>,
    at: Date,
  ): Promise<[string, Date | null][]> {
    const mailed = [...decided].flatMap(([abuseKey, { changes }]) =>
      abuseKey !== null && changes !== null && mailsAStranger(changes) ? abuseKey : [],
    );
    if (mailed.length === 0) return [];
    const [secret] = parts.secretKeys;
    const places = await placesUnder(database.beside(tx), parts.ceilings, mailed, secret, at);
    const waiting = mailed.flatMap((abuseKey, n): [string, Date | null][] => {
      const from = places[n] ?? null;
      return from !== null && from <= at ? [] : [[abuseKey, from]];
    });
    if (waiting.length > 0) {
      const refused = waiting.filter(([, from]) => from === null).length;
      parts.onCeiling({ putOff: waiting.length - refused, refused });
    }
    return waiting;
  }

  async function preview(command: Command) {
    const at = now();
    const [abuseKey = null] = await findHouseholds(database, [command]);
    const households = await load(database, [command], distinct([abuseKey]), at);
    const { outcome, changes } = decideFor(households, abuseKey, command, at);
    return { outcome, isOpen: changes !== null };
  }

  async function previewAll(commands: readonly (ImportPerson | UndoImport)[]): Promise<Outcome[]> {
    const at = now();
    const outcomes: Outcome[] = [];
    const changed = new Map<string | null, Person[]>();
    for (const set of setsOf(commands)) {
      const abuseKeys = await findHouseholds(database, set);
      const households = await load(database, set, distinct(abuseKeys), at);
      for (const [n, command] of set.entries()) {
        const abuseKey = abuseKeys[n] ?? null;
        const loaded = households(abuseKey);
        const people = changed.get(abuseKey) ?? loaded.people;
        const { outcome, changes } = decideFor(() => ({ ...loaded, people }), abuseKey, command, at);
        // What one row made, no other row takes back.
        if (changes !== null && command.type === 'import')
          changed.set(abuseKey, afterImport(people, changes, command));
        outcomes.push(outcome);
      }
    }
    return outcomes;
  }

  async function runAll(commands: readonly Command[]): Promise<(Outcome | Failed)[]> {
    const outcomes: (Outcome | Failed)[] = [];
    for (const set of setsOf(commands)) {
      const pending: Pending[] = [];
      const settled = set.map(
        (command) =>
          new Promise<Outcome | Failed>((resolve, reject) => {
            const fail = (error: unknown, isItsOwn: boolean) =>
              isItsOwn ? resolve({ type: 'failed', error }) : reject(error);
            pending.push({ command, resolve, reject: fail });
          }),
      );
      const [answers] = await Promise.all([Promise.all(settled), workOff(pending)]);
      outcomes.push(...answers);
    }
    return outcomes;
  }

  return {
    preview,
    previewAll,
    runAll,
    run: (command) => new Promise((resolve, reject) => gathered.add({ command, resolve, reject })),
    drained: gathered.drained,
  };
}

/** Nobody, when an import was undone: that is no opt-out. */
function goneOf({ person, events, subscriptions, declined, erased }: Changes): Gone[] {
  const lists = subscriptions.flatMap(({ listId, state }) => (state === 'unsubscribed' ? listId : []));
  const isLeaving = erased || declined === true || events.some(({ kind }) => kind === 'unsubscribed');
  return isLeaving ? [{ subscriberId: person.id, lists, declined: declined === true, erased }] : [];
}

function fresh(secret: string): Fresh {
  const requestId = uuid();
  const mailId = uuid();
  return {
    subscriberId: uuid(),
    linkKey: newLinkKey(),
    ledgerSalt: randomBytes(32).toString('hex'),
    requestId,
    // Few decisions need these.
    get tokenHash() {
      return sha256(tokenFor(secret, 'confirm', requestId));
    },
    mailId,
    noticeId: uuid(),
    get eraseTokenHash() {
      return sha256(tokenFor(secret, 'erase', mailId));
    },
  };
}

/** Whether the database refused some row (SQLSTATE classes 22, 23, P0), and not the connection broke. */
function isFaultOfOne(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^(22|23|P0)...$/.test(code);
}

/** Large enough that a statement more or less does not matter, small enough to hold nobody up. */
const largestSet = 500;

function* setsOf<T>(items: readonly T[]): Generator<T[]> {
  for (let from = 0; from < items.length; from += largestSet) yield items.slice(from, from + largestSet);
}

function distinct(keys: readonly (string | null)[]): string[] {
  return [...new Set(keys)].filter((key) => key !== null);
}
