import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { inSpan, nowhere } from '../../platform/tracing.ts';
import type { Subscribing } from '../../subscribing/subscribing.ts';
import { bulkSize, type MailchimpApi } from '../api/client.ts';
import { MailchimpError } from '../api/error.ts';
import { GateClosed } from '../api/gate.ts';
import { readyAudience } from '../audience.ts';
import { createBell } from './bell.ts';
import { equaliseMany, fitsBulk } from './bulk.ts';
import { type Lease, loadTaken, putBack, type TakenContact, takeDue } from './contacts.ts';
import { eraseOne } from './erase.ts';
import { classify } from './refusals.ts';
import { refuse } from './settle.ts';
import { type Equalising, equaliseOne } from './single.ts';
import { createStanding } from './standing.ts';
import { isUnread } from './unread.ts';

export interface Sync {
  /** Says that something was committed, so that nobody waits for the next look. */
  wake(): void;
  /** Resolves when nothing is under way and nothing can be done now. */
  idle(): Promise<void>;
  /** Takes nothing more and waits for the calls under way. */
  stop(): Promise<void>;
}

const usualPace = {
  /** How often to look for what nobody told us of. */
  poll: 1_000,
  /** How long nobody else may take a contact; longer than its calls can last. */
  lease: 60_000,
  /** How long after it was taken a contact's calls may begin; with the longest call, within the lease. */
  patience: 25_000,
  /** How often to try again when the key or the audience is wrong. */
  probe: 60_000,
};

/** From how many contacts on one call for all is worth it. */
const worthBulk = 20;

/** How long those wait who need the whole audience read. It has them due again as it meets them, mostly sooner. */
const untilRead = 5 * 60_000;

/** So many firewall pages in a row are no accident. */
const blockedTooOften = 5;

/**
 * Starts the lane that keeps the audience equal to the database: it takes the contacts whose wanted
 * revision is not the acknowledged one, sends what is wanted at that moment, and acknowledges exactly
 * that. Lost answers, repeats and crashes are harmless, for the last call made says all there is to say.
 * While an operator has it paused it takes nobody, and writes nothing there but what was under way.
 * @param concurrency calls at a time; the gate behind `api` holds all processes to it
 * @param erasure what becomes at Mailchimp of who is erased here
 * @param hear reads what changed in the audience of late, before a backlog is written over it
 * @param read reads the whole audience, before imported contacts are written over it
 */
