import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyOf } from '../../src/consent/copy.ts';
import { type Dossier, dossierOf } from '../../src/consent/dossier.ts';
import { dossierPage } from '../../src/consent/dossierPage.tsx';
import { type EventDraft, sealEvent } from '../../src/consent/ledger.ts';
import { offerConsentWording } from '../../src/consent/wordings.ts';
import { offeredLists, saveList } from '../../src/subscribing/lists.ts';
import { type Desk, openDesk, readersOf } from '../subscribing/desk.ts';
import { addressOf, day, hour } from '../subscribing/model.ts';
import { readAsOutsider } from './outsider.ts';

const ann = 'Ann&co@Reader.example';
const bob = 'Bob@Reader.example';
const consent = 'Ja, ich möchte <b>Post</b> & "mehr".\r\n\n  Jederzeit\u00a0kündbar. 📰  ';
const agent = '<script>alert("agent")</script>';

describe('the dossier about a person (C-14)', () => {
  let desk: Desk;
  let anns: Dossier;
  let bobs: Dossier;

  beforeAll(async () => {
    desk = await openDesk();
    await desk.addLists('daily', 'weekly');
    await saveList(desk.database, {
      slug: 'weekly',
      name: 'Die <Woche> & mehr',
      description: 'Zeile eins\nZeile zwei',
      position: 1,
    });
    const lists = await offeredLists(desk.database);
    const wordingVersion = await offerConsentWording(desk.database, 'de', consent);
    await desk.subscribing.run({
      type: 'sign_up',
      channel: 'form',
      ip: '93.184.216.34',
      userAgent: agent,
      page: 'https://news.example/a?b=1&c="2"',
      address: addressOf(ann),
      lists,
      wordingVersion,
      locale: 'de',
      firstName: 'Ännchen',
    });
    desk.wait(1234);
    await desk.run({ act: 'take mail', email: ann, nth: 0 });
    desk.wait(day + hour + 61_001);
    await desk.run({ act: 'confirm', email: ann, nth: 0 });
    desk.wait(hour);
    await desk.run({ act: 'leave', email: ann, list: 'weekly' });
    await desk.run({ act: 'sign up', email: bob, lists: ['daily'] });
    await desk.run({ act: 'take mail', email: bob, nth: 0 });
    desk.wait(4_999);
    await desk.run({ act: 'confirm', email: bob, nth: 0 });
    await desk.run({ act: 'ask erasure', email: bob });
    bobs = await dossier(await idOf(bob));
    await desk.run({ act: 'erase person', email: bob });

    // Everything is worded anew afterwards (C-13).
    await saveList(desk.database, { slug: 'weekly', name: 'Another', description: 'Changed.', position: 1 });
    await offerConsentWording(desk.database, 'de', 'Ganz andere Worte.');
    anns = await dossier(await idOf(ann));
  });
  afterAll(() => desk.close());

  const made = () => ({
    at: desk.now(),
    version: '1.2.3',
    site: { publication: 'The Daily <Example>', postalAddress: '1 Sample Street, Anytown' },
    mailDomain: 'daily.example',
  });
  const dossier = async (id: string): Promise<Dossier> =>
    (await dossierOf(desk.database, id, made())) ?? expect.fail('there is nobody');
  const idOf = async (email: string): Promise<string> =>
    (await desk.people([email])).get(addressOf(email).key)?.[0]?.id ?? expect.fail(`nobody is ${email}`);
  const erased = async () => dossier(await idOf(bob));
  const asFile = (value: Dossier) => JSON.stringify(value, null, 2);

  it('is as it always was, as JSON and as a page', async () => {
    await expect(`${nameless(asFile(anns))}\n`).toMatchFileSnapshot('dossier.golden.json');
    await expect(nameless(dossierPage(anns))).toMatchFileSnapshot('dossier.golden.html');
  });

  it('shows the words as they were read, byte for byte, whatever they are now (C-13)', () => {
    const [requested] = anns.events;
    expect(requested?.consentText).toMatchObject({ language: 'de', text: consent });
    expect(requested?.lists[1]).toMatchObject({
      list: 'weekly',
      name: 'Die <Woche> & mehr',
      description: 'Zeile eins\nZeile zwei',
    });
    const page = dossierPage(anns);
    expect(page).toContain(`>${escaped(consent)}</pre>`);
    expect(page).toContain(escaped('Die <Woche> & mehr'));
    expect(page).toContain('Zeile eins\nZeile zwei');
    expect(page).not.toContain('Ganz andere Worte');
  });

  it('tells which request a confirmation answers, and how long after its mail it came (U-28)', () => {
    const confirmed = (of: Dossier) => of.events.find(({ kind }) => kind === 'confirmed');
    expect(confirmed(anns)).toMatchObject({
      answers: 1,
      beside: {
        confirmation: {
          afterRequestMs: day + hour + 62_235,
          afterMailMs: day + hour + 61_001,
          isQuick: false,
        },
      },
    });
    expect(confirmed(bobs)?.beside.confirmation).toMatchObject({ afterMailMs: 4_999, isQuick: true });
    expect(dossierPage(anns)).toContain('1 d 1 h 1 min 1.001 s');
    expect(dossierPage(anns)).not.toContain('less than five seconds');
    expect(dossierPage(bobs)).toContain('less than five seconds');
  });

  it('holds the mail as it was sent, with its Message-ID and when it was taken (C-05)', async () => {
    const mailed = anns.events.find(({ kind }) => kind === 'mailed');
    const reader = (await readersOf(desk.database, [ann])).get(addressOf(ann).key);
    const mail = reader?.mails.find(({ kind }) => kind === 'confirmation');
    expect(mailed?.at).toBe(mail?.acceptedAt?.toISOString());
    expect(mailed?.beside.mail).toEqual({
      messageId: `<${mail?.id}@daily.example>`,
      text: 'Please confirm: [token]',
    });
  });

  it('holds no secret of the person’s links', async () => {
    const reader = (await readersOf(desk.database, [ann])).get(addressOf(ann).key) ?? expect.fail('nobody');
    const secrets = [reader.linkKey, ...reader.requests.flatMap(({ id, tokenHash }) => [id, tokenHash])];
    const both = asFile(anns) + dossierPage(anns);
    expect(secrets.filter((secret) => both.includes(secret))).toEqual([]);
    expect(both).not.toMatch(/bob/i);
  });

  it('is a page without script, that loads nothing, leads nowhere and takes nobody’s words for markup (A-09)', () => {
    for (const page of [anns, bobs].map(dossierPage)) {
      expect(page).not.toMatch(/<script|<link|<img|<iframe|<a |\bsrc=|\bhref=|url\(|@import|\bon\w+=/i);
      expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
      expect(page.match(/<h1>/g)).toHaveLength(1);
      expect(page.match(/<table>/g)?.length).toBe(page.match(/<thead>/g)?.length);
      expect(page).not.toMatch(/<th>/);
    }
    expect(dossierPage(anns)).toContain('&lt;script&gt;alert(&quot;agent&quot;)&lt;/script&gt;');
  });

  it('verifies, and says so', async () => {
    for (const whole of [anns, bobs, await erased()]) {
      expect(whole.chain.fault).toBeNull();
      expect(dossierPage(whole)).toContain('every entry is as it was written');
      expect(readAsOutsider(asFile(whole))).toEqual([]);
    }
  });

  it('shows an outsider whatever is altered of any entry, its evidence or its words (I5)', async () => {
    for (const whole of [anns, await erased()]) {
      const sealed = leavesOf(whole.events, ['events']).filter((path) => !isBeside(path));
      expect(sealed.length).toBeGreaterThan(40);
      for (const path of [...sealed, ['person', 'id'], ['chain', 'salt'], ['chain', 'head', 'hash']]) {
        expect(readAsOutsider(JSON.stringify(alteredAt(whole, path))), path.join('.')).not.toEqual([]);
      }
      for (const n of whole.events.keys()) {
        const without = { ...whole, events: whole.events.toSpliced(n, 1) };
        expect(readAsOutsider(JSON.stringify(without)), `without entry ${n + 1}`).not.toEqual([]);
      }
      const turned = { ...whole, events: whole.events.toReversed() };
      expect(readAsOutsider(JSON.stringify(turned))).not.toEqual([]);
    }
  });

  it('says what is broken, when something is', async () => {
    const id = await idOf(ann);
    const takenBack = new Error('taken back');
    const forging = desk.database.transaction(async (tx) => {
      await tx.query('SET LOCAL session_replication_role = replica');
      await tx.query(`UPDATE consent_evidence SET ip = '10.0.0.1' WHERE subscriber_id = $1 AND seq = 3`, [
        id,
      ]);
      const forged = await dossierOf(tx, id, made());
      expect(forged?.chain.fault).toEqual({ number: 3, why: 'its evidence was altered' });
      if (forged !== null) {
        expect(dossierPage(forged)).toContain('At entry 3: its evidence was altered.');
        expect(readAsOutsider(JSON.stringify(forged))).toEqual(['entry 3: evidence']);
      }
      throw takenBack;
    });
    await expect(forging).rejects.toBe(takenBack);
  });

  it('of an erased person names nobody, and still proves what happened when (I6)', async () => {
    const nobody = await erased();
    expect(nobody.person).toMatchObject({ address: null, mailedAs: null, firstName: null });
    expect(nobody.person.erasedAt).not.toBeNull();
    expect(nobody.chain.salt).toBeNull();
    expect(nobody.events.map(({ kind, channel }) => [kind, channel])).toEqual([
      ['requested', 'form'],
      ['mailed', 'mail'],
      ['confirmed', 'confirm_page'],
      ['unsubscribed', 'admin'],
      ['erased', 'admin'],
    ]);
    expect(nobody.events[0]?.consentText?.text).toBe('You acknowledge the transfer.');
    const page = dossierPage(nobody);
    expect(asFile(nobody) + page).not.toMatch(/bob|reader\.example|203\.0\.113|A browser|erased\.invalid/i);
    expect(page).toContain('Everything personal was destroyed');
  });

  it('tells of an import what is said of the consent, and out of which file it comes', async () => {
    const carl = 'carl@reader.example';
    await desk.run({ act: 'sign up', email: carl, lists: ['daily'] });
    const reader = (await readersOf(desk.database, [carl])).get(carl) ?? expect.fail('nobody');
    const [daily] = await offeredLists(desk.database);
    const wordingVersion = await offerConsentWording(desk.database, 'en', 'The paper form of 2019.');
    const draft: EventDraft = {
      seq: 2,
      kind: 'imported',
      at: desk.now(),
      channel: 'import',
      listWordings: [daily?.wording ?? ''],
      wordingVersion,
      requestSeq: null,
      mailHash: null,
      evidence: { email: carl, ip: null, userAgent: null, page: null, givenAt: null },
    };
    const sealed = sealEvent(reader.id, reader.ledgerSalt ?? '', reader.ledgerHash, draft);
    const importId = '00000000-0000-7000-8000-000000000001';
    await desk.database.query(
      `INSERT INTO consent_events (subscriber_id, seq, kind, at, channel, list_wordings, wording_version,
                                   evidence_digest, previous_hash, hash)
       VALUES ($1, 2, 'imported', $2, 'import', $3, $4, $5, $6, $7)`,
      [
        reader.id,
        desk.now().toISOString(),
        draft.listWordings,
        wordingVersion,
        sealed.evidenceDigest,
        sealed.previousHash,
        sealed.hash,
      ],
    );
    await desk.database.query('INSERT INTO consent_evidence (subscriber_id, seq, email) VALUES ($1, 2, $2)', [
      reader.id,
      carl,
    ]);
    await desk.database.query(
      `UPDATE subscriptions SET state = 'subscribed', consent_seq = 2 WHERE subscriber_id = $1`,
      [reader.id],
    );
    await desk.database.query(
      `INSERT INTO imports (id, digest, file, list_ids, wording_version, key, created_at)
       VALUES ($1, 'a digest', 'old & new.csv', '{}', $2, 'a key', $3)`,
      [importId, wordingVersion, desk.now().toISOString()],
    );
    await desk.database.query(
      `INSERT INTO imported_rows (import_id, row, subscriber_id, seq, outcome) VALUES ($1, 6, $2, 2, 'created')`,
      [importId, reader.id],
    );
    const told = await dossier(reader.id);
    expect(told.chain.fault).toBeNull();
    expect(readAsOutsider(asFile(told))).toEqual([]);
    expect(told.events[1]).toMatchObject({
      kind: 'imported',
      consentText: { text: 'The paper form of 2019.' },
      beside: { import: { id: importId, file: 'old & new.csv', row: 6 } },
    });
    expect(dossierPage(told)).toMatch(/<dd><bdi>old &amp; new\.csv<\/bdi><\/dd>.*<dt>Row<\/dt><dd>7<\/dd>/);
  });

  it('is there for nobody who never was, and changes nothing of the reader’s own copy', async () => {
    expect(await dossierOf(desk.database, '00000000-0000-4000-8000-000000000000', made())).toBeNull();
    expect((await copyOf(desk.database, await idOf(ann))).json).not.toMatch(/hash|salt|version/i);
  });
});

const escaped = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;');

/** Without what is drawn anew each time: the same id or hash has the same number. */
function nameless(text: string): string {
  const seen = new Map<string, string>();
  return text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{64}/g, (id) => {
    const name = seen.get(id) ?? `${id.length === 64 ? 'hash' : 'id'}-${seen.size + 1}`;
    seen.set(id, name);
    return name;
  });
}

type Path = (string | number)[];

/** Every value in it that holds no other, by the way to it. */
function leavesOf(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}

/** What docs/dossier.md says is not sealed. */
const isBeside = (path: Path) =>
  path.includes('firstName') || path.includes('import') || path.includes('messageId');

/** A copy of it that has another value at one place. */
function alteredAt(value: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) {
    if (typeof value === 'number') return value + 1;
    if (typeof value === 'boolean') return !value;
    return typeof value === 'string' ? `${value}x` : 'x';
  }
  if (Array.isArray(value)) return value.with(Number(key), alteredAt(value[Number(key)], rest));
  return { ...Object(value), [key]: alteredAt(Object(value)[key], rest) };
}
