/** What a large closure looks like, kept with its root: which versions, in which order, with what digest. Pins never change. */
import { closureForm } from './closure-part-records.ts';
import type { Sql } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

export interface ClosureOutline {
  readonly root: string;
  /** In the order they are answered. */
  readonly ids: readonly string[];
  readonly digest: string;
}

const saveStatement = {
  name: 'closure-outline-save',
  text: `UPDATE closure_part SET outline = $2, closure_digest = $3 WHERE artifact_id = $1 AND form = ${closureForm}`,
};

export async function saveOutline(sql: Sql, { root, ids, digest }: ClosureOutline): Promise<void> {
  await sql.query(saveStatement, [root, ids, digest]);
}

const smallStatement = {
  name: 'closure-outline-small',
  text: `UPDATE closure_part SET outline = '{}' WHERE artifact_id = ANY($1::uuid[]) AND outline IS NULL`,
};

/** Nobody needs to look at them again. */
export async function markSmall(sql: Sql, roots: readonly string[]): Promise<void> {
  if (roots.length > 0) await sql.query(smallStatement, [roots]);
}

const reachStatement = {
  name: 'closure-reach',
  text: `WITH RECURSIVE reach (id) AS (
      SELECT $1::uuid
      UNION
      SELECT unnest(p.targets) FROM reach JOIN closure_part p ON p.artifact_id = reach.id AND p.form = ${closureForm})
    SELECT count(*)::int AS count FROM (SELECT FROM reach LIMIT $2) AS reached`,
};

/** How many nodes a version's pins reach, itself among them; `atMost` where there are more. */
export async function countReached(sql: Sql, root: string, atMost: number): Promise<number> {
  const [row] = await sql.query<{ readonly count: number }>(reachStatement, [root, atMost]);
  return row?.count ?? 0;
}

const unoutlinedStatement = {
  name: 'closure-outline-missing',
  text: `SELECT p.artifact_id AS id FROM closure_part p
    WHERE p.form = ${closureForm} AND p.outline IS NULL AND p.targets <> '{}' AND p.artifact_id > $1
    ORDER BY p.artifact_id LIMIT $2`,
};

/** Ids of versions that depend on something and have no outline, the first after `after` in the order of ids. */
export async function listUnoutlined(sql: Sql, after: string, limit: number): Promise<readonly string[]> {
  const rows = await sql.query<{ readonly id: string }>(unoutlinedStatement, [after, limit]);
  return rows.map(({ id }) => id);
}

/** Texts of JSON, joined by commas. */
export interface OutlinedClosure {
  readonly project: string;
  readonly type: string;
  readonly nodes: string;
  readonly edges: string;
  readonly digest: string;
}

interface OutlinedRow extends OutlinedClosure {
  readonly reached: number;
  readonly found: number;
  readonly has_bytes: boolean | null;
}

const viewer = { project: '$1::text', isAdmin: '$2::boolean' };

const outlinedStatement = {
  name: 'closure-outlined',
  text: `SELECT cardinality(root.outline) AS reached, root.closure_digest AS digest, r.project, r.type, read.*
    FROM closure_part root JOIN artifact r ON r.id = root.artifact_id
    CROSS JOIN LATERAL (
      SELECT count(*)::int AS found,
        bool_and(NOT EXISTS (SELECT 1 FROM unnest(p.blob_ids) AS held (id) WHERE NOT EXISTS (
          SELECT 1 FROM location l WHERE l.blob_id = held.id AND l.state = 'live' AND l.store = ANY($4::text[])))) AS has_bytes,
        string_agg(concat(p.head, ',"properties":', a.properties, ',"blobs":', p.blobs, '}'), ',' ORDER BY n.place) AS nodes,
        coalesce(string_agg(p.edges, ',' ORDER BY n.place) FILTER (WHERE p.edges <> ''), '') AS edges
      FROM unnest(root.outline) WITH ORDINALITY AS n (id, place)
      JOIN closure_part p ON p.artifact_id = n.id AND p.form = ${closureForm}
      JOIN artifact a ON a.id = n.id
      WHERE a.state = 'active' AND a.yanked_at IS NULL AND ${readableSql('a', viewer)}) AS read
    WHERE root.artifact_id = $3 AND root.form = ${closureForm} AND root.outline <> '{}'`,
};

/**
 * As findReadyClosure, by the outline: put in order and joined already, so that nobody has to follow the pins. Undefined where
 * there is no outline too.
 */
export async function findOutlinedClosure(
  sql: Sql,
  by: Viewer,
  root: string,
  maxNodes: number,
  stores: readonly string[],
): Promise<OutlinedClosure | undefined> {
  const [row] = await sql.query<OutlinedRow>(outlinedStatement, [by.project, by.isAdmin, root, stores]);
  return row?.has_bytes === true && row.reached <= maxNodes && row.found === row.reached ? row : undefined;
}
