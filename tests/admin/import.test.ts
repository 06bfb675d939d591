import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openImport } from '../../src/admin/cli/import/importFile.ts';
import { batchSize } from '../../src/admin/cli/import.ts';
import { key, operator } from '../harness/admin.ts';
import { Footnote } from '../harness/footnote.ts';
import { day } from '../subscribing/model.ts';
import { put, putZip } from './import/reading.ts';

let footnote: Footnote;
const admin = (...words: string[]) => operator(footnote)(...words);
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key });
});
afterAll(() => footnote.stop());

const source = ['--consent-source', 'The form of our old site, double opt-in'];

/** Runs an import. @returns what its `--json` begins and ends with */
async function imports(...words: string[]) {
  const { out, err, code } = await admin('subscribers', 'import', ...words, ...source, '--json');
  const lines = out.trim().split('\n');
  return { code, err, begun: JSON.parse(lines[0] ?? ''), counts: JSON.parse(lines.at(-1) ?? '') };
}

describe('an operator who brings people over', () => {
  it('is shown first what would come of it, and nothing is changed', async () => {
    const file = await put('E-Mail;Vorname\r\nann@reader.example;Änn\r\nnobody;X\r\n');
    const { out, code } = await admin(
      'subscribers',
      'import',
      file,
      '--list',
      'morning-briefing',
      '--dry-run',
      ...source,
    );
    expect(code).toBe(0);
    expect(out).toContain('email <- E-Mail');
    expect(out).toContain('first_name <- Vorname');
    expect(out).toMatch(/^created +1$/m);
    expect(out).toMatch(/^rejected +1$/m);
    expect(out).toContain('  1  The email address has no @');
    expect(out).toContain('Nothing was changed.');
    expect(await footnote.service.database.prisma.subscriber.count()).toBe(0);
    expect(await footnote.service.database.prisma.import.count()).toBe(0);
  });

  it('has them subscribed with their proof, once, and Mailchimp follows', async () => {
    const file = await put(
      'email,first name,consent date,ip\nbea@reader.example,Bea,2024-05-06 07:08:09,198.51.100.7\n' +
        'ben@reader.example,,,\nben@reader.example,,,\nbroken,,,\n',
    );
    const first = await imports(file, '--list', 'morning-briefing', '--list', 'weekend-reads');
    expect(first.counts).toEqual({ created: 2, updated: 0, unchanged: 1, suppressed: 0, rejected: 1 });
    expect(await footnote.lists('bea@reader.example')).toEqual({
      'morning-briefing': 'subscribed',
      'weekend-reads': 'subscribed',
    });
    const rejected: Record<string, string>[] = parse(await readFile(`${file}.rejects.csv`, 'utf8'), {
      bom: true,
      columns: true,
    });
    expect(rejected).toMatchObject([{ line: '5', email: 'broken', reason: expect.stringContaining('@') }]);
    expect((await footnote.member('bea@reader.example'))?.status).toBe('subscribed');

    const { out } = await admin('consent', 'prove', 'bea@reader.example', '--format', 'json');
    const proof = JSON.parse(out);
    expect(proof.events).toMatchObject([{ kind: 'imported', channel: 'import' }]);
    expect(out).toContain('The form of our old site, double opt-in');
    expect(out).toContain('2024-05-06T07:08:09.000Z');
    expect(out).toContain('198.51.100.7');

    // The same file again is known; another file with the same people changes nothing.
    expect((await imports(file, '--list', 'morning-briefing', '--list', 'weekend-reads')).counts).toEqual(
      first.counts,
    );
    const other = await put('email\nBEA@reader.example\nben@reader.example\n');
    expect((await imports(other, '--list', 'morning-briefing')).counts).toEqual({
      created: 0,
      updated: 0,
      unchanged: 2,
      suppressed: 0,
      rejected: 0,
    });
    expect(await footnote.mails('bea@reader.example')).toEqual([]);
  });

  it('never subscribes who opted out here, was erased, or opted out in the file (I2, C-26)', async () => {
    const { unsubscribe } = await footnote.subscribe('left@reader.example');
    await footnote.http.post(unsubscribe).expect(200);
    await footnote.subscribe('erased@reader.example');
    await footnote.mailsNoted();
    expect((await admin('erase', 'erased@reader.example', '--yes')).code).toBe(0);
    const file = await put(
      'email;status;unsubscribed at\nleft@reader.example;subscribed;\nerased@reader.example;subscribed;\n' +
        'gone@reader.example;subscribed;\ngone@reader.example;unsubscribed;2025-01-02\nnew@reader.example;subscribed;\n',
    );
    const { counts } = await imports(file, '--list', 'morning-briefing');
    expect(counts).toEqual({ created: 1, updated: 0, unchanged: 0, suppressed: 4, rejected: 0 });
    expect(await footnote.lists('left@reader.example')).toEqual({ 'morning-briefing': 'unsubscribed' });
    expect(await footnote.lists('gone@reader.example')).toEqual({ 'morning-briefing': 'unsubscribed' });
    expect(await footnote.lists('erased@reader.example')).toEqual({});
  });

  it('takes every row that can be taken, however long the cells of others are', async () => {
    const long = 'x'.repeat(5_000);
    const file = await put(
      `email,first name,language,list,status\nlong-name@reader.example,${long},,,subscribed\n` +
        `long-language@reader.example,,${long},,subscribed\nlong-list@reader.example,,,${long},subscribed\n` +
        `long-left@reader.example,${long},${long},,unsubscribed\n`,
    );
    const { code, counts } = await imports(file, '--list', 'morning-briefing');
    expect(code).toBe(0);
    expect(counts).toEqual({ created: 1, updated: 0, unchanged: 0, suppressed: 1, rejected: 2 });
    expect(await footnote.lists('long-left@reader.example')).toEqual({ 'morning-briefing': 'unsubscribed' });
  });

  it('is told before what comes of it, also of who stands in it twice far apart', async () => {
    const people = Array.from({ length: batchSize + 100 }, (_, n) => `apart${n}@reader.example`);
    const lines = [
      ...people.map((email) => `${email},subscribed,`),
      ...people.map((email) => `${email.toUpperCase()},subscribed,`),
      ...people.slice(0, 1_050).map((email) => `${email},unsubscribed,`),
      `${people[0]},subscribed,Klingon of old`,
      'nobody,subscribed,',
    ];
    const words = [await put(`email,state,language\n${lines.join('\n')}\n`), '--list', 'weekend-reads'];
    const dry = await imports(...words, '--dry-run');
    const told = { created: 50, updated: 0, unchanged: 50, suppressed: 3_150, rejected: 2 };
    expect(dry.counts).toEqual(told);
    expect(await footnote.lists('apart0@reader.example')).toEqual({});
    const real = await imports(...words);
    expect(real.counts).toEqual(told);
    const reject = async ({ begun: { rejects } }: typeof real) => readFile(rejects, 'utf8');
    expect(await reject(real)).toContain('Klingon of old');
    expect((await reject(dry)).split('\n').sort()).toEqual((await reject(real)).split('\n').sort());
    expect(dry.begun.rejects).not.toBe(real.begun.rejects);
  });

  it('changes nothing where the rows that are not taken could not be written', async () => {
    const file = await put('email\nunwritten@reader.example\n');
    for (const [rejects, why] of [
      ['/nonexistent/x.csv', 'name another place with --rejects'],
      [file, 'is the file that is to be imported'],
    ] as const) {
      const words = [
        'subscribers',
        'import',
        file,
        '--list',
        'weekend-reads',
        '--rejects',
        rejects,
        ...source,
      ];
      const { code, err } = await admin(...words);
      expect({ code, lines: err.trim().split('\n') }).toEqual({
        code: 1,
        lines: [expect.stringContaining(why)],
      });
    }
    expect(await readFile(file, 'utf8')).toBe('email\nunwritten@reader.example\n');
    expect(await footnote.lists('unwritten@reader.example')).toEqual({});
  });

  it('goes on with the same rows, also when a time that lay in the future has come', async () => {
    const consentedAt = new Date();
    const file = await put(
      `email,consented at\nsoon@reader.example,${consentedAt.toISOString()}\ntime-1@reader.example,\ntime-2@reader.example,\n`,
    );
    const { digest } = await openImport(file, { scope: [String(batchSize)] });
    const api = (path: string, body: object) =>
      footnote.http.post(`/admin/api/imports${path}`).auth(key, { type: 'bearer' }).send(body).expect(200);
    footnote.advance(-day);
    const wish = { digest, file: 'people.csv', lists: ['morning-briefing'], source: source[1] };
    const { id } = (await api('', wish)).body;
    // The first row was not sent, as its time had not come; then it broke off.
    const rows = [{ email: 'time-1@reader.example' }, { email: 'time-2@reader.example' }];
    await api(`/${id}/rows`, { from: 0, rows });
    footnote.advance(day);

    const { begun, counts } = await imports(file, '--list', 'morning-briefing');
    expect(begun.import).toBe(id);
    expect(counts).toEqual({ created: 2, updated: 0, unchanged: 0, suppressed: 0, rejected: 1 });
    expect(await readFile(`${file}.rejects.csv`, 'utf8')).toContain('soon@reader.example');
  });

  it("takes Mailchimp's own export as it is", async () => {
    const head =
      '"Email Address","First Name","OPTIN_TIME","OPTIN_IP","CONFIRM_TIME","CONFIRM_IP","LAST_CHANGED"';
    const file = await putZip({
      'subscribed_email_audience_export_ab12.csv':
        `${head}\n"mc-on@reader.example","Ona","2023-01-01 10:00:00","198.51.100.9","2023-01-01 10:05:00","198.51.100.9","2023-01-01 10:05:00"\n` +
        '"mc-off@reader.example","Off","2023-01-01 10:00:00","","","","2023-01-01 10:05:00"\n',
      'unsubscribed_email_audience_export_ab12.csv': `${head},"UNSUB_TIME"\n"mc-off@reader.example","Off","","","","","","2024-02-02 10:00:00"\n`,
      'cleaned_email_audience_export_ab12.csv': `${head},"CLEAN_TIME"\n"mc-gone@reader.example","","","","","","","2024-02-02 10:00:00"\n`,
      'nonsubscribed_email_audience_export_ab12.csv': `${head}\n"mc-never@reader.example","","","","","",""\n`,
    });
    const { counts } = await imports(file, '--list', 'science-weekly');
    expect(counts).toEqual({ created: 1, updated: 0, unchanged: 0, suppressed: 3, rejected: 1 });
    const states = ['on', 'off', 'gone', 'never'].map((who) => footnote.lists(`mc-${who}@reader.example`));
    expect(await Promise.all(states)).toEqual([
      { 'science-weekly': 'subscribed' },
      { 'science-weekly': 'unsubscribed' },
      { 'science-weekly': 'unsubscribed' },
      {},
    ]);
  });

  it('is told by a dry run what taking it back comes to, with the opt-outs that stay', async () => {
    const file = await put(
      'email,status\nleft@reader.example,unsubscribed\njoined@reader.example,subscribed\n',
    );
    const { begun } = await imports(file, '--list', 'weekend-reads');
    const would = await admin('imports', 'undo', begun.import, '--dry-run', '--json');
    expect(JSON.parse(would.out)).toEqual({ undone: 1, kept: 1 });
    expect(await footnote.lists('joined@reader.example')).toEqual({ 'weekend-reads': 'subscribed' });
    const did = await admin('imports', 'undo', begun.import, '--json');
    expect(JSON.parse(did.out)).toEqual(JSON.parse(would.out));
  });

  it('can take it back, see how each stands, and import again', async () => {
    const file = await put('email\nwrong-1@reader.example\nwrong-2@reader.example\n');
    const { begun } = await imports(file, '--list', 'weekend-reads');
    await footnote.member('wrong-1@reader.example');
    const would = await admin('imports', 'undo', begun.import, '--dry-run');
    expect(would.out).toBe('2 would not be subscribed by it any more, 0 would stay.\nNothing was changed.\n');
    expect(await footnote.lists('wrong-1@reader.example')).toEqual({ 'weekend-reads': 'subscribed' });
    expect((await admin('imports', 'ls')).out).toMatch(new RegExp(`^${begun.import} .* done `, 'm'));
    const undone = await admin('imports', 'undo', begun.import, '--json');
    expect(JSON.parse(undone.out)).toEqual({ undone: 2, kept: 0 });
    expect(await footnote.lists('wrong-1@reader.example')).toEqual({ 'weekend-reads': 'unsubscribed' });
    expect((await footnote.member('wrong-1@reader.example'))?.status).not.toBe('subscribed');
    expect((await admin('imports', 'ls')).out).toMatch(
      new RegExp(`^${begun.import} .* undone +${path.basename(file)}$`, 'm'),
    );

    // One that was begun by a script that was killed, here by its first request alone.
    const wish = { digest: 'f'.repeat(64), file: 'half.csv', lists: ['weekend-reads'], source: 'A box' };
    const authorization = { Authorization: `Bearer ${key}` };
    const half = await footnote.http.post('/admin/api/imports').set(authorization).send(wish).expect(200);
    const shown = async () => (await admin('imports', 'ls')).out.split('\n')[0];
    expect(await shown()).toMatch(/ 0 {2}under way, last heard of \d+ seconds? ago +half\.csv$/);
    await footnote.service.database.query(
      `UPDATE imports SET active_at = now() - interval '130 minutes' WHERE id = $1::uuid`,
      [half.body.id],
    );
    expect(await shown()).toMatch(
      / 0 {2}broken off 2 hours ago, run the same command to go on {2}half\.csv$/,
    );

    const again = await imports(file, '--list', 'weekend-reads');
    expect(again.begun.import).not.toBe(begun.import);
    expect(await footnote.lists('wrong-1@reader.example')).toEqual({ 'weekend-reads': 'subscribed' });
    expect((await footnote.member('wrong-1@reader.example'))?.status).toBe('subscribed');
  });

  it('moves everybody to another Footnote by export and import, opt-outs too', async () => {
    const { out } = await admin('subscribers', 'export');
    const file = await put(out, 'export.csv');
    const other = await Footnote.start({ ADMIN_API_KEY: key });
    try {
      const words = ['subscribers', 'import', file, ...source, '--json'];
      const moved = await operator(other)(...words);
      expect(moved.code).toBe(0);
      const told: Record<string, string>[] = parse(out, { bom: true, columns: true });
      const again: Record<string, string>[] = parse((await operator(other)('subscribers', 'export')).out, {
        bom: true,
        columns: true,
      });
      const standing = (rows: Record<string, string>[]) =>
        rows.map(({ email, list, state }) => `${email} ${list} ${state}`).sort();
      // Whom only an import that was taken back had put on a list, nobody has to move.
      const chosen = standing(told.filter(({ state }) => state !== 'undone'));
      expect(standing(again)).toEqual(chosen);
      expect(chosen.length).toBeGreaterThan(8);
    } finally {
      await other.stop();
    }
  });

  it('leaves no trace of who was erased, whatever a file says of them, and lets them come back themselves (I6, C-26)', async () => {
    const email = 'forgotten@reader.example';
    await footnote.subscribe(email, ['morning-briefing'], { firstName: 'Vanessa' });
    await footnote.mailsNoted();
    expect((await admin('erase', email, '--yes')).code).toBe(0);
    const file = await put(
      'email,status,first name,ip\nForgotten@Reader.example,subscribed,Vanessa,198.51.100.77\n' +
        'forgotten@reader.example,unsubscribed,Vanessa,198.51.100.77\nforgotten@reader.example,cleaned,Vanessa,198.51.100.77\n',
    );
    const words = [file, '--list', 'morning-briefing', '--list', 'weekend-reads'];
    const suppressed = { created: 0, updated: 0, unchanged: 0, suppressed: 3, rejected: 0 };
    expect((await imports(...words, '--dry-run')).counts).toEqual(suppressed);
    expect((await imports(...words)).counts).toEqual(suppressed);
    expect(await footnote.dump()).not.toMatch(/forgotten@reader|vanessa|198\.51\.100\.77/i);
    expect((await footnote.member(email))?.status).not.toBe('subscribed');
    expect((await admin('subscribers', 'export')).out).not.toMatch(/forgotten/i);

    await footnote.subscribe(email, ['weekend-reads']);
    expect(await footnote.lists(email)).toEqual({ 'weekend-reads': 'subscribed' });
    const again = await put('email,status\nforgotten@reader.example,subscribed\n');
    const { counts } = await imports(again, '--list', 'weekend-reads', '--list', 'morning-briefing');
    expect(counts).toEqual({ ...suppressed, suppressed: 1 });
    expect(await footnote.lists(email)).toEqual({ 'weekend-reads': 'subscribed' });
    expect((await admin('subscribers', 'export')).out.match(/forgotten@reader/g)).toHaveLength(1);
  });

  it('is told what is wrong: exit 1 for a failure, 2 for wrong use', async () => {
    const file = await put('name\nAnn\n');
    const columnless = await admin('subscribers', 'import', file, '--list', 'weekend-reads', ...source);
    expect(columnless.code).toBe(1);
    expect(columnless.err).toContain('--map');
    // Nothing of a file steers the terminal.
    const steering = '\x1b]0;yours\x07';
    const strange = await put(`email,${steering}\nann@reader.example,\n`);
    const words = ['--list', 'weekend-reads', '--dry-run', '--map', `first_name=${steering}`, ...source];
    const shown = await admin('subscribers', 'import', strange, ...words);
    expect(shown).toMatchObject({ code: 0, out: expect.stringContaining('first_name <- ') });
    const refused = await admin('subscribers', 'import', await put(`name${steering}\nAnn\n`), ...words);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--map') });
    expect(shown.out + refused.err).not.toMatch(/(?!\n)\p{Cc}/u);
    const good = await put('email\nann@reader.example\n');
    expect((await admin('subscribers', 'import', good, '--list', 'nothing', ...source)).err).toBe(
      'There is no mailing list nothing on offer.\n',
    );
    expect((await admin('subscribers', 'import', good, '--list', 'weekend-reads')).code).toBe(2);
    expect((await admin('subscribers', 'import', good, '--map', 'mail=x', ...source)).code).toBe(2);
    expect(
      (await admin('subscribers', 'import', 'no-such-file.csv', '--list', 'weekend-reads', ...source)).code,
    ).toBe(1);
  });
});

