import { type MailchimpApi, type Member, type MembersQuery, pageSize } from './client.ts';

const second = 1_000;

/**
 * Reads members in the order of their last change, page by page, so that what changes meanwhile moves to
 * the end and is met again rather than missed. The cursor is the time of the last change, a second back
 * since Mailchimp tells no less; within one second, which an import may fill with thousands, pages are
 * counted. Everybody is met, whoever changes meanwhile once more, and a page costs the same at the end as at
 * the start.
 * @param changedSince null reads from the beginning
 */
export async function* walkMembers(
  api: Pick<MailchimpApi, 'listMembers'>,
  { status, changedSince }: Omit<MembersQuery, 'offset'>,
): AsyncGenerator<Member[]> {
  let since = changedSince;
  let offset = 0;
  /** Who was met already among those whom the next page may show again. */
  let met = new Set<string>();
  for (;;) {
    const { members } = await api.listMembers({ status, changedSince: since, offset });
    const fresh = members.filter((member) => !met.has(nameOf(member)));
    if (fresh.length > 0) yield fresh;
    if (members.length < pageSize) return;
    const last = Date.parse(members.at(-1)?.last_changed ?? '');
    const next = new Date(last - second);
    if (Number.isNaN(last) || (since !== null && next <= since)) {
      offset += members.length;
      met = new Set([...met, ...fresh.map(nameOf)]);
    } else {
      since = next;
      offset = 0;
      met = new Set(
        members.filter(({ last_changed }) => Date.parse(last_changed) >= next.getTime()).map(nameOf),
      );
    }
  }
}

const nameOf = ({ email_address, last_changed }: Member) => `${last_changed} ${email_address}`;
