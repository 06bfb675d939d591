import { z } from 'zod';
import { ConsentChannel, ConsentEventKind, MailKind, SubscriptionState } from '../generated/prisma/enums.ts';
import type { Sql } from '../platform/database.ts';
import type { Site } from '../site/site.ts';
import { type Checked, faultIn } from './check.ts';
import { knownOf, time } from './copy.ts';
import { sha256 } from './ledger.ts';
import { versionOf } from './wordings.ts';

/** Who made a dossier, when, and for which publication. */
export interface Made {
  at: Date;
  /** Of Footnote. */
  version: string;
  site: Pick<Site, 'publication' | 'postalAddress'>;
  /** The domain of the sender's address, which stands in the Message-ID of mails. */
  mailDomain: string;
}

/** Less than that between a mail and its button looks like a machine that opens links (U-28). */
const quickMs = 5_000;

/**
 * The proof of a person's consent for somebody who has nothing but this document (C-01 to C-08, C-14): every ledger
 * entry with its words, and what it takes to recompute the chain. docs/dossier.md describes the shape. An erased
 * person's names nobody. It holds no secret of the person's links.
 * @returns null when there is no such person
 */
export async function dossierOf(sql: Sql, subscriberId: string, made: Made): Promise<Dossier | null> {
  const row = await knownOf(sql, subscriberId);
  if (row === null) return null;
  const known = knownShape.parse(row.known);
  const { erased } = row;
  const messageId = (id: string) => `<${id}@${made.mailDomain}>`;
  const events = known.consentEvents.map((event) => eventOf(event, known, messageId));
  const fault = faultIn(checkedOf(subscriberId, known), wordingsOf(known));
  return dossierShape.parse({
    dossier: 1,
    made: { at: made.at.toISOString(), by: `Footnote ${made.version}` },
    publication: { name: made.site.publication, postalAddress: made.site.postalAddress },
    person: {
      id: subscriberId,
      address: erased ? null : known.address,
      mailedAs: erased ? null : known.mailedAs,
      knownSince: known.knownSince,
      language: known.language,
      firstName: known.firstName,
      mailBlock: known.mailBlock,
      declinedAt: known.declinedAt,
      erasedAt: events.find(({ kind }) => kind === 'erased')?.at ?? null,
    },
    lists: known.lists,
    events,
    mails: known.mails.map(({ id, ...mail }) => ({ ...mail, messageId: messageId(id) })),
    mailchimp: known.mailchimp,
    chain: {
      ...known.chain,
      fault: fault && { number: fault.seq, why: fault.why },
    },
  } satisfies Dossier);
}

function eventOf(
  event: KnownEvent,
  { consentEvents }: Known,
  messageId: (id: string) => string,
): DossierEvent {
  const { number, kind, at, channel, chained, evidence } = event;
  const request = consentEvents[(chained.answers ?? 0) - 1];
  const mailed = consentEvents.findLast(
    (earlier) =>
      earlier.kind === 'mailed' && earlier.chained.answers === chained.answers && earlier.number < number,
  );
  const afterMailMs =
    kind === 'confirmed' && mailed !== undefined ? Date.parse(at) - Date.parse(mailed.at) : null;
  return {
    number,
    kind,
    at,
    channel,
    lists: event.lists,
    consentText:
      chained.consentVersion === null || event.consentText === null || event.consentLanguage === null
        ? null
        : { version: chained.consentVersion, language: event.consentLanguage, text: event.consentText },
    answers: chained.answers,
    mailHash: chained.mailHash,
    evidence:
      evidence.address === null ? null : { ...evidence, address: evidence.address, givenAt: chained.givenAt },
    evidenceDigest: chained.evidenceDigest,
    previousHash: chained.previousHash,
    hash: chained.hash,
    beside: {
      firstName: event.firstName,
      mail: event.mail && { messageId: messageId(event.mail.id), text: event.mail.text },
      import: event.import,
      confirmation:
        request === undefined || kind !== 'confirmed'
          ? null
          : {
              afterRequestMs: Date.parse(at) - Date.parse(request.at),
              afterMailMs,
              isQuick: afterMailMs !== null && afterMailMs < quickMs,
            },
    },
  };
}

/** The same as the ledger check has it, which holds everything against everything else. */
function checkedOf(subscriberId: string, { chain, consentEvents, lists }: Known): Checked {
  return {
    subscriberId,
    salt: chain.salt,
    head: { seq: chain.head.number, hash: chain.head.hash },
    events: consentEvents.map(({ number, kind, at, channel, chained, evidence, mail }) => {
      const { address, ip, userAgent, page } = evidence;
      const givenAt = chained.givenAt === null ? null : new Date(chained.givenAt);
      return {
        subscriberId,
        seq: number,
        kind,
        at: new Date(at),
        channel,
        listWordings: chained.listVersions,
        wordingVersion: chained.consentVersion,
        requestSeq: chained.answers,
        mailHash: chained.mailHash,
        evidenceDigest: chained.evidenceDigest,
        previousHash: chained.previousHash,
        hash: chained.hash,
        evidence: address === null ? null : { email: address, ip, userAgent, page, givenAt },
        keptMailHash: typeof mail?.text === 'string' ? sha256(mail.text) : null,
      };
    }),
    subscriptions: lists.map(({ list, state, consent, ending }) => ({
      list,
      state,
      consentSeq: consent,
      endedSeq: ending,
    })),
  };
}

