import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { fault } from '../../src/sandbox/mailchimp/faults.ts';
import { createHealth } from '../../src/web/web.ts';
import { Footnote } from '../harness/footnote.ts';

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
      mailchimp: { stopped: null, trouble: null },
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

  it('is alive and not ready without a database, and when it is about to stop', async () => {
    await footnote.stopService();
    const log = createLog('silent');
    const database = await openDatabase(footnote.database, log);
    let stopping = false;
    const http = supertest(
      createHealth({
        database,
        workerHealth: () => ({ mailchimp: {}, mail: {} }),
        isStopping: () => stopping,
        site: { publication: 'The Daily Example', postalAddress: '1 Example Street' },
        log,
      }),
    );
    await http.get('/readyz').expect(200);
    stopping = true;
    expect((await http.get('/readyz').expect(503)).body).toMatchObject({
      status: 'not ready',
      database: 'ok',
    });
    stopping = false;

    await database.close();
    expect((await http.get('/readyz').expect(503)).body).toMatchObject({
      status: 'not ready',
      database: 'out of reach',
    });
    await http.get('/healthz').expect(200);
  });
});
