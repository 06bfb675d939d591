import { describe, expect, it } from 'vitest';
import { openNonces } from '../../src/guard/nonce.ts';

let clock = Date.UTC(2026, 10, 23, 9);
const now = () => new Date(clock);
const nonces = openNonces({ secretKeys: ['first'], minSeconds: 2, now });

describe('a form nonce (A-01, A-03)', () => {
  it('is sound from the least time that a reader takes until a day later', () => {
    const nonce = nonces.issue();
    expect(nonces.isSound(nonce)).toBe(false);
    clock += 2_000;
    expect(nonces.isSound(nonce)).toBe(true);
    clock += 86_398_000;
    expect(nonces.isSound(nonce)).toBe(true);
    clock += 1_000;
    expect(nonces.isSound(nonce)).toBe(false);
  });

  it('is ours alone, and is still known after a rotation of the keys', () => {
    const nonce = nonces.issue();
    clock += 5_000;
    const rotated = openNonces({ secretKeys: ['second', 'first'], minSeconds: 2, now });
    expect(rotated.isSound(nonce)).toBe(true);
    expect(openNonces({ secretKeys: ['second'], minSeconds: 2, now }).isSound(nonce)).toBe(false);
    const [time = '', signature = ''] = nonce.split('.');
    const younger = (Number.parseInt(time, 36) - 1).toString(36);
    for (const forged of [
      undefined,
      '',
      time,
      `${younger}.${signature}`,
      `${nonce}0`,
      `.${signature}`,
      '1.é',
    ])
      expect(nonces.isSound(forged), String(forged)).toBe(false);
  });
});
