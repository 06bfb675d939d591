import type { MailchimpApi, PostMember, PutMember } from '../../../src/mailchimp/api/client.ts';
import { connect } from '../../../src/mailchimp/api/client.ts';
import { openGate } from '../../../src/mailchimp/api/gate.ts';
import { startSync } from '../../../src/mailchimp/lane/sync.ts';
import { type Reconciling, readForImports, reconcileJob } from '../../../src/mailchimp/reconcile.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { linksOf } from '../../../src/subscribing/links.ts';
import { type Newsroom, silent } from '../newsroom.ts';

export const links = linksOf('https://news.example');
export const footerLinks = (key: string) => ({
  unsubscribe: links.unsubscribe(key),
  preferences: links.preferences(key),
});

/** A process of its own, as far as the sync is concerned: it can die between any two things it does. */
export interface Lane {
  /** Has it look, and resolves when it rests or is dead. */
  settle(): Promise<void>;
  /** Lets it pass so many doors more; then nothing comes out of it any more, and nothing goes in. */
  dieAfter(doors: number): void;
  /** Resolves when nothing of it is under way. What it had taken stays taken. */
  stop(): Promise<void>;
}

/** Told of everything that is said to Mailchimp, when it is said. */
export type Listener = (said: PutMember | PostMember) => void;

const never = 3_600_000;
/** The lane acts when it is told to, so that a run can be repeated. */
const pace = { poll: never, lease: 60_000, patience: 25_000, probe: never };
/** How long a call is waited for that is held up. */
const timeoutMs = 250;

export function startLane(newsroom: Newsroom, sandbox: Sandbox, listener: Listener): Lane {
  let doors = Number.POSITIVE_INFINITY;
  const death = Promise.withResolvers<void>();
  const pass = () => {
    doors -= 1;
    if (doors > 0) return;
    death.resolve();
    throw new Error('this process is dead');
  };

  /** A part whose functions do nothing any more after the death, which may come before or after one. */
  const mortal = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          pass();
          const result: unknown = await Reflect.apply(value, target, given);
          pass();
          return result;
        };
      },
    });

  const gate = openGate(newsroom.database.places('mailchimp', 4), 4, {
    look: 1,
    hold: 3_600_000,
    rest: 1,
    longestRest: 2,
  });
  const client = connect({ ...sandbox.mailchimp, timeoutMs }, gate);
  const overheard: MailchimpApi = {
    ...client,
    putMember: (member) => {
      listener(member);
      return client.putMember(member);
    },
    postMembers: (members, options) => {
      members.forEach(listener);
      return client.postMembers(members, options);
    },
  };
  const database = mortal(newsroom.database);
  const api = mortal(overheard);
  const reconciling: Reconciling = { database, api, footerLinks, log: silent };
  const sync = startSync({
    database,
    api,
    subscribing: mortal(newsroom.subscribing),
    footerLinks,
    log: silent,
    hear: () => reconcileJob(reconciling, { kind: 'incremental' }),
    read: () => readForImports(reconciling),
    pace,
  });

  return {
    async settle() {
      // A ring that was left over may have it look once more, so only the second rest is one.
      await Promise.race([sync.idle().then(() => sync.idle()), death.promise]);
    },
    dieAfter(left) {
      doors = Math.min(doors, left);
    },
    async stop() {
      await sync.stop();
      await gate.close();
    },
  };
}