describe('an operator who is asked for proof, or for erasure', () => {
  it('prints one page for people', async () => {
    await footnote.subscribe('prove@reader.example', ['morning-briefing'], {
      source: 'https://news.example/a',
    });
    await footnote.mailsNoted();
    const { out, code } = await admin('consent', 'prove', 'prove@reader.example');
    expect(code).toBe(0);
    expect(out).toMatch(/^<!doctype html>/);
    expect(out).toContain('https://news.example/a');
    expect(out).not.toMatch(/<script|src="http|href="http/);
    expect((await admin('consent', 'prove', 'nobody@reader.example')).code).toBe(1);
  });

  it('checks the whole ledger, and is told the first broken entry', async () => {
    const whole = await admin('consent', 'verify');
    expect(whole).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+ people, \d+ entries, all whole$/m),
    });
    const { database } = footnote.service;
    const { id } = await database.prisma.subscriber.findUniqueOrThrow({
      where: { key: 'prove@reader.example' },
    });
    await database.transaction(async (tx) => {
      await tx.query('SET LOCAL session_replication_role = replica');
      await tx.query(
        "UPDATE consent_events SET at = at + interval '1 day' WHERE subscriber_id = $1 AND seq = 2",
        [id],
      );
    });
    const broken = await admin('consent', 'verify');
    expect(broken.code).toBe(1);
    expect(broken.out).toMatch(new RegExp(`^${id} entry 2: `, 'm'));
  });

  it('says what erasing would do, and does it with --yes', async () => {
    await footnote.subscribe('forget@reader.example');
    await footnote.member('forget@reader.example');
    const would = await admin('erase', 'forget@reader.example');
    expect(would.out).toMatch(
      /lists that they leave +\S+\n.*\n.*\n.*\n +Mailchimp +is told to delete them for good$/m,
    );
    expect(would.out).toContain('Say --yes to do it.');
    const counted = JSON.parse((await admin('erase', 'forget@reader.example', '--dry-run', '--json')).out);
    const { prisma } = footnote.service.database;
    const { id: subscriberId } = await prisma.subscriber.findUniqueOrThrow({
      where: { key: 'forget@reader.example' },
    });
    expect(counted).toMatchObject({
      erased: false,
      would: {
        evidence: await prisma.consentEvidence.count({ where: { subscriberId } }),
        mails: await prisma.mail.count({ where: { subscriberId, copy: { not: null } } }),
        owed: 0,
        mailchimp: 'delete',
      },
    });
    expect((await admin('erase', 'forget@reader.example', '--dry-run', '--yes')).code).toBe(2);
    expect(await footnote.lists('forget@reader.example')).not.toEqual({});
    const { out, code } = await admin('erase', 'forget@reader.example', '--yes', '--json');
    expect(code).toBe(0);
    const { id } = JSON.parse(out);
    expect(await footnote.dump()).not.toContain('forget@reader.example');
    expect(JSON.parse((await admin('consent', 'prove', id, '--json')).out).person).toMatchObject({
      address: null,
    });
    expect((await admin('erase', 'forget@reader.example', '--yes')).code).toBe(1);
  });
});
