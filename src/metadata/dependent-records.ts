/** The way back over dependencies: which artifacts are pinned to one, as far as the viewer has them listed. */
import type { Artifact } from '#core/artifact.ts';
import { type ArtifactRow, artifactColumns, toArtifact } from './artifact-row.ts';
import type { Sql } from './database.ts';
import { countMax } from './list-count.ts';
import { createSqlValues, type SqlValues } from './sql-values.ts';
import { findableSql, type Viewer } from './visibility-sql.ts';

export interface DependentsTarget {
  readonly id: string;
  /** Also what depends on the dependents, and so on. */
  readonly isTransitive: boolean;
}

export interface DependentsQuery extends DependentsTarget {
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
  readonly cursor: readonly [string, string] | null;
}

export interface DependentsPage {
  readonly rows: readonly { readonly artifact: Artifact; readonly cursor: readonly [string, string] }[];
  readonly hasMore: boolean;
  readonly hasBefore: boolean;
}

interface Row extends ArtifactRow {
  readonly cursor_key: string | null;
  readonly has_before: boolean;
}

/** Newest first; the way leads through visible artifacts only. */
export async function listDependents(sql: Sql, by: Viewer, query: DependentsQuery): Promise<DependentsPage> {
  const sqlValues = createSqlValues();
  const { add, finish } = sqlValues;
  const ids = dependentsSql(by, query, sqlValues);
  const isForward = query.direction === 'forward';
  const order = isForward ? 'DESC' : 'ASC';
  const { cursor } = query;
  const from = cursor === null ? null : `(${add(cursor[0], 'timestamptz')}, ${add(cursor[1], 'uuid')})`;
  const onward = from === null ? 'true' : `(p.created_at, p.id) ${isForward ? '<' : '>'} ${from}`;
  const back =
    from === null ? 'false' : `EXISTS (SELECT 1 FROM pinned p WHERE (p.created_at, p.id) ${isForward ? '>=' : '<='} ${from})`;
  const text = `${ids}, pinned AS MATERIALIZED (SELECT a.id, a.created_at FROM dependents JOIN artifact a USING (id)),
    page AS (SELECT p.id, p.created_at FROM pinned p WHERE ${onward} ORDER BY p.created_at ${order}, p.id ${order} LIMIT ${query.limit + 1})
    SELECT ${artifactColumns('a')}, page.created_at::text AS cursor_key, other.has_before
    FROM (SELECT ${back} AS has_before) AS other LEFT JOIN (page JOIN artifact a ON a.id = page.id) ON true
    ORDER BY page.created_at ${order}, page.id ${order}`;
  const statement = finish(text);
  const found = await sql.query<Row>({ text: statement.text }, statement.values);
  const rows = found.flatMap((row) =>
    row.cursor_key === null ? [] : [{ artifact: toArtifact(row), cursor: [row.cursor_key, row.id] as const }],
  );
  const page = rows.slice(0, query.limit);
  if (!isForward) page.reverse();
  return { rows: page, hasMore: rows.length > query.limit, hasBefore: found[0]?.has_before ?? false };
}

/** Null where there are more than `max`. */
export async function countDependents(sql: Sql, by: Viewer, target: DependentsTarget, max = countMax): Promise<number | null> {
  const values = createSqlValues();
  const limited = `SELECT id FROM dependents LIMIT ${max + 1}`;
  const { text, values: given } = values.finish(
    `${dependentsSql(by, target, values)} SELECT count(*)::integer AS count FROM (${limited}) AS c`,
  );
  const [row] = await sql.query<{ readonly count: number }>({ text }, given);
  const count = row?.count ?? 0;
  return count > max ? null : count;
}

/** The head of a statement, which gives it the ids as `dependents`. */
function dependentsSql(by: Viewer, target: DependentsTarget, { add }: SqlValues): string {
  const viewer = { project: add(by.project, 'text'), isAdmin: add(by.isAdmin, 'boolean') };
  const seen = (alias: string): string =>
    `${alias}.state NOT IN ('draft', 'pending_delete', 'deleted') AND ${findableSql(alias, viewer, 'false')}`;
  const id = add(target.id, 'uuid');
  const consumers = (below: string): string =>
    `SELECT d.artifact_id FROM ${below} JOIN dependency d ON d.resolved_id = below.id JOIN artifact a ON a.id = d.artifact_id
     WHERE ${seen('a')}`;
  return target.isTransitive
    ? `WITH RECURSIVE below (id) AS (SELECT ${id} UNION ${consumers('below')}), dependents AS (
        SELECT id FROM below WHERE id <> ${id})`
    : `WITH dependents AS (SELECT DISTINCT artifact_id AS id FROM (${consumers(`(SELECT ${id} AS id) AS below`)}) AS direct)`;
}
