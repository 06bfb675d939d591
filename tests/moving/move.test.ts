import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { checkLedgers } from '../../src/consent/check.ts';
import { beginImport, finishImport, takeRows } from '../../src/importing/importing.ts';
import { importRows } from '../../src/importing/rows.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { saveList } from '../../src/subscribing/lists.ts';
import { Footnote } from '../harness/footnote.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { runProcess } from '../harness/process.ts';
import { scratchFolder } from '../harness/scratch.ts';
import { emptyDatabase } from '../harness/template.ts';

const server = inject('server');
const people = 2_000;

describe.skipIf(server === null)('moving to PostgreSQL', () => {
  let footnote: Footnote;
  let folder: string;
  let target: Awaited<ReturnType<typeof emptyDatabase>>;
  let before: Record<string, string>;
  let links: Awaited<ReturnType<Footnote['subscribe']>>;
  let pending: Awaited<ReturnType<Footnote['mailTo']>>;

  const move = (url: string) => runProcess({ DATA_DIR: folder }, 'src/moving/main.ts', ['--to', url]);

  beforeAll(async () => {
    footnote = await Footnote.start();
    await footnote.stopService();
    folder = await scratchFolder('moving');
    target = await emptyDatabase(server ?? '');
    await footnote.startService({ database: { kind: 'embedded', folder } });
    const { database, subscribing } = footnote.service;
    await offerDemoLists(database);

    // Before the crowd, which keeps one connection busy for a while.
    const lists = ['morning-briefing', 'weekend-reads'];
    links = await footnote.subscribe('ann@reader.example', lists);
    const ben = await footnote.subscribe('ben@reader.example', lists);
    await footnote.http.post(ben.unsubscribe).expect(200);
    await footnote.signUp('cem@reader.example').expect(202);
    pending = await footnote.mailTo('cem@reader.example', 'confirmation');
    await footnote.mailsNoted();
    // The queue goes by the clock of the machine.
    footnote.advance(-4 * 60_000);

    const importing = { database, subscribing, now: () => footnote.now() };
    const wish = { digest: 'a file', file: 'people.csv', lists, source: 'A box at our shop', key: 'editor' };
    const { id } = await beginImport(importing, wish);
    for (let from = 0; from < people; from += 1_000) {
      const rows = Array.from({ length: 1_000 }, (_, n) => ({
        email: `Reader${from + n}@reader.example`,
        // What a text may hold that tables and arrays are written with.
        firstName: `Änn "${n}" (of, {them}) \\N O'Hara`,
      }));
      await takeRows(importing, id, from, importRows.parse(rows));
    }
    await finishImport(importing, id);
  }, 120_000);
  afterAll(async () => {
    await footnote.stop();
    await target.drop();
    await rm(folder, { recursive: true });
  });

  it('says what it needs when it is used wrongly', async () => {
    const { code, output } = await runProcess({ DATA_DIR: folder }, 'src/moving/main.ts', ['--to', 'there']);
    expect(code).toBe(2);
    expect(output).toContain('npm run move -- --to postgresql://');
  });

  it('touches nothing while there is nowhere to go', async () => {
    const { code, output } = await move('postgresql://footnote@127.0.0.1:9/footnote');
    expect(code).toBe(1);
    expect(output).toBe('The move failed: connect ECONNREFUSED 127.0.0.1:9\n');
  });

  it('waits for Footnote to be stopped', async () => {
    const { code, output } = await move(target.settings.url);
    expect(code).toBe(1);
    expect(output).toContain('is in use by another Footnote process: stop that one');
  });

  it('refuses a database in which there are people already', async () => {
    await footnote.stopService();
    // The one of the tests has lists.
    const other = footnote.database.kind === 'postgres' ? footnote.database.url : '';
    const { code, output } = await move(other);
    expect(code).toBe(1);
    expect(output).toContain('there are mailing lists in that database already: name one that is empty');
  });

  it('moves everybody, compared table by table, and says what to do next', async () => {
    // A mail that the mail server did not take goes with them.
    await footnote.startService({
      database: { kind: 'embedded', folder },
      smtp: { ...footnote.settings.smtp, url: 'smtp://127.0.0.1:9' },
    });
    await footnote.signUp('dan@reader.example').expect(202);
    before = await footnote.fingerprint();
    await footnote.stopService();

    const { code, output } = await move(target.settings.url);
    expect(output).toMatch(/^public\.subscribers +2004 rows, [0-9a-f]{32}$/m);
    expect(output).toContain('Owed mails queued there: 1.');
    expect(output).toContain('Now set DATABASE_URL in .env');
    expect(code).toBe(0);
  });

  it('closes the old database, in which who leaves from now on would still be', async () => {
    const { code, output } = await move(target.settings.url);
    expect(code).toBe(1);
    expect(output).toContain('was moved to a PostgreSQL: set DATABASE_URL to that one');
  });

  it('loses nothing: every row is there, and every ledger is whole', async () => {
    // Without the parts that would change something.
    await footnote.startService({ database: target.settings, role: 'web' });
    const { _prisma_migrations: _, ...after } = await footnote.fingerprint();
    const { _prisma_migrations: __, ...left } = before;
    expect(after).toEqual(left);

    const { database } = footnote.service;
    let checked = 0;
    for (let after: string | null = null; ; ) {
      const report = await checkLedgers(database, { after, limit: 1_000 });
      checked += report.checked;
      expect(report.broken).toEqual([]);
      if (report.next === null) break;
      after = report.next;
    }
    expect(checked).toBe(people + 4);
  });

  it('keeps the rules of the tables, and goes on counting', async () => {
    const { database } = footnote.service;
    await expect(database.query('DELETE FROM consent_events')).rejects.toThrow('append-only');
    await saveList(database, { slug: 'new', name: 'New', description: '', position: 9 });
    const [row] = await database.query<{ id: number }>(`SELECT id FROM mailing_lists WHERE slug = 'new'`);
    expect(row?.id).toBe(4);
    await footnote.stopService();
  });

  it('lets owed mails go out, pending confirmations confirm, and old links work', async () => {
    await footnote.startService({ database: target.settings });
    const owed = await footnote.sandbox.inbox.next(isTo('dan@reader.example', 'confirmation'), 15_000);
    await footnote.http.post(linksIn(owed).confirm).expect(200);
    await footnote.http.post(pending.confirm).expect(200);
    await footnote.http.post(links.unsubscribe).expect(200);
    expect(await footnote.lists('dan@reader.example')).toEqual({ 'morning-briefing': 'subscribed' });
    expect(await footnote.lists('cem@reader.example')).toEqual({ 'morning-briefing': 'subscribed' });
    expect(await footnote.lists('ann@reader.example')).toEqual({
      'morning-briefing': 'unsubscribed',
      'weekend-reads': 'unsubscribed',
    });
    expect((await footnote.member('cem@reader.example'))?.status).toBe('subscribed');
    expect((await footnote.member('ann@reader.example'))?.status).toBe('unsubscribed');
    expect((await footnote.member('ben@reader.example'))?.status).toBe('unsubscribed');
    expect((await footnote.member('reader1999@reader.example'))?.status).toBe('subscribed');
  });
});
