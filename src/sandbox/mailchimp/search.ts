import type { AccountState } from './account.ts';
import type { MembersQuery } from './requests.ts';
import { type Member, timestamp } from './state.ts';

/**
 * Finds the members that a query asks for, all pages of them. The last result is kept while nobody changes, so
 * that paging through a large audience does not search and sort it for each page.
 */
export function createSearch({ members }: AccountState): (query: MembersQuery) => Member[] {
  let last: { key: string; version: number; found: Member[] } | null = null;
  return ({ count: _count, offset: _offset, fields: _fields, exclude_fields: _exclude, ...query }) => {
    const key = JSON.stringify(query);
    if (last?.key !== key || last.version !== members.version) {
      last = { key, version: members.version, found: search(members, query) };
    }
    return last.found;
  };
}

type Criteria = Omit<MembersQuery, 'count' | 'offset' | 'fields' | 'exclude_fields'>;

function search(members: Iterable<Member>, query: Criteria): Member[] {
  const { status, since_last_changed, before_last_changed, interest_ids, unique_email_id, sort_field } =
    query;
  const match = query.interest_match ?? 'any';
  // The audience's own times are in whole seconds and UTC, so they compare as texts.
  const since = since_last_changed && timestamp(new Date(since_last_changed));
  const before = before_last_changed && timestamp(wholeSecondFrom(before_last_changed));
  const found: Member[] = [];
  for (const member of members) {
    // Whether the unfiltered list shows the archived is not documented; here they must be asked for.
    if (status === undefined ? member.status === 'archived' : member.status !== status) continue;
    if (since !== undefined && member.last_changed <= since) continue;
    if (before !== undefined && member.last_changed >= before) continue;
    if (interest_ids !== undefined && !matchesInterests(member, interest_ids, match)) continue;
    if (unique_email_id !== undefined && member.unique_email_id !== unique_email_id) continue;
    found.push(member);
  }
  return sort_field === undefined ? found : sorted(found, sort_field, query.sort_dir);
}

const wholeSecondFrom = (time: string) => new Date(Math.ceil(Date.parse(time) / 1000) * 1000);

function sorted(
  members: Member[],
  field: NonNullable<Criteria['sort_field']>,
  order: 'ASC' | 'DESC',
): Member[] {
  const direction = order === 'ASC' ? 1 : -1;
  return members
    .map((member) => ({ member, time: Date.parse(member[field]) || 0 }))
    .sort((a, b) => direction * (a.time - b.time))
    .map(({ member }) => member);
}

function matchesInterests(member: Member, ids: string[], match: 'any' | 'all' | 'none'): boolean {
  const chosen = ids.filter((id) => member.interests[id] === true).length;
  return match === 'any' ? chosen > 0 : match === 'all' ? chosen === ids.length : chosen === 0;
}
