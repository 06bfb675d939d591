import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKeys } from '../../src/access/keys.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { createMetrics } from '../../src/web/metrics.ts';
import { createHealth } from '../../src/web/web.ts';
import { openDoor } from '../harness/allowance.ts';
import { Footnote } from '../harness/footnote.ts';
import { links, noDuties, showPage } from '../harness/site.ts';

describe('health', () => {
  let footnote: Footnote;
  beforeAll(async () => {
    footnote = await Footnote.start();
  });
  afterAll(() => footnote.stop());

  it('is good when sign-ups and opt-outs can be taken', async () => {
    await footnote.service.sync?.idle();
    expect((await footnote.http.get('/healthz').expect(200)).body).toEqual({ status: 'ok' });
    expect((await footnote.http.get('/readyz').expect(200)).body).toEqual({
      status: 'ready',
      database: 'ok',
      mailchimp: {
        stopped: null,
        stoppedAt: null,
        pausedAt: null,
        trouble: null,
        troubleAt: null,
        due: 0,
        oldestOptOutSeconds: null,
        refused: {},
        callsInFlight: 0,
        lastWebhook: null,
        lastReconciliation: null,
        reconciledAt: null,
        drift: null,
      },
      mail: { trouble: null },
    });
  });

  it('tells of trouble with Mailchimp and stays good', async () => {
    const refused = fault.problem(403, 'User Disabled', 'This account has been deactivated.');
    const { struck } = footnote.sandbox.audience.inject(refused, { times: 1000 });
    await footnote.stopService();
    await footnote.startService();
    await struck;
    await footnote.service.sync?.idle();
    const { body } = await footnote.http.get('/readyz').expect(200);
    expect(body).toMatchObject({
      status: 'ready',
      mailchimp: { stopped: expect.stringContaining('User Disabled') },
    });
    expect(JSON.stringify(body)).not.toContain(footnote.settings.mailchimp.apiKey);
    footnote.sandbox.audience.clearFaults();
  });

  describe('of a process of its own', () => {
    const log = createLog('silent');
    let database: Database;
    let stopping = false;
    const serve = (over: Database) =>
      supertest(
        createHealth({
          database: over,
          workerHealth: () => ({ mailchimp: { callsInFlight: 3 }, mail: { trouble: null } }),
          metrics: createMetrics({ database: over, callsInFlight: () => 3, duties: noDuties }),
          keys: openKeys({ database: over, adminApiKey: null, now: () => new Date() }),
          guard: openDoor,
          isStopping: () => stopping,
          showPage,
          links,
          log,
        }),
      );
    beforeAll(async () => {
      await footnote.stopService();
      database = await openDatabase(footnote.database, log);
    });

    it('tells what only this process knows beside what all know', async () => {
      await database.query(`UPDATE audience_lane SET stopped = 'Mailchimp: 401', trouble = NULL`);
      const { body } = await serve(database).get('/readyz').expect(200);
      expect(body.mailchimp).toMatchObject({ stopped: 'Mailchimp: 401', callsInFlight: 3 });
    });

    it('stays good when the numbers cannot be read, or not at once', async () => {
      const only = (answer: Database['query']): Database => ({
        ...database,
        query: (text, parameters) =>
          text === 'SELECT 1' ? database.query(text, parameters) : answer(text, parameters),
      });
      for (const answer of [() => Promise.reject(new Error('broken')), () => new Promise<never>(() => {})]) {
        const { body } = await serve(only(answer)).get('/readyz').expect(200);
        expect(body).toMatchObject({
          status: 'ready',
          mailchimp: { signals: 'out of reach', callsInFlight: 3 },
        });
      }
    });

    it('is not ready when it is about to stop', async () => {
      stopping = true;
      const { body } = await serve(database).get('/readyz').expect(503);
      expect(body).toMatchObject({ status: 'not ready', database: 'ok' });
      stopping = false;
    });

    it('is alive and not ready without a database', async () => {
      await database.close();
      const http = serve(database);
      expect((await http.get('/readyz').expect(503)).body).toMatchObject({
        status: 'not ready',
        database: 'out of reach',
      });
      await http.get('/healthz').expect(200);
    });
  });
});
