import type { AccountState } from './account.ts';
import { type Member, newId } from './state.ts';

// What webhooks are told, and in which words.

/** Something that happened in the audience. */
export type AudienceEvent =
  | { type: 'subscribe' | 'profile'; member: Member }
  | { type: 'unsubscribe'; member: Member; action: 'unsub' | 'delete'; reason: 'manual' | 'abuse' }
  | { type: 'cleaned'; member: Member }
  | { type: 'upemail'; member: Member; oldEmail: string }
  | { type: 'campaign'; subject: string };

const receives = ({ status }: Member) =>
  status === 'subscribed' || status === 'pending' || status === 'transactional';

/**
 * The events that a change of a member is, whoever made it; null stands for nobody. A change that moves
 * somebody in or out is told as that alone. What happens to the archived is told to nobody, nor is an
 * entry that starts as anything but subscribed.
 */
export function eventsOf(before: Member | null, after: Member | null): AudienceEvent[] {
  if (after === null || after.status === 'archived') {
    if (before === null || before.status === 'archived') return [];
    return [{ type: 'unsubscribe', member: before, action: 'delete', reason: 'manual' }];
  }
  if (after.status === 'subscribed' && before?.status !== 'subscribed') {
    return [{ type: 'subscribe', member: after }];
  }
  if (before === null) return [];
  if (after.status === 'unsubscribed' && receives(before)) {
    const reason = after.compliance === 'complained' ? 'abuse' : 'manual';
    return [{ type: 'unsubscribe', member: after, action: 'unsub', reason }];
  }
  if (after.status === 'cleaned' && before.status !== 'cleaned') return [{ type: 'cleaned', member: after }];
  if (after.id !== before.id) {
    return [
      { type: 'upemail', member: after, oldEmail: before.email_address },
      { type: 'profile', member: after },
    ];
  }
  // Someone who is asked to confirm has not changed the profile.
  return after.status === before.status ? [{ type: 'profile', member: after }] : [];
}

/** The body of a webhook's call, `application/x-www-form-urlencoded`. */
export function formOf(state: AccountState, event: AudienceEvent, firedAt: Date): string {
  const form = new URLSearchParams({
    type: event.type,
    // UTC without saying so.
    fired_at: firedAt.toISOString().slice(0, 19).replace('T', ' '),
  });
  for (const [path, value] of dataOf(state, event)) form.append(`data${path}`, value);
  form.append('data[list_id]', state.audience.id);
  return form.toString();
}

type Data = [path: string, value: string][];

function dataOf(state: AccountState, event: AudienceEvent): Data {
  switch (event.type) {
    case 'subscribe':
    case 'profile':
      return profileData(state, event.member);
    case 'unsubscribe':
      return [
        ['[action]', event.action],
        ['[reason]', event.reason],
        ...profileData(state, event.member),
        // Known when a campaign's footer or a complaint about one was the way out.
        ...(event.member.compliance === null ? [] : [['[campaign_id]', newId()] satisfies Data[number]]),
      ];
    case 'cleaned':
      return [
        ['[campaign_id]', newId()],
        ['[reason]', 'hard'],
        ['[email]', event.member.email_address],
      ];
    case 'upemail':
      return [
        ['[new_id]', event.member.unique_email_id],
        ['[new_email]', event.member.email_address],
        ['[old_email]', event.oldEmail],
      ];
    case 'campaign':
      return [
        ['[id]', newId()],
        ['[subject]', event.subject],
        ['[status]', 'sent'],
        ['[reason]', ''],
      ];
  }
}

function profileData(state: AccountState, member: Member): Data {
  return [
    ['[id]', member.unique_email_id],
    ['[email]', member.email_address],
    ['[email_type]', member.email_type],
    ['[ip_opt]', member.ip_opt],
    ['[ip_signup]', member.ip_signup],
    ['[web_id]', String(member.web_id)],
    ['[merges][EMAIL]', member.email_address],
    ...state.merge_fields.flatMap(({ tag, default_value }) =>
      mergeData(tag, member.merge_fields[tag] ?? default_value),
    ),
    ...groupData(state, member),
  ];
}

function mergeData(tag: string, value: Member['merge_fields'][string]): Data {
  if (typeof value !== 'object') return [[`[merges][${tag}]`, String(value)]];
  return Object.entries(value).map(([part, text]) => [`[merges][${tag}][${part}]`, text]);
}

/** The chosen groups by name, all together and by category. */
function groupData(state: AccountState, member: Member): Data {
  const chosenIn = state.categories.map(({ id }) =>
    state.interests
      .filter((interest) => interest.category_id === id && member.interests[interest.id] === true)
      .map(({ name }) => name.replaceAll(',', '\\,')),
  );
  return [
    ['[merges][INTERESTS]', chosenIn.flat().join(', ')],
    ...state.categories.flatMap(({ id, title }, n): Data => {
      const path = `[merges][GROUPINGS][${n}]`;
      return [
        // An old number that the API does not show.
        [`${path}[id]`, String(Number.parseInt(id.slice(0, 4), 16))],
        [`${path}[unique_id]`, id],
        [`${path}[name]`, title],
        [`${path}[groups]`, chosenIn[n]?.join(', ') ?? ''],
      ];
    }),
  ];
}
