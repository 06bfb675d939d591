import { createServer, type ServerResponse } from 'node:http';
import path from 'node:path';
import axeCore from 'axe-core';
import { HtmlValidate } from 'html-validate';
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
  type Request,
  type Response,
} from 'playwright-core';
import { inject, onTestFinished } from 'vitest';
import { listening } from '../../src/sandbox/listening.ts';

// What the tests in a browser share. The product itself is `Footnote.start()` of tests/harness.

/** Screenshots of pages and mails, for people to look at; git does not keep them. Taken when SCREENSHOTS is set. */
export const screenshots = path.join(import.meta.dirname, 'screenshots');

/** A phone, as narrow as WCAG 1.4.10 asks for. */
export const phone = { width: 320, height: 640 };
export const desk = { width: 1200, height: 900 };

export interface ReaderOptions {
  colorScheme?: 'light' | 'dark';
  viewport?: { width: number; height: number };
  /** Off as with a blocker; on by default. */
  javaScript?: boolean;
  /** What the browser asks for in Accept-Language. */
  locale?: string;
}

/** Somebody with a browser of their own. */
export interface Reader {
  page: Page;
  context: BrowserContext;
  /** Every request of theirs so far, of all their tabs, redirects included. */
  requests: Request[];
  /** The answer that the page on show came with. @throws when there is none yet */
  document(): Response;
  /** Presses something, and waits until the page behind it is there. */
  press(target: Locator): Promise<void>;
  close(): Promise<void>;
}

let connection: Promise<Browser> | undefined;

/**
 * Opens a browser window that shares nothing with others. It closes by itself when the test ends; outside
 * of a test use `openReader` and close it.
 */
export async function newReader(options: ReaderOptions = {}): Promise<Reader> {
  const reader = await openReader(options);
  onTestFinished(() => reader.close());
  return reader;
}

/** Opens a browser window that shares nothing with others. The caller closes it. */
export async function openReader(options: ReaderOptions = {}): Promise<Reader> {
  const { colorScheme = 'light', viewport = desk, javaScript = true, locale = 'en' } = options;
  connection ??= chromium.connect(inject('chromium'));
  const browser = await connection;
  const context = await browser.newContext({
    colorScheme,
    viewport,
    locale,
    javaScriptEnabled: javaScript,
    serviceWorkers: 'block',
  });
  // Everything is on this machine, so what takes longer than this does not come.
  context.setDefaultTimeout(10_000);
  const requests: Request[] = [];
  context.on('request', (request) => requests.push(request));
  const page = await context.newPage();
  let shown: Response | undefined;
  page.on('response', (response) => {
    if (response.request().isNavigationRequest() && response.headers()['location'] === undefined)
      shown = response;
  });
  return {
    page,
    context,
    requests,
    document() {
      if (shown === undefined) throw new Error('no page is open yet');
      return shown;
    },
    async press(target) {
      // Longer than the press itself may take, which fails with the better words.
      await Promise.all([page.waitForEvent('load', { timeout: 20_000 }), target.click()]);
    },
    close: () => context.close(),
  };
}

/** A publisher's website, which is of another site than `localhost`, where Footnote is. */
export interface Site {
  /** Goes into ALLOWED_ORIGINS. */
  origin: string;
  /**
   * Publishes a page.
   * @returns its address
   */
  publish(pathname: string, html: string, headers?: Record<string, string>): string;
  close(): Promise<void>;
}

