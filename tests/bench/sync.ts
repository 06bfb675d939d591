import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { connect } from '../../src/mailchimp/api/client.ts';
import { openGate } from '../../src/mailchimp/api/gate.ts';
import { readyAudience } from '../../src/mailchimp/audience.ts';
import { startSync } from '../../src/mailchimp/lane/sync.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { offerDemoLists } from '../../src/sandbox/lists.ts';
import { linksOf } from '../../src/subscribing/links.ts';
import { openSubscribing } from '../../src/subscribing/subscribing.ts';
import { unhindered } from '../harness/allowance.ts';
import { emptyDatabase } from '../harness/template.ts';

// A backlog of contacts going out, beside one PUT for each as integrations usually make them, in the same run,
// with a Mailchimp in another process that takes its time for every answer.

const contacts = Number(process.env['CONTACTS'] ?? 100_000);
const answerMs = 200;
const connections = 4;
/** One PUT for each is slow, so fewer tell as much. */
const oneByOne = 300;

export async function benchSync(): Promise<void> {
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) throw new Error('run it by npm run bench -- sync, which starts a PostgreSQL');
  const { settings, drop } = await emptyDatabase(server);
  const log = createLog('warn');
  const database = await openDatabase(settings, log);
  await offerDemoLists(database);
  await database.query(
    `INSERT INTO consent_wordings (version, locale, text) VALUES ('bench', 'en', 'The bench')`,
  );
  const sandbox = await startSandboxProcess();
  const gate = openGate(database.places('mailchimp', connections), connections);
  const api = connect(sandbox.mailchimp, gate);
  await readyAudience({ database, api });
  await sandbox.control('latency', { ms: answerMs });

  await backlog(database, 'single', oneByOne);
  const begun = performance.now();
  const all = await database.query<{ email: string }>('SELECT email FROM subscribers');
  const interests = Object.fromEntries((await interestIds(database)).map((id) => [id, true]));
  const queue = all.values();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (const { email } of queue) {
        await api.putMember({
          email_address: email,
          status_if_new: 'subscribed',
          status: 'subscribed',
          interests,
        });
      }
    }),
  );
  const singlePerSecond = oneByOne / ((performance.now() - begun) / 1000);
  await database.query('UPDATE audience_contacts SET acknowledged = wanted');

  await backlog(database, 'bulk', contacts);
  const before = await sandbox.calls();
  const links = linksOf('https://newsletters.example');
  const subscribing = openSubscribing({
    database,
    secretKeys: ['the secret of a benchmark that tells nobody'],
    now: () => new Date(),
    enqueueMails: async () => {},
    onSyncDue: () => {},
    ...unhindered,
  });
  const started = performance.now();
  const cpu = process.cpuUsage();
  const sync = startSync({
    database,
    api,
    subscribing,
    footerLinks: (key) => ({ unsubscribe: links.unsubscribe(key), preferences: links.preferences(key) }),
    log,
    hear: async () => {
      await api.listMembers({ status: null, changedSince: new Date(), offset: 0 });
    },
    read: async () => {},
    concurrency: connections,
  });
  await sync.idle();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const calls = (await sandbox.calls()) - before;
  const [{ due = -1 } = {}] = await database.query<{ due: number }>(
    'SELECT count(*)::int AS due FROM audience_contacts WHERE wanted <> acknowledged',
  );
  await sync.stop();

  const perSecond = contacts / seconds;
  const limit = (connections * 500) / (answerMs / 1000);
  process.stdout.write(
    [
      `${contacts} contacts in ${seconds.toFixed(1)} s by ${calls} calls, ${due} left`,
      `${perSecond.toFixed(0)} contacts/s: ${((100 * perSecond) / limit).toFixed(0)} % of what ${connections} connections allow` +
        ` (${limit}/s), ${(perSecond / singlePerSecond).toFixed(0)} times one PUT each (${singlePerSecond.toFixed(1)}/s)`,
      `this process computed for ${((100 * (user + system)) / 1e6 / seconds).toFixed(0)} % of that time`,
      '',
    ].join('\n'),
  );
  await gate.close();
  await database.close();
  await sandbox.stop();
  await drop();
}

const interestIds = async (database: Database) =>
  (await database.query<{ id: string }>('SELECT interest_id AS id FROM audience_interests')).map(
    ({ id }) => id,
  );

/** People who confirmed two lists and of whom Mailchimp knows nothing yet. */
async function backlog(database: Database, name: string, count: number): Promise<void> {
  await database.transaction(async (tx) => {
    // The ledger's own rules are not what is measured.
    await tx.query('SET LOCAL session_replication_role = replica');
    await tx.query(
      `INSERT INTO subscribers (id, typed, email, key, abuse_key, link_key, locale, ledger_salt, ledger_seq, ledger_hash, created_at)
       SELECT gen_random_uuid(), address, address, address, address, md5(address), 'en', 'salt', 2, 'hash', now()
         FROM generate_series(1, $2::int) AS n, concat($1::text, n, '@reader.example') AS address`,
      [name, count],
    );
    const these = `subscribers person WHERE NOT EXISTS (SELECT FROM audience_contacts WHERE subscriber_id = person.id)`;
    const wordings = `(SELECT array_agg(wording_version ORDER BY id) FROM mailing_lists WHERE id IN (SELECT id FROM mailing_lists ORDER BY id LIMIT 2))`;
    await tx.query(
      `INSERT INTO consent_events (subscriber_id, seq, kind, at, channel, list_wordings, wording_version, request_seq,
                                   evidence_digest, previous_hash, hash)
       SELECT person.id, seq, (ARRAY['requested', 'confirmed'])[seq]::consent_event_kind, now(), 'form', ${wordings},
              (ARRAY['bench', NULL])[seq], (ARRAY[NULL, 1])[seq], '', '', 'hash'
         FROM generate_series(1, 2) AS seq, ${these}`,
    );
    await tx.query(
      `INSERT INTO consent_evidence (subscriber_id, seq, email, ip) SELECT person.id, 2, person.email, '93.184.216.34' FROM ${these}`,
    );
    await tx.query(
      `INSERT INTO subscriptions (subscriber_id, list_id, state, consent_seq, changed_at)
       SELECT person.id, list.id, 'subscribed', 2, now()
         FROM (SELECT id FROM mailing_lists ORDER BY id LIMIT 2) AS list, ${these}`,
    );
    await tx.query(`INSERT INTO audience_contacts (subscriber_id) SELECT person.id FROM ${these}`);
  });
  await database.query('ANALYZE');
}

async function startSandboxProcess() {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/sandbox/main.ts'], {
    env: { PATH: process.env['PATH'], SANDBOX_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line]: unknown[] = await once(createInterface({ input: child.stdout }), 'line');
  const word = (name: string) => new RegExp(`${name}=(\\S+)`).exec(String(line))?.[1] ?? '';
  const mailchimp = {
    apiKey: word('MAILCHIMP_API_KEY'),
    baseUrl: word('MAILCHIMP_BASE_URL'),
    audienceId: word('MAILCHIMP_AUDIENCE_ID'),
  };
  const controls = mailchimp.baseUrl.replace(/3\.0$/, 'control');
  return {
    mailchimp,
    control: async (name: string, body: object) => {
      const answer = await fetch(`${controls}/${name}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`the sandbox refuses: ${await answer.text()}`);
    },
    calls: async () => {
      const { calls } = stats.parse(await (await fetch(`${controls}/stats`)).json());
      return calls.reduce((sum, { count }) => sum + count, 0);
    },
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

const stats = z.object({ calls: z.array(z.object({ count: z.number() })) });
