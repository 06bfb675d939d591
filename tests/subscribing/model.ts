import { createHash } from 'node:crypto';
import { type EventDraft, type Evidence, sha256 } from '../../src/consent/ledger.ts';
import type { Mail } from '../../src/generated/prisma/client.ts';
import type { ConsentEventKind, MailKind } from '../../src/generated/prisma/enums.ts';
import { parseAddress } from '../../src/subscribing/address.ts';
import { capWindow } from '../../src/subscribing/caps.ts';
import type { Changes, Fresh } from '../../src/subscribing/changes.ts';
import type {
  Circumstances,
  Command,
  ExpirePerson,
  ImportPerson,
  OfferedList,
} from '../../src/subscribing/commands.ts';
import type { TokenPurpose } from '../../src/subscribing/links.ts';
import type { Household, Person, SignUpRequest, Subscription } from '../../src/subscribing/person.ts';
import { caps } from '../harness/allowance.ts';

// What loading and saving mean to the rules, in memory: the model that the rules are folded into and that
// the database is compared with.

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Somebody does something; whom and which list stand for themselves, whatever ids they have where. */
export type Act = { email: string } & (
  | { act: 'sign up'; lists: string[] }
  | { act: 'ask link' }
  /** An operator's file says this of them; `givenAgo`: how long ago, in milliseconds. */
  | { act: 'import'; lists: string[]; state: ImportPerson['state']; givenAgo: number | null }
  | (ByLink &
      (
        | { act: 'leave'; list: string | null }
        | { act: 'choose'; lists: string[]; shown: string[] | null }
        /** The last is done by an operator. */
        | { act: 'decline' | 'allow' | 'ask copy' | 'ask erasure' | 'erase person' }
        /** Presses the button of the mail of their nth request, or has the mail server take that mail. */
        | { act: 'confirm' | 'renew' | 'take mail'; nth: number }
        /** Presses the button of their nth erasure mail. */
        | { act: 'erase'; nth: number }
        /** The time is over for which they are kept, if nothing happened for as many milliseconds. */
        | { act: 'expire'; why: ExpirePerson['why']; quiet: number }
        /** The nth import that made an entry for them is taken back. */
        | { act: 'undo import'; nth: number }
      ))
);

interface ByLink {
  /** By an old mail, to whom they were before they were erased for the first time. */
  former?: boolean;
}

/** What the mails to a person let others do in their name. */
export interface Links {
  id: string;
  linkKey: string;
  requests: readonly { seq: number; token: string; mailId: string }[];
  /** The tokens of their erasure mails. */
  erasures: readonly string[];
  /** The entries that imports made. */
  imports: readonly number[];
}

/** Where links and tokens are looked up. */
export interface Directory {
  offered: readonly OfferedList[];
  wordingVersion: string;
  /** Where imports say that consent comes from, and the import that rows of the stories are of. */
  source: string;
  importId: string;
  now: Date;
  /** All who ever had the address, the erased among them, oldest first. */
  people(key: string): readonly Links[];
}

const circumstances = { ip: '203.0.113.7', userAgent: 'A browser', page: 'https://news.example/article' };
const nobody = '0'.repeat(40);

/** Rows of the one import of a test, so that none has the place of another. */
let nextRow = 0;

