import type { Sql } from './database.ts';

/** What is poured into a bucket: an amount in milliseconds, the time that it takes to leak away. */
export interface Pour {
  bucket: string;
  amount: number;
}

/**
 * What is over by less, in milliseconds, is not over: processes look at their clocks before they wait for one another,
 * and no two clocks are quite the same.
 */
export const tolerance = 1000;

/**
 * Pours into leaky buckets that all processes share, in one statement: right whoever pours at the same
 * time. A bucket never counts as fuller than full, however much was poured in.
 * @param full how much a bucket holds, in milliseconds
 * @returns for each bucket, how much was in it before
 */
export async function pour(
  sql: Sql,
  pours: readonly Pour[],
  full: number,
  now: Date,
): Promise<Map<string, number>> {
  const amounts = new Map<string, number>();
  for (const { bucket, amount } of pours) amounts.set(bucket, (amounts.get(bucket) ?? 0) + amount);
  if (amounts.size === 0) return new Map();
  const rows = await sql.query<{ name: string; before: number }>(
    // In one order, so that no two statements wait for each other.
    `WITH poured AS (
       SELECT name, amount * interval '1 millisecond' AS amount
         FROM unnest($1::text[], $2::float8[]) AS poured(name, amount))
     INSERT INTO buckets AS bucket (name, empty_at)
     SELECT name, $3::timestamptz + amount FROM poured ORDER BY name
     ON CONFLICT (name) DO UPDATE
        SET empty_at = greatest($3::timestamptz, least(bucket.empty_at, $3::timestamptz + $4 * interval '1 millisecond'))
                     + (excluded.empty_at - $3::timestamptz)
     RETURNING name, (extract(epoch FROM empty_at - $3::timestamptz) * 1000
                      - $2[array_position($1, name)])::float8 AS before`,
    [[...amounts.keys()], [...amounts.values()], now.toISOString(), full],
  );
  return new Map(rows.map(({ name, before }) => [name, Math.max(0, before)]));
}

/** How much is in a bucket, in milliseconds. */
export async function levelOf(sql: Sql, bucket: string, now: Date): Promise<number> {
  const [row] = await sql.query<{ level: number }>(
    `SELECT (extract(epoch FROM empty_at - $2::timestamptz) * 1000)::float8 AS level FROM buckets WHERE name = $1`,
    [bucket, now.toISOString()],
  );
  return Math.max(0, row?.level ?? 0);
}
