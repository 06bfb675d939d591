import type { Member } from '../api/client.ts';
import { MailchimpError } from '../api/error.ts';
import { carriesLinks, isOn } from './compare.ts';
import { letGo, lookAt, type TakenContact } from './contacts.ts';
import { classify, isOfEverybody } from './refusals.ts';
import { refuse } from './settle.ts';
import type { Equalising } from './single.ts';

/**
 * Has Mailchimp delete for good, or archive, whoever was erased here (C-24; GDPR 17 and 19), then lets go of the
 * contact. Never given up. That nobody is left there is told by reading alone: a call that answers "not found" or "not
 * allowed" may just as well have gone astray.
 * @param ids Mailchimp's: the person's own address first, then where their links were said to be
 */
export async function eraseOne(parts: Equalising, contact: TakenContact, ids: string[]): Promise<void> {
  const { database, api, log, erasure } = parts;
  const { subscriberId, linkKey } = contact;
  try {
    let members = 0;
    for (const [n, id] of ids.entries()) if (await erase(id, n === 0)) members += 1;
    parts.answered(1);
    const gone = await letGo(database, contact, parts.enqueueShredding);
    if (gone)
      log.info({ subscriberId, members, erasure }, 'Mailchimp mails nothing to an erased person any more');
  } catch (error) {
    if (!(error instanceof MailchimpError)) throw error;
    if (isOfEverybody(classify(error))) await parts.failed([contact], error);
    else await refuse(database, log, [{ contact, kind: 'not_erased', facts: error }]);
  }

  /** @returns whether there was a member of theirs */
  async function erase(id: string, isOwn: boolean): Promise<boolean> {
    const member = await api.getMemberById(id);
    if (member === null) {
      // A wrong audience knows nobody either.
      await api.getAudience();
      return false;
    }
    const newcomer = await newcomerAt(member);
    if (!carriesLinks(member, linkKey) && !(isOwn && newcomer === null)) return false;
    if (erasure === 'delete') await api.deleteForGood(id);
    else await archive(id, member);
    if (newcomer !== null) await lookAt(database, [newcomer.id]);
    return true;
  }

  /** Who waits for Mailchimp's own opt-in cannot be archived, and must not join by it either. */
  async function archive(id: string, member: Member): Promise<void> {
    if (member.status === 'archived') return;
    if (member.status === 'pending') {
      const { email_address } = member;
      await api.putMember({
        email_address,
        status_if_new: 'unsubscribed',
        status: 'unsubscribed',
        interests: {},
      });
    }
    try {
      await api.archive(id);
    } catch (error) {
      const isRefused = error instanceof MailchimpError && error.status === 405;
      if (!isRefused || isOn(await api.getMemberById(id))) throw error;
    }
  }

  /** Whoever confirmed with that address since, the same person perhaps: what carries their links is theirs. */
  function newcomerAt({ email_address }: Member): Promise<{ id: string } | null> {
    return database.prisma.subscriber.findFirst({
      where: { key: email_address.toLowerCase(), contact: { isNot: null } },
    });
  }
}
