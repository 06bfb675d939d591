const shapes = [
  // ISO 8601, and Mailchimp's `YYYY-MM-DD HH:MM:SS`: UTC where no zone is named.
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)(?:[T ](?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?:[.,](?<fraction>\d+))?)?\s?(?<zone>Z|UTC|[+-]\d\d(?::?\d\d)?)?)?$/i,
  /^(?<day>\d\d?)\.(?<month>\d\d?)\.(?<year>\d{4})(?:,? (?<hour>\d\d?):(?<minute>\d\d)(?::(?<second>\d\d))?)?$/,
];

/** Nobody agreed to a newsletter by mail before; it is what a zero in a database looks like. */
const earliest = Date.UTC(1990);

/**
 * Reads a moment: ISO 8601, Mailchimp's times, `DD.MM.YYYY` with or without a time, or seconds since 1970. UTC where
 * no zone is named. Days with slashes are read differently from country to country, hence not at all.
 * @returns ISO 8601 in UTC; null when it is none of these, no day of the calendar, or in the future
 */
export function readTime(text: string, now: Date): string | null {
  const time = /^\d{9,10}$/.test(text) ? Number(text) * 1000 : calendarTime(text);
  if (time === null || time < earliest || time > now.getTime()) return null;
  return new Date(time).toISOString();
}

function calendarTime(text: string): number | null {
  const parts = shapes.map((shape) => shape.exec(text)?.groups).find((groups) => groups !== undefined);
  if (parts === undefined) return null;
  const number = (name: string) => Number(parts[name] ?? 0);
  const [year, month, day] = [number('year'), number('month'), number('day')];
  const [hour, minute, second] = [number('hour'), number('minute'), number('second')];
  const milliseconds = Math.floor(Number(`0.${parts['fraction'] ?? 0}`) * 1000);
  const date = new Date(Date.UTC(year, month - 1, day));
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isDay || hour > 23 || minute > 59 || second > 59) return null;
  const offset = offsetOf(parts['zone']);
  return offset === null
    ? null
    : date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + milliseconds;
}

/** In minutes. */
function offsetOf(zone: string | undefined): number | null {
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? '') ?? [];
  if (hours === undefined) return 0;
  if (Number(hours) > 14 || Number(minutes) > 59) return null;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
