import { type EventDraft, sha256 } from '../../src/consent/ledger.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import { capWindow } from '../../src/subscribing/caps.ts';
import type { Changes, Fresh } from '../../src/subscribing/changes.ts';
import type { Circumstances, Command, OfferedList } from '../../src/subscribing/commands.ts';
import type { Household, Person, SignUpRequest, Subscription } from '../../src/subscribing/person.ts';

// What loading and saving mean to the rules, in memory: the model that the rules are folded into and that
// the database is compared with.

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Somebody does something; whom and which list stand for themselves, whatever ids they have where. */
export type Act =
  | { act: 'sign up'; email: string; lists: string[] }
  /** Presses the button of the mail of their nth request. */
  | { act: 'confirm'; email: string; nth: number }
  | { act: 'leave'; email: string; list: string | null }
  | { act: 'choose'; email: string; lists: string[] }
  /** The mail server takes the mail of their nth request. */
  | { act: 'take mail'; email: string; nth: number };

/** Where links and tokens are looked up; null for what does not exist. */
export interface Directory {
  offered: readonly OfferedList[];
  wordingVersion: string;
  linkKey(key: string): string | null;
  request(
    key: string,
    nth: number,
  ): { subscriberId: string; seq: number; token: string; mailId: string } | null;
}

const circumstances = { ip: '203.0.113.7', userAgent: 'A browser', page: 'https://news.example/article' };
const nobody = '0'.repeat(40);

/** An act as a command, with the tokens and keys of one database or model. */
export function commandOf(act: Act, directory: Directory): Command {
  const { key } = addressOf(act.email);
  const ticked = (slugs: string[]) => directory.offered.filter(({ slug }) => slugs.includes(slug));
  const by = (channel: Circumstances['channel']): Circumstances => ({ channel, ...circumstances });
  const { wordingVersion } = directory;
  switch (act.act) {
    case 'sign up':
      return {
        type: 'sign_up',
        ...by('form'),
        address: addressOf(act.email),
        lists: ticked(act.lists),
        wordingVersion,
        locale: 'en',
        firstName: null,
      };
    case 'confirm':
      return {
        type: 'confirm',
        ...by('confirm_page'),
        token: directory.request(key, act.nth)?.token ?? nobody,
      };
    case 'leave':
      return {
        type: 'leave',
        ...by('one_click'),
        linkKey: directory.linkKey(key) ?? nobody,
        list: act.list,
      };
    case 'choose':
      return {
        type: 'choose',
        ...by('preferences_page'),
        linkKey: directory.linkKey(key) ?? nobody,
        lists: ticked(act.lists),
        wordingVersion,
      };
    case 'take mail': {
      const request = directory.request(key, act.nth);
      return {
        type: 'mail_accepted',
        subscriberId: request?.subscriberId ?? nobodysId,
        mailId: request?.mailId ?? nobodysId,
        requestSeq: request?.seq ?? 1,
        copy: 'Please confirm: [token]',
      };
    }
  }
}

/** A reader's nth request as the mail for it shows it; null when there is none. */
export function mailedRequest(
  reader:
    | {
        id: string;
        requests: { id: string; seq: number }[];
        mails: { id: string; requestId: string | null }[];
      }
    | undefined,
  nth: number,
  tokenOf: (requestId: string) => string,
): ReturnType<Directory['request']> {
  const request = reader?.requests[nth];
  const mail = reader?.mails.find(({ requestId }) => requestId === request?.id);
  if (reader === undefined || request === undefined || mail === undefined) return null;
  return { subscriberId: reader.id, seq: request.seq, token: tokenOf(request.id), mailId: mail.id };
}

/** No fresh id is like it. */
const nobodysId = 'ffffffff-ffff-7fff-bfff-ffffffffffff';

export function addressOf(email: string) {
  const parsed = parseAddress(email);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.address;
}

/** The nth random values, for a model in which nothing is random. */
export function freshOf(n: number): Fresh {
  const id = n.toString(16).padStart(12, '0');
  return {
    subscriberId: `00000000-0000-7000-8000-${id}`,
    linkKey: `11111111111111111111${id}`,
    ledgerSalt: `salt ${n}`,
    requestId: `00000000-0000-7000-9000-${id}`,
    tokenHash: sha256(tokenOf(`00000000-0000-7000-9000-${id}`)),
    mailId: `00000000-0000-7000-a000-${id}`,
  };
}

const tokenOf = (requestId: string) => `the token of ${requestId}`;

export interface Reader {
  id: string;
  typed: string;
  key: string;
  abuseKey: string;
  linkKey: string;
  locale: string;
  salt: string;
  events: EventDraft[];
  subscriptions: Pick<Subscription, 'listId' | 'state' | 'consentSeq' | 'endedSeq'>[];
  requests: Omit<SignUpRequest, 'mailDueAt' | 'wordings'>[];
  mails: { id: string; requestId: string; dueAt: Date; acceptedAt: Date | null }[];
  /** How often Mailchimp had to follow, and whether an opt-out was among it. */
  contact: { wanted: number; optOut: boolean } | null;
}

function isAbout(command: Command, reader: Reader): boolean {
  switch (command.type) {
    case 'sign_up':
      return reader.abuseKey === command.address.abuseKey;
    case 'confirm':
      return reader.requests.some(({ tokenHash }) => tokenHash === sha256(command.token));
    case 'leave':
    case 'choose':
      return reader.linkKey === command.linkKey;
    case 'mail_accepted':
    case 'left_at_mailchimp':
    case 'change_address':
      return reader.id === command.subscriberId;
  }
}

