import { Roster } from './roster.ts';
import { type MergeField, newId, type SavedAccount, timestamp } from './state.ts';

/** Everything the sandbox account knows. */
export interface AccountState extends Omit<SavedAccount, 'members' | 'forgotten'> {
  members: Roster;
  /** Member ids that were permanently deleted. */
  forgotten: Set<string>;
}

const nameField = (merge_id: number, tag: string, name: string): MergeField => ({
  merge_id,
  tag,
  name,
  type: 'text',
  required: false,
  default_value: '',
  public: true,
  display_order: merge_id + 1,
  options: { size: 25 },
  help_text: '',
});

/** A new account with one empty audience and the merge fields that every audience starts with. */
export const freshAccount = (now: Date): AccountState => ({
  audience: { id: newId(), web_id: 1001, name: 'Newsletters', date_created: timestamp(now) },
  lastNumber: 1001,
  categories: [],
  interests: [],
  merge_fields: [nameField(1, 'FNAME', 'First Name'), nameField(2, 'LNAME', 'Last Name')],
  webhooks: [],
  campaigns: [],
  members: new Roster(),
  forgotten: new Set(),
});

/** The account that was saved. */
export function openAccount({ members, forgotten, ...saved }: SavedAccount): AccountState {
  const roster = new Roster();
  for (const [id, member] of Object.entries(members)) roster.replace(null, { ...member, id });
  return { ...saved, members: roster, forgotten: new Set(forgotten) };
}

/** The account as it is saved. */
export const saveAccount = ({ members, forgotten, ...state }: AccountState): SavedAccount => ({
  ...state,
  members: Object.fromEntries([...members].map(({ id, ...member }) => [id, member])),
  forgotten: [...forgotten],
});
