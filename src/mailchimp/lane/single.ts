import type { Database, Sql } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { parseAddress } from '../../subscribing/address.ts';
import type { Subscribing } from '../../subscribing/subscribing.ts';
import type { MailchimpApi, Member } from '../api/client.ts';
import { MailchimpError } from '../api/error.ts';
import {
  carriesLinks,
  comesBack,
  type Ending,
  endingsOf,
  hasInterests,
  isEqual,
  isOn,
  mailBlockOf,
} from './compare.ts';
import { acknowledge, lookAt, putBack, setMailBlock, type TakenContact } from './contacts.ts';
import { type FooterLinks, wantedMember } from './member.ts';
import { classify, isFinal, type RefusalKind } from './refusals.ts';
import { type RefusalFacts, type Refusing, refuse as record } from './settle.ts';

/** What working off contacts needs. */
export interface Equalising {
  database: Database;
  api: MailchimpApi;
  subscribing: Pick<Subscribing, 'run'>;
  footerLinks: (linkKey: string) => FooterLinks;
  /** What becomes there of who is erased here. */
  erasure: 'delete' | 'archive';
  /** Queues that the files forget Mailchimp's ids of who was erased. */
  enqueueShredding: (tx: Sql) => Promise<void>;
  /** Brings the audience into shape, once the lane is not paused; calls made meanwhile share one. */
  ready: () => Promise<void>;
  /** Whether an operator has paused the lane, so that no further call is to be made. */
  rests: () => boolean;
  /** Told of a call that went well, and how many it was for. */
  answered: (contacts: number) => void;
  /** Told of a call that failed, and of the status that the member was last seen in. */
  failed: (contacts: readonly TakenContact[], error: MailchimpError, memberStatus?: string) => Promise<void>;
  log: Log;
}

/**
 * Makes Mailchimp equal for one contact: reads the member, lets what ended over there end here, and writes
 * only what differs. Reading first is what keeps a change of ours from overwriting one of theirs.
 */
