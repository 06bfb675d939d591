import type { Router } from 'express';
import type { z } from 'zod';
import type { AccountState } from './account.ts';
import { memberAnswer } from './answers.ts';
import { createDeliveries, type Deliveries, mailchimpsRetryGaps } from './deliveries.ts';
import { createDoor } from './door.ts';
import { type AudienceEvent, eventsOf, formOf } from './events.ts';
import { createFaults, type Faults } from './faults.ts';
import { type CampaignMail, createMailing, type Mailing } from './mailing.ts';
import { type BatchResult, type Circumstances, putMembers } from './members.ts';
import { createPeople, type People } from './people.ts';
import type { batchMember } from './requests.ts';
import { apiRouter, type Exchange } from './router.ts';
import { memberId, type Source } from './state.ts';
import { openStore } from './store.ts';
import { createCounter, type Traffic } from './traffic.ts';

/** What a member looks like through the API. */
export type SandboxMember = ReturnType<typeof memberAnswer>;

/** A stand-in for a Mailchimp account with one audience: its API, and handles for those who play it. */
export interface SandboxMailchimp {
  audienceId: string;
  /** To be mounted at `/3.0`. */
  router: Router;
  /** What the account holds; to be read only. */
  state: AccountState;
  people: People;
  /** The webhooks' calls. */
  deliveries: Deliveries;
  inject: Faults['inject'];
  clearFaults: Faults['clear'];
  /** Every answer takes at least so long, measured from the request's arrival. */
  setLatency(milliseconds: number): void;
  /** From now on a batch passes these addresses over: unchanged, and in none of its results. */
  overlook(emails: string[]): void;
  /** Puts people into the audience as if they had long been there: no webhook is called. */
  seed(members: z.infer<typeof batchMember>[]): Pick<BatchResult, 'errors'>;
  traffic(): Traffic;
  resetTraffic(): void;
  /** Tells every exchange before its answer leaves; returns how to stop that. */
  observe(listener: (exchange: Exchange) => void): () => void;
  member(email: string): SandboxMember | null;
  /** The mails of campaigns. */
  mailing: Mailing;
  /** Ends the webhooks' calls and writes what is not yet written. */
  close(): Promise<void>;
}

export interface MailchimpOptions {
  apiKey: string;
  /** Keeps the account between starts; null keeps it in memory. */
  folder: string | null;
  /** The audience's id; without it, that of the folder or a random one. */
  audienceId?: string | undefined;
  /**
   * Whether calls of webhooks made from now on are signed, as the API offers since 2026; off by default, as
   * in version 3.0.55 of its description.
   */
  signing?: boolean | undefined;
  /** The waits between attempts to call a webhook; without it, Mailchimp's: 75 minutes in all. */
  webhookRetryGapsMs?: readonly number[] | undefined;
  now?: () => Date;
  /** How mails of campaigns leave; without it, they go nowhere. */
  post?: ((mail: CampaignMail) => Promise<void>) | undefined;
  /** Where the sandbox's pages are. */
  url?: string | undefined;
}

/** How often it is looked whether a campaign's time has come. */
const lookEveryMs = 5_000;

export async function createMailchimp(options: MailchimpOptions): Promise<SandboxMailchimp> {
  const { apiKey, folder, signing = false, webhookRetryGapsMs = mailchimpsRetryGaps } = options;
  const now = options.now ?? (() => new Date());
  const store = await openStore(folder, now());
  const { state, changed } = store;
  if (options.audienceId !== undefined) state.audience.id = options.audienceId;
  // So that a restart finds the same audience even if nothing else happened.
  changed();

  const faults = createFaults();
  const counter = createCounter();
  const overlooked = new Set<string>();
  const listeners = new Set<(exchange: Exchange) => void>();
  let latencyMs = 0;
  const deliveries = createDeliveries({ retryGapsMs: webhookRetryGapsMs, now, changed });

  /** Calls the webhooks that ask for the event; one that nobody caused is told whatever the sources. */
  function announce(event: AudienceEvent, source: Source | null): void {
    const asking = state.webhooks.filter(
      ({ events, sources }) => events[event.type] && (source === null || sources[source]),
    );
    if (asking.length === 0) return;
    const body = formOf(state, event, now());
    for (const webhook of asking) deliveries.add(webhook, body);
  }
  const tell =
    (source: Source | null): Circumstances['told'] =>
    (before, after) => {
      for (const event of eventsOf(before, after)) announce(event, source);
    };

  const mailing = createMailing({
    state,
    post: options.post ?? (async () => {}),
    leaveUrl: ({ id }) => `${options.url ?? ''}/mailchimp/leave/${id}`,
    changed,
    sent: ({ settings }) => announce({ type: 'campaign', subject: settings.subject_line }, null),
    now,
  });
  const looking = setInterval(mailing.sendDue, lookEveryMs).unref();

  return {
    audienceId: state.audience.id,
    router: apiRouter({
      door: createDoor({
        apiKey,
        state,
        faults,
        counter,
        latencyMs: () => latencyMs,
        observed(exchange) {
          for (const listener of listeners) listener(exchange);
        },
      }),
      changed,
      state,
      signing,
      removed: deliveries.drop,
      overlooked,
      mailing,
      told: tell('api'),
      now,
    }),
    state,
    people: createPeople({ state, changed, tell, announce, now }),
    deliveries,
    inject: faults.inject,
    clearFaults: faults.clear,
    setLatency(milliseconds) {
      latencyMs = milliseconds;
    },
    overlook(emails) {
      for (const email of emails) overlooked.add(memberId(email));
    },
    seed(members) {
      const { errors } = putMembers(
        state,
        { members, update_existing: true },
        {
          now: now(),
          skipMergeValidation: true,
          told: () => {},
          skipDuplicateCheck: false,
          overlooked: new Set(),
        },
      );
      changed();
      return { errors };
    },
    traffic: counter.traffic,
    resetTraffic: counter.reset,
    observe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    member(email) {
      const member = state.members.get(memberId(email));
      return member === undefined ? null : memberAnswer(state, member);
    },
    mailing,
    async close() {
      clearInterval(looking);
      await mailing.idle();
      deliveries.close();
      await store.flush();
    },
  };
}
