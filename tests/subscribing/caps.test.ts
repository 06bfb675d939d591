import { describe, expect, it } from 'vitest';
import { nextMailDue } from '../../src/subscribing/caps.ts';
import { caps } from '../harness/allowance.ts';
import { day, minute, second } from './model.ts';

const now = new Date('2026-11-23T09:00:00Z');
const ago = (...spans: number[]) => spans.map((span) => new Date(now.getTime() - span));
/** In how many milliseconds the next mail is due; null when none is. */
const wait = (mails: Date[], leftSince = false) => {
  const due = nextMailDue(mails, caps, now, leftSince);
  return due === null ? null : due.getTime() - now.getTime();
};

describe('the caps on confirmation mails (A-01)', () => {
  it('let the first mail go at once', () => {
    expect(wait([])).toBe(0);
  });

  it('keep mails a minute apart, to the millisecond', () => {
    expect(wait(ago(0))).toBe(minute);
    expect(wait(ago(20 * second))).toBe(40 * second);
    expect(wait(ago(minute - 1))).toBe(1);
    expect(wait(ago(minute))).toBe(0);
  });

  it('count from the latest mail, also one that is still to go, in whatever order', () => {
    expect(wait(ago(-30 * second, 30 * second))).toBe(90 * second);
    expect(wait(ago(30 * second, -30 * second))).toBe(90 * second);
  });

  it('let three go in 24 hours, and the next when the first of them is a day old', () => {
    expect(wait(ago(3 * minute, 2 * minute))).toBe(0);
    expect(wait(ago(3 * minute, 2 * minute, minute))).toBeNull();
    expect(wait(ago(day - 1, 2 * minute, minute))).toBeNull();
    expect(wait(ago(day, 2 * minute, minute))).toBe(0);
  });

  it('let five go in 30 days, and the next when the first of them is 30 days old', () => {
    const four = ago(25 * day, 20 * day, 15 * day, 10 * day);
    expect(wait(four)).toBe(0);
    expect(wait([...ago(30 * day - 1), ...four])).toBeNull();
    expect(wait([...ago(30 * day), ...four])).toBe(0);
  });

  it('count a mail that is still to go', () => {
    expect(wait(ago(-minute, 0, minute))).toBeNull();
  });

  it('spare who left the wait, and nothing else', () => {
    expect(wait(ago(second), true)).toBe(0);
    expect(wait(ago(3 * second, 2 * second, second), true)).toBeNull();
    expect(wait(ago(29 * day, 20 * day, 15 * day, 10 * day, 5 * day), true)).toBeNull();
  });
});
