/** How many artifacts a list holds in all, as far as that is worth counting. Found by the very arms and filter of its pages. */
import { conjunctsOf } from '#core/simplify-filter.ts';
import type { Sql } from './database.ts';
import { listFilterSql } from './filter-sql.ts';
import { type ListQuery, listArms } from './list-arms.ts';
import { listScope } from './page-statement.ts';
import type { Viewer } from './visibility-sql.ts';

/** Beyond it nobody learns anything from the number, and each count would read that many rows. */
export const countMax = 10_000;

/** Null where there are more than `max`. */
export async function countArtifacts(sql: Sql, viewer: Viewer, query: ListQuery, max = countMax): Promise<number | null> {
  const scope = listScope(viewer, query);
  const { arms } = listArms(query, viewer, scope);
  if (arms.length === 0) return 0;
  const filter = listFilterSql(conjunctsOf(query.filter), arms, scope);
  // No order, so that the planner may find the matches of each arm by whatever index is best for them. Each stops where the
  // answer is known; a row that two arms come upon counts once.
  const found = arms.map(({ from, where }) => `(SELECT a.id FROM ${from} WHERE ${where} AND ${filter} LIMIT ${max + 1})`);
  const text = `SELECT count(*)::integer AS count FROM (SELECT id FROM (${found.join(' UNION ')}) AS u LIMIT ${max + 1}) AS c`;
  const statement = scope.values.finish(text);
  const [row] = await sql.query<{ readonly count: number }>({ text: statement.text }, statement.values);
  const count = row?.count ?? 0;
  return count > max ? null : count;
}
