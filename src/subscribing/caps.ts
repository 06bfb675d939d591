const day = 24 * 60 * 60_000;

/** Mails of a kind that one folded address gets at most. */
export interface Caps {
  /** Milliseconds from one to the next. */
  apart: number;
  perDay: number;
  /** In 30 days. */
  perMonth: number;
}

/** How far back mails count. */
export const capWindow = 30 * day;

/**
 * When the next mail of a kind to a folded address may go.
 * @param mails when the earlier ones were or are due, in any order
 * @param leftSince the person left since the last of them; who asks again then waits for nothing
 * @returns now, a little later to keep mails apart, or null when the caps are used up
 */
export function nextMailDue(mails: readonly Date[], caps: Caps, now: Date, leftSince: boolean): Date | null {
  const times = mails.map((mail) => mail.getTime());
  const within = (span: number) => times.filter((time) => time > now.getTime() - span).length;
  if (within(day) >= caps.perDay || within(capWindow) >= caps.perMonth) return null;
  if (leftSince || times.length === 0) return now;
  return new Date(Math.max(now.getTime(), Math.max(...times) + caps.apart));
}
