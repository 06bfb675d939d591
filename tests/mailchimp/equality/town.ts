import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { faultInChain } from '../../../src/consent/verify.ts';
import { connect, type PostMember, type PutMember } from '../../../src/mailchimp/api/client.ts';
import { MailchimpError } from '../../../src/mailchimp/api/error.ts';
import type { RefusalKind } from '../../../src/mailchimp/lane/refusals.ts';
import { reconcile, requestReconciliation } from '../../../src/mailchimp/reconcile.ts';
import { setup } from '../../../src/mailchimp/setup.ts';
import { readSignals } from '../../../src/mailchimp/signals.ts';
import { readDelivery, takeDelivery } from '../../../src/mailchimp/webhook.ts';
import { fault } from '../../../src/sandbox/mailchimp/faults.ts';
import type { People } from '../../../src/sandbox/mailchimp/people.ts';
import { Problem } from '../../../src/sandbox/mailchimp/problem.ts';
import type { Member } from '../../../src/sandbox/mailchimp/state.ts';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import { ledgerOf, readersOf } from '../../subscribing/desk.ts';
import { importPeople, undoImports } from '../importing.ts';
import { type Newsroom, silent } from '../newsroom.ts';
import { footerLinks, type Lane, startLane } from './lane.ts';
import { createTruth } from './truth.ts';

export const lists = ['daily', 'weekly'];

/** The few who do all sorts of things, and a crowd that only comes and goes, enough for calls in bulk. */
export const names = ['ann', 'bob', 'cleo', 'looks-fake', 'too-many-lists'];
export const crowd = Array.from({ length: 20 }, (_, n) => `crowd${n}`);

const minute = 60_000;
const day = 24 * 60 * minute;
/** Mailchimp goes on with a request no longer than this. */
const serverTimeout = 2 * minute;

/** Somebody as the database knows them. */
interface Known {
  id: string;
  email: string;
  linkKey: string;
  states: Record<string, 'pending' | 'subscribed' | 'unsubscribed'>;
  /** Lists whose consent Mailchimp has acknowledged. */
  told: string[];
  due: boolean;
  refusal: RefusalKind | null;
}

/** Where Mailchimp calls. */
export interface Receiver {
  url: string;
  /** Who reads what comes; null loses it. */
  reader: ((body: string) => Promise<void>) | null;
  server: Server;
}

export async function openReceiver(): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    await receiver.reader?.(body);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = { url: `http://127.0.0.1:${port}/webhook`, reader: null, server };
  return receiver;
}

export type Town = Awaited<ReturnType<typeof openTown>>;

