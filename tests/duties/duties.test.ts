import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkLedgers } from '../../src/consent/check.ts';
import { ledgerCheck } from '../../src/duties/check-ledger.ts';
import { duties } from '../../src/duties/duties.ts';
import type { Duty } from '../../src/duties/duty.ts';
import { runDuty } from '../../src/duties/runs.ts';
import { cronOf, nextAt } from '../../src/platform/schedule.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { key, operator } from '../harness/admin.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';
import { silent } from '../mailchimp/newsroom.ts';

const day = 86_400_000;
const nobody = new AbortController().signal;

let footnote: Footnote;
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key, LOG_LEVEL: 'error' });
});
afterAll(() => footnote.stop());

const asKeyHolder = { Authorization: `Bearer ${key}` };

async function listed(name: string) {
  const { body } = await footnote.http.get('/admin/api/duties').set(asKeyHolder).expect(200);
  return body.duties.find((duty: { name: string }) => duty.name === name);
}

/** Has a duty done, and waits for its end. @returns how it stands then */
async function does(name: string) {
  const asked = await footnote.http.post(`/admin/api/duties/${name}/run`).set(asKeyHolder).expect(202);
  return eventually(async () => {
    const duty = await listed(name);
    expect(duty.endedAt >= asked.body.askedAt, `${name} has not ended`).toBe(true);
    return duty;
  });
}

async function finding(check: string) {
  const findings = await footnote.service.operations.doctor();
  return findings.find((finding) => finding.check === check);
}

const brokenLedgers = async () =>
  (await checkLedgers(footnote.service.database, { after: null, limit: 1000 })).broken;

