/** JSON can carry what is no text: NUL and halves of characters, which the database would refuse. */
export const isText = (value: string) => value.isWellFormed() && !value.includes('\0');

/** What a text says in JSON; null when it is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const units: [string, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** A span of time as people say it, such as `80 seconds` or `2 hours`. */
export function span(seconds: number): string {
  for (const [unit, length] of units) {
    if (seconds >= length * 1.5) return `${Math.round(seconds / length)} ${unit}s`;
  }
  const rounded = Math.round(seconds);
  return rounded === 1 ? '1 second' : `${rounded} seconds`;
}
