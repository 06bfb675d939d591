import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Prisma } from '../../src/generated/prisma/client.ts';
import type { RefusalKind } from '../../src/mailchimp/lane/refusals.ts';
import { mostCounted, readSignals, refusedContacts, toldCount } from '../../src/mailchimp/signals.ts';
import { type Newsroom, openNewsroom } from './newsroom.ts';

describe('the signals', () => {
  let newsroom: Newsroom;
  const readers = ['ada@news.example', 'ben@news.example', 'cleo@news.example'] as const;
  const [ada, ben, cleo] = readers;

  beforeAll(async () => {
    newsroom = await openNewsroom();
    await newsroom.addList('daily', 'The Daily');
    for (const email of readers) await newsroom.subscribe(email, 'daily');
  });
  afterAll(() => newsroom.close());
  beforeEach(async () => {
    await acknowledgeAll();
    await newsroom.database.query('DELETE FROM reconciliations');
    await newsroom.database.query('DELETE FROM webhook_deliveries');
    await lane({ stopped: null, stoppedAt: null, trouble: null, troubleAt: null });
  });

  const signals = () => readSignals(newsroom.database);
  const lane = (data: Prisma.AudienceLaneUpdateInput) =>
    newsroom.database.prisma.audienceLane.update({ where: { id: 1 }, data });
  const acknowledgeAll = () =>
    newsroom.database.query(
      'UPDATE audience_contacts SET acknowledged = wanted, opt_out = false, refusal = NULL',
    );
  /** The newsroom's clock runs ahead, so the time of an opt-out is set for those that look at it. */
  async function endedAgo(email: string, seconds: number) {
    const { subscriberId } = await newsroom.contact(email);
    await newsroom.database.query(
      `UPDATE subscriptions SET changed_at = now() - $2 * interval '1 second' WHERE subscriber_id = $1`,
      [subscriberId, seconds],
    );
  }
  const at = (time: string) => new Date(`2026-11-23T${time}Z`);

  async function refuse(email: string, kind: RefusalKind, since: Date, dueAt: Date | null) {
    const { subscriberId } = await newsroom.contact(email);
    await newsroom.database.prisma.audienceContact.update({
      where: { subscriberId },
      data: {
        wanted: { increment: 1 },
        attempts: 2,
        dueAt,
        refusal: {
          kind,
          status: 400,
          title: 'Invalid Resource',
          detail: `${email} looks fake`,
          requestId: null,
          since: since.toISOString(),
          at: since.toISOString(),
        },
      },
    });
  }

  it('are quiet when everybody is equal and nothing was heard yet', async () => {
    expect(await signals()).toEqual({
      stopped: null,
      stoppedAt: null,
      pausedBy: null,
      pausedAt: null,
      trouble: null,
      troubleAt: null,
      due: 0,
      oldestOptOutSeconds: null,
      refused: {},
      lastWebhook: null,
      lastReconciliation: null,
      reconciledAt: null,
      drift: null,
    });
  });

  it('count who is due, now or after a rest, and leave parked ones to the refused', async () => {
    await newsroom.look(ada);
    await refuse(ben, 'transient', at('09:00:00'), new Date(Date.now() + 3_600_000));
    await refuse(cleo, 'invalid', at('09:00:00'), null);
    expect(await signals()).toMatchObject({ due: 2, refused: { transient: 1, invalid: 1 } });
    await refuse(ben, 'invalid', at('10:00:00'), null);
    expect(await signals()).toMatchObject({ due: 1, refused: { invalid: 2 } });
  });

  it('tell how long the oldest opt-out has been waiting, and nothing once Mailchimp knows', async () => {
    await newsroom.leave(ada);
    await newsroom.leave(ben);
    await endedAgo(ada, 120);
    await endedAgo(ben, 7200);
    const { oldestOptOutSeconds } = await signals();
    expect(oldestOptOutSeconds).toBeGreaterThanOrEqual(7200);
    expect(oldestOptOutSeconds).toBeLessThan(7260);

    await acknowledgeAll();
    expect((await signals()).oldestOptOutSeconds).toBeNull();
  });

  it('do not take a new sign-up that waits for an opt-out', async () => {
    await newsroom.subscribe('dan@news.example', 'daily');
    expect(await signals()).toMatchObject({ due: 1, oldestOptOutSeconds: null });
  });

  it('tell why the lane stopped, and of the last trouble', async () => {
    const told = {
      stopped: 'Mailchimp: 401, API Key Invalid',
      stoppedAt: at('09:00:00'),
      trouble: 'Mailchimp: 503',
      troubleAt: at('08:59:59'),
    };
    await lane(told);
    expect(await signals()).toMatchObject(told);
  });

  it('tell when Mailchimp was last heard of', async () => {
    const delivery = (digest: string, receivedAt: Date) => ({
      digest,
      type: 'profile',
      firedAt: receivedAt,
      receivedAt,
    });
    await newsroom.database.prisma.webhookDelivery.createMany({
      data: [delivery('b', at('09:30:00')), delivery('a', at('08:00:00'))],
    });
    expect((await signals()).lastWebhook).toEqual(at('09:30:00'));
  });

  const report = {
    members: 1200,
    strangers: 3,
    lost: 2,
    inSync: 1190,
    due: 2,
    missing: 1,
    extra: 4,
    conflicting: 0,
    refused: { invalid: 3 },
  };
  const reconciliation = (time: string, more: Partial<Prisma.ReconciliationCreateManyInput>) => ({
    id: crypto.randomUUID(),
    kind: 'full',
    dryRun: false,
    requestedAt: at(time),
    startedAt: at(time),
    ...more,
  });

  it('tell the drift that the last sound comparison found', async () => {
    await newsroom.database.prisma.reconciliation.createMany({
      data: [
        reconciliation('01:00:00', { finishedAt: at('01:10:00'), report: { ...report, missing: 99 } }),
        reconciliation('02:00:00', { finishedAt: at('02:10:00'), report: { ...report, examples: [] } }),
        reconciliation('03:00:00', {
          kind: 'incremental',
          dryRun: true,
          finishedAt: at('03:00:01'),
          failure: 'Mailchimp: no answer',
          report: { members: 1000 },
        }),
        reconciliation('04:00:00', {}),
      ],
    });
    expect(await signals()).toMatchObject({
      lastReconciliation: {
        kind: 'incremental',
        dryRun: true,
        finishedAt: at('03:00:01'),
        failure: 'Mailchimp: no answer',
      },
      reconciledAt: at('02:10:00'),
      drift: report,
    });
  });

  it.each([[null], [{ members: 'many' }]])('tell no drift from a report that is %o', async (unusable) => {
    const row = reconciliation('01:00:00', {
      finishedAt: at('01:10:00'),
      ...(unusable !== null && { report: unusable }),
    });
    await newsroom.database.prisma.reconciliation.create({ data: row });
    expect(await signals()).toMatchObject({ reconciledAt: at('01:10:00'), drift: null });
  });

  it('count no more contacts than they have to, and say that there are more', async () => {
    const { database } = newsroom;
    const others = 'subscriber_id NOT IN (SELECT id FROM subscribers)';
    const inReplica = (statement: string) =>
      database.transaction(async (tx) => {
        await tx.query('SET LOCAL session_replication_role = replica');
        await tx.query(statement);
      });
    await inReplica(
      `INSERT INTO audience_contacts (subscriber_id, refusal)
       SELECT gen_random_uuid(), '{"kind": "transient"}' FROM generate_series(1, ${mostCounted + 50})`,
    );
    const { due, refused } = await signals();
    await inReplica(`DELETE FROM audience_contacts WHERE ${others}`);
    expect({ due, refused }).toEqual({ due: mostCounted + 1, refused: { transient: mostCounted + 1 } });
    expect(toldCount(due)).toBe('more than 10,000');
    expect(toldCount(due - 1)).toBe('10,000');
  });

  it('name the refused for the operator, the longest refused first', async () => {
    const nextAttempt = new Date('2030-01-01T00:00:00Z');
    await refuse(ben, 'transient', at('09:00:00'), nextAttempt);
    await refuse(cleo, 'invalid', at('08:00:00'), null);
    const refused = (email: string) => ({
      email,
      title: 'Invalid Resource',
      detail: `${email} looks fake`,
      attempts: 2,
    });
    expect(await refusedContacts(newsroom.database, { limit: 10 })).toEqual([
      { ...refused(cleo), reason: 'invalid', since: at('08:00:00'), nextAttempt: null },
      { ...refused(ben), reason: 'transient', since: at('09:00:00'), nextAttempt },
    ]);
    expect(await refusedContacts(newsroom.database, { limit: 1 })).toMatchObject([{ email: cleo }]);
  });
});
