import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import manifest from '../../package.json' with { type: 'json' };
import type { Footnote } from './footnote.ts';
import { compileCache } from './process.ts';

/** The key of the settings in tests of operators. */
export const key = 'the-key-of-the-editors-of-the-daily-example';

/** What `npm run admin --` gives to node. */
export const asByNpm = manifest.scripts.admin.split(' ').slice(1);

/** Starts a script as it is run at a terminal, its output in a pipe. */
export function startScript(env: Record<string, string>, words: readonly string[]) {
  const child = spawn(process.execPath, [...asByNpm, ...words], {
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: compileCache, ...env },
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([out, err, [code]]) => ({ out, err, code }),
  );
  return { signal: (name: NodeJS.Signals) => child.kill(name), ended };
}

/** Runs a script to its end. */
export const script = (env: Record<string, string>, words: readonly string[]) =>
  startScript(env, words).ended;

/** The scripts of whoever holds a key of this Footnote. */
export const operator =
  (footnote: Footnote, adminKey = key) =>
  (...words: string[]) =>
    script({ ADMIN_API_KEY: adminKey, ADMIN_URL: footnote.settings.baseUrl }, words);
