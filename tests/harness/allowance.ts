import type { Guard } from '../../src/guard/guard.ts';
import { readSettings } from '../../src/settings.ts';

/** The limits that hold when nothing is configured. */
export const { limits } = readSettings({});

/** What strangers may cause, as the contract says. */
export const { caps } = limits;

/** For parts that are tested without a flood. */
export const unhindered = { caps, ceilings: limits.ceilings, onCeiling: () => {} };

/** Lets everybody pass: for tests of parts that stand behind the guard. */
export const openDoor: Guard = {
  proof: async () => ({ nonce: '', challenge: null }),
  judge: async () => ({ type: 'welcome' }),
  countWrong: async () => 0,
  sendersUnknown: () => 0,
  drained: async () => {},
};