/** Readers and editors on both sides, what lies between them, and what is true of them all. */
export async function openTown(newsroom: Newsroom, receiver: Receiver) {
  const { database } = newsroom;
  await newsroom.newReaders();
  await database.query('DELETE FROM reconciliations');
  // The newsroom's clock goes on by an hour an act; Mailchimp's follows, so that what comes later is later.
  let clock = newsroom.now().getTime();
  const sandbox = await startSandbox({
    port: 0,
    smtpPort: 0,
    serviceUrl: 'http://localhost:3000',
    folder: null,
    now: () => new Date(clock),
  });
  const { audience } = sandbox;
  const direct = connect(sandbox.mailchimp);
  const read = async (body: string) => {
    const delivery = readDelivery(body);
    const audienceId = direct.audienceId;
    if (delivery !== null) await takeDelivery(database, delivery, { audienceId, receivedAt: new Date() });
  };
  receiver.reader = read;
  await setup({ database, api: direct, webhookUrl: receiver.url });
  // By the clock of the readers, who come after it; one that is made anew later is younger than all they said.
  await database.query('UPDATE audience_interests SET created_at = $1', [newsroom.now()]);

  const truth = createTruth(lists);
  /** Whom Mailchimp was told to mail though they had not consented by then. */
  const suspects = new Set<string>();
  /** Who was put on or moved over there, of which we may not have heard. */
  const restored = new Set<string>();
  const linkKeys = new Map<string, string>();
  let writes = 0;
  audience.observe(({ method }) => {
    if (method !== 'GET') writes += 1;
  });

  /** I1, I2: nobody is put up for mails whose last word was not a consent given to us. */
  function overhear({ status, merge_fields }: PutMember | PostMember): void {
    const link = merge_fields?.['UNSUBURL'] ?? '';
    const person = [...linkKeys].find(([, key]) => link.endsWith(key))?.[0];
    if ((status !== 'subscribed' && status !== 'pending') || person === undefined) return;
    if (!truth.mayBeMailed(person)) suspects.add(person);
  }
  const start = async () => {
    const lane = startLane(newsroom, sandbox, overhear);
    await lane.settle();
    return lane;
  };
  let lanes: Lane[] = [await start()];

  const addressOf = (person: string) => `${person}@reader.example`;

  async function known(): Promise<Map<string, Known>> {
    const rows = await database.query<Known>(
      `SELECT person.id, person.email, person.link_key AS "linkKey",
              coalesce(contact.wanted <> contact.acknowledged, false) AS due, contact.refusal->>'kind' AS refusal,
              coalesce((SELECT jsonb_object_agg(list.slug, subscription.state) FROM subscriptions subscription
                          JOIN mailing_lists list ON list.id = subscription.list_id
                         WHERE subscription.subscriber_id = person.id), '{}') AS states,
              ARRAY(SELECT list.slug FROM subscriptions subscription
                      JOIN mailing_lists list ON list.id = subscription.list_id
                     WHERE subscription.subscriber_id = person.id AND subscription.consent_seq <= contact.consent_seq) AS told
         FROM subscribers person LEFT JOIN audience_contacts contact ON contact.subscriber_id = person.id`,
    );
    const byKey = new Map(rows.map((row) => [row.linkKey, row]));
    return new Map(
      [...linkKeys].flatMap(([person, key]) => {
        const row = byKey.get(key);
        return row === undefined ? [] : [[person, row]];
      }),
    );
  }

  function tick(): void {
    clock = Math.max(clock, newsroom.now().getTime()) + 2_000;
  }

  /** Members that carry somebody's links: one, or more when an address was left behind. */
  const membersOf = (linkKey: string): Member[] =>
    [...audience.state.members].filter(({ merge_fields }) =>
      String(merge_fields['UNSUBURL']).endsWith(linkKey),
    );

  async function interestsOf(): Promise<Map<string, string>> {
    const rows = await database.query<{ slug: string; id: string }>(
      `SELECT list.slug, interest.interest_id AS id FROM audience_interests interest
         JOIN mailing_lists list ON list.id = interest.list_id`,
    );
    return new Map(rows.map(({ slug, id }) => [slug, id]));
  }

  const readers = {
    async signUp(person: string, some: string[]) {
      const email = (await known()).get(person)?.email ?? addressOf(person);
      await newsroom.signUp(email, ...some);
      if (linkKeys.has(person)) return;
      const { linkKey } = await database.prisma.subscriber.findUniqueOrThrow({ where: { key: email } });
      linkKeys.set(person, linkKey);
    },
    /** Presses the button of the newest mail, be it old. */
    async confirm(person: string) {
      const before = (await known()).get(person);
      const asked =
        before && (await database.prisma.signUpRequest.count({ where: { subscriberId: before.id } }));
      // Who came by an import was never asked.
      if (before === undefined || asked === 0) return;
      await newsroom.confirm(before.email);
      const after = (await known()).get(person)?.states;
      truth.confirmed(
        person,
        lists.filter((list) => after?.[list] === 'subscribed' && before.states[list] !== 'subscribed'),
      );
    },
    async leave(person: string, list: string | null) {
      const email = (await known()).get(person)?.email;
      if (email === undefined) return;
      await newsroom.leave(email, list ?? undefined);
      truth.leftHere(person, list === null ? lists : [list]);
    },
    /** Comes by an import, as far as it may. */
    async import(people: readonly string[], some: string[]) {
      const before = await known();
      const emails = new Map(
        people.map((person) => [person, before.get(person)?.email ?? addressOf(person)]),
      );
      await importPeople(newsroom, [...emails.values()], { lists: some });
      for (const [person, email] of emails) {
        const found = await database.prisma.subscriber.findUnique({ where: { key: email.toLowerCase() } });
        if (found !== null && !linkKeys.has(person)) linkKeys.set(person, found.linkKey);
      }
      const after = await known();
      for (const person of people) {
        const isNew = (list: string) =>
          after.get(person)?.states[list] === 'subscribed' &&
          before.get(person)?.states[list] !== 'subscribed';
        truth.imported(person, lists.filter(isNew));
      }
    },
    async undoImports(people: readonly string[]) {
      const before = await known();
      await undoImports(
        newsroom,
        people.flatMap((person) => before.get(person)?.email ?? []),
      );
      const after = await known();
      for (const person of people) {
        const isGone = (list: string) =>
          after.get(person)?.states[list] === 'unsubscribed' &&
          before.get(person)?.states[list] === 'subscribed';
        truth.undone(person, lists.filter(isGone));
      }
    },
    /** Everybody comes or leaves at once. */
    async crowd(people: string[], comes: boolean, some: string[]) {
      for (const person of people) {
        if (!comes) await readers.leave(person, some.length > 1 ? null : (some[0] ?? null));
        else {
          await readers.signUp(person, some);
          await readers.confirm(person);
        }
      }
    },
  };

  type There =
    | Exclude<
        keyof People,
        'chooseGroups' | 'changeEmail' | 'deleteInterest' | 'sendCampaign' | 'subscribeByForm'
      >
    | 'changeEmail';

  /** Something happens to a member over there, if it can. */
  async function happen(person: string, act: There): Promise<void> {
    const member = membersOf(linkKeys.get(person) ?? 'nobody')[0];
    if (member === undefined) return;
    const { email_address: email, status } = member;
    const isOn = status === 'subscribed' || status === 'pending';
    if (act === 'adminSubscribe' || act === 'confirm' || act === 'changeEmail') restored.add(person);
    switch (act) {
      case 'leaveByFooter':
      case 'complain':
        if (status !== 'subscribed') return;
        audience.people[act](email);
        return truth.leftThere(person);
      case 'adminUnsubscribe':
      case 'markCleaned':
        if (!isOn) return;
        audience.people[act](email);
        return truth.leftThere(person);
      case 'adminSubscribe':
        if (isOn || !went(() => audience.people.adminSubscribe(email))) return;
        return truth.hidden(person);
      case 'confirm':
        if (status === 'pending') audience.people.confirm(email);
        return;
      case 'archive':
      case 'deletePermanently':
        if (went(() => audience.people[act](email))) truth.hidden(person);
        return;
      case 'changeEmail':
        if (status === 'subscribed') {
          moves += 1;
          went(() => audience.people.changeEmail(email, `${person}.moved${moves}@reader.example`));
        }
    }
  }
  let moves = 0;

  async function chooseGroup(person: string, list: string, on: boolean, by: 'user' | 'admin'): Promise<void> {
    const member = membersOf(linkKeys.get(person) ?? 'nobody')[0];
    const interest = (await interestsOf()).get(list);
    if (member?.status !== 'subscribed' || interest === undefined) return;
    if ((member.interests[interest] ?? false) === on) return;
    const { email_address: email } = member;
    if (!went(() => audience.people.chooseGroups(email, { [interest]: on }, by))) return;
    if (on) truth.hidden(person, [list]);
    // A consent that Mailchimp has not acknowledged may be the newer word, and nothing there tells.
    else if ((await known()).get(person)?.told.includes(list)) truth.leftThere(person, [list]);
    else truth.ambiguous(person, [list]);
  }

  async function deleteInterest(list: string): Promise<void> {
    const interest = (await interestsOf()).get(list);
    if (interest === undefined || !went(() => audience.people.deleteInterest(interest))) return;
    for (const person of linkKeys.keys()) truth.hidden(person, [list]);
  }

  // Calls that we stopped waiting for and that Mailchimp still works on.
  let late: { land: () => Promise<void>; age: number }[] = [];

  /** The next write is held up for longer than we wait. */
  function holdUp(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    let struck = false;
    void audience.inject(fault.held(promise), { matching: isWrite }).struck.then(() => {
      struck = true;
    });
    late.push({
      age: 0,
      land: async () => {
        const landed = new Promise<void>((done) => {
          const stop = audience.observe(() => {
            stop();
            done();
          });
        });
        resolve();
        if (struck) await landed;
      },
    });
  }

  async function land(): Promise<void> {
    const landing = late;
    late = [];
    for (const call of landing) await call.land();
  }

  async function pass(milliseconds: number): Promise<void> {
    for (const call of late) call.age += milliseconds;
    if (late.some(({ age }) => age >= serverTimeout)) await land();
    await newsroom.pass(milliseconds);
  }

  async function settle(): Promise<void> {
    await Promise.all(lanes.map((lane) => lane.settle()));
    await audience.deliveries.idle();
  }

  /** Somebody acts while a call is under way. */
  async function meanwhile(act: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { struck } = audience.inject(fault.held(promise), { matching: isWrite });
    const settled = settle();
    await Promise.race([struck, settled]);
    await act();
    resolve();
    await settled;
  }

  /** A process dies somewhere in its work, and another takes its place. */
  async function crash(doors: number): Promise<void> {
    const [lane, ...others] = lanes;
    lane?.dieAfter(doors);
    await settle();
    lane?.dieAfter(0);
    await lane?.stop();
    lanes = [...others, await start()];
  }

  async function secondLane(): Promise<void> {
    const [first, second] = lanes;
    if (second === undefined) lanes.push(await start());
    else {
      await first?.stop();
      lanes = [second];
    }
  }

  /** @returns whether it came to its end */
  async function compare(kind: 'full' | 'incremental', dryRun = false): Promise<boolean> {
    const id = await requestReconciliation(database, { kind, dryRun });
    try {
      await reconcile({ database, api: direct, footerLinks, log: silent }, id);
      return true;
    } catch (error) {
      if (error instanceof MailchimpError) return false;
      throw error;
    }
  }

  async function webhooks(how: 'hold' | 'release' | 'reverse' | 'twice' | 'lose'): Promise<void> {
    const { deliveries } = audience;
    if (how === 'hold') return deliveries.hold();
    if (how === 'lose') receiver.reader = null;
    deliveries.release({ order: how === 'reverse' ? 'reversed' : 'fired', times: how === 'twice' ? 2 : 1 });
    await deliveries.idle();
    receiver.reader = read;
  }

  /** The last fault is over and time passes, until nothing is written any more (I4). */
  async function calm(): Promise<void> {
    audience.clearFaults();
    await land();
    for (const lane of lanes) await lane.stop();
    lanes = [await start()];
    for (let round = 0; round < 2; round += 1) {
      await pass(4 * day);
      await settle();
    }
    for (const [person, { linkKey }] of await known()) {
      if (!truth.isOutHere(person) || restored.has(person)) continue;
      const statuses = membersOf(linkKey).map(({ status }) => status);
      assert(!statuses.includes('subscribed'), `${person} left here and is mailed until a comparison (I2)`);
    }
    for (let round = 0; round < 12; round += 1) {
      writes = 0;
      await webhooks('release');
      await pass(4 * day);
      await settle();
      await compare('full');
      await settle();
      const { due } = await readSignals(database);
      if (writes === 0 && due === 0) return;
    }
    assert.fail('the sync does not come to rest');
  }

  /** What must be so once all is calm. */
  async function audit(): Promise<void> {
    const interests = await interestsOf();
    for (const [person, row] of await known()) {
      const { states, linkKey, email, refusal, due } = row;
      const member = audience.member(email);
      const told = `${person}: ${JSON.stringify({ states, refusal, due, status: member?.status ?? 'absent' })}`;
      const isOnHere = (list: string) => states[list] === 'subscribed';

      for (const list of lists) {
        const verdict = truth.verdict(person, list);
        if (verdict === 'off') assert(!isOnHere(list), `on ${list} here after leaving it (I2); ${told}`);
        if (verdict === 'on') assert(isOnHere(list), `not on ${list} here after a consent; ${told}`);
      }
      for (const { status, email_address, interests: chosen } of membersOf(linkKey)) {
        if (status !== 'subscribed') continue;
        assert(truth.mayBeMailed(person), `mailed at ${email_address} after leaving (I2); ${told}`);
        for (const list of lists) {
          const isOnThere = chosen[interests.get(list) ?? ''] === true;
          assert(isOnHere(list) || !isOnThere, `on ${list} there and not here; ${told}`);
        }
        assert.equal(email_address.toLowerCase(), email.toLowerCase(), `mailed twice; ${told}`);
      }

      const isEqual = lists.some(isOnHere)
        ? member?.status === 'subscribed' &&
          String(member.merge_fields['UNSUBURL']).endsWith(linkKey) &&
          lists.every((list) => member.interests[interests.get(list) ?? ''] === isOnHere(list))
        : member?.status !== 'subscribed' && member?.status !== 'pending';
      if (isEqual) assert.deepEqual([refusal, due], [null, false], `equal and yet not settled; ${told}`);
      else {
        const fitting: readonly (RefusalKind | null)[] = fittingRefusals[member?.status ?? 'absent'] ?? [];
        assert(fitting.includes(refusal), `not equal, and not for a reason that fits; ${told}`);
      }
    }

    assert(await compare('full', true));
    const { drift } = await readSignals(database);
    const { missing, extra, conflicting, due } = drift ?? {};
    assert.deepEqual({ missing, extra, conflicting, due }, { missing: 0, extra: 0, conflicting: 0, due: 0 });

    writes = 0;
    await pass(day);
    await settle();
    assert.equal(writes, 0, 'writes go on');

    const emails = [...(await known()).values()].map(({ email }) => email);
    for (const reader of (await readersOf(database, emails)).values()) {
      assert.equal(faultInChain(ledgerOf(reader)), null, 'a ledger does not verify (I5)');
    }
  }

  return {
    truth,
    audience,
    readers,
    happen,
    chooseGroup,
    deleteInterest,
    holdUp,
    land,
    pass,
    settle,
    meanwhile,
    crash,
    secondLane,
    compare,
    webhooks,
    calm,
    audit,
    tick,
    /** I2 at every step. Who consents while the lane is at work is known to it a moment before they are here. */
    demandConsents() {
      for (const person of suspects) {
        assert(truth.mayBeMailed(person), `${person} was to be mailed without a consent (I2)`);
      }
      suspects.clear();
    },
    async close() {
      audience.clearFaults();
      await land();
      for (const lane of lanes) await lane.stop();
      await sandbox.stop();
    },
  };
}

/** Why somebody who is on a list here may be something else there, once nothing is tried any more. */
const fittingRefusals: Record<string, RefusalKind[]> = {
  pending: ['awaiting_mailchimp_confirmation'],
  archived: ['archived', 'compliance'],
  unsubscribed: ['compliance', 'not_subscribed'],
  cleaned: ['compliance', 'not_subscribed'],
  absent: ['forgotten', 'invalid', 'too_many_sign_ups'],
};

const isWrite = ({ method, path }: { method: string; path: string }) =>
  method === 'PUT' || (method === 'POST' && /\/lists\/\w+$/.test(path));

/** Whether Mailchimp lets it happen. */
function went(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}
