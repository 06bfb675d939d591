import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EventDraft, hashEvent, sealEvent } from '../../src/consent/ledger.ts';
import { faultInChain, type Ledger, type StoredEvent } from '../../src/consent/verify.ts';
import type { Sql } from '../../src/platform/database.ts';
import { type Desk, openDesk } from '../subscribing/desk.ts';
import { hour } from '../subscribing/model.ts';

describe('sealing an entry', () => {
  const draft: EventDraft = {
    seq: 2,
    kind: 'confirmed',
    at: new Date('2026-11-23T09:00:00.123Z'),
    channel: 'confirm_page',
    listWordings: ['first', 'second'],
    wordingVersion: null,
    requestSeq: 1,
    mailHash: null,
    evidence: {
      email: 'Ann@Reader.example',
      ip: '203.0.113.7',
      userAgent: 'A browser',
      page: null,
      givenAt: null,
    },
  };
  const sealed = sealEvent('the person', 'the salt', 'the hash before', draft);

  it('can be recomputed by anybody with SHA-256 from what is written down', () => {
    const evidenceDigest = createHmac('sha256', 'the salt')
      .update('["Ann@Reader.example","203.0.113.7","A browser",null]')
      .digest('hex');
    const hash = createHash('sha256')
      .update(
        `["footnote consent event 1","the person",2,"confirmed","2026-11-23T09:00:00.123Z","confirm_page",` +
          `["first","second"],null,1,null,"${evidenceDigest}","the hash before"]`,
      )
      .digest('hex');
    expect(sealed).toMatchObject({ evidenceDigest, hash, previousHash: 'the hash before' });
  });

  it('stays as it was sealed before entries knew of imports', () => {
    expect(sealed.evidenceDigest).toBe('9aed3c47c89ac1f1af588acaad947240d63078446c189f2173cd0892ce584d0b');
    expect(sealed.hash).toBe('dda451a0e3d7767f9da9ae008fba8acfe6335ce22ec4528003b8a8e07a2fa344');
  });

  it('seals when consent was given elsewhere, where that is known', () => {
    const givenAt = new Date('2021-03-04T12:34:56.000Z');
    const elsewhere = { ...draft, evidence: { ...draft.evidence, givenAt } };
    const evidenceDigest = createHmac('sha256', 'the salt')
      .update('["Ann@Reader.example","203.0.113.7","A browser",null,"2021-03-04T12:34:56.000Z"]')
      .digest('hex');
    expect(sealEvent('the person', 'the salt', 'the hash before', elsewhere)).toMatchObject({
      evidenceDigest,
    });
  });

  it('tells nothing of the person to who has no salt (I6)', () => {
    expect(sealEvent('the person', 'another salt', 'the hash before', draft).evidenceDigest).not.toBe(
      sealed.evidenceDigest,
    );
    const { evidence: _, ...chained } = sealed;
    expect(JSON.stringify(chained)).not.toMatch(/Ann|203\.0\.113|browser/);
  });
});

