import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { span } from '../../platform/text.ts';
import { batchTaken, importBegun, importPreview, importState, next, undoneRows } from '../shapes.ts';
import { call, Failure, Refused, Unanswered } from './call.ts';
import { batchesByPerson, type Placed } from './import/byPerson.ts';
import { parseMapping } from './import/columns.ts';
import { type ImportFile, openImport } from './import/importFile.ts';
import { openRejects, type RejectsFile } from './import/rejects.ts';
import type { ImportRow } from './import/rows.ts';
import { harmless, type Json, print, progress, table } from './output.ts';

type Counts = z.infer<typeof importPreview>['counts'];
type Rejected = z.infer<typeof importPreview>['rejected'];

interface Wish {
  list: string[];
  map?: string;
  consentSource: string;
  rejects?: string;
  dryRun?: boolean;
  json?: boolean;
}

/** Rows in a batch. A part of the digest, since what broke off goes on at the same places. */
export const batchSize = 1_000;
/** Seconds between the tries to reach a server that does not answer. */
const patience = [1, 2, 4, 8, 15, 30];

/** `subscribers import`, and `imports ls|undo` */
export function addImportCommands(program: Command, subscribers: Command): void {
  subscribers
    .command('import')
    .description('bring people over from another system: CSV, our own export, or a zip of Mailchimp')
    .argument('<file>')
    .option(
      '--list <slug>',
      'the list that they are on; several are possible',
      (slug, slugs: string[]) => [...slugs, slug],
      [],
    )
    .option(
      '--map <field=column,...>',
      'where a field is, if it was not guessed: email=Mail,first_name=Vorname',
    )
    .requiredOption('--consent-source <text>', 'where their consent comes from; kept as proof')
    .option(
      '--rejects <file>',
      'where to write the rows that were not taken, a new file; FILE.rejects.csv by default',
    )
    .option('--dry-run', 'read all of it, count, and change nothing')
    .option('--json', 'for machines: the last line holds the counts')
    .addHelpText(
      'after',
      `
Who opted out here is never subscribed by an import, and who opted out in the file neither. What broke off goes on
where it was, when the same command is run again.

Examples:
  npm run admin -- subscribers import readers.csv --list morning-briefing --dry-run \\
    --consent-source "Sign-up form of the old site, double opt-in since 2019"
  npm run admin -- subscribers import audience_export.zip --list morning-briefing --list weekend-reads \\
    --map email="Email Address" --consent-source "Mailchimp, exported on 1 March 2026"
  npm run admin -- subscribers import audience_export.zip --map list=Newsletters --dry-run \\
    --consent-source "Mailchimp, where the group Newsletters has a name for each list"`,
    )
    .action(async (file: string, wish: Wish, command: Command) => {
      if (wish.map !== undefined) refuseWrongUse(command, wish.map);
      await importFile(file, wish);
    });

  const imports = program.command('imports').description('what was imported');

  imports
    .command('ls')
    .description('all imports, the newest first')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- imports ls')
    .action(async ({ json = false }: { json?: boolean }) => {
      print(await everyImport(), json, (imports) =>
        table(
          imports.map(({ id, createdAt, file, rows, state, activeAt }) => [
            id,
            createdAt.slice(0, 16),
            rows,
            standing(span(Math.max(0, Date.now() - Date.parse(activeAt)) / 1000))[state],
            harmless(file),
          ]),
        ),
      );
    });

  imports
    .command('undo')
    .description('take an import back: whoever is subscribed by it alone is not any more')
    .argument('<id>', '`imports ls` shows it')
    .option('--dry-run', 'count what would end and what would stay, and change nothing')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  npm run admin -- imports undo 019ac1d2-7c1e-7000-8000-5f3c2a1b0d9e')
    .action(async (id: string, { dryRun = false, json = false }: Json & { dryRun?: boolean }) => {
      const { rows } = await call(importState, 'GET', `/imports/${encodeURIComponent(id)}`).catch(
        (error: unknown) => {
          if (error instanceof Refused && error.status === 404)
            throw new Failure(`there is no import ${id}: \`imports ls\` shows all`);
          throw error;
        },
      );
      const bar = progress('rows');
      const sum = { undone: 0, kept: 0 };
      try {
        for (let after: number | null = null; ; ) {
          const page: z.infer<typeof undoneRows> = await patiently(() =>
            dryRun
              ? call(undoneRows, 'GET', `/imports/${id}/undo${after === null ? '' : `?after=${after}`}`)
              : call(undoneRows, 'POST', `/imports/${id}/undo`, { after }),
          );
          sum.undone += page.undone;
          sum.kept += page.kept;
          after = page.after;
          if (after === null) break;
          bar.at(after / Math.max(rows, 1), sum.undone + sum.kept);
        }
      } finally {
        bar.stop();
      }
      print(sum, json, ({ undone, kept }) =>
        dryRun
          ? [`${undone} would not be subscribed by it any more, ${kept} would stay.`, 'Nothing was changed.']
          : [`${undone} are not subscribed by it any more, ${kept} stay as they are.`],
      );
    });
}

