import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { checkLedgers } from '../consent/check.ts';
import { dossierOf, type Made } from '../consent/dossier.ts';
import { dossierPage } from '../consent/dossierPage.tsx';
import type { Database } from '../platform/database.ts';
import { parseAddress } from '../subscribing/address.ts';
import { erasableOf } from '../subscribing/erase.ts';
import { exportSubscribers } from '../subscribing/export.ts';
import { lookUp, searchSubscribers } from '../subscribing/look-up.ts';
import type { Subscribing } from '../subscribing/subscribing.ts';
import { Problem } from '../web/problems.ts';
import { type Operation, operation } from './operation.ts';
import {
  erasable,
  foundSubscriber,
  ledgerCheck,
  next,
  page,
  pageSize,
  slug,
  subscriber,
  subscriptionState,
  text,
} from './shapes.ts';

// Addresses come in bodies, as what stands in a URL ends up in the logs of proxies.

const address = text.max(320, 'must be 320 characters at most');
const search = page
  .extend({
    limit: pageSize.default(100),
    email: address.optional().meta({ description: 'This address alone' }),
    beginning: address.optional().meta({ description: 'Addresses that begin so' }),
    list: slug.optional(),
    state: subscriptionState.optional().meta({ description: 'On that list, or on any' }),
    cursor: address.optional().meta({ description: 'The `next` of the page before' }),
  })
  .prefault({});

const wish = z.strictObject({
  list: slug.optional(),
  state: subscriptionState.optional(),
  format: z.enum(['csv', 'jsonl'], 'must be csv or jsonl').default('csv'),
});

const one = { params: z.object({ id: z.uuid() }), problems: { 404: 'There is no such person.' } };

