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
