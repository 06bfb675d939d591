import { closestLocale, type Language, languageOf, type MessageKey } from '../../src/languages/language.ts';
import type { ReceivedMail } from '../../src/sandbox/inbox.ts';
import type { Footnote } from '../harness/footnote.ts';
import { isTo, linksIn } from '../harness/mails.ts';
import { openSite, type Reader } from './browser.ts';

// Every page that a reader can meet, and the way to it.

/** The language of a tag. @throws when we do not speak it */
export function languageFor(tag: string): Language {
  const locale = closestLocale(tag);
  if (locale === null) throw new Error(`There are no messages in ${tag}.`);
  return languageOf(locale);
}

type LinkKind = keyof ReturnType<typeof linksIn>;

/** The link of this kind in a mail, as a path. @throws when there is none */
export function linkIn(mail: ReceivedMail, kind: LinkKind): string {
  const link = linksIn(mail)[kind];
  if (link === '') throw new Error(`The mail “${mail.subject}” has no ${kind} link.`);
  return link;
}

let people = 0;

/** A reader who speaks a language, and what they do with our pages. */
export class Visitor {
  readonly reader: Reader;
  readonly footnote: Footnote;
  readonly language: Language;
  readonly email: string;

  constructor(reader: Reader, footnote: Footnote, language: Language) {
    this.reader = reader;
    this.footnote = footnote;
    this.language = language;
    people += 1;
    this.email = `reader.${people}@example.com`;
  }

  /** Opens one of our pages in the reader's language. */
  async open(link: string): Promise<void> {
    // Where it listens, whatever BASE_URL says to the world.
    const url = new URL(link, `http://localhost:${this.footnote.service.port}`);
    url.searchParams.set('locale', this.language.locale);
    await this.reader.page.goto(url.href);
  }

  /** Presses the button of these words. */
  async press(key: MessageKey, values: Record<string, string> = {}): Promise<void> {
    const name = this.language.text(key, values);
    await this.reader.press(this.reader.page.getByRole('button', { name, exact: true }));
  }

  /** Asks for the own link by typing the address. */
  async askForLink(): Promise<void> {
    await this.open('/my-link');
    await this.reader.page.getByLabel(this.language.text('signUp.email')).fill(this.email);
    await this.press('myLink.submit');
  }

  /** Ticks a list or unticks it, by its words. */
  async toggle(list: string): Promise<void> {
    await this.reader.page.locator('label', { hasText: list }).click();
  }

  /** The next mail to this reader that holds a link of this kind; others may come before it. */
  mailWith(kind: LinkKind): Promise<ReceivedMail> {
    return this.nextMail((mail) => linksIn(mail)[kind] !== '');
  }

  /** The next mail to this reader with this subject; others may come before it. */
  mailAbout(key: MessageKey): Promise<ReceivedMail> {
    const subject = this.language.text(key, { publication: this.footnote.settings.publication.name });
    return this.nextMail((mail) => mail.subject === subject);
  }

  private nextMail(isIt: (mail: ReceivedMail) => boolean): Promise<ReceivedMail> {
    const isOurs = isTo(this.email);
    return this.footnote.sandbox.inbox.next((mail) => isOurs(mail) && isIt(mail), 15_000);
  }

  /** Signs up as a site does. @returns the confirmation mail */
  async signUp(lists: string[] = ['morning-briefing']): Promise<ReceivedMail> {
    await this.footnote.signUp(this.email, lists, { locale: this.language.locale }).expect(202);
    return this.mailWith('confirm');
  }

  /** Goes the whole way. @returns the confirmation mail, for its links */
  async subscribe(lists: string[] = ['morning-briefing']): Promise<ReceivedMail> {
    const mail = await this.signUp(lists);
    await this.footnote.http.post(linkIn(mail, 'confirm')).expect(200);
    return mail;
  }
}

