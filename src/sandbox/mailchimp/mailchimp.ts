import type { Router } from 'express';
import { memberAnswer } from './answers.ts';
import { createFaults, type Faults } from './faults.ts';
import { createPeople, type People } from './people.ts';
import { apiRouter, type Exchange } from './router.ts';
import { type AccountState, memberId } from './state.ts';
import { openStore } from './store.ts';

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
  inject: Faults['inject'];
  clearFaults: Faults['clear'];
  /** Tells every exchange before its answer leaves; returns how to stop that. */
  observe(listener: (exchange: Exchange) => void): () => void;
  member(email: string): SandboxMember | null;
  /** Writes what is not yet written. */
  close(): Promise<void>;
}

/** `folder` keeps the account between starts; null keeps it in memory. */
export async function createMailchimp(options: {
  apiKey: string;
  folder: string | null;
  now?: () => Date;
}): Promise<SandboxMailchimp> {
  const now = options.now ?? (() => new Date());
  const store = await openStore(options.folder, now());
  const { state } = store;
  const faults = createFaults();
  const listeners = new Set<(exchange: Exchange) => void>();
  const observed = (exchange: Exchange) => {
    for (const listener of listeners) listener(exchange);
  };
  // So that a restart finds the same audience even if nothing else happened.
  store.changed();

  return {
    audienceId: state.audience.id,
    router: apiRouter({ apiKey: options.apiKey, store, faults, observed, now }),
    state,
    people: createPeople(state, store.changed, now),
    inject: faults.inject,
    clearFaults: faults.clear,
    observe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    member(email) {
      const member = state.members[memberId(email)];
      return member === undefined ? null : memberAnswer(state, member);
    },
    close: store.flush,
  };
}
