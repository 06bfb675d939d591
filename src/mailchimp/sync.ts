import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import type { Links } from '../subscribing/links.ts';
import { readyAudience } from './audience.ts';
import type { MailchimpApi, Member, PutMember } from './client.ts';
import {
  acknowledge,
  type Contact,
  loadContacts,
  putBack,
  type Refusal,
  recordRefusal,
  takeDue,
} from './contacts.ts';
import { MailchimpError } from './error.ts';
import { wantedMember } from './member.ts';
import { classify, isFinal, type RefusalKind, retryDelay, serverTimeout } from './refusals.ts';

export interface Sync {
  /** Says that something was committed, so that nobody waits for the next look. */
  wake(): void;
  /** Resolves when nothing is under way and nothing can be done now. */
  idle(): Promise<void>;
  /**
   * `stopped` says why nobody is sent to Mailchimp at present; nothing is lost meanwhile. `trouble` is why
   * the last call failed for reasons that are nobody's own, null once one succeeds.
   */
  status(): { stopped: string | null; trouble: string | null };
  /** Takes nothing more and waits for the calls under way. */
  stop(): Promise<void>;
}

const usualPace = {
  /** How often to look for what nobody told us of. */
  poll: 1_000,
  /** How long nobody else may take a contact; longer than a call can last. */
  lease: 60_000,
  /** The rest for all after Mailchimp said "too many". */
  rest: 2_000,
  /** How often to try again when the key or the audience is wrong. */
  probe: 60_000,
};

/**
 * Starts the lane that keeps the audience equal to the database: it takes the contacts whose wanted
 * revision is not the acknowledged one, sends what is wanted at that moment, and acknowledges exactly
 * that. Lost answers, repeats and crashes are harmless, for the last call made says all there is to say.
 * @param concurrency calls at a time; Mailchimp allows ten for all processes together
 */
