const delimiters = [',', ';', '\t', '|'] as const;

/** What stands between the cells of a file. */
export type Delimiter = (typeof delimiters)[number];

/** What a first line `sep=;` says, which spreadsheets understand; null when there is none. */
export function declaredDelimiter(head: string): Delimiter | null {
  const declared = /^sep=(.)[\r\n]/i.exec(head)?.[1];
  return delimiters.find((delimiter) => delimiter === declared) ?? null;
}

/**
 * Guesses the delimiter from the beginning of a file: the one that most records hold as often as the first does,
 * counted outside of quotes. A file of one column has none; a comma then does no harm.
 */
export function guessDelimiter(head: string): Delimiter {
  const records = countPerRecord(head);
  const scores = delimiters.map((delimiter, index) => {
    const expected = records[0]?.[index] ?? 0;
    const alike = expected === 0 ? 0 : records.filter((counts) => counts[index] === expected).length;
    return { delimiter, alike, expected };
  });
  return scores.reduce((best, score) =>
    score.alike > best.alike || (score.alike === best.alike && score.expected > best.expected) ? score : best,
  ).delimiter;
}

/** How often each delimiter stands in each record that is no empty line. */
function countPerRecord(head: string): number[][] {
  const records: number[][] = [];
  let counts = delimiters.map(() => 0);
  let quoted = false;
  let before = '\n';
  let isEmpty = true;
  for (const character of head) {
    if (character === '"' && (quoted || isStart(before))) quoted = !quoted;
    else if (!quoted && (character === '\n' || character === '\r')) {
      if (!isEmpty) records.push(counts);
      counts = delimiters.map(() => 0);
      isEmpty = true;
    } else if (!quoted) {
      counts = counts.map((count, index) => (delimiters[index] === character ? count + 1 : count));
      isEmpty = false;
    }
    // Hence doubled quotes close and open again.
    before = character;
  }
  // The last one may be cut off.
  return records.length === 0 ? [counts] : records;
}

const isStart = (before: string) => before === '"' || /[\s,;|]/.test(before);