describe('the chain of a ledger (I5)', () => {
  let desk: Desk;
  const ann = 'Ann@reader.example';
  const key = 'ann@reader.example';

  beforeAll(async () => {
    desk = await openDesk();
    await desk.addLists('daily', 'weekly');
    await desk.run({ act: 'sign up', email: ann, lists: ['daily', 'weekly'] });
    await desk.run({ act: 'take mail', email: ann, nth: 0 });
    desk.wait(hour);
    await desk.run({ act: 'confirm', email: ann, nth: 0 });
    await desk.run({ act: 'leave', email: ann, list: 'weekly' });
    await desk.run({ act: 'sign up', email: 'bob@reader.example', lists: ['daily'] });
  });
  afterAll(() => desk.close());

  /** The first broken entry of Ann's ledger after a forgery, which is taken back. */
  async function brokenBy(...forgery: string[]): Promise<number | null> {
    let broken: number | null = null;
    const takenBack = new Error('taken back');
    const forging = desk.database.transaction(async (tx) => {
      // A forger with all rights over the database: no trigger, no foreign key, no check.
      await tx.query('SET LOCAL session_replication_role = replica');
      for (const check of ['wording', 'request', 'mail', 'lists'])
        await tx.query(`ALTER TABLE consent_events DROP CONSTRAINT consent_events_${check}`);
      for (const statement of forgery) await tx.query(statement);
      broken = faultInChain(await ledgerOf(tx, key))?.seq ?? null;
      throw takenBack;
    });
    await expect(forging).rejects.toBe(takenBack);
    return broken;
  }

  const id = `(SELECT id FROM subscribers WHERE key = '${key}')`;
  const alter = (seq: number, to: string) =>
    `UPDATE consent_events SET ${to} WHERE subscriber_id = ${id} AND seq = ${seq}`;
  const alterEvidence = (seq: number, to: string) =>
    `UPDATE consent_evidence SET ${to} WHERE subscriber_id = ${id} AND seq = ${seq}`;

  it('verifies as it was written', async () => {
    const ledger = await ledgerOf(desk.database, key);
    expect(ledger.events.map(({ kind }) => kind)).toEqual([
      'requested',
      'mailed',
      'confirmed',
      'unsubscribed',
    ]);
    expect(faultInChain(ledger)).toBeNull();
    expect(await brokenBy()).toBeNull();
  });

  it('verifies for who did nothing yet', () => {
    expect(faultInChain({ salt: 'a salt', head: { seq: 0, hash: '' }, events: [] })).toBeNull();
  });

  it.each([
    [1, `kind = 'unsubscribed'`],
    [1, `at = at + interval '1 millisecond'`],
    [1, `channel = 'api'`],
    [1, 'list_wordings = list_wordings[1:1]'],
    [1, 'list_wordings = ARRAY[list_wordings[2], list_wordings[1]]'],
    [1, `wording_version = 'another text'`],
    [3, 'request_seq = 2'],
    [2, `mail_hash = 'another mail'`],
    [3, `evidence_digest = 'another digest'`],
    [3, `previous_hash = ''`],
    [3, `hash = 'another hash'`],
    [4, `kind = 'confirmed'`],
  ])('shows that entry %i was altered: %s', async (seq, to) => {
    expect(await brokenBy(alter(seq, to))).toBe(seq);
  });

  it.each([
    [1, `email = 'somebody@else.example'`],
    [1, 'ip = NULL'],
    [3, `ip = '198.51.100.1'`],
    [3, `user_agent = 'Another browser'`],
    [1, `page = 'https://elsewhere.example/'`],
    [1, `given_at = now()`],
  ])('shows that the evidence of entry %i was altered: %s', async (seq, to) => {
    expect(await brokenBy(alterEvidence(seq, to))).toBe(seq);
  });

  const remove = (table: string, seq: number) =>
    `DELETE FROM ${table} WHERE subscriber_id = ${id} AND seq = ${seq}`;

  it.each([1, 2, 3, 4])('shows that entry %i was taken out', async (seq) => {
    expect(await brokenBy(remove('consent_events', seq))).toBe(seq);
  });

  it('shows that evidence was taken out before the salt was destroyed', async () => {
    expect(await brokenBy(remove('consent_evidence', 3))).toBe(3);
  });

  it('shows that two entries changed places', async () => {
    expect(await brokenBy(alter(2, 'seq = 99'), alter(3, 'seq = 2'), alter(99, 'seq = 3'))).toBe(2);
  });

  it('shows that later entries were renumbered to hide that one was taken out', async () => {
    expect(await brokenBy(remove('consent_events', 2), alter(3, 'seq = 2'), alter(4, 'seq = 3'))).toBe(2);
  });

  it.each([
    ['an entry', 3, 4],
    ['the last entry', 4, 4],
  ])('shows that %s was replaced by another that is whole in itself', async (_, seq, broken) => {
    const event = (await ledgerOf(desk.database, key)).events[seq - 1];
    if (event === undefined) throw new Error('there is no such entry');
    const hash = hashEvent({ ...event, channel: 'api' });
    expect(await brokenBy(alter(seq, `channel = 'api', hash = '${hash}'`))).toBe(broken);
  });

  it('shows a number left out, although everything was sealed anew', () => {
    const seal = (seq: number, before: string): StoredEvent => {
      const at = new Date('2026-11-23T09:00:00Z');
      const nothing = { wordingVersion: null, requestSeq: null, mailHash: null };
      const evidence = { email: ann, ip: null, userAgent: null, page: null, givenAt: null };
      const left = { kind: 'unsubscribed', channel: 'one_click' } as const;
      const draft = { ...nothing, ...left, listWordings: ['a list'], seq, at, evidence };
      return { ...sealEvent('a person', 'a salt', before, draft), subscriberId: 'a person' };
    };
    const chain = (second: number): Ledger => {
      const first = seal(1, '');
      const next = seal(second, first.hash);
      return { salt: 'a salt', head: { seq: 2, hash: next.hash }, events: [first, next] };
    };
    expect(faultInChain(chain(2))).toBeNull();
    expect(faultInChain(chain(3))?.seq).toBe(2);
  });

  it('shows that the head was moved', async () => {
    const head = (to: string) => `UPDATE subscribers SET ${to} WHERE key = '${key}'`;
    expect(await brokenBy(head('ledger_seq = 5'))).toBe(5);
    expect(await brokenBy(head('ledger_seq = 3'))).toBe(4);
    expect(await brokenBy(head(`ledger_hash = 'another hash'`))).toBe(4);
  });

  it("shows that somebody else's chain was put in its place", async () => {
    const bobs = await ledgerOf(desk.database, 'bob@reader.example');
    const annsId = (await ledgerOf(desk.database, key)).events[0]?.subscriberId ?? '';
    expect(faultInChain(bobs)).toBeNull();
    const moved = bobs.events.map((event) => ({ ...event, subscriberId: annsId }));
    expect(faultInChain({ ...bobs, events: moved })?.seq).toBe(1);
  });

  it('verifies after the salt and the evidence were destroyed, and still shows an alteration (I6)', async () => {
    const erased = [
      `UPDATE subscribers SET ledger_salt = NULL WHERE key = '${key}'`,
      `DELETE FROM consent_evidence WHERE subscriber_id = ${id}`,
    ];
    expect(await brokenBy(...erased)).toBeNull();
    expect(await brokenBy(...erased, alter(2, `at = at + interval '1 second'`))).toBe(2);
    expect(await brokenBy(...erased, alter(3, `evidence_digest = 'another'`))).toBe(3);
  });
});

