import { Parser } from 'htmlparser2';
import { createElement } from 'react';
import { CampaignFooter } from '../../../emails/campaign-footer.tsx';
import { renderMail, textOf } from '../../../emails/render.ts';
import type { Locale } from '../../languages/language.ts';
import type { Site } from '../../site/site.ts';
import type { CampaignContent } from '../api/campaigns.ts';

/** What Mailchimp writes each reader's own links and its own one for. */
export const mergeTags = {
  unsubscribeUrl: '*|UNSUBURL|*',
  preferencesUrl: '*|PREFURL|*',
  mailchimpUrl: '*|UNSUB|*',
} as const;
const required: string[] = Object.values(mergeTags);

/** In bytes of UTF-8: what mailboxes show without cutting it off (H-02). */
const mostBytes = 80_000;

/** What runs or asks, or holds what is not shown: refused or dropped by mail programs (H-05). */
const forbidden = new Set(
  'script noscript template form input button select textarea iframe object embed svg video audio'.split(' '),
);

/** What an editor wrote. */
export interface Manuscript {
  html: string;
  /** Made from the HTML when absent. */
  text?: string | undefined;
  /** Of the footer. */
  locale: Locale;
}

export type Built = { ok: true; content: CampaignContent } | { ok: false; why: string };

/**
 * Builds both parts of a campaign: the only way that content leaves for Mailchimp (I8). Our footer is put under what
 * the editor wrote, unless all that it holds stands there already.
 * @returns why not, when the HTML is no mail: without a body, too large (H-02), with scripts or forms (H-05)
 */
export async function buildContent(site: Site, { html, text, locale }: Manuscript): Promise<Built> {
  const seen = lookThrough(html);
  if (seen.bodyEnd === null) return refused('must be a whole document, with a body');
  if (seen.forbidden !== null) return refused(`must have no ${seen.forbidden}: mail programs refuse it`);

  const footer = await renderMail(createElement(CampaignFooter, { locale, site, links: mergeTags }));
  // It has no document of its own.
  const fragment = footer.html.replace(/^<!DOCTYPE[^>]*>/i, '');
  const whole = complete(seen, site)
    ? html
    : `${html.slice(0, seen.bodyEnd)}\n${fragment}\n${html.slice(seen.bodyEnd)}`;
  const bytes = Buffer.byteLength(whole);
  if (bytes > mostBytes)
    return refused(
      `must be ${mostBytes} bytes at most with its footer, and is ${bytes}: mailboxes cut it off`,
    );

  const own = text?.trim() === '' ? undefined : text;
  const content: CampaignContent = {
    html: whole,
    plain_text:
      own === undefined
        ? textOf(whole)
        : textComplete(own, site)
          ? own
          : `${own.trimEnd()}\n\n${footer.text.trim()}\n`,
  };
  // Such as in an invisible box that is never closed.
  if (lacks(content, site) !== null)
    return refused('must be well-formed: the footer under it would not be seen');
  return { ok: true, content };
}

/** What of the footer a campaign's content lacks, as it would be mailed; null when it is whole. */
export function lacks({ html, plain_text }: CampaignContent, site: Site): string | null {
  if (!complete(lookThrough(html), site))
    return 'the HTML lacks the links or the postal address of the footer';
  if (!textComplete(plain_text, site)) return 'the text lacks the links or the postal address of the footer';
  return null;
}

const refused = (why: string): Built => ({ ok: false, why });

/** What a reader sees of an HTML document. */
interface Seen {
  /** Where the body ends; null when there is none. */
  bodyEnd: number | null;
  hrefs: Set<string>;
  words: string;
  forbidden: string | null;
}

const complete = ({ hrefs, words }: Seen, site: Site) =>
  required.every((tag) => hrefs.has(tag)) && holdsAddress(words, site);

const textComplete = (text: string, site: Site) =>
  required.every((tag) => text.includes(tag)) && holdsAddress(text, site);

const holdsAddress = (words: string, { postalAddress }: Site) =>
  spaced(words).includes(spaced(postalAddress));

const spaced = (words: string) => words.split(/\s+/).join(' ').trim();

function lookThrough(html: string): Seen {
  const seen: Seen = { bodyEnd: null, hrefs: new Set(), words: '', forbidden: null };
  /** Of every open element, whether it or one around it is invisible. */
  const hidden: boolean[] = [];
  let inBody = false;
  const parser = new Parser({
    onopentag(name, attributes) {
      if (name === 'body') inBody = true;
      hidden.push(hidden.at(-1) === true || name === 'head' || isHidden(attributes));
      seen.forbidden ??= forbiddenIn(name, attributes);
      const { href } = attributes;
      if (name === 'a' && href !== undefined && hidden.at(-1) !== true) seen.hrefs.add(href.trim());
    },
    ontext(text) {
      if (hidden.at(-1) !== true) seen.words += text;
    },
    onclosetag(name) {
      hidden.pop();
      if (name === 'body' && inBody) seen.bodyEnd ??= parser.startIndex;
      else if (blocks.has(name)) seen.words += '\n';
    },
  });
  parser.end(html);
  return seen;
}

const blocks = new Set('p div td tr table li br h1 h2 h3'.split(' '));

const isHidden = ({ hidden, style = '' }: Record<string, string>) =>
  hidden !== undefined || /display\s*:\s*none/i.test(style);

function forbiddenIn(name: string, attributes: Record<string, string>): string | null {
  if (forbidden.has(name)) return `<${name}>`;
  if (name === 'meta' && attributes['http-equiv']?.toLowerCase() === 'refresh')
    return '<meta> that leads away';
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute.startsWith('on')) return `script in ${attribute}`;
    if (['href', 'src', 'action'].includes(attribute) && /^\s*(?:javascript|vbscript):/i.test(value))
      return `script in ${attribute}`;
  }
  return null;
}
