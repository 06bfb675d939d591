import { invalidFields } from './problem.ts';
import type { Page, Selection } from './requests.ts';

/** One page of a collection; ten items unless asked for more, as famously overlooked. */
export const pageOf = <Item>(items: Item[], { count, offset }: Page): Item[] =>
  items.slice(offset, offset + count);

/** Leaves only `fields` (dotted paths, through arrays) of an answer, or leaves `exclude_fields` out. */
export function select(body: unknown, { fields, exclude_fields }: Selection): unknown {
  if (fields !== undefined && exclude_fields !== undefined) {
    throw invalidFields([{ field: 'fields', message: 'fields and exclude_fields exclude each other.' }]);
  }
  if (fields !== undefined) return pick(body, treeOf(fields));
  if (exclude_fields !== undefined) return omit(body, treeOf(exclude_fields));
  return body;
}

/** Paths by their parts; a null ends a path and stands for all below it. */
interface Tree extends Map<string, Tree | null> {}

function treeOf(paths: string[]): Tree {
  const root: Tree = new Map();
  for (const path of paths) {
    const parts = path.split('.');
    const last = parts.pop() ?? '';
    let node: Tree | null = root;
    for (const part of parts) {
      const next: Tree | null | undefined = node.get(part);
      if (next === null) break;
      const below: Tree = next ?? new Map();
      node.set(part, below);
      node = below;
    }
    node.set(last, null);
  }
  return root;
}

function pick(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map((item) => pick(item, tree));
  if (!isObject(value)) return value;
  const picked: Record<string, unknown> = {};
  for (const [key, below] of tree) {
    if (key in value) picked[key] = below === null ? value[key] : pick(value[key], below);
  }
  return picked;
}

function omit(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map((item) => omit(item, tree));
  if (!isObject(value)) return value;
  const left: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const below = tree.get(key);
    if (below !== null) left[key] = below === undefined ? item : omit(item, below);
  }
  return left;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