export function startSync({
  database,
  api,
  links,
  log,
  concurrency = 4,
  pace = usualPace,
}: {
  database: Database;
  api: MailchimpApi;
  links: Pick<Links, 'unsubscribe' | 'preferences'>;
  log: Log;
  concurrency?: number;
  pace?: typeof usualPace;
}): Sync {
  const { audienceId } = api;
  const bell = createBell();
  const underWay = new Map<string, Promise<void>>();
  let waiting: (() => void)[] = [];
  let stopping = false;
  let stopped: string | null = null;
  let trouble: string | null = null;
  let restUntil = 0;
  let readying: Promise<void> | null = null;

  async function run(): Promise<void> {
    await ready().catch(reportTrouble);
    while (!stopping) {
      const rest = restUntil - Date.now();
      if (rest > 0) {
        if (stopped !== null) answerIdle(waiting);
        await bell.sleep(rest);
        continue;
      }
      // Whoever asks while contacts are being taken asks about those that come after.
      const asking = [...waiting];
      const more = await round().catch((error: unknown) => {
        log.error({ err: error }, 'the contacts that are due could not be taken');
        return false;
      });
      if (!more) {
        answerIdle(asking);
        await bell.sleep(pace.poll);
      }
    }
    await Promise.all(underWay.values());
    answerIdle(waiting);
  }

  function answerIdle(asking: readonly (() => void)[]): void {
    if (underWay.size > 0) return;
    waiting = waiting.filter((resolve) => !asking.includes(resolve));
    for (const resolve of asking) resolve();
  }

  /** Fills the free places. @returns whether there may be more to do at once */
  async function round(): Promise<boolean> {
    if (stopped !== null && !(await recovered())) return true;
    const limit = concurrency - underWay.size;
    if (limit === 0) return false;
    const ids = await takeDue(database, { limit, leaseMs: pace.lease, except: [...underWay.keys()] });
    for (const contact of await loadContacts(database, audienceId, ids)) {
      const call = equalise(contact)
        .catch((error: unknown) => {
          log.error({ err: error, subscriberId: contact.subscriberId }, 'a contact could not be worked off');
        })
        .finally(() => {
          underWay.delete(contact.subscriberId);
          bell.ring();
        });
      underWay.set(contact.subscriberId, call);
    }
    return ids.length === limit;
  }

  async function equalise(contact: Contact): Promise<void> {
    try {
      if (contact.unmapped) {
        await ready();
        await putBack(database, contact, 0);
        return;
      }
      const wanted = wantedMember(contact, {
        unsubscribe: links.unsubscribe(contact.linkKey),
        preferences: links.preferences(contact.linkKey),
      });
      if (contact.consent === null) await optOut(contact, wanted);
      else await judge(contact, wanted, await subscribe(wanted));
    } catch (error) {
      if (!(error instanceof MailchimpError)) throw error;
      await refused(contact, error);
    }
  }

  /** Never given up. What Mailchimp refuses of somebody whom it does not mail anyway is as good as done. */
  async function optOut(contact: Contact, wanted: PutMember): Promise<void> {
    const member = await api.putMember(wanted).catch((error: unknown) => {
      if (!(error instanceof MailchimpError) || !isFinal(classify(error))) throw error;
      return api.getMember(contact.email);
    });
    if (member?.status === 'subscribed' || member?.status === 'pending') {
      await refuse(contact, 'transient', { title: `Mailchimp still has this contact as ${member.status}` });
    } else {
      await settle(contact);
    }
  }

  /**
   * A person who left over there can return by our consent only through Mailchimp's own opt-in: asking for
   * `pending` makes Mailchimp mail it to them. Asked once, for a consent that is new.
   */
  async function subscribe(wanted: PutMember): Promise<Member> {
    try {
      return await api.putMember(wanted);
    } catch (error) {
      const barred = error instanceof MailchimpError && classify(error) === 'compliance';
      if (!barred || wanted.status !== 'subscribed') throw error;
      return await api.putMember({ ...wanted, status: 'pending' });
    }
  }

  /** Compares what Mailchimp says it holds now with what was wanted. */
  async function judge(contact: Contact, wanted: PutMember, member: Member): Promise<void> {
    const title = `Mailchimp has this contact as ${member.status}`;
    if (member.status === 'pending') {
      await refuse(contact, 'awaiting_mailchimp_confirmation', { title }, { tookConsent: true });
    } else if (member.status !== 'subscribed') {
      await refuse(contact, 'left_at_mailchimp', { title });
    } else if (!Object.entries(wanted.interests).every(([id, on]) => member.interests[id] === on)) {
      await ready();
      await refuse(contact, 'interest', { title: 'Mailchimp does not know an interest' });
    } else {
      await settle(contact);
    }
  }

  async function settle(contact: Contact): Promise<void> {
    trouble = null;
    // A call that we no longer waited for may reach the audience after this one. Nothing is final before
    // it cannot any more, so this is sent again then.
    const mayStillAct =
      contact.refusal?.kind === 'timeout' ? Date.parse(contact.refusal.at) + serverTimeout - Date.now() : 0;
    if (mayStillAct > 0) await putBack(database, contact, mayStillAct);
    else await acknowledge(database, contact);
  }

  async function refused(contact: Contact, error: MailchimpError): Promise<void> {
    const kind = classify(error);
    if (kind === 'configuration') {
      const fault = await findFault();
      if (fault !== null) {
        stopLane(fault);
        return putBack(database, contact, 0);
      }
    }
    if (kind === 'transient' || kind === 'timeout' || kind === 'throttled') trouble = error.message;
    if (kind === 'throttled') restUntil = Date.now() + pace.rest;
    if (kind === 'interest') await ready().catch(reportTrouble);
    await refuse(contact, kind, error);
  }

  async function refuse(
    contact: Contact,
    kind: RefusalKind,
    facts: Partial<Pick<Refusal, 'status' | 'title' | 'detail' | 'requestId'>>,
    { tookConsent = false } = {},
  ): Promise<void> {
    const { status = null, title = null, detail = '', requestId = null } = facts;
    const at = new Date().toISOString();
    const since = contact.refusal?.kind === kind ? contact.refusal.since : at;
    const delayMs = retryDelay(kind, contact.attempts + 1, Math.random());
    log.warn(
      { subscriberId: contact.subscriberId, kind, status, title, requestId, delayMs },
      'Mailchimp is not equal for a contact',
    );
    await recordRefusal(
      database,
      contact,
      { kind, status, title, detail, requestId, since, at },
      { delayMs, tookConsent },
    );
  }

  /** Brings the audience into shape; calls made meanwhile share one. */
  function ready(): Promise<void> {
    readying ??= readyAudience({ database, api }).finally(() => {
      readying = null;
    });
    return readying;
  }

  async function reportTrouble(error: unknown): Promise<void> {
    if (error instanceof MailchimpError) trouble = error.message;
    const fault = await findFault();
    if (fault !== null) stopLane(fault);
    else log.warn({ err: error }, 'the audience could not be made ready; it is tried again when it matters');
  }

  /** Whether the key or the audience is at fault, and not a single contact. */
  async function findFault(): Promise<MailchimpError | null> {
    try {
      await api.getAudience();
      return null;
    } catch (error) {
      return error instanceof MailchimpError && classify(error) === 'configuration' ? error : null;
    }
  }

  function stopLane(fault: MailchimpError): void {
    if (stopped !== fault.message)
      log.error({ reason: fault.message, requestId: fault.requestId }, 'Mailchimp is not usable');
    stopped = fault.message;
    restUntil = Date.now() + pace.probe;
  }

  async function recovered(): Promise<boolean> {
    const fault = await findFault();
    if (fault !== null) {
      stopLane(fault);
      return false;
    }
    stopped = null;
    log.info('Mailchimp is usable again');
    await ready().catch(reportTrouble);
    return stopped === null;
  }

  const running = run();

  return {
    wake: bell.ring,
    idle: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        bell.ring();
      }),
    status: () => ({ stopped, trouble }),
    stop: async () => {
      stopping = true;
      bell.ring();
      await running;
    },
  };
}

/** Wakes one sleeper. Rung while nobody sleeps, it ends the next sleep at once, so no ring is lost. */
function createBell() {
  let rung = false;
  let wake = () => {};
  return {
    ring: () => {
      rung = true;
      wake();
    },
    sleep: async (ms: number) => {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms).unref();
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
    },
  };
}
