import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type AccountState, freshAccount, openAccount, saveAccount } from './account.ts';
import { savedAccount } from './state.ts';

/**
 * Rest between two writes, so that a stream of changes does not write the whole file for each; and longer
 * than the write took, so that a large audience still leaves time for other work.
 */
const restMs = 100;
const restPerWrite = 4;

export interface Store {
  state: AccountState;
  /** Tells that `state` was changed. Throws if an earlier change could not be written. */
  changed(): void;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

/** Opens the account kept in `folder`, or a fresh one; `null` keeps it in memory only. */
export async function openStore(folder: string | null, now: Date): Promise<Store> {
  if (folder === null) return { state: freshAccount(now), changed: () => {}, flush: async () => {} };

  await mkdir(folder, { recursive: true });
  const file = join(folder, 'mailchimp.json');
  const state = (await read(file)) ?? freshAccount(now);
  let dirty = false;
  let failure: unknown;
  let writing: Promise<void> | null = null;
  let hurry = new AbortController();

  async function write(): Promise<void> {
    while (dirty) {
      dirty = false;
      const began = performance.now();
      await writeFile(`${file}.new`, JSON.stringify(saveAccount(state), null, 1));
      await rename(`${file}.new`, file);
      const rest = Math.max(restMs, restPerWrite * (performance.now() - began));
      await pause(rest, undefined, { signal: hurry.signal, ref: false }).catch(() => {});
    }
  }

  return {
    state,
    changed() {
      if (failure !== undefined) throw failure;
      dirty = true;
      writing ??= write()
        .catch((error: unknown) => {
          failure = error;
        })
        .finally(() => {
          writing = null;
        });
    },
    async flush() {
      hurry.abort();
      await writing;
      hurry = new AbortController();
      if (failure !== undefined) throw failure;
    },
  };
}

async function read(file: string): Promise<AccountState | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    return openAccount(savedAccount.parse(JSON.parse(text)));
  } catch {
    throw new Error(`${file} is not a state of the sandbox Mailchimp; move it away to start afresh.`);
  }
}