type List = OfferedList & { archived: boolean };

export type Model = ReturnType<typeof createModel>;

export function createModel(wordingVersion = 'the consent text') {
  const lists = new Map<number, List>();
  const readers = new Map<string, Reader>();
  const listOfWording = new Map<string, number>();

  const everyone = () => [...readers.values()];

  const readerOf = (command: Command) => everyone().find((reader) => isAbout(command, reader));

  const mailsOf = (abuseKey: string) =>
    everyone().flatMap((reader) => (reader.abuseKey === abuseKey ? reader.mails : []));

  /** What is loaded for a command: its household, without what time has made irrelevant. */
  function household(command: Command, now: Date): Household {
    const abuseKey = readerOf(command)?.abuseKey;
    if (abuseKey === undefined) return { people: [], confirmationMails: [] };
    return {
      people: everyone().flatMap((reader) =>
        reader.abuseKey === abuseKey ? personOf(reader, command, now) : [],
      ),
      confirmationMails: mailsOf(abuseKey)
        .map(({ dueAt }) => dueAt)
        .filter((dueAt) => dueAt.getTime() > now.getTime() - capWindow),
    };
  }

  function personOf(reader: Reader, command: Command, now: Date): Person {
    const { id, key, typed, abuseKey, linkKey, locale, salt, events, mails } = reader;
    const presented = command.type === 'confirm' ? sha256(command.token) : null;
    const newest = reader.requests.at(-1);
    return {
      ...{ id, key, typed, abuseKey, linkKey, locale },
      mailBlock: null,
      ledger: { seq: events.length, hash: '', salt, lastAt: events.at(-1)?.at ?? null },
      subscriptions: reader.subscriptions
        .map((subscription) => {
          const { slug, name, description, wording, archived } = listBy(subscription.listId);
          return { slug, name, description, wording, archived, ...subscription };
        })
        .sort((a, b) => a.listId - b.listId),
      requests: reader.requests
        .filter(
          (request) =>
            request.expiresAt > now ||
            request === newest ||
            request.tokenHash === presented ||
            (command.type === 'mail_accepted' && request.seq === command.requestSeq),
        )
        .map((request) => ({
          ...request,
          wordings: events[request.seq - 1]?.listWordings ?? [],
          mailDueAt: mails.find(({ requestId }) => requestId === request.id)?.dueAt ?? null,
        })),
    };
  }

  function listBy(id: number): List {
    const list = lists.get(id);
    if (list === undefined) throw new Error(`there is no list ${id}`);
    return list;
  }

  function save(changes: Changes, now: Date): void {
    const { person, created, request, confirmed, mail, mailAccepted, sync } = changes;
    if (created !== null) {
      if (readers.has(person.key)) throw new Error('a person is created twice');
      const { id, typed, key, abuseKey, linkKey, locale, ledger } = person;
      const nothing = { events: [], subscriptions: [], requests: [], mails: [], contact: null };
      readers.set(key, { id, typed, key, abuseKey, linkKey, locale, salt: ledger.salt, ...nothing });
    }
    const reader = readers.get(person.key);
    if (reader === undefined) throw new Error('something changes for a person who does not exist');

    reader.events.push(...changes.events);
    for (const subscription of changes.subscriptions) {
      const place = reader.subscriptions.findIndex(({ listId }) => listId === subscription.listId);
      reader.subscriptions.splice(place === -1 ? reader.subscriptions.length : place, 1, subscription);
    }
    if (request !== null) {
      const { wordingVersion: _, ...rest } = request;
      reader.requests.push({ ...rest, confirmedAt: null });
    }
    if (confirmed !== null) {
      reader.locale = confirmed.locale;
      reader.requests = reader.requests.map((open) =>
        open.id === confirmed.requestId ? { ...open, confirmedAt: now } : open,
      );
    }
    if (mail !== null) reader.mails.push({ ...mail, acceptedAt: null });
    if (mailAccepted !== null) {
      reader.mails = reader.mails.map((owed) =>
        owed.id === mailAccepted.mailId ? { ...owed, acceptedAt: now } : owed,
      );
    }
    if (sync !== null) {
      const { wanted, optOut } = reader.contact ?? { wanted: 0, optOut: false };
      reader.contact = { wanted: wanted + 1, optOut: optOut || sync === 'opt_out' };
    }
  }

  return {
    household,
    save,
    everyone,
    mailsOf,
    reader: (email: string) => readers.get(addressOf(email).key),
    /** Offers a list, or words it anew. */
    offer(list: OfferedList): void {
      lists.set(list.id, { ...list, archived: lists.get(list.id)?.archived ?? false });
      listOfWording.set(list.wording, list.id);
    },
    archive(slug: string): void {
      for (const list of lists.values()) {
        if (list.slug === slug) lists.set(list.id, { ...list, archived: true });
      }
    },
    /** The list that was once worded so. */
    worded: (wording: string) => listOfWording.get(wording),
    directory(): Directory {
      return {
        offered: [...lists.values()].filter(({ archived }) => !archived),
        wordingVersion,
        linkKey: (key) => readers.get(key)?.linkKey ?? null,
        request: (key, nth) => mailedRequest(readers.get(key), nth, tokenOf),
      };
    },
  };
}
