import { z } from 'zod';
import { isText } from '../platform/text.ts';

// What the admin API takes and answers, said once for the routes, their description and the scripts.

/** A text of an editor's. */
export const text = z.string('must be text').refine(isText, 'must hold no characters that are no text');

/** A line of an editor's: a control character would steer the terminal that shows it. @param max characters */
export const line = (max: number) =>
  text
    .trim()
    .max(max, `must be ${max} characters at most`)
    .regex(/^\P{Cc}*$/u, 'must be one line');

/** A line that says something. */
export const filledLine = (max: number) => line(max).min(1, 'must not be empty');

export const time = z.iso
  .datetime({ offset: true })
  .overwrite((text) => new Date(text).toISOString())
  .meta({ description: 'A time, in UTC' });

export const slug = text.meta({
  description: 'How forms name the mailing list; it never changes',
  example: 'morning-briefing',
});

export const subscriptionState = z.enum(['pending', 'subscribed', 'unsubscribed']);

export const pageSize = z
  .number('must be a number')
  .int('must be a whole number')
  .min(1, 'must be 1 at least')
  .max(1000, 'must be 1000 at most');

/** A page of a long list: `limit` of it, from where the one before ended. */
export const page = z.strictObject({
  cursor: z.string().max(200).optional().meta({ description: 'The `next` of the page before' }),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a number')
    .transform(Number)
    .pipe(pageSize)
    .prefault('100'),
});

/** Where the next page begins; null on the last one. */
export const next = z
  .string()
  .nullable()
  .meta({ description: 'The cursor of the next page; null: there is none' });

const reason = (description: string) => z.string().nullable().meta({ description });

export const mailingList = z
  .object({
    slug,
    name: z.string(),
    description: z.string(),
    position: z.number().int().meta({ description: 'Its place in the form, smallest first' }),
    archived: z.boolean().meta({ description: 'Takes no sign-ups; who is on it stays until they leave' }),
    subscribers: z.number().int(),
  })
  .meta({ id: 'MailingList' });

export const consentText = z
  .object({
    version: z.string().meta({ description: 'Names the words by their content; a form may send it along' }),
    locale: z.string().meta({ example: 'de' }),
    text: z.string(),
  })
  .meta({ id: 'ConsentText' });

export const finding = z
  .object({
    check: z.string().meta({ description: 'What was looked at' }),
    status: z.enum(['ok', 'warning', 'fault']),
    message: z.string(),
    remedy: reason('What to do; null when there is nothing to do'),
  })
  .meta({ id: 'Finding' });

export const duty = z
  .object({
    name: z.string().meta({ example: 'check-ledger' }),
    what: z.string().meta({ description: 'What it does' }),
    cron: z.string().meta({ description: 'When it is due, in UTC', example: '7 1 * * *' }),
    nextAt: time,
    overdue: z.boolean().meta({ description: 'It has not gone well for twice as long as it should take' }),
    beganAt: time.nullable(),
    endedAt: time.nullable().meta({ description: 'Null while it is under way' }),
    succeededAt: time.nullable().meta({ description: 'When a run last went well' }),
    outcome: reason('What that run came to'),
    failure: reason('Why the last run did not go well'),
  })
  .meta({ id: 'Duty' });

const part = z.object({ name: z.string(), state: z.enum(['there', 'created']) });
export const setupReport = z
  .object({
    category: part,
    interests: z.array(part),
    mergeFields: z.array(part),
    webhook: z.object({
      state: z.enum(['there', 'created', 'updated', 'skipped', 'failed']),
      why: reason('Why it was skipped or failed'),
      deleted: z.number().int().meta({ description: 'How many earlier ones of ours were deleted' }),
    }),
    signingSecret: reason('Told by Mailchimp this once, where the account signs its webhooks'),
    advice: z.array(z.string()).meta({ description: 'What remains to be done by hand' }),
  })
  .meta({ id: 'SetupReport' });

const counts = z.record(z.string(), z.number().int());
const drift = z
  .object({
    members: z.number().int(),
    inSync: z.number().int(),
    due: z.number().int(),
    missing: z.number().int().meta({ description: 'On a list here, unknown there' }),
    extra: z.number().int().meta({ description: 'On no list here, mailed there' }),
    conflicting: z.number().int(),
    refused: counts.meta({ description: 'Not equal for a reason that is listed, by that reason' }),
    strangers: z.number().int().meta({ description: 'Members whom Footnote does not manage' }),
    lost: z
      .number()
      .int()
      .default(0)
      .meta({ description: "Of those, who carry links of ours that are nobody's: a backup was restored" }),
  })
  .meta({ id: 'Drift' });

