import { accentOf } from '../../src/site/accent.ts';
import type { Site } from '../../src/site/site.ts';
import { linksOf } from '../../src/subscribing/links.ts';
import { pagesOf } from '../../src/web/reader.ts';

// For tests that put single parts of the web together themselves.

export const site: Site = {
  publication: 'The Daily Example',
  postalAddress: '1 Example Street, Exampletown',
  home: null,
  logo: null,
  accent: accentOf('#1c4f82'),
};

export const links = linksOf('https://news.example');

/** Nothing is done by itself. */
export const noDuties = { list: async () => [] };

export const showPage = pagesOf(site);