/** An act as a command, with the tokens and keys of one database or model. */
export function commandOf(act: Act, directory: Directory): Command {
  const address = addressOf(act.email);
  const people = directory.people(address.key);
  const person = people.at('former' in act && act.former ? 0 : -1);
  const linkKey = person?.linkKey ?? nobody;
  const ticked = (slugs: string[]) => directory.offered.filter(({ slug }) => slugs.includes(slug));
  const tokenOf = (nth: number) => person?.requests[nth]?.token ?? nobody;
  const by = (channel: Circumstances['channel']): Circumstances => ({ channel, ...circumstances });
  const { wordingVersion } = directory;
  switch (act.act) {
    case 'sign up':
      return {
        type: 'sign_up',
        ...by('form'),
        address,
        lists: ticked(act.lists),
        wordingVersion,
        locale: 'en',
        firstName: null,
      };
    case 'import':
      return {
        type: 'import',
        importId: directory.importId,
        row: nextRow++,
        address,
        lists: ticked(act.lists),
        state: act.state,
        wordingVersion: directory.source,
        source: null,
        givenAt: act.givenAgo === null ? null : new Date(directory.now.getTime() - act.givenAgo),
        ip: '203.0.113.8',
        firstName: null,
        locale: 'en',
      };
    case 'undo import':
      return {
        type: 'undo_import',
        importId: directory.importId,
        subscriberId: person?.id ?? nobodysId,
        seq: person?.imports[act.nth] ?? 0,
      };
    case 'confirm':
      return { type: 'confirm', ...by('confirm_page'), token: tokenOf(act.nth) };
    case 'renew':
      return { type: 'renew', ...by('confirm_page'), token: tokenOf(act.nth) };
    case 'leave':
      return { type: 'leave', ...by('one_click'), linkKey, list: act.list };
    case 'choose': {
      const { lists, shown } = act;
      return {
        type: 'choose',
        ...by('preferences_page'),
        linkKey,
        lists: ticked(lists),
        shown,
        wordingVersion,
      };
    }
    case 'decline':
      return { type: 'decline', ...by('not_me_page'), linkKey };
    case 'allow':
      return { type: 'allow', linkKey };
    case 'ask link':
      return { type: 'ask_link', address };
    case 'ask copy':
      return { type: 'ask_data', linkKey, what: 'copy' };
    case 'ask erasure':
      return { type: 'ask_data', linkKey, what: 'erasure' };
    case 'erase':
      return { type: 'erase', ...by('erase_page'), token: person?.erasures[act.nth] ?? nobody };
    case 'erase person':
      return { type: 'erase_person', subscriberId: person?.id ?? nobodysId, channel: 'admin' };
    case 'expire':
      return {
        type: 'expire_person',
        subscriberId: person?.id ?? nobodysId,
        why: act.why,
        before: new Date(directory.now.getTime() - act.quiet),
      };
    case 'take mail': {
      const request = person?.requests[act.nth];
      return {
        type: 'mail_accepted',
        subscriberId: person?.id ?? nobodysId,
        mailId: request?.mailId ?? nobodysId,
        requestSeq: request?.seq ?? 0,
        copy: 'Please confirm: [token]',
      };
    }
  }
}

/**
 * A reader's links, as the mails to them show them.
 * @param tokenOf derives the token of a request or of an erasure mail from its id
 */
export function linksIn(
  reader: {
    id: string;
    linkKey: string;
    requests: { id: string; seq: number }[];
    mails: { id: string; kind: MailKind; requestId: string | null }[];
    events: readonly { seq: number; kind: ConsentEventKind }[];
  },
  tokenOf: (purpose: TokenPurpose, id: string) => string,
): Links {
  const { id, linkKey, requests, mails, events } = reader;
  return {
    id,
    linkKey,
    requests: requests.flatMap((request) => {
      const mail = mails.find(({ requestId }) => requestId === request.id);
      return mail === undefined
        ? []
        : { seq: request.seq, token: tokenOf('confirm', request.id), mailId: mail.id };
    }),
    erasures: mails.flatMap(({ id, kind }) => (kind === 'erasure' ? tokenOf('erase', id) : [])),
    imports: events.flatMap(({ seq, kind }) => (kind === 'imported' ? seq : [])),
  };
}

/** No fresh id is like it. */
const nobodysId = 'ffffffff-ffff-7fff-bfff-ffffffffffff';

export function addressOf(email: string) {
  const parsed = parseAddress(email);
  if (!parsed.ok) throw new Error(parsed.fault.key);
  return parsed.address;
}

/** The nth random values, for a model in which nothing is random. */
export function freshOf(n: number): Fresh {
  const id = n.toString(16).padStart(12, '0');
  const requestId = `00000000-0000-7000-9000-${id}`;
  const mailId = `00000000-0000-7000-a000-${id}`;
  return {
    subscriberId: `00000000-0000-7000-8000-${id}`,
    linkKey: `11111111111111111111${id}`,
    ledgerSalt: `salt ${n}`,
    requestId,
    tokenHash: sha256(tokenOf('confirm', requestId)),
    mailId,
    noticeId: `00000000-0000-7000-b000-${id}`,
    eraseTokenHash: sha256(tokenOf('erase', mailId)),
  };
}

const tokenOf = (purpose: TokenPurpose, id: string) => `the token to ${purpose} ${id}`;

