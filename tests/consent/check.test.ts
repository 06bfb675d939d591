import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckReport, checkLedgers } from '../../src/consent/check.ts';
import { sealEvent } from '../../src/consent/ledger.ts';
import type { Sql } from '../../src/platform/database.ts';
import { type Desk, openDesk } from '../subscribing/desk.ts';
import { hour } from '../subscribing/model.ts';

const ann = 'ann@reader.example';
const bob = 'bob@reader.example';
const cleo = 'cleo@reader.example';

describe('checking all ledgers (I5, C-11)', () => {
  let desk: Desk;
  let id: string;
  let erased: string;

  beforeAll(async () => {
    desk = await openDesk();
    await desk.addLists('daily', 'weekly', 'monthly');
    for (const email of [ann, bob, cleo]) {
      await desk.run({ act: 'sign up', email, lists: ['daily', 'weekly'] });
      await desk.run({ act: 'take mail', email, nth: 0 });
      desk.wait(hour);
      await desk.run({ act: 'confirm', email, nth: 0 });
      await desk.run({ act: 'leave', email, list: 'weekly' });
    }
    const people = await desk.people([ann, cleo]);
    id = people.get(ann)?.[0]?.id ?? '';
    erased = people.get(cleo)?.[0]?.id ?? '';
    await desk.run({ act: 'erase person', email: cleo });
    await desk.run({ act: 'sign up', email: cleo, lists: ['daily'] });
  });
  afterAll(() => desk.close());

  const whole = (sql: Sql = desk.database) => checkLedgers(sql, { after: null, limit: 100 });

  /** What the check finds after a forgery by somebody with all rights over the database, which is taken back. */
  async function foundAfter(...forgery: string[]): Promise<CheckReport['broken']> {
    let broken: CheckReport['broken'] = [];
    const takenBack = new Error('taken back');
    const forging = desk.database.transaction(async (tx) => {
      await tx.query('SET LOCAL session_replication_role = replica');
      for (const statement of forgery) await tx.query(statement);
      ({ broken } = await whole(tx));
      throw takenBack;
    });
    await expect(forging).rejects.toBe(takenBack);
    return broken;
  }

  const entry = (seq: number) => `WHERE subscriber_id = '${id}' AND seq = ${seq}`;
  const subscription = (list: string) =>
    `WHERE subscriber_id = '${id}' AND list_id = (SELECT id FROM mailing_lists WHERE slug = '${list}')`;

  it('finds nothing wrong with what was written by the rules, erasures among it', async () => {
    expect(await whole()).toEqual({ checked: 4, events: 15, broken: [], next: null });
    expect(await foundAfter()).toEqual([]);
  });

  it('goes through them in pages, and says where the next one begins', async () => {
    const pages: CheckReport[] = [];
    for (
      let after: string | null = null;
      pages.length === 0 || after !== null;
      after = pages.at(-1)?.next ?? null
    )
      pages.push(await checkLedgers(desk.database, { after, limit: 3 }));
    expect(pages.map(({ checked }) => checked)).toEqual([3, 1]);
    expect(pages.reduce((sum, { events }) => sum + events, 0)).toBe(15);
    const last = await checkLedgers(desk.database, { after: pages[0]?.next ?? null, limit: 1 });
    expect(last).toMatchObject({ checked: 1 });
    expect(await checkLedgers(desk.database, { after: last.next, limit: 1 })).toEqual({
      checked: 0,
      events: 0,
      broken: [],
      next: null,
    });
  });

  it.each([
    [
      'an entry',
      2,
      'the entry was altered',
      () => `UPDATE consent_events SET at = at + interval '1 hour' ${entry(2)}`,
    ],
    [
      'a seal',
      3,
      'the entry does not follow',
      () => `UPDATE consent_events SET previous_hash = 'x' ${entry(3)}`,
    ],
    ['a removal', 3, 'the entry is missing', () => `DELETE FROM consent_events ${entry(3)}`],
    ['the end', 4, 'ends elsewhere', () => `DELETE FROM consent_events ${entry(4)}`],
    ['the head', 4, 'ends in another', () => `UPDATE subscribers SET ledger_hash = 'x' WHERE id = '${id}'`],
    ['evidence', 3, 'its evidence was altered', () => `UPDATE consent_evidence SET ip = NULL ${entry(3)}`],
    ['evidence that is gone', 1, 'its evidence is missing', () => `DELETE FROM consent_evidence ${entry(1)}`],
    [
      'a kept mail',
      2,
      'the mail that is kept',
      () => `UPDATE mails SET copy = 'Other words' WHERE subscriber_id = '${id}' AND copy IS NOT NULL`,
    ],
    [
      'a subscription without consent',
      4,
      'weekly is subscribed, and unsubscribed by the ledger',
      () => `UPDATE subscriptions SET state = 'subscribed' ${subscription('weekly')}`,
    ],
    [
      'an opt-out that nobody made',
      3,
      'daily is unsubscribed, and subscribed by',
      () => `UPDATE subscriptions SET state = 'unsubscribed', ended_seq = 4 ${subscription('daily')}`,
    ],
    [
      'a forgotten opt-out',
      4,
      'weekly names other entries',
      () => `UPDATE subscriptions SET ended_seq = 3 ${subscription('weekly')}`,
    ],
    [
      'another consent',
      3,
      'daily names other entries',
      () => `UPDATE subscriptions SET consent_seq = 1 ${subscription('daily')}`,
    ],
    [
      'a subscription out of nothing',
      3,
      'monthly is subscribed, of which',
      () =>
        `INSERT INTO subscriptions (subscriber_id, list_id, state, consent_seq, changed_at) SELECT '${id}', id, 'subscribed', 3, now() FROM mailing_lists WHERE slug = 'monthly'`,
    ],
    [
      'a subscription that is gone',
      3,
      'daily is subscribed by the ledger',
      () => `DELETE FROM subscriptions ${subscription('daily')}`,
    ],
    [
      'a salt that is gone',
      4,
      'the salt is gone without',
      () => `UPDATE subscribers SET ledger_salt = NULL WHERE id = '${id}'`,
    ],
  ])('names the first broken link: %s', async (_, seq, why, forgery) => {
    expect(await foundAfter(forgery())).toEqual([
      { subscriberId: id, seq, why: expect.stringContaining(why) },
    ]);
  });

  it('names whoever agreed to words that are not what they were (C-13)', async () => {
    const reworded = await foundAfter(`UPDATE consent_wordings SET text = 'Anything.'`);
    expect(reworded.map(({ seq, why }) => [seq, why])).toEqual(
      Array(4).fill([1, 'the consent text was altered or is missing']),
    );
    const renamed = await foundAfter(`UPDATE mailing_list_wordings SET name = 'Spam' WHERE slug = 'weekly'`);
    expect(renamed.map(({ seq }) => seq)).toEqual([1, 1, 1]);
    expect(await foundAfter(`DELETE FROM mailing_list_wordings WHERE slug = 'weekly'`)).toEqual(renamed);
  });

  it('names what an erasure should have taken with it (I6)', async () => {
    const evidence = `INSERT INTO consent_evidence (subscriber_id, seq, email) VALUES ('${erased}', 2, 'cleo')`;
    expect(await foundAfter(evidence)).toEqual([
      { subscriberId: erased, seq: 2, why: 'evidence outlived the erasure' },
    ]);
    const salt = `UPDATE subscribers SET ledger_salt = 'a salt' WHERE id = '${erased}'`;
    expect(await foundAfter(salt)).toMatchObject([{ subscriberId: erased, seq: 1 }]);
  });

  it('names the first of several faults of a person, and everybody who has one', async () => {
    const broken = await foundAfter(
      `UPDATE consent_evidence SET ip = '10.0.0.1' WHERE seq = 3`,
      `UPDATE subscriptions SET state = 'subscribed' ${subscription('weekly')}`,
    );
    expect(broken).toHaveLength(2);
    expect(broken[0]).toEqual({ subscriberId: id, seq: 3, why: 'its evidence was altered' });
  });

  it('checks ten thousand entries page by page, each once', async () => {
    const [wording] = await desk.database.query<{ version: string }>(
      `SELECT wording_version AS version FROM mailing_lists WHERE slug = 'daily'`,
    );
    const at = desk.now();
    const byNobody = { channel: 'form', ip: null, userAgent: null, page: null, givenAt: null } as const;
    const sealed = Array.from({ length: 2_500 }, (_, n) => {
      const id = `ffffffff-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
      let before = '';
      const events = [1, 2, 3, 4].map((seq) => {
        const left = seq % 2 === 0;
        const event = sealEvent(id, `salt ${n}`, before, {
          seq,
          kind: left ? 'unsubscribed' : 'requested',
          at,
          channel: byNobody.channel,
          listWordings: [wording?.version ?? ''],
          wordingVersion: left ? null : desk.wordingVersion,
          requestSeq: null,
          mailHash: null,
          evidence: { email: `${n}@reader.example`, ip: null, userAgent: null, page: null, givenAt: null },
        });
        before = event.hash;
        return event;
      });
      return { id, n, hash: before, events };
    });
    await desk.database.transaction(async (tx) => {
      await tx.query('SET LOCAL session_replication_role = replica');
      await tx.query(
        `INSERT INTO subscribers (id, typed, email, key, abuse_key, link_key, locale, ledger_salt, ledger_seq,
                                  ledger_hash, created_at)
         SELECT id, address, address, address, address, lpad(to_hex(n), 40, '0'), 'en', 'salt ' || n, 4, hash, now()
           FROM jsonb_to_recordset($1::jsonb) AS given(id uuid, n int, hash text)
          CROSS JOIN LATERAL (SELECT n || '@reader.example' AS address) named`,
        [JSON.stringify(sealed.map(({ id, n, hash }) => ({ id, n, hash })))],
      );
      const rows = sealed.flatMap(({ id, events }) => events.map((event) => ({ id, ...event })));
      await tx.query(
        `INSERT INTO consent_events (subscriber_id, seq, kind, at, channel, list_wordings, wording_version,
                                     evidence_digest, previous_hash, hash)
         SELECT id, seq, kind::consent_event_kind, at, 'form', ARRAY[list], "wordingVersion",
                "evidenceDigest", "previousHash", hash
           FROM jsonb_to_recordset($1::jsonb)
             AS given(id uuid, seq int, kind text, at timestamptz, "wordingVersion" text,
                      "evidenceDigest" text, "previousHash" text, hash text)
          CROSS JOIN (SELECT $2::text AS list) worded`,
        [JSON.stringify(rows), wording?.version ?? ''],
      );
      await tx.query(
        `INSERT INTO consent_evidence (subscriber_id, seq, email)
         SELECT person.id, seq, person.email FROM subscribers person CROSS JOIN generate_series(1, 4) AS seq
          WHERE person.id >= 'ffffffff-0000-7000-8000-000000000000'`,
      );
      await tx.query(
        `INSERT INTO subscriptions (subscriber_id, list_id, state, ended_seq, changed_at)
         SELECT person.id, list.id, 'unsubscribed', 4, now() FROM subscribers person, mailing_lists list
          WHERE person.id >= 'ffffffff-0000-7000-8000-000000000000' AND list.slug = 'daily'`,
      );
    });
    let events = 0;
    for (let after: string | null = null, first = true; first || after !== null; first = false) {
      const page: CheckReport = await checkLedgers(desk.database, { after, limit: 500 });
      expect(page.broken).toEqual([]);
      events += page.events;
      after = page.next;
    }
    expect(events).toBe(10_015);
  });
});