export const syncStatus = z
  .object({
    signals: z.object({
      stopped: reason('Why nobody is sent to Mailchimp at present'),
      pausedBy: reason('The name of the key that paused the lane; null while it is not paused'),
      pausedAt: time.nullable(),
      trouble: reason('Why the last calls failed'),
      due: z.number().int().meta({ description: 'Contacts; 10001 stands for more than 10,000' }),
      oldestOptOutSeconds: z.number().nullable(),
      refused: counts.meta({ description: 'By reason; together no more than 10,001 are counted' }),
      lastWebhook: time.nullable(),
      reconciledAt: time.nullable(),
      drift: drift.nullable(),
    }),
    refused: z.array(
      z.object({
        email: z.string(),
        reason: z.string().meta({ example: 'compliance' }),
        title: reason('What Mailchimp calls it'),
        detail: z.string(),
        attempts: z.number().int(),
        since: time,
        nextAttempt: time.nullable().meta({ description: 'Null: parked until something new is wanted' }),
      }),
    ),
  })
  .meta({ id: 'SyncStatus' });

export const reconciliation = z
  .object({
    id: z.uuid(),
    kind: z.enum(['full', 'incremental']),
    dryRun: z.boolean(),
    requestedAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    report: drift
      .extend({
        examples: z.array(z.object({ email: z.string(), finding: z.string(), would: z.string() })),
      })
      .nullable(),
    failure: reason('Why it broke off'),
  })
  .meta({ id: 'Reconciliation' });

export const adminScope = z
  .enum(['read', 'write', 'erase'], 'must be read, write or erase')
  .meta({ description: 'What a key is for: looking, changing, erasing people' });

export const adminKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    scopes: z.array(adminScope),
    createdAt: time,
    lastUsedAt: time.nullable().meta({ description: 'To the minute' }),
    revokedAt: time.nullable(),
  })
  .meta({ id: 'AdminKey' });

export const newAdminKey = adminKey
  .extend({ key: z.string().meta({ description: 'The key itself, told this once' }) })
  .meta({ id: 'NewAdminKey' });

export const auditEntry = z
  .object({
    id: z.string(),
    at: time,
    key: z.string().meta({ description: 'The name of the key that asked for it' }),
    operation: z.string().meta({ example: 'lists.create' }),
    target: z.record(z.string(), z.string()).meta({ description: 'What it was done to' }),
    status: z.number().int().nullable().meta({ description: 'How it was answered; null: it never was' }),
  })
  .meta({ id: 'AuditEntry' });

const onList = z.object({ slug, name: z.string(), state: subscriptionState, since: time });

const person = {
  id: z.uuid(),
  email: z.string(),
  firstName: z.string().nullable(),
  locale: z.string(),
  createdAt: time,
  mailBlock: z
    .enum(['bounced', 'complained'])
    .nullable()
    .meta({ description: 'Why no mail goes to the address' }),
  lists: z.array(onList),
};

export const foundSubscriber = z.object(person).meta({ id: 'FoundSubscriber' });

export const subscriber = z
  .object({
    ...person,
    typed: z.string().meta({ description: 'The address as it was typed' }),
    declined: z.boolean().meta({ description: 'They want no mail that others may cause' }),
    erased: z.boolean().meta({ description: 'Nothing personal is left; the address is a stand-in' }),
    mailchimp: z
      .object({
        status: reason('What Mailchimp last showed'),
        due: z.boolean().meta({ description: 'Mailchimp has yet to hear of something' }),
        toldAt: time.nullable(),
        refusal: z
          .object({
            reason: z.string(),
            title: z.string().nullable(),
            detail: z.string(),
            nextAttempt: time.nullable(),
          })
          .nullable(),
      })
      .nullable()
      .meta({ description: 'Null for whom Mailchimp was never told of' }),
  })
  .meta({ id: 'Subscriber' });

