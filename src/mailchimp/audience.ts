import type { Database, Sql } from '../platform/database.ts';
import type { Interest, InterestCategory, MailchimpApi, MergeField } from './api/client.ts';
import { MailchimpError } from './api/error.ts';

const categoryTitle = 'Newsletters';

/** Mailchimp fills in the links of each reader for them. */
export const footerFields = [
  { tag: 'UNSUBURL', name: 'Unsubscribe link' },
  { tag: 'PREFURL', name: 'Preferences link' },
];

/** The most that an audience takes, over all categories. */
export const maxInterests = 60;

/** A part that the audience needs. */
export interface Part {
  name: string;
  state: 'there' | 'created';
}

export interface AudienceReport {
  category: Part;
  interests: Part[];
  mergeFields: Part[];
}

/**
 * Brings the audience into the shape that we need: an interest category with one interest per mailing
 * list, and merge fields for the links in campaign footers. Creates what is missing, renames and deletes
 * nothing, and may be repeated at any time. When the audience is another one than before, everyone is sent
 * to it anew.
 * @returns what was there and what was created, by name
 * @throws MailchimpError, before anything is created when the interests would be too many
 */
export async function readyAudience({
  database,
  api,
}: {
  database: Database;
  api: MailchimpApi;
}): Promise<AudienceReport> {
  return database.exclusively('mailchimp-audience', async () => {
    const survey = await surveyAudience({ database, api });
    await forgetOtherAudiences(database, api.audienceId);
    await forgetInterestsBut(database, survey.interests);
    const full = overfilling(survey);
    if (full !== null) {
      // What Mailchimp itself would answer half-way.
      const detail = `${full.message} ${full.remedy}`;
      throw new MailchimpError({ status: 400, title: 'Too many interests', detail });
    }

    // Not public: the links are the person's own, and Mailchimp's forms have no business with them.
    for (const field of survey.missingFields)
      await api.createMergeField({ ...field, type: 'url', public: false });
    const category =
      survey.category ?? (await api.createInterestCategory({ title: categoryTitle, type: 'checkboxes' }));
    const interests: Part[] = [];
    const known = [...survey.interests];
    for (const list of survey.lists) {
      const interest = list.interest ?? (await createInterest(api, category, list, known));
      interests.push({ name: interest.name, state: list.interest === null ? 'created' : 'there' });
      if (list.isMapped) continue;
      await database.query(
        'INSERT INTO audience_interests (list_id, audience_id, category_id, interest_id) VALUES ($1, $2, $3, $4)',
        [list.id, api.audienceId, category.id, interest.id],
      );
    }
    return {
      category: { name: category.title, state: survey.category === null ? 'created' : 'there' },
      interests,
      mergeFields: footerFields.map(({ tag }) => ({
        name: tag,
        state: survey.missingFields.some((field) => field.tag === tag) ? 'created' : 'there',
      })),
    };
  });
}

/** How the audience looks beside our mailing lists. */
export interface Survey {
  category: InterestCategory | null;
  /** Those of our category. */
  interests: Interest[];
  /** Those of all categories, ours included. */
  interestCount: number;
  lists: SurveyedList[];
  mergeFields: MergeField[];
  missingFields: typeof footerFields;
}

export interface SurveyedList {
  id: number;
  slug: string;
  name: string;
  /** The interest that stands or can stand for it; null when one has to be created. */
  interest: Interest | null;
  /** Whether we know `interest` as its own. */
  isMapped: boolean;
  /** Had an interest in this audience that is there no more. */
  lostInterest: boolean;
}

/** Reads what the audience holds of what we need. Changes nothing. @throws MailchimpError */
export async function surveyAudience({
  database,
  api,
}: {
  database: Sql;
  api: MailchimpApi;
}): Promise<Survey> {
  const mergeFields = await api.listMergeFields();
  const categories = await api.listInterestCategories();
  const interestsOf = new Map<InterestCategory, Interest[]>();
  for (const category of categories) interestsOf.set(category, await api.listInterests(category.id));
  const lists = await ourLists(database, api.audienceId);

  // Known by its id, as an editor may have given it another title.
  const category =
    categories.find(({ id }) => lists.some((list) => list.categoryId === id)) ??
    categories.find(({ title }) => title === categoryTitle) ??
    null;
  const interests = category === null ? [] : (interestsOf.get(category) ?? []);
  const tags = new Set(mergeFields.map(({ tag }) => tag));
  return {
    category,
    interests,
    interestCount: [...interestsOf.values()].reduce((sum, some) => sum + some.length, 0),
    lists: matched(lists, interests),
    mergeFields,
    missingFields: footerFields.filter(({ tag }) => !tags.has(tag)),
  };
}

