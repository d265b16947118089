/** How many rows stand in each table: what must be the same before and after whatever was refused. */
import type { Database } from '#metadata/database.ts';

export async function countRows(db: Database): Promise<Readonly<Record<string, number>>> {
  const tables = await db.query<{ name: string }>({
    text: `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`,
  });
  const counts = tables.map(({ name }) => `SELECT '${name}' AS name, count(*)::int AS rows FROM "${name}"`);
  const rows = await db.query<{ name: string; rows: number }>({ text: counts.join(' UNION ALL ') });
  return Object.fromEntries(rows.map(({ name, rows: count }) => [name, count]));
}
