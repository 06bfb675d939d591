import type { z } from 'zod';
import type { AccountState } from './account.ts';
import { invalid, notFound } from './problem.ts';
import type * as requests from './requests.ts';
import { type Interest, type InterestCategory, type MergeField, newId } from './state.ts';

// How an audience is set up: interest categories, interests, merge fields.

const maxInterests = 60;

const alreadyThere = (name: string) => invalid(`Cannot add "${name}" because it already exists on the list.`);

export function findCategory(state: AccountState, id: string | undefined): InterestCategory {
  const category = state.categories.find((known) => known.id === id);
  if (category === undefined) throw notFound();
  return category;
}

export function createCategory(
  state: AccountState,
  request: z.infer<typeof requests.interestCategory>,
): InterestCategory {
  if (state.categories.some((known) => known.title === request.title)) throw alreadyThere(request.title);
  const category = { ...request, id: newId(), display_order: request.display_order ?? 0 };
  state.categories.push(category);
  return category;
}

export function deleteCategory(state: AccountState, id: string | undefined): void {
  const category = findCategory(state, id);
  for (const interest of interestsOf(state, category)) deleteInterest(state, category.id, interest.id);
  state.categories = state.categories.filter((known) => known !== category);
}

export const interestsOf = (state: AccountState, category: InterestCategory): Interest[] =>
  state.interests.filter((interest) => interest.category_id === category.id);

export function findInterest(
  state: AccountState,
  categoryId: string | undefined,
  id: string | undefined,
): Interest {
  const interest = interestsOf(state, findCategory(state, categoryId)).find((known) => known.id === id);
  if (interest === undefined) throw notFound();
  return interest;
}

export function createInterest(
  state: AccountState,
  categoryId: string | undefined,
  request: z.infer<typeof requests.interest>,
): Interest {
  const category = findCategory(state, categoryId);
  if (state.interests.length >= maxInterests) {
    throw invalid(`Cannot have more than ${maxInterests} interests per list (Across all categories)`);
  }
  const siblings = interestsOf(state, category);
  if (siblings.some((known) => known.name === request.name)) throw alreadyThere(request.name);
  const interest = {
    id: newId(),
    category_id: category.id,
    name: request.name,
    display_order: request.display_order ?? siblings.length + 1,
  };
  state.interests.push(interest);
  return interest;
}

/** Deletes an interest. Choices of it are then shown to nobody, and its id is never given out again. */
export function deleteInterest(
  state: AccountState,
  categoryId: string | undefined,
  id: string | undefined,
): void {
  const interest = findInterest(state, categoryId, id);
  state.interests = state.interests.filter((known) => known !== interest);
}

export function createMergeField(
  state: AccountState,
  request: z.infer<typeof requests.mergeField>,
): MergeField {
  const merge_id = Math.max(0, ...state.merge_fields.map((field) => field.merge_id)) + 1;
  const tag = request.tag ?? `MERGE${merge_id}`;
  if (state.merge_fields.some((field) => field.tag === tag)) {
    throw invalid(`A Merge Field with the tag "${tag}" already exists for this list.`);
  }
  const field = { ...request, merge_id, tag, display_order: request.display_order ?? merge_id + 1 };
  state.merge_fields.push(field);
  return field;
}
