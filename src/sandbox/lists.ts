import type { Database } from '../platform/database.ts';
import { saveList } from '../subscribing/lists.ts';

const demoLists = [
  {
    slug: 'morning-briefing',
    name: 'Morning Briefing',
    description: 'What matters today, at seven each weekday.',
  },
  { slug: 'science-weekly', name: 'Science Weekly', description: 'The week in research, every Friday.' },
  { slug: 'weekend-reads', name: 'Weekend Reads', description: 'Three long stories for a slow Saturday.' },
];

/** Offers a few lists to try things with, if there are none yet. */
export async function offerDemoLists(database: Database): Promise<void> {
  if ((await database.prisma.mailingList.count()) > 0) return;
  for (const [position, list] of demoLists.entries()) await saveList(database, { ...list, position });
}