const importPage = z.object({ imports: z.array(importState), next });

async function everyImport(): Promise<z.infer<typeof importState>[]> {
  const all: z.infer<typeof importState>[] = [];
  for (let query: string | null = ''; query !== null; ) {
    const page: z.infer<typeof importPage> = await call(importPage, 'GET', `/imports${query}`);
    all.push(...page.imports);
    query = page.next === null ? null : `?cursor=${page.next}`;
  }
  return all;
}

/** How an import stands, by its state. */
const standing = (since: string) => ({
  done: 'done',
  undone: 'undone',
  undoing: `taken back in part, last heard of ${since} ago; if that broke off, \`imports undo\` again goes on`,
  under_way: `under way, last heard of ${since} ago`,
  broken_off: `broken off ${since} ago, run the same command to go on`,
});

function refuseWrongUse(command: Command, map: string): void {
  try {
    parseMapping(map);
  } catch (error) {
    if (error instanceof Failure) command.error(`error: ${error.message}`);
    throw error;
  }
}

async function importFile(file: string, wish: Wish): Promise<void> {
  const { list: lists, map, consentSource: source, json = false, dryRun = false } = wish;
  const opened = await openImport(file, { map, scope: [String(batchSize)] });
  try {
    await using rejects = await openRejects(file, wish.rejects, opened.columns);
    const begin = { digest: opened.digest, file: path.basename(file), lists, source };
    const begun = dryRun ? null : await call(importBegun, 'POST', '/imports', begin);
    tellWhatWasFound(opened, json, { import: begun?.id ?? null, rejects: rejects.path });
    const total = await sendAll(opened, rejects, begun === null ? previewing(lists) : taking(begun));
    if (begun !== null && begun.finishedAt === null)
      await patiently(() => call(importState, 'POST', `/imports/${begun.id}/finish`));
    const reasons = await rejects.close();
    print(total, json, (counts) => [
      ...table(Object.entries(counts)),
      ...rejectedLines(reasons, rejects.path),
      ...(begun === null
        ? ['Nothing was changed.']
        : [
            ...(begun.finishedAt === null ? [] : ['This file was imported before.']),
            `To take it back: npm run admin -- imports undo ${begun.id}`,
          ]),
    ]);
  } finally {
    opened.close();
  }
}

const mostReasonsTold = 5;

function rejectedLines(reasons: readonly [reason: string, rows: number][], file: string): string[] {
  if (reasons.length === 0) return [];
  const told = reasons.slice(0, mostReasonsTold).map(([reason, rows]) => `  ${rows}  ${harmless(reason)}`);
  const more = reasons.length > told.length ? ['  and more'] : [];
  return [`Rows that were not taken: ${file}`, ...told, ...more];
}