function wordingsOf({ consentEvents }: Known): Map<string, { list: string | null }> {
  const wordings = new Map<string, { list: string | null }>();
  for (const { lists, consentText, consentLanguage } of consentEvents) {
    for (const { list, name, description } of lists)
      wordings.set(versionOf('list', list, name, description), { list });
    if (consentText !== null && consentLanguage !== null)
      wordings.set(versionOf('consent', consentLanguage, consentText), { list: null });
  }
  return wordings;
}

const text = z.string();
const maybe = z.string().nullable();

const list = z.object({ version: text, list: text, name: text, description: text });
const brought = z.object({ id: text, file: text, row: z.number(), begunAt: time });

const eventShape = z.object({
  number: z.number(),
  kind: z.enum(ConsentEventKind),
  at: time,
  channel: z.enum(ConsentChannel),
  /** As they were worded to the person then. */
  lists: z.array(list),
  /** What stood under the form; of an import, where consent is said to come from. */
  consentText: z.object({ version: text, language: text, text }).nullable(),
  /** The number of the request that a mail carried and a confirmation answers. */
  answers: z.number().nullable(),
  /** SHA-256 of `beside.mail.text`. */
  mailHash: maybe,
  /** Destroyed by an erasure. */
  evidence: z
    .object({ address: text, ip: maybe, userAgent: maybe, page: maybe, givenAt: time.nullable() })
    .nullable(),
  evidenceDigest: text,
  previousHash: text,
  hash: text,
  /** What is known beside the ledger: not sealed by the chain, but for the mail. */
  beside: z.object({
    /** As the form was filled in. */
    firstName: maybe,
    mail: z.object({ messageId: text, text: maybe }).nullable(),
    import: brought.nullable(),
    confirmation: z
      .object({ afterRequestMs: z.number(), afterMailMs: z.number().nullable(), isQuick: z.boolean() })
      .nullable(),
  }),
});

const mailchimp = z.object({
  status: maybe,
  toldAt: time.nullable(),
  isEqual: z.boolean(),
  /** Why Mailchimp does not take what it is told. */
  refusal: maybe,
});

const profile = {
  knownSince: time,
  language: text,
  firstName: maybe,
  mailBlock: maybe,
  declinedAt: time.nullable(),
};
const choices = z.array(
  z.object({
    list: text,
    name: text,
    state: z.enum(SubscriptionState),
    since: time,
    /** The numbers of the entries that it stands on. */
    consent: z.number().nullable(),
    ending: z.number().nullable(),
  }),
);
const mailState = { kind: z.enum(MailKind), dueAt: time, acceptedAt: time.nullable(), abandoned: maybe };
const chain = {
  /** Destroyed by an erasure. */
  salt: maybe,
  head: z.object({ number: z.number(), hash: text }),
};

/** The dossier as JSON, the first version of its shape; what is added later stays in it, what changes makes another. */
export const dossierShape = z.object({
  dossier: z.literal(1),
  made: z.object({ at: time, by: text }),
  publication: z.object({ name: text, postalAddress: text }),
  person: z.object({
    id: text,
    /** As typed; null once erased, as all that names the person. */
    address: maybe,
    mailedAs: maybe,
    ...profile,
    erasedAt: time.nullable(),
  }),
  lists: choices,
  events: z.array(eventShape),
  mails: z.array(z.object({ ...mailState, messageId: text })),
  /** Null for whom Mailchimp was never told of, or has nothing of any more. */
  mailchimp: mailchimp.nullable(),
  chain: z.object({
    ...chain,
    /** The first entry at which something is wrong; null: all of it is as it was written. */
    fault: z.object({ number: z.number(), why: text }).nullable(),
  }),
});

export type Dossier = z.infer<typeof dossierShape>;
export type DossierEvent = Dossier['events'][number];

const knownShape = z.object({
  address: text,
  mailedAs: text,
  ...profile,
  lists: choices,
  consentEvents: z.array(
    z.object({
      number: z.number(),
      kind: z.enum(ConsentEventKind),
      at: time,
      channel: z.enum(ConsentChannel),
      lists: z.array(list),
      consentText: maybe,
      consentLanguage: maybe,
      firstName: maybe,
      evidence: z.object({ address: maybe, ip: maybe, userAgent: maybe, page: maybe }),
      chained: z.object({
        listVersions: z.array(text),
        consentVersion: maybe,
        answers: z.number().nullable(),
        mailHash: maybe,
        evidenceDigest: text,
        previousHash: text,
        hash: text,
        givenAt: time.nullable(),
      }),
      mail: z.object({ id: text, text: maybe }).nullable(),
      import: brought.nullable(),
    }),
  ),
  mails: z.array(z.object({ id: text, ...mailState })),
  mailchimp: mailchimp.nullable(),
  chain: z.object(chain),
});

type Known = z.infer<typeof knownShape>;
type KnownEvent = Known['consentEvents'][number];