export interface Reader {
  id: string;
  /** The key of the address that they had, for the test to know them by when they are erased. */
  formerKey: string;
  typed: string;
  key: string;
  abuseKey: string;
  linkKey: string;
  locale: string;
  declined: boolean;
  mailBlock: Person['mailBlock'];
  /** Null when erased. */
  salt: string | null;
  events: (Omit<EventDraft, 'evidence'> & { evidence: Evidence | null })[];
  subscriptions: Pick<Subscription, 'listId' | 'state' | 'consentSeq' | 'endedSeq' | 'changedAt'>[];
  requests: Omit<SignUpRequest, 'mailDueAt' | 'wordings'>[];
  mails: (Changes['mails'][number] & Pick<Mail, 'acceptedAt' | 'copy' | 'abandoned'>)[];
  /** How often Mailchimp had to follow, whether an opt-out was among it, and whom to delete there. */
  contact: { wanted: number; optOut: boolean; erase: string[] } | null;
}

function isAbout(command: Command, reader: Reader): boolean {
  switch (command.type) {
    case 'sign_up':
    case 'ask_link':
    case 'import':
      return reader.abuseKey === command.address.abuseKey;
    case 'confirm':
    case 'renew':
      return reader.requests.some(({ tokenHash }) => tokenHash === sha256(command.token));
    case 'erase':
      return reader.mails.some(({ tokenHash }) => tokenHash === sha256(command.token));
    case 'leave':
    case 'choose':
    case 'decline':
    case 'allow':
    case 'ask_data':
      return reader.linkKey === command.linkKey;
    case 'erase_person':
    case 'expire_person':
    case 'mail_accepted':
    case 'left_at_mailchimp':
    case 'left_since_backup':
    case 'change_address':
    case 'undo_import':
      return reader.id === command.subscriberId;
  }
}

type List = OfferedList & { archived: boolean };

export type Model = ReturnType<typeof createModel>;

