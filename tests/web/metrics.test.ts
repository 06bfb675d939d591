import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKeys } from '../../src/access/keys.ts';
import { createMetrics, type Metrics } from '../../src/web/metrics.ts';
import { createHealth } from '../../src/web/web.ts';
import { openDoor } from '../harness/allowance.ts';
import { links, noDuties, showPage } from '../harness/site.ts';
import { type Newsroom, openNewsroom, silent } from '../mailchimp/newsroom.ts';

describe('the metrics', () => {
  const adminApiKey = 'an-admin-key-of-forty-visible-characters';
  let newsroom: Newsroom;
  let metrics: Metrics;
  let inFlight = 0;

  beforeAll(async () => {
    newsroom = await openNewsroom();
    metrics = createMetrics({ database: newsroom.database, callsInFlight: () => inFlight, duties: noDuties });
  });
  afterAll(() => newsroom.close());

  const serve = (key: string | null = adminApiKey) =>
    supertest(
      createHealth({
        database: newsroom.database,
        metrics,
        keys: openKeys({ database: newsroom.database, adminApiKey: key, now: () => new Date() }),
        guard: openDoor,
        workerHealth: () => ({ mailchimp: {}, mail: {} }),
        isStopping: () => false,
        showPage,
        links,
        log: silent,
      }),
    );
  /** Every series of a scrape, by its name and labels. */
  async function scrape(): Promise<Record<string, number>> {
    const answer = await serve().get('/metrics').set('Authorization', `Bearer ${adminApiKey}`).expect(200);
    const lines = answer.text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(
      lines.map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }

  it('are for whoever holds the admin key (A-21)', async () => {
    for (const authorization of [
      '',
      'Bearer',
      'Bearer x',
      `Bearer ${adminApiKey}x`,
      `Basic ${adminApiKey}`,
    ]) {
      const answer = await serve().get('/metrics').set('Authorization', authorization).expect(401);
      expect(answer.headers).toMatchObject({
        'www-authenticate': 'Bearer',
        'content-type': expect.stringContaining('application/problem+json'),
      });
      expect(answer.text).not.toContain('footnote_');
    }
    await serve(null).get('/metrics').set('Authorization', `Bearer ${adminApiKey}`).expect(401);
    await serve().post('/metrics').set('Authorization', `Bearer ${adminApiKey}`).expect(405);
  });

  it('are in the format of Prometheus', async () => {
    const answer = await serve().get('/metrics').set('Authorization', `Bearer ${adminApiKey}`);
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.text).toContain('# TYPE footnote_mailchimp_calls_total counter');
    expect(answer.text).toContain('# TYPE footnote_mailchimp_call_duration_seconds histogram');
  });

  it('say 0 when everybody is equal, and nothing of what has never happened', async () => {
    const series = await scrape();
    expect(series).toMatchObject({
      footnote_database_up: 1,
      footnote_mailchimp_contacts_due: 0,
      footnote_mailchimp_oldest_opt_out_age_seconds: 0,
      footnote_mailchimp_lane_stopped: 0,
      footnote_mailchimp_lane_paused: 0,
      footnote_mailchimp_calls_in_flight: 0,
    });
    expect(
      Object.keys(series).filter((name) => /timestamp|drift|lost|refused|subscribers|median/.test(name)),
    ).toEqual([]);
  });

  it('count calls and deliveries, and time the calls', async () => {
    metrics.recordCall('ok', 0.2);
    metrics.recordCall('ok', 3);
    metrics.recordCall('throttled', 0.05);
    metrics.recordDelivery('unsubscribe', 'taken');
    metrics.recordDelivery('unknown', 'ignored');
    inFlight = 4;
    expect(await scrape()).toMatchObject({
      'footnote_mailchimp_calls_total{outcome="ok"}': 2,
      'footnote_mailchimp_calls_total{outcome="throttled"}': 1,
      'footnote_mailchimp_call_duration_seconds_bucket{le="0.25"}': 2,
      'footnote_mailchimp_call_duration_seconds_bucket{le="+Inf"}': 3,
      footnote_mailchimp_call_duration_seconds_sum: 3.25,
      footnote_mailchimp_calls_in_flight: 4,
      'footnote_mailchimp_webhook_deliveries_total{type="unsubscribe",outcome="taken"}': 1,
      'footnote_mailchimp_webhook_deliveries_total{type="unknown",outcome="ignored"}': 1,
    });
  });

  it('tell how Mailchimp stands at that moment, and of nobody by name', async () => {
    const { database } = newsroom;
    await newsroom.addList('daily', 'The Daily');
    await newsroom.subscribe('reader@news.example', 'daily');
    await newsroom.leave('reader@news.example');
    await newsroom.subscribe('other@news.example', 'daily');
    const { subscriberId } = await newsroom.contact('other@news.example');
    await database.prisma.audienceContact.update({
      where: { subscriberId },
      data: { dueAt: null, refusal: { kind: 'invalid', detail: 'other@news.example looks fake' } },
    });
    await database.prisma.audienceLane.update({
      where: { id: 1 },
      data: { stopped: 'Mailchimp: 401', pausedBy: 'ann', pausedAt: new Date() },
    });
    const receivedAt = new Date('2026-11-23T09:00:00Z');
    await database.prisma.webhookDelivery.create({
      data: { digest: 'a', type: 'profile', firedAt: receivedAt, receivedAt },
    });
    const finishedAt = new Date('2026-11-23T03:00:00Z');
    await database.prisma.reconciliation.create({
      data: {
        id: crypto.randomUUID(),
        kind: 'full',
        dryRun: false,
        requestedAt: finishedAt,
        finishedAt,
        report: {
          members: 1200,
          strangers: 3,
          lost: 2,
          inSync: 1190,
          due: 2,
          missing: 1,
          extra: 4,
          conflicting: 0,
          refused: { invalid: 3 },
        },
      },
    });

    const series = await scrape();
    expect(series).toMatchObject({
      'footnote_subscribers{list="daily"}': 1,
      footnote_confirmation_median_seconds: expect.any(Number),
      footnote_mailchimp_contacts_due: 1,
      footnote_mailchimp_oldest_opt_out_age_seconds: expect.any(Number),
      'footnote_mailchimp_contacts_refused{reason="invalid"}': 1,
      footnote_mailchimp_lane_stopped: 1,
      footnote_mailchimp_lane_paused: 1,
      footnote_mailchimp_last_webhook_timestamp_seconds: receivedAt.getTime() / 1000,
      footnote_mailchimp_last_reconciliation_timestamp_seconds: finishedAt.getTime() / 1000,
      'footnote_mailchimp_drift_contacts{kind="missing"}': 1,
      footnote_mailchimp_lost_members: 2,
      'footnote_mailchimp_drift_contacts{kind="extra"}': 4,
      'footnote_mailchimp_drift_contacts{kind="conflicting"}': 0,
    });
    expect(Object.keys(series).join()).not.toMatch(/@|news\.example/);

    await database.query('UPDATE audience_contacts SET refusal = NULL, acknowledged = wanted');
    const later = await scrape();
    expect(later).toMatchObject({ footnote_mailchimp_contacts_due: 0 });
    expect(Object.keys(later)).not.toContain('footnote_mailchimp_contacts_refused{reason="invalid"}');
  });

  it('are apart for two services in one process', async () => {
    const other = createMetrics({ database: newsroom.database, callsInFlight: () => 0, duties: noDuties });
    expect(await other.text()).not.toContain('footnote_mailchimp_calls_total{');
  });

  it('leave out what cannot be told, and go on', async () => {
    const unsure = createMetrics({
      database: {
        query: (text, parameters) =>
          text.includes('clock_timestamp')
            ? Promise.reject(new Error('canceling statement due to statement timeout'))
            : newsroom.database.query(text, parameters),
        room: () => Promise.reject(new Error('temporary file size exceeds temp_file_limit')),
      },
      callsInFlight: () => 0,
      duties: noDuties,
    });
    const text = await unsure.text();
    expect(text).toContain('footnote_database_up 1');
    expect(text).toContain('footnote_mails_owed 0');
    expect(text).not.toMatch(/footnote_database_(full|free_bytes|clock_skew_seconds)/);
  });

  it('go on without a database, with what the process counted itself', async () => {
    const without = createMetrics({
      database: {
        query: () => Promise.reject(new Error('out of reach')),
        room: () => Promise.reject(new Error('out of reach')),
      },
      callsInFlight: () => 1,
      duties: noDuties,
    });
    without.recordCall('ok', 1);
    const text = await without.text();
    expect(text).toContain('footnote_database_up 0');
    expect(text).toContain('footnote_mailchimp_calls_total{outcome="ok"} 1');
    expect(text).toContain('footnote_mailchimp_calls_in_flight 1');
    expect(text).not.toContain('footnote_mailchimp_contacts_due');
  });
});
