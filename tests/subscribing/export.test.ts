import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { key } from '../harness/admin.ts';
import { eventually } from '../harness/eventually.ts';
import { Footnote } from '../harness/footnote.ts';

let footnote: Footnote;
/** Where the server would print what is no line of its log. */
const printed = vi.spyOn(console, 'error');
beforeAll(async () => {
  footnote = await Footnote.start({ ADMIN_API_KEY: key, LOG_LEVEL: 'warn' });
  const api = (path: string, body: object) =>
    footnote.http.post(`/admin/api/imports${path}`).auth(key, { type: 'bearer' }).send(body).expect(200);
  // Three pages of rows that are so long that no system keeps them all for a reader who does not read.
  const lists = ['morning-briefing', 'science-weekly', 'weekend-reads'];
  const wish = { digest: 'e0'.repeat(32), file: 'people.csv', lists, source: 'x'.repeat(1_000) };
  const { id } = (await api('', wish)).body;
  const rows = Array.from({ length: 4_000 }, (_, n) => ({ email: `reader${n}@reader.example` }));
  await api(`/${id}/rows`, { from: 0, rows });
  await footnote.service.sync?.idle();
});
afterEach(() => printed.mockClear());
afterAll(async () => {
  printed.mockRestore();
  await footnote.stop();
});

/** Asks for an export, and reads its beginning. */
async function beginning(): Promise<IncomingMessage> {
  const asked = get(`${footnote.settings.baseUrl}/admin/api/subscribers/export`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const [answer]: IncomingMessage[] = await once(asked, 'response');
  if (answer === undefined) throw new Error('there is no answer');
  await once(answer, 'readable');
  expect(answer.read(1_000)).toHaveLength(1_000);
  return answer;
}

/** Resolves once no transaction is open: others are asked on PostgreSQL, and PGlite has one connection alone. */
async function nothingIsOpen(): Promise<void> {
  const { database } = footnote.service;
  if (inject('server') === null) {
    await database.transaction((tx) => tx.query('SELECT 1'));
    return;
  }
  await eventually(async () => {
    const open = await database.query<{ query: string }>(
      `SELECT query FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`,
    );
    expect(open).toEqual([]);
  });
}

describe('an export', () => {
  it('holds nothing open in the database for a reader who pauses, nor for one who went away', async () => {
    const answer = await beginning();
    await nothingIsOpen();
    answer.destroy();
    await nothingIsOpen();

    const whole = await fetch(`${footnote.settings.baseUrl}/admin/api/subscribers/export`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect((await whole.text()).split('\r\n')).toHaveLength(1 + 12_000 + 1);
    // That is no failure of ours.
    expect(footnote.logged).toBe('');
    expect(printed).not.toHaveBeenCalled();
  });

  it('that fails in the middle breaks off for its reader, and is a line of the log', async () => {
    const { database } = footnote.service;
    const answer = await beginning();
    await database.query('ALTER TABLE mailing_lists RENAME TO hidden_lists');
    try {
      answer.resume();
      await expect(once(answer, 'end')).rejects.toThrow('aborted');
    } finally {
      await database.query('ALTER TABLE hidden_lists RENAME TO mailing_lists');
    }
    const lines = footnote.logged.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'an answer broke off', route: '/subscribers/export', method: 'GET' },
    ]);
    expect(printed).not.toHaveBeenCalled();
  });
});
