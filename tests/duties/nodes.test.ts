import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { duties } from '../../src/duties/duties.ts';
import { openDatabase } from '../../src/platform/database.ts';
import { type Service, startService } from '../../src/service.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';
import { silent } from '../mailchimp/newsroom.ts';

// The embedded database serves one process.
describe.skipIf(inject('server') === null)('two processes on one PostgreSQL', () => {
  let footnote: Footnote;
  let other: Service | undefined;
  beforeAll(async () => {
    footnote = await Footnote.start();
  });
  afterAll(async () => {
    await other?.stop();
    await footnote.stop();
  });

  it('do each duty that is due once', async () => {
    await footnote.stopService();
    const database = await openDatabase(footnote.database, silent);
    // All are due this minute, and the next one to start looks at once.
    await database.query(`UPDATE jobs.schedule SET cron = '* * * * *' WHERE name LIKE 'duty-%'`);
    await database.query('UPDATE jobs.version SET cron_on = NULL');
    [other] = await Promise.all([
      startService({ ...footnote.settings, port: 0 }, { log: silent }),
      footnote.startService(),
    ]);
    await eventually(async () => {
      const done = await database.prisma.dutyRun.findMany({ where: { succeededAt: { not: null } } });
      expect(done.map(({ duty }) => duty).sort()).toEqual(duties.map(({ name }) => name).sort());
    });
    const jobs = await database.query<{ name: string; jobs: number }>(
      `SELECT name, count(*)::int AS jobs FROM jobs.job WHERE name LIKE 'duty-%' GROUP BY name ORDER BY name`,
    );
    await database.close();
    expect(jobs).toEqual(
      duties
        .map(({ name }) => ({ name: `duty-${name}`, jobs: 1 }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  });
});