export function startSync({
  database,
  api,
  subscribing,
  footerLinks,
  log,
  hear,
  read,
  concurrency = 4,
  erasure = 'delete',
  enqueueShredding = async () => {},
  pace = usualPace,
}: {
  database: Database;
  api: MailchimpApi;
  subscribing: Pick<Subscribing, 'run'>;
  footerLinks: Equalising['footerLinks'];
  log: Log;
  hear: () => Promise<void>;
  read: () => Promise<void>;
  concurrency?: number;
  erasure?: Equalising['erasure'];
  enqueueShredding?: Equalising['enqueueShredding'];
  pace?: typeof usualPace;
}): Sync {
  const bell = createBell();
  const standing = createStanding(database, log);
  const underWay = new Set<Promise<void>>();
  const busyWith = new Set<string>();
  let waiting: (() => void)[] = [];
  let stopping = false;
  let nextProbe = 0;
  let blocked = 0;
  /** How many go into one call: fewer after one took too long. */
  let size = bulkSize;
  let readying: Promise<unknown> | null = null;
  /** Whether the audience was made ready since the start, or since the last time that a pause forbade it. */
  let isReadied = false;
  /** The audience is heard once in each stretch of work; then `heard` says whether that went well. */
  let hearing: Promise<void> | null = null;
  let heard: boolean | null = null;
  let isReading = false;

  const parts: Equalising = {
    database,
    api,
    subscribing,
    footerLinks,
    erasure,
    enqueueShredding,
    ready,
    rests: standing.paused,
    log,
    failed,
    answered: (contacts) => {
      if (contacts > 1) size = Math.min(bulkSize, size * 2);
      blocked = 0;
      standing.setTrouble(null);
    },
  };

  async function run(): Promise<void> {
    while (!stopping) {
      const rest = nextProbe - Date.now();
      if (rest > 0) {
        answerIdle([...waiting]);
        await bell.sleep(rest);
        continue;
      }
      // Whoever asks while contacts are being taken asks about those that come after.
      const asking = [...waiting];
      const quiet = underWay.size === 0;
      const more = await round().catch((error: unknown) => {
        log.error({ err: error }, 'the contacts that are due could not be taken');
        return false;
      });
      if (!more) {
        // What was under way when the look began was passed over by it, and may have been put back since.
        if (quiet) {
          hearing = heard = null;
          answerIdle(asking);
        }
        await bell.sleep(pace.poll);
      }
    }
    await Promise.all(underWay);
    answerIdle(waiting);
  }

  function answerIdle(asking: readonly (() => void)[]): void {
    if (underWay.size > 0) return;
    waiting = waiting.filter((resolve) => !asking.includes(resolve));
    for (const resolve of asking) resolve();
  }

  /** Takes the next set. @returns whether there may be more to do at once */
  async function round(): Promise<boolean> {
    await standing.look();
    if (standing.stopped() !== null && !(await recovered())) return true;
    if (standing.paused()) return false;
    // Nobody waits for it but who is on a list that has no interest yet.
    if (!isReadied) attend(ready().catch(reportTrouble));
    // Twice as many sets as calls, so that one is taken and settled while another is sent.
    if (underWay.size >= concurrency * 2) return false;
    const knew = heard;
    const leases = await takeDue(database, { limit: size, leaseMs: pace.lease, except: [...busyWith] });
    if (leases.length === 0) return false;
    const ids = leases.map(({ subscriberId }) => subscriberId);
    for (const id of ids) busyWith.add(id);
    const about = { parent: nowhere, attributes: { 'footnote.contacts': leases.length } };
    attend(
      inSpan('sync contacts', about, () => workOff(leases, knew))
        .catch((error: unknown) => log.error({ err: error }, 'contacts could not be worked off'))
        .finally(() => {
          for (const id of ids) busyWith.delete(id);
        }),
    );
    return true;
  }

  function attend(work: Promise<void>): void {
    const attended = work.finally(() => {
      underWay.delete(attended);
      bell.ring();
    });
    underWay.add(attended);
  }

  /** @param knew whether the audience had been heard when the set was taken; null: not yet */
  async function workOff(leases: Lease[], knew: boolean | null): Promise<void> {
    const takenAt = Date.now();
    const taken = await loadTaken(database, api.audienceId, leases);
    const unread = taken.filter(isUnread);
    const set = unread.length < worthBulk ? taken : taken.filter((contact) => !isUnread(contact));
    if (set !== taken) {
      await putBack(database, unread, { delayMs: untilRead });
      readOnce();
    }
    const many = set.filter(fitsBulk);
    const bulk =
      many.length < worthBulk ? [] : many.filter((contact) => knew === true || !wantsHearing(contact));
    const inBulk = new Set(bulk);
    let rest = set.filter((contact) => !inBulk.has(contact));
    if (many.length >= worthBulk && knew === null && many.some(wantsHearing)) {
      // What is heard may be about these, so they are taken anew after it. Without it, whoever is not read
      // one by one could be raised over their own opt-out.
      const later = new Set(many.filter(wantsHearing));
      rest = rest.filter((contact) => !later.has(contact));
      await putBack(database, [...later]);
      await hearOnce();
    }
    const singles = rest.values();
    await Promise.all([
      bulk.length > 0 && whileOpen(bulk, () => equaliseMany(parts, bulk)),
      ...Array.from({ length: concurrency }, async () => {
        for (const contact of singles) await single(contact, takenAt);
      }),
    ]);
  }

  /** Whether what was said over there of late may change what is said of them: not of an opt-out. */
  const wantsHearing = ({ consent, undone }: TakenContact) => consent !== null || undone !== null;

  async function hearOnce(): Promise<void> {
    hearing ??= hear().then(
      () => {
        heard = true;
      },
      async (error: unknown) => {
        await reportTrouble(error);
        heard = false;
      },
    );
    await hearing;
  }

  /** Nobody else waits for it: the rest of the contacts is worked off meanwhile. */
  function readOnce(): void {
    if (isReading) return;
    isReading = true;
    attend(
      read()
        .catch(reportTrouble)
        .finally(() => {
          isReading = false;
        }),
    );
  }

  async function single(contact: TakenContact, takenAt: number): Promise<void> {
    const rests = stopping || standing.paused() || standing.stopped() !== null;
    if (rests || Date.now() - takenAt > pace.patience) return putBack(database, [contact]);
    const { erase } = contact;
    await whileOpen([contact], () =>
      erase === null ? equaliseOne(parts, contact) : eraseOne(parts, contact, erase),
    );
  }

  /** What the gate does not let out any more waits for the next process. */
  async function whileOpen(contacts: TakenContact[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof GateClosed)) throw error;
      await putBack(database, contacts);
    }
  }

  async function failed(
    contacts: readonly TakenContact[],
    error: MailchimpError,
    memberStatus?: string,
  ): Promise<void> {
    const kind = classify(error);
    blocked = error.status === 403 && kind === 'throttled' ? blocked + 1 : 0;
    if (kind === 'configuration' || blocked >= blockedTooOften) {
      const fault = await findFault();
      if (fault !== null) {
        stopLane(fault);
        return putBack(database, contacts);
      }
    }
    if (kind === 'transient' || kind === 'timeout' || kind === 'throttled')
      standing.setTrouble(error.message);
    if (kind === 'timeout' && contacts.length > 1) size = Math.max(worthBulk, Math.floor(size / 2));
    if (kind === 'interest') await ready().catch(reportTrouble);
    await refuse(
      database,
      log,
      contacts.map((contact) => ({ contact, kind, facts: error, memberStatus })),
    );
  }

  async function ready(): Promise<void> {
    isReadied = !standing.paused();
    if (!isReadied) return;
    readying ??= readyAudience({ database, api }).finally(() => {
      readying = null;
    });
    await readying;
  }

  async function reportTrouble(error: unknown): Promise<void> {
    if (error instanceof GateClosed) return;
    if (error instanceof MailchimpError) standing.setTrouble(error.message);
    const fault = await findFault();
    if (fault !== null) stopLane(fault);
    else
      log.warn(
        { err: error },
        'the audience could not be read or made ready; it is tried again when it matters',
      );
  }

  /** Whether the key, the account, the audience or a firewall is at fault, and not a single contact. */
  async function findFault(): Promise<MailchimpError | null> {
    try {
      await api.getAudience();
      return null;
    } catch (error) {
      if (!(error instanceof MailchimpError)) return null;
      return classify(error) === 'configuration' || error.status === 403 ? error : null;
    }
  }

  function stopLane(fault: MailchimpError): void {
    standing.stop(fault);
    nextProbe = Date.now() + pace.probe;
  }

  async function recovered(): Promise<boolean> {
    const fault = await findFault();
    if (fault !== null) {
      stopLane(fault);
      return false;
    }
    blocked = 0;
    nextProbe = 0;
    standing.recover();
    await ready().catch(reportTrouble);
    return standing.stopped() === null;
  }

  const running = run();

  return {
    wake: bell.ring,
    idle: async () => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        bell.ring();
      });
      await standing.written();
    },
    stop: async () => {
      stopping = true;
      bell.ring();
      await running;
      await standing.written();
    },
  };
}
