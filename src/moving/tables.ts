import type { Sql } from '../platform/database.ts';

/** A table of ours, all names quoted. */
export interface Table {
  name: string;
  /** As they stand in a row. */
  columns: string[];
  /** That number its rows. */
  sequences: string[];
}

/**
 * Every table of ours, each after those that it refers to. What Prisma notes of its migrations is not among them.
 * @throws when tables refer to each other in a circle
 */
export async function tablesOf(sql: Sql): Promise<Table[]> {
  const tables = await sql.query<Table & { after: string[] }>(
    `SELECT 'public.' || quote_ident(class.relname) AS name,
            array_agg(quote_ident(attname) ORDER BY attnum) AS columns,
            coalesce(array_agg(sequence.name ORDER BY attnum) FILTER (WHERE sequence.name IS NOT NULL),
                     '{}'::text[]) AS sequences,
            ARRAY(SELECT DISTINCT 'public.' || quote_ident(other.relname)
                    FROM pg_constraint JOIN pg_class other ON other.oid = confrelid
                   WHERE conrelid = class.oid AND contype = 'f' AND confrelid <> conrelid) AS after
       FROM pg_class class
       JOIN pg_attribute ON attrelid = class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      CROSS JOIN LATERAL pg_get_serial_sequence('public.' || quote_ident(class.relname), attname) AS sequence(name)
      WHERE class.relnamespace = 'public'::regnamespace AND class.relkind = 'r'
        AND class.relname <> '_prisma_migrations'
      GROUP BY class.oid, class.relname ORDER BY 1`,
  );
  const sorted: Table[] = [];
  const done = new Set<string>();
  while (sorted.length < tables.length) {
    const next = tables.find(({ name, after }) => !done.has(name) && after.every((one) => done.has(one)));
    if (next === undefined) throw new Error('tables refer to each other in a circle');
    const { after: _, ...table } = next;
    sorted.push(table);
    done.add(table.name);
  }
  return sorted;
}