export const erasable = z
  .object({
    email: z.string(),
    lists: z.array(slug).meta({ description: 'That they would leave' }),
    evidence: z.number().int().meta({
      description: 'Entries of their ledger that would lose what is personal; the entries stay, nameless',
    }),
    mails: z.number().int().meta({ description: 'Copies of sent mails that would be destroyed' }),
    owed: z.number().int().meta({ description: 'Mails that would not be sent any more' }),
    mailchimp: z.enum(['delete', 'archive']).nullable().meta({
      description: 'What Mailchimp would be told to do (MAILCHIMP_ERASURE); null: it never heard of them',
    }),
  })
  .meta({ id: 'Erasable' });

export const ledgerCheck = z
  .object({
    checked: z.number().int().meta({ description: 'People, of this page' }),
    events: z.number().int(),
    broken: z.array(z.object({ subscriberId: z.uuid(), seq: z.number().int(), why: z.string() })),
    next,
  })
  .meta({ id: 'LedgerCheck' });

/** How many rows of an import came to what. */
export const importCounts = z
  .object({
    created: z.number().int().meta({ description: 'New people, subscribed' }),
    updated: z.number().int().meta({ description: 'Known people who got a list' }),
    unchanged: z.number().int(),
    suppressed: z.number().int().meta({
      description: 'Opted out, here or in the file, erased or bounced: nobody is subscribed by these',
    }),
    rejected: z.number().int(),
  })
  .meta({ id: 'ImportCounts' });

export const importState = z
  .object({
    id: z.uuid(),
    file: z.string(),
    lists: z.array(slug),
    source: z.string().meta({ description: 'Where consent comes from, as the operator said' }),
    key: z.string().meta({ description: 'The name of the key that brought it' }),
    createdAt: time,
    rows: z.number().int().meta({ description: 'Rows taken so far: the next batch begins there' }),
    counts: importCounts,
    state: z.enum(['under_way', 'broken_off', 'done', 'undoing', 'undone']).meta({
      description:
        'Broken off: nothing came for two minutes; the same file with the same wish goes on. Undoing: taken back in part',
    }),
    activeAt: time.meta({
      description: 'When it was last begun, gone on with or taken back, or a batch came',
    }),
    finishedAt: time.nullable(),
    undoneAt: time.nullable(),
  })
  .meta({ id: 'Import' });

export const rejectedRow = z.object({
  row: z.number().int().meta({ description: 'Its place in the import, from 0' }),
  line: z.number().int().nullable(),
  reason: z.string(),
});

export const importBegun = importState.pick({
  id: true,
  createdAt: true,
  rows: true,
  counts: true,
  finishedAt: true,
});
export const batchTaken = z.object({
  rows: importState.shape.rows,
  counts: importCounts.meta({ description: 'Of the import so far' }),
  rejected: z.array(rejectedRow),
});
export const importPreview = batchTaken.omit({ rows: true });
export const undoneRows = z.object({
  undone: z.number().int(),
  kept: z.number().int().meta({ description: 'Opt-outs, and who confirmed or left since' }),
  after: z.number().int().nullable().meta({ description: 'Where the next page begins; null: all is done' }),
});

const happened = {
  signUps: z.number().int(),
  confirmations: z.number().int(),
  optOuts: z.number().int().meta({ description: 'By readers, at Mailchimp and by operators; not by files' }),
  imported: z.number().int(),
};
export const stats = z
  .object({
    lists: z.array(
      z
        .object({ slug, name: z.string(), subscribers: z.number().int(), ...happened })
        .meta({ description: 'Who is on it now, and what happened to it in these days' }),
    ),
    days: z.array(
      z
        .object({ day: z.string().meta({ example: '2026-11-25' }), ...happened })
        .meta({ description: 'Each sign-up, press or opt-out once, whatever lists it names' }),
    ),
  })
  .meta({ id: 'Stats' });

export const campaign = z
  .object({
    id: z.string().meta({ description: 'Mailchimp’s name for it' }),
    title: z.string(),
    subject: z.string(),
    previewText: z.string(),
    list: reason('The mailing list that it goes to; null when it does not go to one of ours alone'),
    status: z.string().meta({
      description: 'Mailchimp’s word: `save` is a draft, `schedule` waits for its time, `sending`, `sent`',
    }),
    recipients: z.number().int().meta({ description: 'How many readers Mailchimp counts' }),
    sendTime: time.nullable().meta({ description: 'When it was sent, or will be' }),
    sent: z.number().int().meta({ description: 'Mails sent; who opens them is not asked' }),
  })
  .meta({ id: 'Campaign' });
