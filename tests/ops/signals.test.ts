import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key } from '../harness/admin.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';

const promtool = (words: string[], input?: string) => {
  const { status, stdout, stderr } = spawnSync('promtool', words, { encoding: 'utf8', input });
  return { status, said: `${stdout}${stderr}` };
};

const rules = readFileSync('ops/prometheus/alerts.yml', 'utf8');
const board = readFileSync('ops/grafana/footnote.json', 'utf8');

/** Names of metrics; those that a histogram is told by belong to its own. */
const namesIn = (text: string) =>
  new Set(
    (text.match(/\bfootnote_[a-z_]+\b/g) ?? []).map((name) =>
      /_duration_seconds_/.test(name) ? name.replace(/_(bucket|sum|count)$/, '') : name,
    ),
  );

describe('what those on call look at', () => {
  let footnote: Footnote;
  let scraped: string;

  beforeAll(async () => {
    footnote = await Footnote.start({ ADMIN_API_KEY: key });
    const { unsubscribe } = await footnote.subscribe('reader@example.com');
    await footnote.http.post(unsubscribe).expect(200);
    await footnote.mailsNoted();
    const { database, sync, duties } = footnote.service;
    await sync?.idle();
    for (const { name } of await duties.list()) await duties.run(name);
    await eventually(async () => {
      const left = await database.query(
        `SELECT FROM duty_runs WHERE succeeded_at IS NULL
           UNION ALL SELECT FROM reconciliations WHERE finished_at IS NULL`,
      );
      expect(left).toEqual([]);
    });
    await database.prisma.webhookDelivery.create({
      data: { digest: 'a', type: 'profile', firedAt: new Date(), receivedAt: new Date() },
    });
    const answer = await footnote.http.get('/metrics').set('Authorization', `Bearer ${key}`).expect(200);
    scraped = answer.text;
  });
  afterAll(() => footnote.stop());

  it('is in the format of Prometheus, and named and explained by its conventions', () => {
    expect(promtool(['check', 'metrics'], scraped)).toEqual({ status: 0, said: '' });
  });

  it('wakes nobody without need, and somebody when there is', () => {
    expect(promtool(['check', 'rules', 'ops/prometheus/alerts.yml'])).toMatchObject({ status: 0 });
    const tested = promtool(['test', 'rules', 'tests/ops/alerts.test.yml']);
    expect(tested.status, tested.said).toBe(0);
  });

  it('says of each alert what is wrong, and where it stands what to do', () => {
    const alerts = rules.split(/^ +- alert: /m).slice(1);
    expect(alerts.length).toBeGreaterThan(10);
    for (const alert of alerts) {
      const [name = ''] = alert.split('\n');
      const kebab = name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
      expect(alert).toContain(`runbook: docs/operations.md#alert-${kebab}\n`);
      expect(alert).toMatch(/severity: (page|warning)/);
      expect(alert).toMatch(/summary: .{20}/);
    }
  });

  it('asks for no metric that there is not', () => {
    const there = new Set([...scraped.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    for (const asked of [...namesIn(rules), ...namesIn(board)]) expect(there).toContain(asked);
    expect(namesIn(board).size).toBeGreaterThan(15);
  });

  it('is a board whose panels stand beside each other and ask something', () => {
    const { panels } = JSON.parse(board);
    const places = panels.map(({ gridPos }: { gridPos: object }) => JSON.stringify(gridPos));
    expect(new Set(places).size).toBe(panels.length);
    for (const { title, targets } of panels) {
      expect(title).not.toBe('');
      expect(targets.length).toBeGreaterThan(0);
    }
  });
});