export async function equaliseOne(parts: Equalising, contact: TakenContact): Promise<void> {
  const { database, api, subscribing, log, ready } = parts;
  const { consent } = contact;
  const wanted = wantedMember(contact, parts.footerLinks(contact.linkKey));
  let seen: string | undefined;

  try {
    await equalise();
    parts.answered(1);
  } catch (error) {
    if (!(error instanceof MailchimpError)) throw error;
    await parts.failed([contact], error, seen);
  }

  async function equalise(): Promise<void> {
    if (contact.unmapped) {
      await ready();
      return putBack(database, [contact]);
    }
    // An opt-out takes nothing away from anybody, so it need not look first. After an import that was undone it
    // has to: who was off already must not come back with the next one.
    const known = contact.memberStatus !== null && !['archived', 'absent'].includes(contact.memberStatus);
    if (consent === null && known && !contact.look && contact.undone === null) return optOut();

    const member = await api.getMember(contact.email);
    seen = member?.status ?? 'absent';
    if (member === null) return absent();
    const block = mailBlockOf(contact, member);
    if (block !== contact.mailBlock) await setMailBlock(database, contact.subscriberId, block);

    const endings = endingsOf(contact, member);
    if (endings.length > 0) return end(endings);
    if (consent === null && contact.movedTo !== null) await silence(contact.movedTo);
    if (isEqual(contact, wanted, member)) return settle(member.status);
    if (consent === null) return optOut();
    return optIn(member);
  }

  /** Never given up. What Mailchimp refuses of somebody whom it does not mail anyway is as good as done. */
  async function optOut(): Promise<void> {
    const member = await api.putMember(wanted).catch((error: unknown) => {
      if (!(error instanceof MailchimpError) || !isFinal(classify(error))) throw error;
      return api.getMember(contact.email);
    });
    if (isOn(member))
      await refuse('transient', { title: `Mailchimp still has this contact as ${member?.status}` });
    else await settle(member?.status ?? 'absent');
  }

  async function optIn(member: Member): Promise<void> {
    const returns = comesBack(contact, member);
    if (returns) wanted.status = 'subscribed';
    const asked = consent !== null && contact.askedConsentSeq >= (returns ? consent.seq : consent.raises);
    const raisable = wanted.status !== undefined && !asked;
    // Who still has Mailchimp's own mail may change their lists meanwhile.
    const changes =
      member.status === 'pending' && wanted.status === undefined && !hasInterests(wanted, member);
    if (member.status === 'subscribed' || raisable || changes) await write();
    else await park(member.status);
  }

  /** Off over there, with no consent of ours that is newer and not yet told: that is where it rests. */
  async function park(status: Member['status']): Promise<void> {
    const kind: RefusalKind =
      status === 'pending'
        ? 'awaiting_mailchimp_confirmation'
        : status === 'archived'
          ? 'archived'
          : contact.askedConsentSeq > contact.takenConsentSeq
            ? 'compliance'
            : 'not_subscribed';
    await refuse(kind, { title: `Mailchimp has this contact as ${status}` }, { memberStatus: status });
  }

  async function write(): Promise<void> {
    let answer: Member | null = null;
    let barred: MailchimpError | null = null;
    try {
      answer = await api.putMember(wanted);
    } catch (error) {
      if (!(error instanceof MailchimpError) || classify(error) !== 'compliance') throw error;
      barred = error;
    }
    // Mailchimp has been seen to take the call and leave the member as they were.
    if (answer === null || (wanted.status === 'subscribed' && !isOn(answer))) return askThere(barred);
    await judge(answer);
  }

  /**
   * A person who left over there can return by our consent only through Mailchimp's own opt-in: asking for
   * `pending` makes Mailchimp mail it to them. Asked once, for a consent that is new.
   */
  async function askThere(barred: MailchimpError | null): Promise<void> {
    if (wanted.status === undefined) throw barred ?? new Error('a member went off while it was written');
    try {
      const answer = await api.putMember({ ...wanted, status: 'pending' });
      if (isOn(answer)) return await judge(answer);
      barred ??= new MailchimpError({
        status: 200,
        title: `Mailchimp leaves this contact as ${answer.status}`,
      });
    } catch (error) {
      if (!(error instanceof MailchimpError) || classify(error) !== 'compliance') throw error;
      barred = error;
    }
    await refuse('compliance', barred, { asked: true });
  }

  /** Compares what Mailchimp says it holds now with what was wanted. */
  async function judge(answer: Member): Promise<void> {
    if (isEqual(contact, wanted, answer)) return settle(answer.status);
    const memberStatus = answer.status;
    if (memberStatus === 'pending') {
      await refuse(
        'awaiting_mailchimp_confirmation',
        { title: 'Mailchimp asks the person itself' },
        { tookConsent: true, asked: true, memberStatus },
      );
    } else if (memberStatus !== 'subscribed') {
      await putBack(database, [contact], { look: true });
    } else if (!hasInterests(wanted, answer)) {
      await ready();
      await refuse('interest', { title: 'Mailchimp does not know an interest' }, { memberStatus });
    } else if (!carriesLinks(answer, contact.linkKey)) {
      await ready();
      await refuse('links', { title: 'Mailchimp did not take the footer links' }, { memberStatus });
    }
  }

  /** The audience does not know the address: never told, moved, or deleted. */
  async function absent(): Promise<void> {
    if (contact.movedTo !== null && (await follow(contact.movedTo))) return;
    if (consent === null) return settle('absent');
    const endings = endingsOf(contact, null);
    if (endings.length > 0) return end(endings);
    // Made again at once, the old address of somebody who moved would get every mail twice.
    const isNew = consent.seq > contact.takenConsentSeq;
    if (isNew || contact.refusal?.kind === 'missing') return write();
    // A wrong audience knows nobody either.
    await api.getAudience();
    await refuse(
      'missing',
      { title: 'Mailchimp does not know this address any more' },
      { memberStatus: 'absent' },
    );
  }

  /** Who left by the links in a mail has left the address that those links are mailed to as well (I2). */
  async function silence(address: string): Promise<void> {
    const copy = await api.getMember(address);
    if (copy === null || !isOn(copy) || !carriesLinks(copy, contact.linkKey)) return;
    const owner = await ownerOf(copy);
    if (owner === null) await api.putMember({ ...wanted, email_address: copy.email_address });
    else await lookAt(database, [owner.id]);
  }

  function ownerOf({ email_address }: Member): Promise<{ id: string } | null> {
    return database.prisma.subscriber.findUnique({ where: { key: email_address.toLowerCase() } });
  }

  /**
   * The member lives under another address: their links in its merge fields prove it. If that address is
   * somebody else's here, this one ends, and the other gets what it consented to itself and no more (I1).
   */
  async function follow(address: string): Promise<boolean> {
    const moved = await api.getMember(address);
    const parsed = parseAddress(moved?.email_address ?? '');
    if (moved === null || !parsed.ok || !carriesLinks(moved, contact.linkKey)) return false;
    const { subscriberId } = contact;
    const owner = await ownerOf(moved);
    if (owner === null || owner.id === subscriberId) {
      // Another worker may have done it meanwhile; then the command changes nothing.
      await subscribing.run({ type: 'change_address', subscriberId, address: parsed.address });
      await lookAt(database, [subscriberId]);
      await putBack(database, [contact]);
      return true;
    }
    await database.prisma.audienceContact.upsert({
      where: { subscriberId: owner.id },
      create: { subscriberId: owner.id },
      update: {},
    });
    await lookAt(database, [owner.id]);
    const endings = everySubscription(contact);
    if (endings.length === 0) return false;
    await end(endings);
    return true;
  }

  /** Ends subscriptions here. Marked before it is done, so that the contact is read again in any case. */
  async function end(endings: Ending[]): Promise<void> {
    await lookAt(database, [contact.subscriberId]);
    await subscribing.run({ type: 'left_at_mailchimp', subscriberId: contact.subscriberId, endings });
    await putBack(database, [contact]);
  }

  function settle(memberStatus: string): Promise<void> {
    return acknowledge(database, [{ contact, memberStatus, before: seen }]);
  }

  function refuse(
    kind: RefusalKind,
    facts: RefusalFacts,
    more: Pick<Refusing, 'tookConsent' | 'asked' | 'memberStatus'> = {},
  ): Promise<void> {
    return record(database, log, [{ contact, kind, facts, ...more }]);
  }
}

const everySubscription = ({ lists }: TakenContact): Ending[] =>
  lists.flatMap(({ id, subscribed, consentSeq }) =>
    subscribed && consentSeq !== null ? { listId: id, consentSeq } : [],
  );
