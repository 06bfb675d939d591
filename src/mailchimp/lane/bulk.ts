import type { PostMember } from '../api/client.ts';
import { MailchimpError } from '../api/error.ts';
import { isEqual } from './compare.ts';
import { acknowledge, putBack, type TakenContact } from './contacts.ts';
import { wantedMember } from './member.ts';
import { classify, isOfEverybody, type RefusalKind } from './refusals.ts';
import { type Refusing, refuse } from './settle.ts';
import type { Equalising } from './single.ts';

/**
 * Whether a contact may go out in one call with others. Not when Mailchimp may hold news of them that a
 * write would bury, nor when they were refused before: that one goes alone, and holds nobody up.
 */
export function fitsBulk(contact: TakenContact): boolean {
  const { consent, memberStatus, refusal } = contact;
  if (contact.erase !== null) return false;
  if (contact.unmapped || contact.look || memberStatus === 'archived') return false;
  if (refusal !== null && !isOfEverybody(refusal.kind)) return false;
  if (consent === null) return true;
  if (consent.seq > contact.takenConsentSeq) return consent.seq > contact.askedConsentSeq;
  // Without `status` nobody is raised; whoever is known to be on need not be.
  return memberStatus === 'subscribed';
}

/**
 * Makes Mailchimp equal for up to 500 contacts in one call. Who is refused for reasons of their own, is
 * passed over in the answer, or is not as wanted in it, goes alone next time.
 */
export async function equaliseMany(parts: Equalising, contacts: TakenContact[]): Promise<void> {
  const { database, api, log } = parts;
  const wanted = new Map(
    contacts.map((contact) => [
      contact.key,
      { contact, member: wantedMember(contact, parts.footerLinks(contact.linkKey)) },
    ]),
  );
  const posts = [...wanted.values()].map(({ member: { status_if_new: _, ...post } }): PostMember => post);
  const posted = await api.postMembers(posts).catch((error: unknown) => {
    if (error instanceof MailchimpError) return error;
    throw error;
  });
  if (posted instanceof MailchimpError) {
    return isOfContent(posted) ? halve(parts, contacts) : parts.failed(contacts, posted);
  }
  parts.answered(contacts.length);

  const settled: { contact: TakenContact; memberStatus: string }[] = [];
  const refused: Refusing[] = [];
  const take = (email: string) => {
    const key = email.trim().toLowerCase();
    const found = wanted.get(key);
    wanted.delete(key);
    return found;
  };
  const alone: TakenContact[] = [];

  for (const member of [...posted.new_members, ...posted.updated_members]) {
    const found = take(member.email_address);
    if (found === undefined) continue;
    const { contact } = found;
    if (isEqual(contact, found.member, member)) settled.push({ contact, memberStatus: member.status });
    else alone.push(contact);
  }
  for (const { email_address, error, field, field_message } of posted.errors) {
    const contact = take(email_address)?.contact;
    if (contact === undefined) continue;
    const facts = { status: 200, title: null, detail: error, fields: [{ field, message: field_message }] };
    const kind = classify(new MailchimpError({ ...facts, status: 400, title: 'Invalid Resource' }));
    if (contact.consent !== null && saysAll(kind)) refused.push({ contact, kind, facts });
    else alone.push(contact);
  }
  for (const { contact } of wanted.values()) alone.push(contact);

  await acknowledge(database, settled);
  await refuse(database, log, refused);
  await putBack(database, alone, { look: true });
}

/** Refusals that a call for this contact alone could not put better. */
const saysAll = (kind: RefusalKind) => ['invalid', 'forgotten', 'too_many_sign_ups'].includes(kind);

/** Somebody in the set made Mailchimp refuse all of it. */
function isOfContent(error: MailchimpError): boolean {
  return (
    error.status !== null && error.status >= 400 && error.status < 500 && !isOfEverybody(classify(error))
  );
}

/** Looks for the one who poisons the set: of two halves one goes through, and the last one goes alone. */
async function halve(parts: Equalising, contacts: TakenContact[]): Promise<void> {
  if (contacts.length === 1) return putBack(parts.database, contacts, { look: true });
  const middle = Math.ceil(contacts.length / 2);
  await equaliseMany(parts, contacts.slice(0, middle));
  await equaliseMany(parts, contacts.slice(middle));
}
