import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Footnote } from '../harness/footnote.ts';
import { type Door, doorsOf, each, insideIn, type Send, senderTo } from '../harness/routes.ts';

const key = 'an-admin-key-of-forty-visible-characters';
const reader = 'reader@example.com';

let footnote: Footnote;
let doors: Door[];
let send: Send;
let close: () => void;
/** Of all the links that open a door. */
let secrets: string[];

beforeAll(async () => {
  footnote = await Footnote.start({
    LOG_LEVEL: 'trace',
    ADMIN_API_KEY: key,
    MAILCHIMP_WEBHOOK_SECRET: 'a-secret-of-forty-characters-in-the-path',
  });
  doors = await doorsOf(footnote, reader);
  secrets = doors.flatMap(({ open }) => /[0-9a-f]{32,}/.exec(open) ?? []);
  ({ send, close } = senderTo(footnote.service.port));
});
afterAll(async () => {
  close();
  await footnote.stop();
});

/** What is sent to a door that takes a body, for it to get as far as the database. */
const bodies: Record<string, string> = {
  '/subscriptions': 'email=somebody@example.com&lists=morning-briefing&firstName=Somebody',
  '/my-link': `email=${reader}`,
  '/preferences/:token': 'action=copy',
  '/webhooks/mailchimp/:secret':
    'type=profile&fired_at=2026-11-23+09%3A00%3A00&data[email]=reader@example.com',
  '/admin/api/lists': '{"slug":"new","name":"New"}',
  '/admin/api/lists/:slug': '{"name":"New"}',
  '/admin/api/consent-texts/:locale': '{"text":"New"}',
  '/admin/api/sync/retry': '{}',
  '/admin/api/sync/reconcile': '{"dryRun":true}',
};

/** These touch more than the database, or what later knocks go for. */
const apart = ['POST /admin/api/setup', 'POST /admin/api/lists/:slug/archive'];
/** Without these, no choice of anybody can be written. */
const unwritable = ['public.subscribers', 'public.mails'];
const isToken = (path: string) => path.includes(':token');
const failure = z.object({ msg: z.string(), route: z.string().optional() });

/** Knocks at every door, as a browser and as a program, with wrong links and, unless they would act, good ones. */
async function knockEverywhere({ acts }: { acts: boolean }) {
  const knocks = doors.flatMap(({ path, open, closed, verbs }) =>
    verbs
      .filter((verb) => verb !== '*' && !apart.includes(`${verb} ${path}`))
      .flatMap((verb) =>
        [...new Set(acts && verb === 'POST' ? [closed] : [open, closed])].flatMap((to) =>
          ['text/html', 'application/json'].map((accept) => ({ path, verb, to, accept })),
        ),
      ),
  );
  return each(knocks, async ({ path, verb, to, accept }) => {
    const isForm = !path.startsWith('/admin');
    const answer = await send(verb, to, {
      headers: {
        Accept: accept,
        'Content-Type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
        ...(!isForm || path === '/metrics' ? { Authorization: `Bearer ${key}` } : {}),
      },
      ...(verb !== 'GET' && verb !== 'HEAD' && { body: bodies[path] ?? '' }),
    });
    return { asked: `${verb} ${path} ${accept}`, answer };
  });
}

/** A hash of all that people chose, and of what they are owed. */
async function choices() {
  const { subscribers, subscriptions, consent_events, sign_up_requests, mails } =
    await footnote.fingerprint();
  return { subscribers, subscriptions, consent_events, sign_up_requests, mails };
}

/** Takes a table away while something is done, as if the database broke in the middle of it. */
async function without<T>(table: string, act: () => Promise<T>): Promise<T> {
  const { database } = footnote.service;
  const [schema = '', name = ''] = table.split('.');
  await database.query(`ALTER TABLE ${table} RENAME TO elsewhere`);
  try {
    return await act();
  } finally {
    await database.query(`ALTER TABLE ${schema}.elsewhere RENAME TO ${name}`);
  }
}

describe('a database that breaks in the middle (A-30)', () => {
  // Read by nearly all; written at the end of a decision; written by the queue after that; of pages; of limits.
  it.each([
    'public.subscribers',
    'public.mails',
    'jobs.job_common',
    'public.consent_wordings',
    'public.buckets',
  ])(
    'without %s tells readers and programs that something went wrong, and nothing of the inside',
    async (table) => {
      const isUnwritable = unwritable.includes(table);
      const before = await choices();
      const answers = await without(table, () => knockEverywhere({ acts: !isUnwritable }));
      const failed = answers.filter(({ answer }) => answer.status >= 500);
      expect(failed.length).toBeGreaterThan(0);
      for (const { asked, answer } of failed) {
        const told = [insideIn(answer), answer.headers['cache-control'], answer.headers['referrer-policy']];
        expect([asked, ...told]).toEqual([asked, null, 'no-store', 'no-referrer']);
        for (const word of [...secrets, table.split('.')[1], 'elsewhere', reader, 'somebody'])
          expect(answer.text, asked).not.toContain(word);
      }
      if (isUnwritable) expect(await choices()).toEqual(before);
    },
  );

  it('is told to the operator by route, and no address, token or key is (A-19)', () => {
    const lines = footnote.logged.trim().split('\n');
    const told = lines.map((line) => failure.parse(JSON.parse(line)));
    const routes = new Set(told.flatMap(({ msg, route }) => (msg === 'a request failed' ? route : [])));
    for (const path of ['/subscriptions', '/my-link', ...doors.map(({ path }) => path).filter(isToken)])
      expect(routes).toContain(path);
    for (const secret of [...secrets, 'example.com', 'somebody', key, footnote.settings.webhook.secret])
      expect(footnote.logged).not.toContain(secret);
  });

  it('and once it is back, every link works as before', async () => {
    for (const { open } of doors.filter(({ path, verbs }) => isToken(path) && verbs.includes('GET')))
      expect([open, (await send('GET', open)).status]).toEqual([open, 200]);
  });
});