const bothLists = ['morning-briefing', 'science-weekly'];
const day = 24 * 60 * 60_000;
const noToken = '0'.repeat(32);

export interface Way {
  /** What its title begins with. */
  title: MessageKey;
  status: number;
  /** Leads a visitor there. */
  go(visitor: Visitor): Promise<void>;
}

/** Every page by name. Some ways move the clock forward by days. */
export const everyPage: Record<string, Way> = {
  'sign-up': { title: 'signUp.title', status: 200, go: (visitor) => visitor.open('/') },
  'sign-up-refused': {
    title: 'signUp.titleWithErrors',
    status: 422,
    async go(visitor) {
      await visitor.open('/');
      await visitor.press('signUp.submit');
    },
  },
  thanks: { title: 'thanks.title', status: 200, go: (visitor) => visitor.open('/thanks') },
  confirm: {
    title: 'confirm.title',
    status: 200,
    go: async (visitor) => visitor.open(linkIn(await visitor.signUp(bothLists), 'confirm')),
  },
  confirmed: {
    title: 'confirmed.title',
    status: 200,
    async go(visitor) {
      await visitor.open(linkIn(await visitor.signUp(bothLists), 'confirm'));
      await visitor.press('confirm.submit');
    },
  },
  'confirm-unknown': {
    title: 'linkProblem.unknown.title',
    status: 404,
    go: (visitor) => visitor.open(`/confirm/${noToken}`),
  },
  'confirm-withdrawn': {
    title: 'linkProblem.withdrawn.title',
    status: 410,
    async go(visitor) {
      const mail = await visitor.signUp();
      await visitor.footnote.http.post(linkIn(mail, 'unsubscribe')).expect(200);
      await visitor.open(linkIn(mail, 'confirm'));
    },
  },
  'confirm-expired': { title: 'linkProblem.expired.title', status: 410, go: openExpired },
  renewed: {
    title: 'renewed.title',
    status: 200,
    async go(visitor) {
      await openExpired(visitor);
      await visitor.press('linkProblem.expired.submit');
    },
  },
  unsubscribe: {
    title: 'unsubscribe.title',
    status: 200,
    go: async (visitor) => visitor.open(linkIn(await visitor.subscribe(bothLists), 'unsubscribe')),
  },
  'unsubscribe-one-of-several': {
    title: 'unsubscribe.title',
    status: 200,
    async go(visitor) {
      const link = linkIn(await visitor.subscribe(bothLists), 'unsubscribe');
      await visitor.open(`${link}?list=science-weekly`);
    },
  },
  'unsubscribe-the-only-one': {
    title: 'unsubscribe.title',
    status: 200,
    go: async (visitor) => visitor.open(linkIn(await visitor.subscribe(), 'unsubscribe')),
  },
  'unsubscribe-from-nothing': {
    title: 'notSubscribed.title',
    status: 200,
    async go(visitor) {
      const link = linkIn(await visitor.subscribe(), 'unsubscribe');
      await visitor.footnote.http.post(link).expect(200);
      await visitor.open(link);
    },
  },
  unsubscribed: {
    title: 'unsubscribed.title',
    status: 200,
    async go(visitor) {
      await visitor.open(linkIn(await visitor.subscribe(bothLists), 'unsubscribe'));
      await visitor.press('unsubscribe.leaveAll');
    },
  },
  'unsubscribed-from-one': {
    title: 'unsubscribed.title',
    status: 200,
    async go(visitor) {
      const link = linkIn(await visitor.subscribe(bothLists), 'unsubscribe');
      await visitor.open(`${link}?list=science-weekly`);
      await visitor.press('unsubscribe.leaveOnly', { list: 'Science Weekly' });
    },
  },
  'unsubscribe-undone': {
    title: 'preferences.titleSaved',
    status: 200,
    async go(visitor) {
      await visitor.open(linkIn(await visitor.subscribe(bothLists), 'unsubscribe'));
      await visitor.press('unsubscribe.leaveAll');
      await visitor.press('unsubscribed.undo');
    },
  },
  preferences: {
    title: 'preferences.title',
    status: 200,
    go: async (visitor) => visitor.open(linkIn(await visitor.subscribe(), 'preferences')),
  },
  'preferences-saved': {
    title: 'preferences.titleSaved',
    status: 200,
    async go(visitor) {
      await visitor.open(linkIn(await visitor.subscribe(), 'preferences'));
      await visitor.toggle('Morning Briefing');
      await visitor.toggle('Weekend Reads');
      await visitor.press('preferences.submit');
    },
  },
  'copy-asked': {
    title: 'preferences.titleMailed',
    status: 200,
    async go(visitor) {
      await visitor.open(linkIn(await visitor.subscribe(), 'preferences'));
      await visitor.press('preferences.copy');
    },
  },
  'erasure-asked': {
    title: 'preferences.titleMailed',
    status: 200,
    async go(visitor) {
      await visitor.open(linkIn(await visitor.subscribe(), 'preferences'));
      await visitor.press('preferences.erase');
    },
  },
  erase: { title: 'erase.title', status: 200, go: openErasure },
  erased: {
    title: 'erased.title',
    status: 200,
    async go(visitor) {
      await openErasure(visitor);
      await visitor.press('erase.submit');
    },
  },
  'erase-unknown': {
    title: 'eraseProblem.unknown.title',
    status: 404,
    go: (visitor) => visitor.open(`/erase/${noToken}`),
  },
  'not-me': {
    title: 'notMe.title',
    status: 200,
    go: async (visitor) => visitor.open(linkIn(await visitor.signUp(), 'notMe')),
  },
  'not-me-done': {
    title: 'notMe.done.title',
    status: 200,
    async go(visitor) {
      await visitor.open(linkIn(await visitor.signUp(), 'notMe'));
      await visitor.press('notMe.submit');
    },
  },
  'my-link': { title: 'myLink.title', status: 200, go: (visitor) => visitor.open('/my-link') },
  'my-link-refused': {
    title: 'myLink.titleWithErrors',
    status: 422,
    async go(visitor) {
      await visitor.open('/my-link');
      await visitor.press('myLink.submit');
    },
  },
  'my-link-sent': {
    title: 'myLink.sent.title',
    status: 200,
    go: (visitor) => visitor.askForLink(),
  },
  'unknown-link': {
    title: 'unknownLink.title',
    status: 404,
    go: (visitor) => visitor.open(`/preferences/${noToken}`),
  },
  'not-found': {
    title: 'problem.notFound.title',
    status: 404,
    go: (visitor) => visitor.open('/no-such-page'),
  },
  forbidden: { title: 'problem.forbidden.title', status: 403, go: postFromStranger },
};

async function openExpired(visitor: Visitor): Promise<void> {
  const mail = await visitor.signUp();
  visitor.footnote.advance(8 * day);
  await visitor.open(linkIn(mail, 'confirm'));
}

async function openErasure(visitor: Visitor): Promise<void> {
  await visitor.open(linkIn(await visitor.subscribe(), 'preferences'));
  await visitor.press('preferences.erase');
  await visitor.open(linkIn(await visitor.mailWith('erase'), 'erase'));
}

/** Sends the form of a website that is not in ALLOWED_ORIGINS. */
async function postFromStranger({ reader, footnote, language }: Visitor): Promise<void> {
  const stranger = await openSite();
  const action = `${footnote.settings.baseUrl}/subscriptions`;
  const url = stranger.publish(
    '/',
    `<!doctype html><title>A stranger</title><form method="post" action="${action}">
       <input type="hidden" name="locale" value="${language.locale}"><button>Send</button></form>`,
  );
  await reader.page.goto(url);
  await reader.press(reader.page.getByRole('button'));
  await stranger.close();
}