/** `/admin/api/subscribers`: finding people, looking at one, proving and erasing, and taking them elsewhere. */
export function subscriberOperations({
  database,
  subscribing,
  dossierMade,
  archives,
}: {
  database: Database;
  subscribing: Pick<Subscribing, 'run'>;
  /** What a dossier that is made now says of who made it. */
  dossierMade: () => Made;
  /** Whether Mailchimp archives who is erased, and does not delete them for good. */
  archives: boolean;
}): Operation[] {
  return [
    operation(
      {
        id: 'subscribers.search',
        verb: 'post',
        path: '/subscribers/search',
        scope: 'read',
        summary: 'Find people by address, list or state, in the order of addresses',
        body: search,
        answer: {
          description: 'A page',
          shape: z.object({ subscribers: z.array(foundSubscriber), next }),
        },
      },
      async ({ body: { email, beginning = '', list = null, state = null, cursor = '', limit } }) => {
        const only = email === undefined ? null : keyOf(email);
        const wish = { beginning: only ?? beginning, list, state, after: cursor, limit };
        const found = await searchSubscribers(database, wish);
        if (only !== null)
          return { subscribers: found.filter(({ email }) => email.toLowerCase() === only), next: null };
        const last = found.length < limit ? undefined : found.at(-1);
        return { subscribers: found, next: last?.email.toLowerCase() ?? null };
      },
    ),
    operation(
      {
        id: 'subscribers.export',
        verb: 'get',
        path: '/subscribers/export',
        scope: 'read',
        summary: 'Everybody on every list, a row each, to be read by people, programs and the import',
        query: wish,
        answer: {
          description: 'CSV that spreadsheets are safe with, or JSON lines',
          types: ['text/csv', 'application/jsonl'],
        },
        problems: { 404: 'There is no such mailing list.' },
      },
      async ({ query: { list = null, state = null, format }, res }) => {
        if (list !== null && (await database.prisma.mailingList.count({ where: { slug: list } })) === 0)
          throw new Problem(404, 'Not Found', 'There is no such mailing list.');
        const pieces = exportSubscribers(database, { list, state, format });
        // Before anything is said, so that a database that does not answer is told as one.
        const first = await pieces.next();
        res.set({
          'Content-Type': `${format === 'csv' ? 'text/csv' : 'application/jsonl'}; charset=utf-8`,
          'Content-Disposition': `attachment; filename="subscribers.${format}"`,
        });
        // Breaks the connection when it fails in the middle, so that nobody takes a part for the whole.
        await pipeline(Readable.from(withFirst(first, pieces)), res);
        return undefined;
      },
    ),
    operation(
      {
        ...one,
        id: 'subscribers.read',
        verb: 'get',
        path: '/subscribers/:id',
        scope: 'read',
        summary: 'One person, with what Mailchimp shows of them',
        answer: { description: 'The person', shape: subscriber },
      },
      async ({ params: { id } }) => {
        const known = await lookUp(database, id);
        if (known === null) throw new Problem(404, 'Not Found', 'There is no such person.');
        return known;
      },
    ),
    operation(
      {
        ...one,
        id: 'consent.prove',
        verb: 'get',
        path: '/subscribers/:id/proof',
        scope: 'read',
        summary: "The proof of a person's consent, complete in one document; an erased person's names nobody",
        query: z.strictObject({
          format: z.enum(['html', 'json'], 'must be html or json').default('json').meta({
            description: 'HTML for people, JSON for machines',
          }),
        }),
        answer: {
          description: 'Every entry with its words, and what it takes to verify the chain',
          types: ['application/json', 'text/html'],
        },
      },
      async ({ params: { id }, query: { format }, res }) => {
        const dossier = await dossierOf(database, id, dossierMade());
        if (dossier === null) throw new Problem(404, 'Not Found', 'There is no such person.');
        if (format === 'json') res.json(dossier);
        else {
          // It brings its style along, and nothing else.
          res.set(
            'Content-Security-Policy',
            "default-src 'none';style-src 'unsafe-inline';frame-ancestors 'none'",
          );
          res.type('text/html').send(dossierPage(dossier));
        }
        return undefined;
      },
    ),
    operation(
      {
        ...one,
        id: 'subscribers.erase.preview',
        verb: 'get',
        path: '/subscribers/:id/erase',
        scope: 'read',
        summary: 'What erasing would destroy here and at Mailchimp, with nothing changed',
        answer: { description: 'What there is of them', shape: erasable },
      },
      async ({ params: { id } }) => {
        const [known, would] = await Promise.all([lookUp(database, id), erasableOf(database, id)]);
        if (known === null || would === null) throw new Problem(404, 'Not Found', 'There is no such person.');
        const { atMailchimp, ...here } = would;
        const lists = known.lists.filter(({ state }) => state !== 'unsubscribed').map(({ slug }) => slug);
        const there = archives ? ('archive' as const) : ('delete' as const);
        return { email: known.email, lists, ...here, mailchimp: atMailchimp ? there : null };
      },
    ),
    operation(
      {
        ...one,
        id: 'subscribers.erase',
        verb: 'post',
        path: '/subscribers/:id/erase',
        scope: 'erase',
        summary: 'Destroy everything personal of a person, for good; Mailchimp is told',
        answer: {
          description: 'It is done here; Mailchimp follows. Once more does nothing.',
          shape: z.object({ erased: z.literal(true) }),
        },
      },
      async ({ params: { id } }) => {
        const { type } = await subscribing.run({ type: 'erase_person', subscriberId: id, channel: 'admin' });
        if (type !== 'erased') throw new Problem(404, 'Not Found', 'There is no such person.');
        return { erased: true as const };
      },
    ),
    operation(
      {
        id: 'consent.verify',
        verb: 'get',
        path: '/ledgers/check',
        scope: 'read',
        summary: 'Check a page of all ledgers: chains, evidence, words, mails, and what stands on them',
        query: page.extend({ cursor: z.uuid('must be the next of a page').optional() }),
        answer: {
          description: 'What is broken, each at its first entry',
          shape: ledgerCheck,
        },
      },
      ({ query: { cursor = null, limit } }) => checkLedgers(database, { after: cursor, limit }),
    ),
  ];
}

async function* withFirst(
  first: IteratorResult<string, void>,
  rest: AsyncGenerator<string, void>,
): AsyncGenerator<string> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

/** The key of an address that may be typed in any way. An address that nobody can have is nobody's. */
function keyOf(email: string): string {
  const parsed = parseAddress(email);
  return parsed.ok ? parsed.address.key : email.trim().toLowerCase();
}
