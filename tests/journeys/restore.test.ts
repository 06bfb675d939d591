import { spawnSync } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { checkLedgers } from '../../src/consent/check.ts';
import type { Settings } from '../../src/settings.ts';
import { key, operator } from '../harness/admin.ts';
import { find } from '../harness/debian.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { freePort } from '../harness/ports.ts';
import { runProcess } from '../harness/process.ts';
import { scratchFolder } from '../harness/scratch.ts';
import { emptyDatabase } from '../harness/template.ts';

// PostgreSQL is dumped and restored by its own programs, the embedded database by copying its folder.
const server = inject('server');
const both = ['morning-briefing', 'weekend-reads'];

function run(program: string, ...words: string[]): void {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
}

describe("restoring yesterday's backup (R-11)", { timeout: 120_000 }, () => {
  let footnote: Footnote;
  let folder: string;
  const drops: (() => Promise<void>)[] = [];
  const links = new Map<string, ReturnType<typeof linksIn>>();
  const pending = ['pending', 'not-me', 'not-wanted'].map((name) => `${name}@reader.example`);
  const backlog = Array.from({ length: 25 }, (_, n) => `backlog${n}@reader.example`);

  /** Everything in the tests is at the time of the machine, as Mailchimp and the log have no other. */
  async function signUp(email: string) {
    await footnote.signUp(email, both).expect(202);
    const mail = await confirmationOf(email);
    links.set(email, mail);
    return mail;
  }

  async function subscribe(email: string): Promise<void> {
    await footnote.http.post((await signUp(email)).confirm).expect(200);
  }

  /** Many at once take their time on a busy machine. */
  const confirmationOf = async (email: string) =>
    linksIn(await footnote.sandbox.inbox.next(isTo(email, 'confirmation')));

  const post = (email: string, query = '') =>
    footnote.http.post((links.get(email)?.unsubscribe ?? '') + query).expect(200);

  async function erase(email: string): Promise<string> {
    const { id } = await footnote.service.database.prisma.subscriber.findFirstOrThrow({
      where: { key: email },
    });
    await footnote.service.subscribing.run({ type: 'erase_person', subscriberId: id, channel: 'admin' });
    return id;
  }

  const withoutMailchimp = async () => ({
    mailchimp: {
      ...footnote.settings.mailchimp,
      baseUrl: `http://127.0.0.1:${await freePort()}/3.0`,
    },
  });

  async function dump(): Promise<void> {
    const { database } = footnote;
    if (database.kind === 'embedded') await cp(database.folder, path.join(folder, 'db'), { recursive: true });
    else run(find('pg_dump') ?? '', '-Fc', '-f', path.join(folder, 'dump'), database.url);
  }

  /** @returns a database that is as the backup is */
  async function restore(): Promise<Settings['database']> {
    if (footnote.database.kind === 'embedded') {
      const copy = path.join(folder, `restored-${drops.length}`);
      drops.push(() => rm(copy, { recursive: true }));
      await cp(path.join(folder, 'db'), copy, { recursive: true });
      return { kind: 'embedded', folder: copy };
    }
    const { settings, drop } = await emptyDatabase(server ?? '');
    drops.push(drop);
    run(find('pg_restore') ?? '', '-d', settings.url, path.join(folder, 'dump'));
    return settings;
  }

  const afterRestore = (database: Settings['database'], ...logs: string[]) =>
    runProcess(
      database.kind === 'postgres' ? { DATABASE_URL: database.url } : { DATA_DIR: database.folder },
      'src/restoring/main.ts',
      logs,
    );

  async function reconciled() {
    const { operations, database, sync } = footnote.service;
    const id = await operations.requestReconciliation({ kind: 'full', dryRun: false });
    return eventually(async () => {
      const { finishedAt, report } = await database.prisma.reconciliation.findUniqueOrThrow({
        where: { id },
      });
      expect(finishedAt).not.toBeNull();
      await sync?.idle();
      return report;
    });
  }

  const none = { 'morning-briefing': 'unsubscribed', 'weekend-reads': 'unsubscribed' };

  /** Who left by a call that Mailchimp took has left, wherever one looks. */
  async function expectGone(emails: readonly string[]): Promise<void> {
    for (const email of emails) {
      expect(await footnote.lists(email)).toEqual(none);
      expect((await footnote.member(email))?.status).toBe('unsubscribed');
    }
    expect(await footnote.lists('leaving-one@reader.example')).toEqual({
      'morning-briefing': 'subscribed',
      'weekend-reads': 'unsubscribed',
    });
    expect(await footnote.member('erased@reader.example')).toBeNull();
  }

  let erasedId: string;

  beforeAll(async () => {
    footnote = await Footnote.start({ LOG_LEVEL: 'info', ADMIN_API_KEY: key });
    folder = await scratchFolder('restore');
    for (const name of ['staying', 'leaving', 'leaving-one', 'unheard', 'erased'])
      await subscribe(`${name}@reader.example`);
    await Promise.all(pending.map(signUp));
    await footnote.service.sync?.idle();

    // When the backup is made, these have confirmed, and Mailchimp does not know yet.
    await footnote.stopService();
    await footnote.startService(await withoutMailchimp());
    await Promise.all(backlog.map(subscribe));
    await footnote.stopService();
    await dump();
  }, 120_000);
  afterAll(async () => {
    await footnote.stop();
    for (const drop of drops) await drop();
    await rm(folder, { recursive: true });
  });

  it('comes after people left, were erased and confirmed since', async () => {
    await footnote.startService();
    await footnote.hurry();
    expect((await footnote.member('backlog7@reader.example'))?.status).toBe('subscribed');
    await post('leaving@reader.example');
    await post('leaving-one@reader.example', '?list=weekend-reads');
    await Promise.all(backlog.slice(0, 24).map((email) => post(email)));
    erasedId = await erase('erased@reader.example');
    await footnote.http.post(links.get('pending@reader.example')?.confirm ?? '').expect(200);
    await footnote.http.post(links.get('not-me@reader.example')?.notMe ?? '').expect(200);
    await post('not-wanted@reader.example');
    await subscribe('new@reader.example');
    expect((await footnote.member('new@reader.example'))?.status).toBe('subscribed');
    expect((await footnote.member('backlog7@reader.example'))?.status).toBe('unsubscribed');
    expect(await footnote.member('erased@reader.example')).toBeNull();

    // The last thing before the machine is lost, and Mailchimp never hears of it.
    await footnote.stopService();
    await footnote.startService(await withoutMailchimp());
    await post('unheard@reader.example');
    await footnote.stopService();
  });

  const heard = ['leaving@reader.example', ...backlog.slice(0, 24)];

  it('by Mailchimp alone, nobody comes back who left there (I2)', async () => {
    const database = await restore();
    const { code, output } = await afterRestore(database);
    expect(output).toContain('No log was given');
    expect(code).toBe(0);
    await footnote.startService({ database });
    // Both who confirmed since are told of; one of them has links that this database never gave.
    expect(await reconciled()).toMatchObject({ strangers: 2, lost: 1 });
    await expectGone(heard);
    await footnote.stopService();
  });

  it('by the log as well, which names nobody, who left unheard and who was erased', async () => {
    expect(footnote.logged).not.toContain('@reader.example');
    const log = path.join(folder, 'footnote.log');
    // As Docker prefixes it.
    await writeFile(log, footnote.logged.replaceAll(/^/gm, 'footnote-1  | '));
    const database = await restore();
    const { code, output } = await afterRestore(database, log);
    expect(output).toContain('29 people who left since the backup have left again, and 1 are erased again.');
    expect(code).toBe(0);
    await footnote.startService({ database });
    expect(await reconciled()).toMatchObject({ strangers: 2, lost: 1 });
    await expectGone(['unheard@reader.example', ...heard]);
  });

  it('who said no before they confirmed is raised by no import, and a "not me" still keeps mails away (I2)', async () => {
    const emails = ['not-me@reader.example', 'not-wanted@reader.example'];
    const csv = path.join(folder, 'older.csv');
    await writeFile(csv, ['email', ...emails, ''].join('\n'));
    const words = ['--list', 'morning-briefing', '--consent-source', 'The form of our old site', '--json'];
    const { out } = await operator(footnote)('subscribers', 'import', csv, ...words);
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      created: 0,
      updated: 0,
      suppressed: 2,
    });
    for (const email of emails) {
      expect(await footnote.lists(email)).toEqual(none);
      expect(await footnote.member(email)).toBeNull();
    }
    const declined = await footnote.service.database.prisma.subscriber.findMany({
      where: { declinedAt: { not: null } },
    });
    expect(declined.map(({ email }) => email)).toEqual(['not-me@reader.example']);
  });

  it('the erased one stays erased (I6)', async () => {
    expect(await footnote.lists('erased@reader.example')).toEqual({});
    expect(await footnote.dump()).not.toContain('erased@reader.example');
    expect(await footnote.member('erased@reader.example')).toBeNull();
    const { ledgerSalt } = await footnote.service.database.prisma.subscriber.findUniqueOrThrow({
      where: { id: erasedId },
    });
    expect(ledgerSalt).toBeNull();
    // And what was done again stands in ledgers that are whole.
    const { checked, broken } = await checkLedgers(footnote.service.database, { after: null, limit: 100 });
    expect(checked).toBe(33);
    expect(broken).toEqual([]);
  });

  it('who stayed is still there, and who confirmed since is told of and never touched', async () => {
    for (const email of ['staying@reader.example', 'backlog24@reader.example']) {
      expect(Object.values(await footnote.lists(email))).toEqual(['subscribed', 'subscribed']);
      expect((await footnote.member(email))?.status).toBe('subscribed');
    }
    for (const email of ['new@reader.example', 'pending@reader.example'])
      expect((await footnote.member(email))?.status).toBe('subscribed');
    expect(await footnote.service.operations.doctor()).toContainEqual({
      check: 'backup',
      status: 'warning',
      message: expect.stringContaining('1 member of the audience carries links of ours'),
      remedy: expect.stringContaining('docs/operations.md'),
    });
  });
});