/** A ledger as the database holds it, within a transaction too. */
async function ledgerOf(sql: Sql, key: string): Promise<Ledger> {
  const [person] = await sql.query<{ id: string; salt: string | null; seq: number; hash: string }>(
    'SELECT id, ledger_salt AS salt, ledger_seq AS seq, ledger_hash AS hash FROM subscribers WHERE key = $1',
    [key],
  );
  if (person === undefined) throw new Error('there is no such person');
  const { id, salt, seq, hash } = person;
  const events = await sql.query<StoredEvent & { givenAt: Date | null }>(
    `SELECT event.subscriber_id AS "subscriberId", event.seq, kind, at, channel, list_wordings AS "listWordings",
            wording_version AS "wordingVersion", request_seq AS "requestSeq", mail_hash AS "mailHash",
            evidence_digest AS "evidenceDigest", previous_hash AS "previousHash", hash,
            CASE WHEN evidence.email IS NOT NULL THEN jsonb_build_object(
              'email', email, 'ip', ip, 'userAgent', user_agent, 'page', page) END AS evidence, given_at AS "givenAt"
       FROM consent_events event
       LEFT JOIN consent_evidence evidence ON evidence.subscriber_id = event.subscriber_id AND evidence.seq = event.seq
      WHERE event.subscriber_id = $1::uuid ORDER BY event.seq`,
    [id],
  );
  return {
    salt,
    head: { seq, hash },
    events: events.map(({ evidence, givenAt, ...event }) => ({
      ...event,
      evidence: evidence && { ...evidence, givenAt },
    })),
  };
}
