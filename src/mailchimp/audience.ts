import type { Database, Sql } from '../platform/database.ts';
import type { Interest, InterestCategory, MailchimpApi } from './client.ts';

const categoryTitle = 'Newsletters';

const footerFields = [
  { tag: 'UNSUBURL', name: 'Unsubscribe link' },
  { tag: 'PREFURL', name: 'Preferences link' },
];

/**
 * Brings the audience into the shape that we need: an interest category with one interest per mailing
 * list, and merge fields for the links in campaign footers. Creates what is missing, renames and deletes
 * nothing, and may be repeated at any time.
 * @throws MailchimpError, among others when the audience is full (60 interests over all categories)
 */
export async function readyAudience({
  database,
  api,
}: {
  database: Database;
  api: MailchimpApi;
}): Promise<void> {
  await database.exclusively('mailchimp-audience', async () => {
    await readyFooterFields(api);
    const category = await readyCategory(database, api);
    const interests = await api.listInterests(category.id);
    await forgetInterestsBut(database, api.audienceId, interests);
    const lists = await ourLists(database);
    const taken = new Set(lists.map((list) => list.interestId));

    for (const list of lists.filter(({ interestId }) => interestId === null)) {
      const interest =
        interests.find(({ id, name }) => !taken.has(id) && namesOf(list).includes(name)) ??
        (await createInterest(api, category, list, interests));
      taken.add(interest.id);
      await database.query(
        'INSERT INTO audience_interests (list_id, audience_id, category_id, interest_id) VALUES ($1, $2, $3, $4)',
        [list.id, api.audienceId, category.id, interest.id],
      );
    }
  });
}

interface List {
  id: number;
  slug: string;
  name: string;
  interestId: string | null;
}

/** Every list that people can be on. An archived one that nobody is on needs no interest. */
function ourLists(sql: Sql): Promise<List[]> {
  return sql.query<List>(
    `SELECT list.id, list.slug, wording.name, interest.interest_id AS "interestId"
       FROM mailing_lists list
       JOIN mailing_list_wordings wording ON wording.version = list.wording_version
       LEFT JOIN audience_interests interest ON interest.list_id = list.id
      WHERE list.archived_at IS NULL
         OR EXISTS (SELECT FROM subscriptions WHERE list_id = list.id AND state = 'subscribed')
      ORDER BY list.id`,
  );
}

async function readyFooterFields(api: MailchimpApi): Promise<void> {
  const tags = new Set((await api.listMergeFields()).map((field) => field.tag));
  for (const { tag, name } of footerFields) {
    // Not public: the links are the person's own, and Mailchimp's forms have no business with them.
    if (!tags.has(tag)) await api.createMergeField({ tag, name, type: 'url', public: false });
  }
}

/** The category is known by its id, as an editor may have given it another title. */
async function readyCategory(sql: Sql, api: MailchimpApi): Promise<InterestCategory> {
  const known = await sql.query<{ id: string }>(
    'SELECT DISTINCT category_id AS id FROM audience_interests WHERE audience_id = $1',
    [api.audienceId],
  );
  const categories = await api.listInterestCategories();
  return (
    categories.find(({ id }) => known.some((row) => row.id === id)) ??
    categories.find(({ title }) => title === categoryTitle) ??
    (await api.createInterestCategory({ title: categoryTitle, type: 'checkboxes' }))
  );
}

/**
 * Forgets interests that somebody deleted, and those of another audience. The people on their lists are
 * not on them over there any more, so they become due.
 */
async function forgetInterestsBut(
  database: Database,
  audienceId: string,
  interests: Interest[],
): Promise<void> {
  await database.transaction(async (tx) => {
    const gone = await tx.query<{ id: number }>(
      `DELETE FROM audience_interests WHERE audience_id <> $1 OR interest_id <> ALL ($2::text[])
       RETURNING list_id AS id`,
      [audienceId, interests.map(({ id }) => id)],
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
const namesOf = (list: List): [string, string] => [list.name, `${list.name} (${list.slug})`];

async function createInterest(
  api: MailchimpApi,
  category: InterestCategory,
  list: List,
  interests: Interest[],
): Promise<Interest> {
  const [short, long] = namesOf(list);
  const name = interests.some((interest) => interest.name === short) ? long : short;
  const created = await api.createInterest(category.id, { name });
  interests.push(created);
  return created;
}