/** Starts an empty website on a port of its own. Unknown addresses are 404, the favicon included. */
export async function openSite(): Promise<Site> {
  const pages = new Map<string, (response: ServerResponse) => void>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    const show = pages.get(pathname);
    if (show === undefined) response.writeHead(404).end();
    else show(response);
  });
  const port = await listening(server.listen(0, '127.0.0.1'), 'the website of the tests');
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    publish(pathname, html, headers = {}) {
      pages.set(pathname, (response) => {
        response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', ...headers }).end(html);
      });
      return origin + pathname;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

declare global {
  interface Window {
    axe: typeof axeCore;
  }
}

/**
 * Asks axe-core for everything wrong with the page as it is now, WCAG 2.2's target size (2.5.8) included.
 * The script comes by the debugger's door, so the page's Content-Security-Policy stays as it is.
 * @returns a text for each violation; empty when there is none
 * @throws when target sizes were not looked at although the page has something to press
 */
export async function axe(page: Page): Promise<string[]> {
  if (await page.evaluate(() => !('axe' in window))) await page.evaluate(axeCore.source);
  const { passes, violations, incomplete, inapplicable } = await page.evaluate(() =>
    window.axe.run(document, { rules: { 'target-size': { enabled: true } } }),
  );
  const judged = [...passes, ...violations, ...incomplete].find(({ id }) => id === 'target-size');
  const hasTargets = (await page.locator('button:visible, input:visible').count()) > 0;
  const ran =
    (judged !== undefined && judged.nodes.length > 0) ||
    (!hasTargets && inapplicable.some(({ id }) => id === 'target-size'));
  if (!ran) throw new Error(`axe-core did not look at the target sizes of ${page.url()}`);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}) at ${target.join(' ')}: ${failureSummary}`),
  );
}

const validator = new HtmlValidate({
  root: true,
  extends: ['html-validate:standard', 'html-validate:recommended', 'html-validate:a11y'],
  rules: {
    // How React writes, and HTML allows: `charSet`, `required=""`, `<br/>`, `<!doctype html>`.
    'attr-case': 'off',
    'attribute-boolean-style': 'off',
    'attribute-empty-style': 'off',
    'void-style': 'off',
    'doctype-style': 'off',
    // A form repeats a field, as the contract says of `lists`.
    'form-dup-name': 'off',
    // A title of 70 characters is a wish of search engines, and no page of ours may be in one.
    'long-title': 'off',
  },
});

/**
 * Asks html-validate for what is wrong with a document (W-05).
 * @returns a text for each error; empty when there is none
 */
export async function htmlErrors(html: string): Promise<string[]> {
  const { results } = await validator.validateString(html);
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line, column }) => `${line}:${column} ${ruleId}: ${message}`),
  );
}

/** The addresses among these requests that go elsewhere than to the origins given (W-03). */
export function foreign(requests: readonly Request[], ...origins: string[]): string[] {
  return requests.map((request) => request.url()).filter((url) => !origins.includes(new URL(url).origin));
}

/** Everything that does not fit the width of the window: the page itself, or a text that is cut off. */
export function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const found: string[] = [];
    const { scrollWidth } = document.documentElement;
    if (scrollWidth > width) found.push(`the page scrolls sideways: ${scrollWidth} of ${width}`);
    const roots: (Document | ShadowRoot)[] = [document];
    for (const root of roots) {
      for (const element of root.querySelectorAll('*')) {
        if (element.shadowRoot !== null) roots.push(element.shadowRoot);
        const { overflowX, overflowY, clipPath, position } = getComputedStyle(element);
        // What is for screen readers alone is cut off on purpose.
        if (position === 'absolute' && clipPath !== 'none') continue;
        const what = `<${element.localName}> ${(element.textContent ?? '').trim().slice(0, 40)}`;
        const holdsText = [...element.childNodes].some(
          (node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? '').trim() !== '',
        );
        if (!holdsText || element.closest('head, script, style') !== null) continue;
        const range = document.createRange();
        range.selectNodeContents(element);
        const text = range.getBoundingClientRect();
        if (text.left < -0.5 || text.right > width + 0.5) found.push(`${what}: leaves the window`);
        const isCut = (overflow: string, has: number, shows: number) =>
          overflow !== 'visible' && has > shows + 1;
        if (
          isCut(overflowX, element.scrollWidth, element.clientWidth) ||
          isCut(overflowY, element.scrollHeight, element.clientHeight)
        ) {
          found.push(`${what}: is cut off`);
        }
        const box = element.getBoundingClientRect();
        if (element.localName === 'button' && (text.bottom > box.bottom || text.top < box.top)) {
          found.push(`${what}: is taller than its button`);
        }
      }
    }
    return found;
  });
}

/** Spaces the text out as WCAG 1.4.12 says a reader may. A constructed sheet, which no policy forbids. */
export async function spaceText(page: Page): Promise<void> {
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
      * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
      p { margin-block-end: 2em !important; }
    `);
    const roots: (Document | ShadowRoot)[] = [document];
    for (const root of roots) {
      root.adoptedStyleSheets.push(sheet);
      for (const { shadowRoot } of root.querySelectorAll('*'))
        if (shadowRoot !== null) roots.push(shadowRoot);
    }
  });
}

/** One stop of the Tab key. */
export interface Stop {
  /** Of the element in focus, such as `button Save`. */
  name: string;
  /** Whether it looks otherwise than without the focus (WCAG 2.4.7). */
  visible: boolean;
  top: number;
}

/** Presses Tab from the start of the page until the focus leaves it. @returns every stop, in order */
export async function tabWalk(page: Page): Promise<Stop[]> {
  const stops: Stop[] = [];
  for (let press = 0; press < 100; press++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      if (element === null || element === document.body) return null;
      element.scrollIntoView({ block: 'center' });
      const labels = element instanceof HTMLInputElement ? [...(element.labels ?? [])] : [element];
      const words = labels.map(({ textContent }) => (textContent ?? '').trim()).join(' ');
      return { name: `${element.localName} ${words}`, top: element.getBoundingClientRect().top + scrollY };
    });
    if (stop === null) return stops;
    const focused = await page.screenshot();
    // The next Tab goes on from here all the same.
    await page.evaluate(() => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      if (element instanceof HTMLElement) element.blur();
    });
    const plain = await page.screenshot();
    stops.push({ ...stop, visible: !focused.equals(plain) });
  }
  throw new Error('The focus never leaves the page.');
}

/** Keeps a picture of the whole page as `tests/browser/screenshots/NAME.png`, if SCREENSHOTS is set. */
export async function shot(page: Page, name: string): Promise<void> {
  if (process.env['SCREENSHOTS'] === undefined) return;
  await page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: true });
}