describe('a duty', () => {
  it('is due at its minute, of the hour or of the day', () => {
    const at = (time: string) => new Date(`2026-12-31T${time}Z`);
    expect(nextAt({ hour: null, minute: 41 }, at('10:40:59'))).toEqual(at('10:41:00'));
    expect(nextAt({ hour: null, minute: 41 }, at('23:41:00'))).toEqual(new Date('2027-01-01T00:41:00Z'));
    expect(nextAt({ hour: 3, minute: 7 }, at('03:06:00'))).toEqual(at('03:07:00'));
    expect(nextAt({ hour: 3, minute: 7 }, at('03:07:30'))).toEqual(new Date('2027-01-01T03:07:00Z'));
    expect(nextAt({ every: 30 }, at('03:29:59'))).toEqual(at('03:30:00'));
    expect(nextAt({ every: 30 }, at('03:30:00'))).toEqual(at('04:00:00'));
    expect(cronOf({ every: 30 })).toBe('*/30 * * * *');
    expect(cronOf({ every: 60 })).toBe('0 * * * *');
  });

  it('is scheduled once, at the time that is told', async () => {
    const rows = await footnote.service.database.query<{ name: string; cron: string; timezone: string }>(
      `SELECT name, cron, timezone FROM jobs.schedule WHERE name LIKE 'duty-%' ORDER BY name`,
    );
    const told = await Promise.all(duties.map(({ name }) => listed(name)));
    expect(rows).toEqual(
      told
        .map(({ name, cron }) => ({ name: `duty-${name}`, cron, timezone: 'UTC' }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
    for (const { beganAt, outcome, overdue } of told)
      expect({ beganAt, outcome, overdue }).toEqual({ beganAt: null, outcome: null, overdue: false });
  });

  it('that nobody knows cannot be done', async () => {
    await footnote.http.post('/admin/api/duties/no-such-duty/run').set(asKeyHolder).expect(404);
  });

  it('is done and told by the scripts', async () => {
    const admin = operator(footnote);
    const ran = await admin('duties', 'run', 'housekeeping');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toMatch(/^\d+ rows? thrown away\n$/);
    const { out } = await admin('duties', 'ls');
    expect(out).toMatch(/^housekeeping +done \S+Z +next \S+Z\n {2}\d+ rows? thrown away$/m);
    expect(out).toMatch(/^dormancy +done never +next/m);
    expect((await admin('duties', 'run', 'no-such-duty')).code).toBe(1);
  });
});

describe('what is done beside the duties', () => {
  it('is scheduled at the time that is told', async () => {
    const rows = await footnote.service.database.query<{ key: string; cron: string }>(
      `SELECT key, cron FROM jobs.schedule WHERE name NOT LIKE 'duty-%' ORDER BY key`,
    );
    const crons = { fold: 'fold-totals', full: 'reconcile-all', incremental: 'reconcile-changes' };
    for (const { key, cron } of rows)
      expect([key, cron]).toEqual([
        key,
        (await listed(crons[z.enum(['fold', 'full', 'incremental']).parse(key)])).cron,
      ]);
    expect(rows).toHaveLength(3);
  });

  it('is done now as a duty is, and told with what came of it', async () => {
    const compared = { failure: null, overdue: false, outcome: '0 members read, 0 differed' };
    expect(await does('reconcile-all')).toMatchObject(compared);
    expect(await does('reconcile-changes')).toMatchObject(compared);
    await footnote.service.database.query(
      "INSERT INTO total_changes (kind, list_id, day, count) VALUES ('requested', 0, current_date, 0)",
    );
    expect(await does('fold-totals')).toMatchObject({ failure: null, succeededAt: expect.any(String) });
    expect(await footnote.service.database.query('SELECT FROM total_changes')).toEqual([]);
  });

  it('tells why it broke off, and what came of it before', async () => {
    const { audience } = footnote.sandbox;
    audience.inject(fault.problem(403, 'User Disabled', 'This account has been deactivated.'), {
      times: 1000,
    });
    const failed = await does('reconcile-all');
    audience.clearFaults();
    expect(failed).toMatchObject({
      failure: expect.stringContaining('User Disabled'),
      outcome: '0 members read, 0 differed',
    });
    expect(failed.succeededAt < failed.endedAt).toBe(true);
    expect(await finding('duties')).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(/^reconcile-all failed: .*User Disabled.* tried again/),
    });
    // That one is tried again at once, and no other is begun.
    const before = await footnote.service.database.prisma.reconciliation.count();
    expect(await does('reconcile-all')).toMatchObject({ failure: null });
    expect(await footnote.service.database.prisma.reconciliation.count()).toBe(before);
  });

  it('is overdue when it never went well since a worker knew of it, and /metrics tells of each', async () => {
    const { database } = footnote.service;
    const all = (await footnote.service.duties.list()).map(({ name }) => name);
    const series = async (name: string) => {
      const { text } = await footnote.http.get('/metrics').set(asKeyHolder).expect(200);
      return [...text.matchAll(new RegExp(`^footnote_duty_${name}\\{duty="(.*)"\\} 1$`, 'gm'))].map(
        ([, duty]) => duty,
      );
    };
    const { text } = await footnote.http.get('/metrics').set(asKeyHolder).expect(200);
    for (const name of all) {
      expect(text).toContain(`footnote_duty_failed{duty="${name}"}`);
      expect(text).toContain(`footnote_duty_overdue{duty="${name}"}`);
    }
    await does('reconcile-all');
    expect(await series('overdue')).toEqual([]);
    await database.query('CREATE TABLE kept AS SELECT * FROM reconciliations');
    await database.query(
      `UPDATE reconciliations SET failure = 'no answer', finished_at = NULL WHERE kind = 'full'`,
    );
    await database.query(
      `UPDATE jobs.schedule SET created_on = created_on - interval '3 days' WHERE key = 'full'`,
    );
    expect(await series('overdue')).toEqual(['reconcile-all']);
    expect(await series('failed')).toEqual(['reconcile-all']);
    expect((await finding('duties'))?.message).toMatch(/^reconcile-all has never gone well \(no answer\)\.$/);
    await database.query('DELETE FROM reconciliations');
    await database.query('INSERT INTO reconciliations SELECT * FROM kept');
    await database.query('DROP TABLE kept');
    await database.query('UPDATE jobs.schedule SET created_on = now()');
  });

  it('is done once for all who ask while it is under way', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { struck } = footnote.sandbox.audience.inject(fault.held(promise));
    const before = await footnote.service.database.prisma.reconciliation.count();
    const ask = () => footnote.http.post('/admin/api/duties/reconcile-all/run').set(asKeyHolder).expect(202);
    await Promise.all([ask(), ask()]);
    await struck;
    await ask();
    expect(await footnote.service.database.prisma.reconciliation.count()).toBe(before + 1);
    resolve();
    await eventually(async () => expect((await listed('reconcile-all')).endedAt).not.toBeNull());
  });
});

