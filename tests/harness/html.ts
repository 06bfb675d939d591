import { DomUtils, parseDocument } from 'htmlparser2';

const elementsOf = (html: string) => DomUtils.findAll(() => true, parseDocument(html).children);

/** Every element with the names of its attributes, in order: what no text in a page may change. */
export const structureOf = (html: string): string =>
  elementsOf(html)
    .map(({ name, attribs }) => [name, ...Object.keys(attribs)].join(' '))
    .join('\n');

/** Every address that a page loads from, leads to or sends to. */
export const addressesIn = (html: string): string[] =>
  elementsOf(html).flatMap(({ attribs }) =>
    ['href', 'src', 'action', 'formaction', 'srcset', 'poster', 'data', 'background'].flatMap(
      (name) => attribs[name] ?? [],
    ),
  );

/** How often each kind of element stands in a page, with the names of its attributes. */
function countsOf(html: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const element of structureOf(html).split('\n')) counts.set(element, (counts.get(element) ?? 0) + 1);
  return counts;
}

/** What there is more of in a page than in any of some others. */
export function additions(html: string, others: readonly string[]): string[] {
  const known = others.map(countsOf);
  const most = (element: string) => Math.max(...known.map((counts) => counts.get(element) ?? 0));
  return [...countsOf(html)].flatMap(([element, count]) => (count > most(element) ? element : []));
}
