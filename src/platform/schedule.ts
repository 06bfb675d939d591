/**
 * When something is done by itself, in UTC: every so many minutes, a number that divides the hour; or at a minute of
 * every hour, or of one hour of every day.
 */
export type Schedule = { every: number } | { minute: number; hour: number | null };

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export function cronOf(at: Schedule): string {
  if (!('every' in at)) return `${at.minute} ${at.hour ?? '*'} * * *`;
  return at.every === 60 ? '0 * * * *' : `*/${at.every} * * * *`;
}

/** How long it is from one time to the next, in milliseconds. */
export function periodOf(at: Schedule): number {
  if ('every' in at) return at.every * minuteMs;
  return at.hour === null ? hourMs : 24 * hourMs;
}

/** The first time after `now` at which it is due. */
export function nextAt(at: Schedule, now: Date): Date {
  const period = periodOf(at);
  // Days, hours and what divides them begin at multiples of themselves.
  const offset = 'every' in at ? 0 : (at.hour ?? 0) * hourMs + at.minute * minuteMs;
  return new Date((Math.floor((now.getTime() - offset) / period) + 1) * period + offset);
}