// Before the clock of the service is set far ahead of the database's.
describe('the doctor', () => {
  it('warns of a duty that failed, and calls one overdue that has not gone well for long', async () => {
    const { database } = footnote.service;
    for (const { name } of duties) await does(name);
    expect(await finding('duties')).toMatchObject({ status: 'ok' });
    await database.query('ALTER TABLE buckets RENAME TO mislaid');
    try {
      expect((await does('housekeeping')).failure).toContain('buckets');
    } finally {
      await database.query('ALTER TABLE mislaid RENAME TO buckets');
    }
    expect(await finding('duties')).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(/^housekeeping failed: /),
    });
    // Who mended it need not wait for the next try.
    expect(await does('housekeeping')).toMatchObject({ failure: null });
    expect(await finding('duties')).toMatchObject({ status: 'ok' });
    footnote.advance(3 * day);
    expect(await finding('duties')).toMatchObject({
      status: 'fault',
      message: expect.stringMatching(
        /check-ledger has not gone well since .*reconcile-all has not gone well/,
      ),
      remedy: expect.stringContaining('duties run'),
    });
  });
});

describe('expire-requests (C-17)', () => {
  it('forgets who never confirmed, tells Mailchimp nothing, and answers their links kindly', async () => {
    const gone = 'never.confirmed@example.com';
    await footnote.signUp(gone, ['morning-briefing'], { firstName: 'Nevermore' }).expect(202);
    const { confirm, unsubscribe } = await footnote.mailTo(gone, 'confirmation');
    await footnote.subscribe('confirmed@example.com');
    await footnote.mailsNoted();
    footnote.advance(29 * day);
    expect((await does('expire-requests')).outcome).toBe('0 people who never confirmed forgotten');

    footnote.advance(2 * day);
    expect((await does('expire-requests')).outcome).toBe('1 person who never confirmed forgotten');
    expect(
      await footnote.service.database.prisma.audienceContact.findMany({ select: { erase: true } }),
    ).toEqual([{ erase: [] }]);
    expect((await footnote.dump()).toLowerCase()).not.toMatch(/never\.confirmed|nevermore/);
    expect(await footnote.service.database.query('SELECT FROM suppressions')).toEqual([]);
    expect(await footnote.lists('confirmed@example.com')).toEqual({ 'morning-briefing': 'subscribed' });
    expect(await brokenLedgers()).toEqual([]);

    for (const link of [confirm, unsubscribe]) {
      const page = await footnote.http.get(link).set('Accept', 'text/html');
      expect(page.status).toBeLessThan(500);
      expect(page.text).toContain('<h1>');
      expect((await footnote.http.post(link)).status).toBeLessThan(500);
    }
    await footnote.subscribe(gone);
    expect(await footnote.lists(gone)).toEqual({ 'morning-briefing': 'subscribed' });
  });
});

describe('housekeeping', () => {
  it('keeps of what is old the newest that something reads', async () => {
    const { database } = footnote.service;
    const old = (days: number) => new Date(footnote.now().getTime() - (200 + days) * day);
    await database.query('DELETE FROM reconciliations');
    const compared = async (kind: string, days: number, more: object = {}) => {
      const at = old(days);
      const data = {
        id: crypto.randomUUID(),
        kind,
        dryRun: false,
        requestedAt: at,
        startedAt: at,
        finishedAt: at,
      };
      return (await database.prisma.reconciliation.create({ data: { ...data, ...more } })).id;
    };
    const broken = { failure: 'no answer', finishedAt: null };
    await compared('full', 9);
    const kept = [
      await compared('full', 8),
      await compared('full', 7, broken),
      // Where the next one begins: those after it found no change.
      await compared('incremental', 6, { heardUntil: old(6) }),
      await compared('incremental', 3),
    ];
    await compared('incremental', 5);
    await compared('incremental', 5, { heardUntil: old(7) });
    for (const [digest, days] of [
      ['one', 2],
      ['two', 1],
    ] as const) {
      const data = { digest, type: 'profile', firedAt: old(days), receivedAt: old(days) };
      await database.prisma.webhookDelivery.create({ data });
    }
    await does('housekeeping');
    const left = await database.prisma.reconciliation.findMany({
      where: { requestedAt: { lt: old(0) } },
      orderBy: { requestedAt: 'asc' },
    });
    expect(left.map(({ id }) => id)).toEqual(kept);
    expect(await database.prisma.webhookDelivery.findMany()).toMatchObject([{ digest: 'two' }]);
  });
});

describe('dormancy (C-18)', () => {
  it('counts who neither consented nor was mailed for long, by list, and ends nothing', async () => {
    await footnote.subscribe('dormant@example.com', ['weekend-reads']);
    await footnote.mailsNoted();
    footnote.advance(690 * day);
    expect((await does('dormancy')).outcome).toBe('0 addresses dormant');
    footnote.advance(60 * day);
    await footnote.subscribe('awake@example.com', ['weekend-reads']);
    expect((await does('dormancy')).outcome).toBe('3 addresses dormant: morning-briefing 2, weekend-reads 1');
    expect(await footnote.lists('dormant@example.com')).toEqual({ 'weekend-reads': 'subscribed' });
  });
});

