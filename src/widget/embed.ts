import { type Drawn, drawForm } from './form.ts';
import type { Offered, OfferedList } from './offered.ts';
import { prover } from './proof.ts';
import { complain, send } from './send.ts';

// The widget: draws the sign-up form where its script tag stands, in the place of the plain form before it
// if there is one. Whatever goes wrong on the way, the plain form stays and works (W-01).

/** What stands around this code when it is served. */
declare const offered: Offered;
/** The stylesheet, put in when the code is bundled. */
declare const styles: string;

const script = document.currentScript;
if (script instanceof HTMLScriptElement && 'replaceSync' in CSSStyleSheet.prototype) embed(script);

function embed(script: HTMLScriptElement): void {
  const { lists: wanted, heading } = script.dataset;
  const service = new URL(script.src).origin;
  const plain = plainFormBefore(script, service);
  const place = plain ?? script;

  const lists = chosenLists(wanted);
  const [locale, spoken] = languageAt(place, script.dataset['locale']);
  if (lists.length === 0 || spoken === undefined || !place.closest('body')) {
    complain(service, 'nothing to show, or not in the body');
    return;
  }

  const prove = prover(service);
  const drawn = drawForm({
    lists,
    locale,
    spoken,
    heading,
    send: async (signUp) => send(service, { ...signUp, ...(await prove()) }),
  });
  const host = document.createElement('div');
  const shadow = host.attachShadow({ mode: 'open' });
  // A constructed sheet asks no leave of the site's style-src.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles);
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(drawn.root);
  drawn.root.addEventListener('focusin', prove);

  if (plain === null) {
    script.before(host);
  } else {
    // The site's frame around the plain form, and links to it, go on working.
    host.className = plain.className;
    host.id = plain.id;
    takePlace(host, plain, drawn);
  }
}

/** The element directly before the script, if it is a form that posts to us. */
function plainFormBefore(script: Element, service: string): HTMLFormElement | null {
  const before = script.previousElementSibling;
  // Not `form.action`, which a field of that name would hide.
  const target = before?.getAttribute('action') ?? '';
  return before instanceof HTMLFormElement &&
    new URL(target, document.baseURI).href === `${service}/subscriptions`
    ? before
    : null;
}

/** The lists of `data-lists`, in its order; all of them without it. */
function chosenLists(slugs: string | undefined): OfferedList[] {
  const { lists } = offered;
  return slugs
    ? slugs.split(',').flatMap((wanted) => lists.filter(([slug]) => slug === wanted.trim()))
    : lists;
}

/** The form's language: as asked, else that of the text around it, else the reader's, else the first. */
function languageAt(place: Element, asked: string | undefined) {
  const around = place.closest('[lang]')?.getAttribute('lang');
  const known = Object.entries(offered.languages);
  return (
    [asked, around, ...navigator.languages]
      .map((tag) => tag?.toLowerCase().split(/[-_]/)[0])
      .map((tag) => known.find(([locale]) => locale === tag))
      .find((language) => language !== undefined) ??
    known[0] ?? ['', undefined]
  );
}

/** Puts the host where the plain form stood, with all that the reader did there, and moves nothing else. */
function takePlace(host: HTMLElement, plain: HTMLFormElement, { resume }: Drawn): void {
  const typed = new FormData(plain);
  const { activeElement } = document;
  const focused =
    activeElement instanceof HTMLInputElement && plain.contains(activeElement) ? activeElement : null;

  const next = shownAfter(plain);
  const topOf = () => next?.getBoundingClientRect().top ?? 0;
  const before = topOf();
  plain.replaceWith(host);
  const risen = before - topOf();
  if (risen > 0) {
    host.style.boxSizing = 'border-box';
    host.style.minHeight = `${host.getBoundingClientRect().height + risen}px`;
    // At another width the plain form would have had another height.
    const width = window.innerWidth;
    addEventListener('resize', () => {
      if (window.innerWidth !== width) host.style.minHeight = '';
    });
  }
  resume(typed, focused);
}

/** The next element on the page that takes up room. */
function shownAfter(place: Element): Element | null {
  for (let at: Element | null = place; at !== null; at = at.parentElement) {
    for (let next = at.nextElementSibling; next !== null; next = next.nextElementSibling) {
      if (next.getClientRects().length > 0) return next;
    }
  }
  return null;
}