function tellWhatWasFound(
  { guess, leftOut, columns }: ImportFile,
  json: boolean,
  begun: { import: string | null; rejects: string },
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...begun, guess, leftOut, columns })}\n`);
    return;
  }
  const lines = guess.flatMap(({ file, columns }) => [`${file}:`, ...columns.map((column) => `  ${column}`)]);
  if (leftOut.length > 0) lines.push(`passed over: ${leftOut.join(', ')}`);
  process.stdout.write(lines.map((line) => `${harmless(line)}\n`).join(''));
}

const nothingYet: Counts = { created: 0, updated: 0, unchanged: 0, suppressed: 0, rejected: 0 };

/** How rows reach the server, batch by batch. */
interface Way {
  /** Until when a time in the file is one: the same for all that is sent of an import, or it would be other rows. */
  now: Date;
  batches(rows: AsyncIterable<Placed>): AsyncIterable<Placed[]>;
  /** How far it is, when so many rows were read and so many sent. */
  done(read: number, sent: number): number;
  send(from: number, rows: ImportRow[]): Promise<{ counts: Counts; rejected: Rejected }>;
}

const taking = ({ id, createdAt }: z.infer<typeof importBegun>): Way => ({
  now: new Date(createdAt),
  batches: inOrder,
  done: (_, sent) => sent,
  send: (from, rows) => call(batchTaken, 'POST', `/imports/${id}/rows`, { from, rows }),
});

/**
 * A preview knows of no other, so each is given all rows of its people, and they are added up here. All are read before
 * the first is sent, which is the half of it.
 */
function previewing(lists: string[]): Way {
  const sum = { ...nothingYet };
  return {
    now: new Date(),
    batches: (rows) => batchesByPerson(rows, batchSize),
    done: (read, sent) => (read + sent) / 2,
    async send(from, rows) {
      const { counts, rejected } = await call(importPreview, 'POST', '/imports/preview', { lists, rows });
      for (const outcome of Object.keys(sum) as (keyof Counts)[]) sum[outcome] += counts[outcome];
      return { counts: { ...sum }, rejected: rejected.map((one) => ({ ...one, row: one.row + from })) };
    },
  };
}

async function* inOrder(rows: AsyncIterable<Placed>): AsyncGenerator<Placed[], void, undefined> {
  let batch: Placed[] = [];
  for await (const placed of rows) {
    batch.push(placed);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/**
 * Sends all rows in batches, one under way while the next is read, and writes down who was refused, by us or by the
 * server. Everything is sent from the beginning, as what the server has already taken it answers alike and does not
 * do again. @returns the counts of the server, and with them the rows that it was never sent
 */
async function sendAll(opened: ImportFile, rejects: RejectsFile, way: Way): Promise<Counts> {
  const bar = progress('rows');
  let counts = nothingYet;
  let [read, unread, sent, answered] = [0, 0, 0, 0];
  let underWay: Promise<void> = Promise.resolve();

  const tell = () => {
    const done = way.done(read, answered);
    bar.at((opened.progress() * done) / Math.max(read, 1), Math.round(done));
  };

  async function* readable(): AsyncGenerator<Placed, void, undefined> {
    for await (const entry of opened.entries(way.now)) {
      if ('row' in entry) {
        yield entry;
        read += 1;
        if (read % batchSize === 0) tell();
      } else {
        unread += 1;
        await rejects.write(entry.origin, entry.reason);
      }
    }
  }

  async function send(from: number, batch: readonly Placed[]): Promise<void> {
    const rows = batch.map(({ row }) => row);
    const taken = await patiently(() => way.send(from, rows));
    counts = taken.counts;
    for (const { row, reason } of taken.rejected) {
      const origin = batch[row - from]?.origin;
      if (origin !== undefined) await rejects.write(origin, reason);
    }
    answered += batch.length;
    tell();
  }

  try {
    for await (const batch of way.batches(readable())) {
      await underWay;
      underWay = send(sent, batch);
      sent += batch.length;
      // Awaited when the next batch is ready; a failure is not lost until then.
      underWay.catch(() => {});
    }
    await underWay;
    return { ...counts, rejected: counts.rejected + unread };
  } finally {
    bar.stop();
  }
}

/** Tries again while no answer comes, or the server is in trouble, as every batch may be sent twice. */
async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (const seconds of patience) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      await pause(seconds * 1000);
    }
  }
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    throw new Failure(
      `${error.message.replace(/\.$/, '')}. Run the same command again: it goes on where it was.`,
    );
  }
}
