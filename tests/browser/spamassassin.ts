import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface Verdict {
  score: number;
  /** The names of the rules that matched. */
  rules: string[];
}

/**
 * What SpamAssassin says of a mail as it came, by its local rules (H-09).
 * @throws what it printed, when it gives no verdict
 */
export async function spamVerdict(source: Buffer): Promise<Verdict> {
  // Local rules only, nothing of the user's, and the report whatever the score.
  const child = spawn('spamassassin', ['-L', '-x', '-t']);
  const printed = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  child.stdin.end(source);
  const [output, errors] = await printed;
  const [, status] = /^X-Spam-Status: (.*(?:\r?\n[ \t].*)*)/m.exec(output) ?? [];
  const [, score] = /score=(-?[\d.]+)/.exec(status ?? '') ?? [];
  const [, rules] = /tests=([\w,\s]*?)\s*(?:autolearn|version)=/.exec(status ?? '') ?? [];
  if (score === undefined || rules === undefined) throw new Error(`no verdict: ${errors}${output}`);
  return {
    score: Number(score),
    rules: rules.split(/[,\s]+/).filter((rule) => rule !== '' && rule !== 'none'),
  };
}
