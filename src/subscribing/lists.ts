import { keepListWording } from '../consent/wordings.ts';
import type { Database } from '../platform/database.ts';
import type { OfferedList } from './commands.ts';
import { subscribersOfList } from './totals.ts';

/** The lists on offer, in the order of the form. Archived ones are not. */
export async function offeredLists(database: Database): Promise<OfferedList[]> {
  const lists = await knownLists(database);
  return lists.flatMap(({ archived, ...list }) => (archived ? [] : list));
}

/** A list that may be archived: people are on it until they leave. */
export type KnownList = OfferedList & { archived: boolean };

/** Every list as it is worded now, in the order of the form. */
export async function knownLists(database: Database): Promise<KnownList[]> {
  return database.query(
    `SELECT list.id, list.slug, wording.version AS wording, wording.name, wording.description,
            list.archived_at IS NOT NULL AS archived
       FROM mailing_lists list
       JOIN mailing_list_wordings wording ON wording.version = list.wording_version
      ORDER BY list.position, list.id`,
  );
}

/** Every list with its place, whether it takes sign-ups, and how many people are on it. */
export async function everyList(database: Pick<Database, 'query'>) {
  return database.query<{
    id: number;
    slug: string;
    name: string;
    description: string;
    position: number;
    archived: boolean;
    subscribers: number;
  }>(
    `SELECT list.id, list.slug, wording.name, wording.description, list.position, list.archived_at IS NOT NULL AS archived,
            ${subscribersOfList} AS subscribers
       FROM mailing_lists list
       JOIN mailing_list_wordings wording ON wording.version = list.wording_version
      ORDER BY list.position, list.id`,
  );
}

/** Adds a list, the last of the form. @returns false, having changed nothing, when the slug is another one's */
export async function addList(
  database: Database,
  list: { slug: string; name: string; description: string },
): Promise<boolean> {
  const wordingVersion = await keepListWording(database, list);
  const added = await database.query(
    `INSERT INTO mailing_lists (slug, position, wording_version)
     SELECT $1, count(*), $2 FROM mailing_lists
     ON CONFLICT (slug) DO NOTHING RETURNING id`,
    [list.slug, wordingVersion],
  );
  return added.length > 0;
}

/** Adds a list, or words an existing one anew. What it was called before is kept as proof (C-13). */
export async function saveList(
  database: Database,
  list: { slug: string; name: string; description: string; position: number },
): Promise<void> {
  const { position, ...wording } = list;
  const wordingVersion = await keepListWording(database, wording);
  await database.prisma.mailingList.upsert({
    where: { slug: list.slug },
    create: { slug: list.slug, position, wordingVersion },
    update: { position, wordingVersion },
  });
}

/** Puts an archived list back on the forms, where it was. */
export async function offerList(database: Database, slug: string): Promise<void> {
  await database.prisma.mailingList.update({ where: { slug }, data: { archivedAt: null } });
}

/** Takes a list off the forms. Its subscribers stay until they leave. */
export async function archiveList(database: Database, slug: string, now: Date): Promise<void> {
  await database.prisma.mailingList.update({ where: { slug }, data: { archivedAt: now } });
}
