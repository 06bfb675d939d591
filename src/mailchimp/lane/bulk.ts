import type { PostMember } from '../api/client.ts';
import { MailchimpError } from '../api/error.ts';
import { isEqual } from './compare.ts';
import { acknowledge, putBack, type TakenContact } from './contacts.ts';
import { restsOnImport, wantedMember } from './member.ts';
import { classify, isOfEverybody, type RefusalKind } from './refusals.ts';
import { type Refusing, refuse } from './settle.ts';
import type { Equalising } from './single.ts';

/**
 * Whether a contact may go out in one call with others. Not when Mailchimp may hold news of them that a
 * write would bury, nor when they were refused before: that one goes alone, and holds nobody up.
 */
export function fitsBulk(contact: TakenContact): boolean {
  const { consent, memberStatus, refusal, takenConsentSeq } = contact;
  if (contact.erase !== null) return false;
  if (contact.unmapped || contact.look || memberStatus === 'archived') return false;
  if (refusal !== null && !isOfEverybody(refusal.kind)) return false;
  if (consent === null) {
    // An import that is undone before Mailchimp was read may concern somebody who was off there all along.
    return (
      contact.undone === null || isLeftOut(contact) || (memberStatus !== null && memberStatus !== 'absent')
    );
  }
  if (restsOnImport(contact)) return memberStatus === 'absent' || memberStatus === 'subscribed';
  const isUntakenImport = ({ subscribed, imported, consentSeq }: TakenContact['lists'][number]) =>
    subscribed && imported && consentSeq !== null && consentSeq > takenConsentSeq;
  if (contact.lists.some(isUntakenImport)) return false;
  if (consent.seq > takenConsentSeq) return consent.seq > contact.askedConsentSeq;
  // Without `status` nobody is raised; whoever is known to be on need not be.
  return memberStatus === 'subscribed';
}

/** Whether the import was undone before Mailchimp heard of somebody whom it does not know: it need not hear now. */
const isLeftOut = ({ consent, undone, memberStatus, refusal, unanswered }: TakenContact): boolean =>
  consent === null && undone !== null && memberStatus === 'absent' && refusal === null && !unanswered;

/** Whether an import brought somebody whom the audience was seen not to know. */
const isNewcomer = (contact: TakenContact): boolean =>
  restsOnImport(contact) && contact.memberStatus === 'absent';

/**
 * Makes Mailchimp equal for up to 500 contacts in one call, or in two: a call that is to make members of people
 * leaves alone who became one meanwhile, or it would raise who left at once (I2).
 */
export async function equaliseMany(parts: Equalising, contacts: TakenContact[]): Promise<void> {
  const leftOut = contacts.filter(isLeftOut);
  await acknowledge(
    parts.database,
    leftOut.map((contact) => ({ contact, memberStatus: 'absent' })),
  );
  const told = contacts.filter((contact) => !leftOut.includes(contact));
  for (const isNew of [false, true]) {
    const some = told.filter((contact) => isNewcomer(contact) === isNew);
    if (some.length > 0) await post(parts, some, { updateExisting: !isNew });
  }
}

/**
 * Makes one call. Who is refused for reasons of their own, is passed over in the answer, or is not as wanted in it,
 * goes alone next time.
 */
async function post(
  parts: Equalising,
  contacts: TakenContact[],
  options: { updateExisting: boolean },
): Promise<void> {
  const { database, api, log } = parts;
  if (parts.rests()) return putBack(database, contacts);
  const wanted = new Map(
    contacts.map((contact) => [
      contact.key,
      { contact, member: wantedMember(contact, parts.footerLinks(contact.linkKey)) },
    ]),
  );
  const posts = [...wanted.values()].map(
    ({ member: { status_if_new, ...post } }): PostMember =>
      options.updateExisting ? post : { ...post, status: status_if_new },
  );
  const posted = await api.postMembers(posts, options).catch((error: unknown) => {
    if (error instanceof MailchimpError) return error;
    throw error;
  });
  if (posted instanceof MailchimpError) {
    return isOfContent(posted) ? halve(parts, contacts, options) : parts.failed(contacts, posted);
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
async function halve(
  parts: Equalising,
  contacts: TakenContact[],
  options: { updateExisting: boolean },
): Promise<void> {
  if (contacts.length === 1) return putBack(parts.database, contacts, { look: true });
  const middle = Math.ceil(contacts.length / 2);
  await post(parts, contacts.slice(0, middle), options);
  await post(parts, contacts.slice(middle), options);
}