describe('retention (C-20)', () => {
  it('keeps proof until the years are over after everything ended, then a digest alone', async () => {
    const gone = 'left.long.ago@example.com';
    const { unsubscribe } = await footnote.subscribe(gone);
    await footnote.http.post(unsubscribe).expect(200);
    await footnote.mailsNoted();
    await footnote.service.sync?.idle();
    const year = footnote.now().getUTCFullYear();
    footnote.advance(Date.UTC(year + 4, 0) - 1000 - footnote.now().getTime());
    expect((await does('retention')).outcome).toBe('the proof of 0 people destroyed');
    expect(await footnote.ledger(gone)).toContain('unsubscribed');

    footnote.advance(day);
    expect((await does('retention')).outcome).toBe('the proof of 1 person destroyed');
    expect((await footnote.dump()).toLowerCase()).not.toContain('left.long.ago');
    expect(await footnote.service.database.query('SELECT FROM suppressions')).toHaveLength(1);
    expect(await footnote.member(gone)).toBeNull();
    expect(await brokenLedgers()).toEqual([]);
    expect(await footnote.lists('dormant@example.com')).toEqual({ 'weekend-reads': 'subscribed' });
    expect((await footnote.http.get(unsubscribe).set('Accept', 'text/html')).status).toBe(200);
  });
});

describe('check-ledger (I5)', () => {
  /** Somebody with all rights over the database alters the proof of the person who is looked at first. */
  const forge = () =>
    footnote.service.database.transaction(async (tx) => {
      await tx.query('SET LOCAL session_replication_role = replica');
      const [row] = await tx.query<{ id: string }>(
        `UPDATE consent_evidence evidence SET ip = '203.0.113.66'
           FROM (SELECT id FROM subscribers WHERE ledger_salt IS NOT NULL ORDER BY id LIMIT 1) person
          WHERE evidence.subscriber_id = person.id AND evidence.seq = 1 RETURNING person.id`,
      );
      return row?.id;
    });

  it('finds all whole, and the doctor says when', async () => {
    expect((await does('check-ledger')).outcome).toMatch(/^\d+ people, \d+ entries, all whole$/);
    expect(await finding('ledger')).toMatchObject({ status: 'ok' });
  });

  it('goes on where it was after the process stopped in the middle of it', async () => {
    const { database, subscribing } = footnote.service;
    const { retention } = footnote.settings;
    const parts = { database, subscribing, retention, now: () => footnote.now(), log: silent };
    const stopping = new AbortController();
    const small = ledgerCheck(2);
    const stopped: Duty = {
      ...small,
      run: (work) =>
        small.run({
          ...work,
          keep: async (cursor) => {
            await work.keep(cursor);
            stopping.abort(new Error('the process stops'));
          },
        }),
    };
    await expect(runDuty(stopped, parts, stopping.signal)).rejects.toThrow('the process stops');
    const brokenOff = await database.prisma.dutyRun.findUniqueOrThrow({ where: { duty: 'check-ledger' } });
    expect(brokenOff).toMatchObject({ endedAt: null, failure: null, cursor: { people: 2, broken: 0 } });

    // The first is not looked at again by the run that goes on, but by the next one.
    const forged = await forge();
    await runDuty(small, parts, nobody);
    const people = await database.prisma.subscriber.count();
    expect((await listed('check-ledger')).outcome).toMatch(new RegExp(`^${people} people, .*, all whole$`));
    await runDuty(small, parts, nobody);
    const { report, cursor } = await database.prisma.dutyRun.findUniqueOrThrow({
      where: { duty: 'check-ledger' },
    });
    expect(cursor).toBeNull();
    expect(report).toMatchObject({ people, broken: 1, examples: [{ subscriberId: forged, seq: 1 }] });
  });

  it('that finds one broken is a fault for the doctor, and a line in the log that names the entry', async () => {
    const duty = await does('check-ledger');
    expect(duty).toMatchObject({ failure: null, outcome: expect.stringMatching(/, 1 broken$/) });
    expect(await finding('ledger')).toMatchObject({
      status: 'fault',
      message: expect.stringMatching(/^1 of \d+ ledgers were broken .* at entry 1: its evidence was altered/),
      remedy: expect.stringContaining('backup'),
    });
    expect(footnote.logged).toMatch(/"subscriber":"[\da-f-]{36}","entry":1,.*"a ledger is broken"/);
  });
});