/**
 * Whether our lists need more interests than the audience can take, counted over all its categories:
 * how it stands and what to do, or null when there is room.
 */
export function overfilling({ interestCount, lists }: Survey): { message: string; remedy: string } | null {
  const missing = lists.filter(({ interest }) => interest === null).length;
  if (interestCount + missing <= maxInterests) return null;
  return {
    message:
      `Mailchimp takes no more than ${maxInterests} interests per audience. This one has ${interestCount} in all ` +
      `its categories, and of our ${lists.length} mailing lists ${missing} still need one.`,
    remedy:
      'Archive mailing lists that nobody is on any more, or delete interests at Mailchimp ' +
      '(Audience > Manage contacts > Groups).',
  };
}

interface List {
  id: number;
  slug: string;
  name: string;
  interestId: string | null;
  categoryId: string | null;
}

/** Every list that people can be on. An archived one that nobody is on needs no interest. */
function ourLists(sql: Sql, audienceId: string): Promise<List[]> {
  return sql.query<List>(
    `SELECT list.id, list.slug, wording.name, interest.interest_id AS "interestId", interest.category_id AS "categoryId"
       FROM mailing_lists list
       JOIN mailing_list_wordings wording ON wording.version = list.wording_version
       LEFT JOIN audience_interests interest ON interest.list_id = list.id AND interest.audience_id = $1
      WHERE list.archived_at IS NULL
         OR EXISTS (SELECT FROM subscriptions WHERE list_id = list.id AND state = 'subscribed')
      ORDER BY list.id`,
    [audienceId],
  );
}

/** Gives each list the interest that we know as its own, or else one of its name that is nobody's yet. */
function matched(lists: List[], interests: Interest[]): SurveyedList[] {
  const taken = new Set(lists.map(({ interestId }) => interestId));
  return lists.map(({ id, slug, name, interestId }) => {
    const own = interests.find((interest) => interest.id === interestId);
    const interest =
      own ??
      interests.find((free) => !taken.has(free.id) && namesOf({ slug, name }).includes(free.name)) ??
      null;
    if (interest !== null) taken.add(interest.id);
    const isMapped = own !== undefined;
    return { id, slug, name, interest, isMapped, lostInterest: interestId !== null && !isMapped };
  });
}

/**
 * Another audience has taken nobody's consent yet, so what the one before acknowledged or refused is void
 * and everyone is due.
 */
async function forgetOtherAudiences(sql: Sql, audienceId: string): Promise<void> {
  await sql.query(
    `WITH other AS (DELETE FROM audience_interests WHERE audience_id <> $1 RETURNING list_id)
     UPDATE audience_contacts
        SET acknowledged = 0, consent_seq = 0, asked_seq = 0, member_status = NULL, refusal = NULL,
            due_at = now(), attempts = 0
      WHERE EXISTS (SELECT FROM other)`,
    [audienceId],
  );
}

/**
 * Forgets interests that somebody deleted. The people on their lists are not on them over there any more,
 * so they become due.
 */
async function forgetInterestsBut(database: Database, interests: Interest[]): Promise<void> {
  await database.transaction(async (tx) => {
    const gone = await tx.query<{ id: number }>(
      'DELETE FROM audience_interests WHERE interest_id <> ALL ($1::text[]) RETURNING list_id AS id',
      [interests.map(({ id }) => id)],
    );
    if (gone.length === 0) return;
    await tx.query(
      `UPDATE audience_contacts contact SET wanted = wanted + 1, due_at = now(), attempts = 0
        WHERE EXISTS (SELECT FROM subscriptions subscription
                       WHERE subscription.subscriber_id = contact.subscriber_id
                         AND subscription.list_id = ANY ($1::int[]) AND subscription.state = 'subscribed')`,
      [gone.map(({ id }) => id)],
    );
  });
}

/** An interest is named like its list; the longer name is for two lists that are called the same. */
const namesOf = (list: Pick<List, 'slug' | 'name'>): [string, string] => [
  list.name,
  `${list.name} (${list.slug})`,
];

async function createInterest(
  api: MailchimpApi,
  category: InterestCategory,
  list: Pick<List, 'slug' | 'name'>,
  known: Interest[],
): Promise<Interest> {
  const [short, long] = namesOf(list);
  const name = known.some((interest) => interest.name === short) ? long : short;
  const created = await api.createInterest(category.id, { name });
  known.push(created);
  return created;
}
