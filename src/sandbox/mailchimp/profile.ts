import type { AccountState } from './account.ts';
import { invalidFields, Problem } from './problem.ts';
import type { Member, MergeField } from './state.ts';

// What may stand in a member's interests and merge fields.

/** The choices, if the audience knows every interest; throws one error per stranger. */
export function knownInterests(
  state: AccountState,
  interests: Record<string, boolean>,
): Record<string, boolean> {
  const known = new Set(state.interests.map(({ id }) => id));
  const unknown = Object.keys(interests).filter((id) => !known.has(id));
  if (unknown.length > 0) {
    throw invalidFields(unknown.map((id) => ({ field: `interests.${id}`, message: 'Invalid interest ID.' })));
  }
  return interests;
}

type MergeValues = Member['merge_fields'];

/** The values as they are kept; throws when one does not fit its field. */
export function mergeValues(state: AccountState, values: MergeValues): MergeValues {
  const kept: MergeValues = {};
  for (const [tag, value] of Object.entries(values)) {
    const field = state.merge_fields.find((known) => known.tag === tag);
    // An unknown tag is dropped without a word: the reference names no refusal for it.
    if (field !== undefined) kept[tag] = mergeValue(field, value);
  }
  return kept;
}

function mergeValue(field: MergeField, value: MergeValues[string]): MergeValues[string] {
  if (value === '') return value;
  if (typeof value === 'object') {
    if (field.type === 'address') return value;
    throw invalidFields([
      {
        field: `merge_fields.${field.tag}`,
        message: 'Data did not match any of the schemas described in anyOf.',
      },
    ]);
  }
  if (field.type === 'number' && Number.isNaN(Number(value))) {
    throw invalidMergeField(field, 'Please enter a number');
  }
  if (field.type === 'url' || field.type === 'imageurl') {
    const protocol = URL.parse(String(value))?.protocol;
    if (protocol !== 'http:' && protocol !== 'https:')
      throw invalidMergeField(field, 'Please enter a valid URL');
  }
  return field.type === 'text' ? cutAt255Bytes(String(value)) : value;
}

/** Throws when a required merge field is empty. */
export function demandRequired(state: AccountState, member: Member): void {
  const missing = state.merge_fields.find(
    (field) => field.required && (member.merge_fields[field.tag] ?? '') === '',
  );
  if (missing !== undefined) throw invalidMergeField(missing, 'Please enter a value');
}

const invalidMergeField = (field: MergeField, message: string) =>
  new Problem(400, 'Invalid Resource', 'Your merge fields were invalid.', [{ field: field.tag, message }]);

/** Text is stored up to 255 bytes, the rest is lost silently; no half character is left behind. */
function cutAt255Bytes(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= 255) return text;
  return new TextDecoder().decode(bytes.subarray(0, 255), { stream: true });
}