export function createModel(wordingVersion = 'the consent text', source = 'where consent comes from') {
  const lists = new Map<number, List>();
  /** By id, in the order in which they came. */
  const readers = new Map<string, Reader>();
  const listOfWording = new Map<string, number>();
  /** The addresses that were erased and must not come back by an import, by key. */
  const suppressed = new Set<string>();

  const everyone = () => [...readers.values()];

  const peopleOf = (key: string) => everyone().filter(({ formerKey }) => formerKey === key);

  const readerOf = (command: Command) => everyone().find((reader) => isAbout(command, reader));

  const mailsOf = (abuseKey: string) =>
    everyone().flatMap((reader) => (reader.abuseKey === abuseKey ? reader.mails : []));

  /** What is loaded for a command: its household, without what time has made irrelevant. */
  function household(command: Command, now: Date): Household {
    const abuseKey = readerOf(command)?.abuseKey;
    const allowance = { caps, from: now };
    if (abuseKey === undefined) return { people: [], mails: [], allowance, suppressed };
    const theirs = everyone().filter((reader) => reader.abuseKey === abuseKey);
    const since = now.getTime() - capWindow;
    return {
      allowance,
      suppressed,
      people: theirs.map((reader) => personOf(reader, command, now)),
      mails: theirs.flatMap(({ id, mails }) =>
        mails
          .filter(({ dueAt, tokenHash }) => dueAt.getTime() > since || isPresented(command, tokenHash))
          .map(({ kind, dueAt, tokenHash }) => ({ subscriberId: id, kind, dueAt, tokenHash })),
      ),
    };
  }

  function personOf(reader: Reader, command: Command, now: Date): Person {
    const { id, key, typed, abuseKey, linkKey, locale, declined, mailBlock, salt, events, mails } = reader;
    const newest = reader.requests.at(-1);
    return {
      ...{ id, key, typed, abuseKey, linkKey, locale, declined, mailBlock },
      ledger: { seq: events.length, hash: '', salt, lastAt: events.at(-1)?.at ?? null },
      subscriptions: reader.subscriptions
        .map((subscription) => {
          const { slug, name, description, wording, archived } = listBy(subscription.listId);
          const consent = events[(subscription.consentSeq ?? 0) - 1];
          const imported = consent?.kind === 'imported';
          const givenAt = (imported ? consent.evidence?.givenAt : consent?.at) ?? null;
          const ending = events[(subscription.endedSeq ?? 0) - 1];
          const undone = ending?.kind === 'import_undone';
          const leftHere = ending?.kind === 'unsubscribed' && ending.channel !== 'import';
          return {
            slug,
            name,
            description,
            wording,
            archived,
            ...subscription,
            imported,
            givenAt,
            undone,
            leftHere,
          };
        })
        .sort((a, b) => a.listId - b.listId),
      requests: reader.requests
        .filter(
          (request) =>
            request.expiresAt > now ||
            request === newest ||
            isPresented(command, request.tokenHash) ||
            (command.type === 'mail_accepted' && request.seq === command.requestSeq),
        )
        .map((request) => ({
          ...request,
          wordings: events[request.seq - 1]?.listWordings ?? [],
          mailDueAt: mails.find(({ requestId }) => requestId === request.id)?.dueAt ?? null,
        })),
    };
  }

  const isPresented = (command: Command, tokenHash: string | null) =>
    'token' in command && sha256(command.token) === tokenHash;

  function listBy(id: number): List {
    const list = lists.get(id);
    if (list === undefined) throw new Error(`there is no list ${id}`);
    return list;
  }

  function save(changes: Changes, now: Date): void {
    const { person, created, request, confirmed, mails, declined, mailBlock, mailAccepted, sync } = changes;
    if (created !== null) {
      if (everyone().some(({ key }) => key === person.key)) throw new Error('a person is created twice');
      const { id, typed, key, abuseKey, linkKey, locale, ledger } = person;
      const nothing = { events: [], subscriptions: [], requests: [], mails: [], contact: null };
      const known = { id, formerKey: key, typed, key, abuseKey, linkKey, locale };
      readers.set(id, { ...known, declined: false, mailBlock: null, salt: ledger.salt, ...nothing });
    }
    const reader = readers.get(person.id);
    if (reader === undefined) throw new Error('something changes for a person who does not exist');

    reader.events.push(...changes.events);
    for (const subscription of changes.subscriptions) {
      const place = reader.subscriptions.findIndex(({ listId }) => listId === subscription.listId);
      reader.subscriptions.splice(place === -1 ? reader.subscriptions.length : place, 1, {
        ...subscription,
        changedAt: now,
      });
    }
    if (request !== null) reader.requests.push({ ...request, confirmedAt: null });
    if (confirmed !== null) {
      reader.locale = confirmed.locale;
      reader.requests = reader.requests.map((open) =>
        open.id === confirmed.requestId ? { ...open, confirmedAt: now } : open,
      );
    }
    reader.mails.push(...mails.map((mail) => ({ ...mail, acceptedAt: null, copy: null, abandoned: null })));
    if (mailAccepted !== null) {
      const { mailId, copy } = mailAccepted;
      reader.mails = reader.mails.map((owed) =>
        owed.id === mailId ? { ...owed, acceptedAt: now, copy } : owed,
      );
    }
    if (declined !== null) reader.declined = declined;
    if (mailBlock !== null) reader.mailBlock = mailBlock;
    if (sync !== null) {
      const { wanted, optOut } = reader.contact ?? { wanted: 0, optOut: false };
      reader.contact = { wanted: wanted + 1, optOut: optOut || sync === 'opt_out', erase: [] };
    }
    if (changes.erased) erase(reader);
    if (changes.suppressed) suppressed.add(person.key);
  }

  /** Nothing personal stays; who, what and when stay as far as the ledger and old links need them (I6). */
  function erase(reader: Reader): void {
    const { id, key, contact } = reader;
    if (contact !== null) {
      reader.contact = {
        wanted: contact.wanted + 1,
        optOut: true,
        erase: [createHash('md5').update(key).digest('hex')],
      };
    }
    const nameless = `${id}@erased.invalid`;
    Object.assign(reader, { typed: nameless, key: nameless, abuseKey: nameless, salt: null });
    reader.events = reader.events.map((event) => ({ ...event, evidence: null }));
    reader.requests = reader.requests.map((request) => ({ ...request, firstName: null }));
    reader.mails = reader.mails.map((mail) => ({
      ...mail,
      copy: null,
      abandoned: mail.acceptedAt === null ? 'erased' : null,
    }));
  }

  return {
    household,
    save,
    everyone,
    mailsOf,
    /** Who has the address, or had it last. */
    reader: (email: string) => peopleOf(addressOf(email).key).at(-1),
    /** All who ever had it, oldest first. */
    people: (email: string) => peopleOf(addressOf(email).key),
    /** Whether the address was erased after a refusal: one that nobody ever confirmed is only forgotten (C-17). */
    isSuppressed: (email: string) => suppressed.has(addressOf(email).key),
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
    /** `now`: for acts that tell how long ago something was. */
    directory(now = new Date(0)): Directory {
      return {
        now,
        source,
        importId: 'the import',
        offered: [...lists.values()].filter(({ archived }) => !archived),
        wordingVersion,
        people: (key) => peopleOf(key).map((reader) => linksIn(reader, tokenOf)),
      };
    },
  };
}
