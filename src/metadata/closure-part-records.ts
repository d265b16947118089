/** What a published version says in every closure, kept as text: a closure of such versions is read and sent without being parsed. */
import { valueAt } from './closure-columns.ts';
import type { Sql } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

/** Of what `ClosurePart` holds; one more whenever a text of it changes its form. */
export const closureForm = 1;

/** Texts are JSON on one line each. */
export interface ClosurePart {
  readonly artifactId: string;
  /** A node's object as far as its properties, which are read with it: some of them change. */
  readonly head: string;
  /** An array. */
  readonly blobs: string;
  /** Objects joined by commas, in the order the artifact declares its dependencies. */
  readonly edges: string;
  /** What stands for the node in the digest of a closure. */
  readonly identity: string;
  readonly targets: readonly string[];
}

const insertStatement = {
  name: 'closure-part-insert',
  // Locked, so that what is deleted meanwhile has no part.
  text: `INSERT INTO closure_part (artifact_id, form, head, blobs, edges, identity, targets, blob_ids)
    SELECT a.id, ${closureForm}, p.head, p.blobs, p.edges, p.identity, ARRAY(SELECT jsonb_array_elements_text(p.targets)::uuid),
      ARRAY(SELECT ab.blob_id FROM artifact_blob ab WHERE ab.artifact_id = a.id)
    FROM ROWS FROM (unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
      unnest($6::jsonb[])) AS p (id, head, blobs, edges, identity, targets)
    JOIN artifact a ON a.id = p.id AND a.state = 'active' FOR SHARE OF a
    ON CONFLICT (artifact_id) DO UPDATE SET form = EXCLUDED.form, head = EXCLUDED.head, blobs = EXCLUDED.blobs,
      edges = EXCLUDED.edges, identity = EXCLUDED.identity, targets = EXCLUDED.targets,
      blob_ids = EXCLUDED.blob_ids, outline = NULL, closure_digest = NULL`,
};

/** Of active artifacts; others are left out. */
export async function saveClosureParts(sql: Sql, parts: readonly ClosurePart[]): Promise<void> {
  if (parts.length === 0) return;
  const column = (pick: (part: ClosurePart) => string) => parts.map(pick);
  await sql.query(insertStatement, [
    column((part) => part.artifactId),
    column((part) => part.head),
    column((part) => part.blobs),
    column((part) => part.edges),
    column((part) => part.identity),
    column((part) => JSON.stringify(part.targets)),
  ]);
}

const unpreparedStatement = {
  name: 'closure-part-missing',
  text: `SELECT a.id FROM artifact a
    WHERE a.state = 'active' AND a.digest_value IS NOT NULL AND a.id > $1
      AND NOT EXISTS (SELECT 1 FROM closure_part p WHERE p.artifact_id = a.id AND p.form = ${closureForm})
    ORDER BY a.id LIMIT $2`,
};

/** Ids of published versions without a part, the first after `after` in the order of ids. */
export async function listUnprepared(sql: Sql, after: string, limit: number): Promise<readonly string[]> {
  const rows = await sql.query<{ readonly id: string }>(unpreparedStatement, [after, limit]);
  return rows.map(({ id }) => id);
}

/** A version with its part, as far as it is told from others and as the texts it is answered by. */
export interface ReadyNode extends Omit<ClosurePart, 'artifactId'> {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string;
  readonly version_key: string;
  /** JSON. */
  readonly properties: string;
}

/** Column by column, and null where there are no rows: a server that has just started reads that fastest. */
interface ReadyRow {
  readonly reached: number;
  readonly has_bytes: boolean;
  readonly ids: readonly string[] | null;
  readonly projects: readonly string[];
  readonly types: readonly string[];
  readonly names: readonly string[];
  readonly version_keys: readonly string[];
  /** `linesOfNode` for each. */
  readonly texts: string;
}

const viewer = { project: '$1::text', isAdmin: '$2::boolean' };

const readyStatement = {
  name: 'closure-ready',
  // No depth in the recursive row: UNION must see that a node was there already. JSON has no bare line feeds, so that one
  // parts the texts.
  text: `WITH RECURSIVE reach (id) AS (
      SELECT $3::uuid
      UNION
      SELECT unnest(p.targets) FROM reach JOIN closure_part p ON p.artifact_id = reach.id AND p.form = ${closureForm}),
    reached AS MATERIALIZED (SELECT id FROM reach LIMIT $4)
    SELECT (SELECT count(*)::int FROM reached) AS reached,
      bool_and(NOT EXISTS (SELECT 1 FROM unnest(p.blob_ids) AS held (id) WHERE NOT EXISTS (
        SELECT 1 FROM location l WHERE l.blob_id = held.id AND l.state = 'live' AND l.store = ANY($5::text[])))) AS has_bytes,
      json_agg(a.id) AS ids, json_agg(a.project) AS projects, json_agg(a.type) AS types, json_agg(a.name) AS names,
      json_agg(a.version_key) AS version_keys,
      string_agg(concat_ws(E'\\n', p.head, a.properties::text, p.blobs, p.edges, p.identity, p.targets::text), E'\\n') AS texts
    FROM closure_part p JOIN artifact a ON a.id = p.artifact_id
    WHERE p.artifact_id = ANY(ARRAY(SELECT id FROM reached)) AND p.form = ${closureForm}
      AND a.state = 'active' AND a.yanked_at IS NULL AND ${readableSql('a', viewer)}`,
};

/**
 * Everything that the pins of a version reach, where all of it is as plain as can be: at most `maxNodes` versions with parts,
 * active, not yanked, readable for the viewer, their bytes in one of the stores. Undefined for everything else.
 */
export async function findReadyClosure(
  sql: Sql,
  by: Viewer,
  root: string,
  maxNodes: number,
  stores: readonly string[],
): Promise<readonly ReadyNode[] | undefined> {
  const [row] = await sql.query<ReadyRow>(readyStatement, [by.project, by.isAdmin, root, maxNodes + 1, stores]);
  if (row === undefined || row.ids === null || !row.has_bytes) return undefined;
  return row.reached > maxNodes || row.ids.length < row.reached ? undefined : toNodes(row, row.ids);
}

/** Head, properties, blobs, edges, identity, targets. */
const linesOfNode = 6;

function toNodes(row: ReadyRow, ids: readonly string[]): readonly ReadyNode[] {
  const lines = row.texts.split('\n');
  return ids.map((id, at) => {
    const line = at * linesOfNode;
    return {
      id,
      project: valueAt(row.projects, at),
      type: valueAt(row.types, at),
      name: valueAt(row.names, at),
      version_key: valueAt(row.version_keys, at),
      head: valueAt(lines, line),
      properties: valueAt(lines, line + 1),
      blobs: valueAt(lines, line + 2),
      edges: valueAt(lines, line + 3),
      identity: valueAt(lines, line + 4),
      targets: readArray(valueAt(lines, line + 5)),
    };
  });
}

/** An array of UUIDs as PostgreSQL writes it. */
function readArray(text: string): readonly string[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',');
}
